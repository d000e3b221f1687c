/**
 * The planted bugs: each a line of production code that says the opposite of what it should. Tests and tools
 * only.
 */
import type { PlantedBug } from './patch.ts';

export const bugs: readonly PlantedBug[] = [
  {
    name: 'header-believed',
    sentence: 'a leader believes the largest timestamp that a client wrote into the header',
    file: 'packages/log/src/append.ts',
    find: 'if (maxTimestamp === header.maxTimestamp && !header.isLogAppendTime) return;',
    replace: 'if (!header.isLogAppendTime) return;',
    expectedCheckers: ['wrong-largest-timestamp'],
  },
  {
    name: 'ack-before-isr',
    sentence: 'acks=all is answered before the ISR has the batch',
    file: 'packages/replication/src/partition/leadership.ts',
    find: 'if (isReplicated && this.ports.holdsLease()) return;',
    replace: 'if (this.ports.holdsLease()) return;',
    expectedCheckers: ['lost-write', 'wrong-offset'],
  },
  {
    name: 'early-isr-shrink',
    sentence: 'a leader leaves a follower out of account as soon as it has asked for a smaller ISR',
    file: 'packages/replication/src/partition/leadership.ts',
    find: 'maximalIsr: partition.isrState.maximal,',
    replace: 'maximalIsr: partition.isrState.pending?.isr.map(({ brokerId }) => brokerId) ?? partition.isr,',
    expectedCheckers: ['isr-lacks-data'],
  },
  {
    name: 'no-truncation',
    sentence: 'a follower of a new epoch appends behind whatever it has, and truncates nothing',
    file: 'packages/replication/src/following/fetcher.ts',
    find: 'lastFetchedEpoch: log.epochs.latest,',
    replace: 'lastFetchedEpoch: -1,',
    expectedCheckers: ['replicas-differ'],
  },
  {
    name: 'stale-epoch-committed',
    sentence:
      'a new leader moves the high watermark over what earlier epochs left, before it has heard any follower in its own',
    file: 'packages/replication/src/partition/high-watermark.ts',
    find: 'if (remote.logEndOffset >= end) continue;',
    replace: 'if (remote.logEndOffset < 0 || remote.logEndOffset >= end) continue;',
    expectedCheckers: ['isr-lacks-data', 'replicas-differ'],
  },
  {
    name: 'vote-not-synced',
    sentence: 'a controller tells its vote before the vote is on the device',
    file: 'packages/raft/src/quorum.ts',
    find: "else if (effect.type === 'reply') this.hold(effect.after, () => this.reply(effect));",
    replace: "else if (effect.type === 'reply') this.reply(effect);",
    expectedCheckers: ['two-leaders', 'metadata-differs'],
  },
  {
    name: 'sequences-lost',
    sentence:
      'followers keep no producer states, so the next leader does not know a batch that is sent again',
    file: 'packages/log/src/partition-log.ts',
    find: 'return { ok: true, endOffset: this.endOffset };',
    replace: 'return this.producers.clear() ?? { ok: true, endOffset: this.endOffset };',
    expectedCheckers: ['duplicate'],
  },
  {
    name: 'zombie-leader',
    sentence: 'a leader goes on acknowledging when its session with the controller is over',
    file: 'packages/replication/src/replica-manager.ts',
    find: 'return this.session !== undefined && this.timers.now() < this.session.validUntilMs;',
    replace: 'return this.session !== undefined;',
    expectedCheckers: ['zombie-leader'],
  },
  {
    name: 'torn-batch-kept',
    sentence: 'recovery does not look at checksums and keeps a batch of which sectors are missing',
    file: 'packages/log/src/recover.ts',
    find: 'const end: ScanEnd = segment.scan(0, { checkCrc: true }, (header, position) => {',
    replace: 'const end: ScanEnd = segment.scan(0, { checkCrc: false }, (header, position) => {',
    expectedCheckers: ['replicas-differ', 'damaged-batch'],
  },
  {
    name: 'fetch-above-high-watermark',
    sentence: 'consumers are given whatever the leader has',
    file: 'packages/replication/src/serving/fetch-read.ts',
    find: 'return reader.readsCommitted ? partition.lastStableOffset : partition.highWatermark;',
    replace: 'return partition.log.endOffset;',
    expectedCheckers: ['uncommitted-read'],
  },
  {
    name: 'two-votes',
    sentence: 'a controller votes for every candidate of an epoch, so that two of them may lead',
    file: 'packages/raft/src/election.ts',
    find: 'return node.votedFor === request.candidateId && node.leaderId === -1;',
    replace: 'return true;',
    expectedCheckers: ['two-leaders'],
  },
  {
    name: 'metadata-out-of-order',
    sentence: 'a broker applies metadata that arrive together in the wrong order',
    file: 'packages/node/src/roles/metadata-follower.ts',
    find: 'for (const { baseOffset, epoch, records } of joinedBatches(batches)) {',
    replace: 'for (const { baseOffset, epoch, records } of joinedBatches(batches.toReversed())) {',
    expectedCheckers: ['broken-invariant'],
    expectedSentence: 'records are applied once, in order',
  },
  {
    name: 'fenced-heartbeat-accepted',
    sentence:
      'a fenced broker is unfenced by its next heartbeat, while it still leads by what it knew before',
    file: 'packages/controller/src/brokers.ts',
    find: 'const needed = broker.fenced ? Math.max(broker.epoch, sessions.unfenceOffset(broker.id)) : broker.epoch;',
    replace: 'const needed = broker.epoch;',
    expectedCheckers: ['zombie-leader'],
  },
  {
    name: 'lent-bytes-kept',
    sentence: 'a leader keeps the bytes of a Produce whose batches are checked beside the loop',
    file: 'packages/replication/src/serving/produce-run.ts',
    find: 'slot < this.slot || lent === null ? null : new Uint8Array(lent),',
    replace: 'slot < this.slot || lent === null ? null : lent,',
    expectedCheckers: ['wrong-error'],
  },
  {
    name: 'refusal-forgotten',
    sentence:
      'a refusal to let a replica into the ISR leaves the partition epoch, and a late copy is granted',
    file: 'packages/controller/src/alter-partition.ts',
    find: 'records.push(refusalOf(item));',
    replace: 'records.push();',
    expectedCheckers: ['isr-lacks-data', 'lost-write'],
  },
];
