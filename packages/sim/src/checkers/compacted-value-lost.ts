/**
 * A compacted log keeps the latest committed record of each key: its value is never lost, and no older value
 * of the key comes back. Looks at a replica when it opens, when it begins to lead, after each cleaning of a
 * topic of clients, and at the end. Also looks at a log that compaction has changed before `cleanup.policy`
 * changed.
 *
 * A deleted key may have no record at all once a broker may have dropped the tombstone (keyed-records.ts). A
 * replica may even keep an older record of such a key: from the commit of the tombstone the replica lagged
 * for longer than `delete.retention.ms`, and its leader dropped the tombstone before the replica came to that
 * offset. Records below the log start offset are not part of the log. Exempt: a damaged disk, and a broker
 * that recovers from a loss that the contract covers. The checker counts the logs that it cannot read.
 *
 * A cleaning ends at or below the high watermark of its replica.
 */
import type { Offset } from '@millrace/base';
import { OFFSETS_TOPIC } from '@millrace/checkers';
import { readRecords } from '@millrace/protocol';
import type { Partition } from '@millrace/replication';
import type { SimNode } from '../cluster/index.ts';
import type { Host, Micros } from '../world/index.ts';
import type { StateChecker, StateCheckerKind, StateScope } from './checker.ts';
import { keyText } from './compacted-batch.ts';
import { CopiedEnds } from './copied-ends.ts';
import { hostedReplicas } from './hosted-replicas.ts';
import type { PartitionLedger } from './ledger.ts';
import { readBatches } from './log-reading.ts';
import type { HostedReplica } from './replica-walk.ts';

const NAME = 'compacted-value-lost';

export const compactedValueLost: StateCheckerKind = {
  name: NAME,
  sentence:
    'a compacted log has the latest committed record of each key, and not an older record in its place',
  make: (scope) => new CompactedValueLost(scope),
};

/** A log that a broker has cleaned in the present turn. */
interface Cleaned {
  readonly host: Host;
  readonly topic: unknown;
  readonly partition: unknown;
}

class CompactedValueLost implements StateChecker {
  private readonly scope: StateScope;
  private readonly copied = new CopiedEnds();
  private cleaned: Cleaned[] = [];

  constructor(scope: StateScope) {
    this.scope = scope;
    scope.world.logWatchers.push(({ host }, event, { topic, partition }) => {
      if (event === 'log-cleaned' && topic !== OFFSETS_TOPIC) this.cleaned.push({ host, topic, partition });
    });
  }

  replicaMoved(hosted: HostedReplica): void {
    const { node, replica, before } = hosted;
    this.copied.moved(hosted, this.scope.world.nowUs);
    const isNew = before.startOffset < 0;
    const beginsToLead = replica.leadership !== undefined && replica.leadership !== before.leadership;
    if (isNew || beginsToLead) this.check(node, replica);
  }

  turn(node: SimNode): void {
    if (this.cleaned.length === 0) return;
    const here = this.cleaned.filter(({ host }) => host === node.host);
    this.cleaned = [];
    for (const replica of hostedReplicas(node))
      if (here.some(({ topic, partition }) => topic === replica.topic && partition === replica.index)) {
        this.scope.count('cleaning of a log of clients');
        this.checkRange(node, replica);
        this.check(node, replica);
      }
  }

  /** A record that is not committed replaces no other record, because it may never be committed. */
  private checkRange(node: SimNode, replica: Partition): void {
    const { log, highWatermark } = replica;
    const cleanedTo = log.cleanedTo ?? 0;
    if (cleanedTo > highWatermark && !this.scope.isExempt(replica))
      this.fail(
        node,
        this.scope.ledger.of(replica),
        `compacted its log up to ${cleanedTo}, and its high watermark is ${highWatermark}`,
      );
  }

  replicaClosed(hosted: HostedReplica): void {
    this.copied.closed(hosted);
  }

  finish(): void {
    for (const node of this.scope.cluster.brokers)
      for (const replica of hostedReplicas(node)) this.check(node, replica);
  }

  private check(node: SimNode, replica: Partition): void {
    const { scope } = this;
    const { log, highWatermark } = replica;
    if (!log.config.isCompacted && !log.mayHaveGaps) return;
    if (scope.isExempt(replica)) {
      // The ledger gets no records of a topic beyond the contract. So the checker cannot tell whether a
      // replica that begins to lead has missed a tombstone that its leader dropped.
      if (replica.leadership !== undefined) scope.ledger.of(replica).hasStaleKeys = true;
      return;
    }
    if (node.disk.isDamaged || scope.atlas.isRecovering(node.id) || log.offline !== undefined) {
      scope.count('compacted log of a harmed broker');
      return;
    }
    // The checker replicas-differ reports a log that cannot be read.
    const found = this.latestIn(node, replica);
    if (found === undefined) {
      scope.count('compacted log not judged');
      return;
    }
    scope.count('compacted log judged');
    if (!log.config.isCompacted) scope.count('gaps in a log of another policy');
    const ledger = scope.ledger.of(replica);
    scope.keyed.noteRetention(replica);
    for (const [key, { offset, isTombstone }] of scope.keyed.latestOf(ledger)) {
      const kept = found.get(key);
      if (offset >= highWatermark || offset < log.startOffset || (kept ?? -1) >= offset) continue;
      if (kept === undefined) {
        if (!isTombstone)
          this.fail(node, ledger, `has no record of a key whose latest record at ${offset} was committed`);
        if (this.mayBeDropped(node, ledger, offset)) {
          scope.count('tombstone dropped in time');
          continue;
        }
        this.fail(node, ledger, `dropped the tombstone at ${offset} before delete.retention.ms was over`);
      }
      if (isTombstone && this.cameLate(node, replica, offset)) {
        scope.count('replica without a tombstone keeps an older record');
        if (replica.leadership !== undefined) ledger.hasStaleKeys = true;
        continue;
      }
      this.fail(
        node,
        ledger,
        `has the record of a key at ${kept}, but a later one at ${offset} was committed`,
      );
    }
  }

  /** By key, the last offset below the high watermark. Undefined: the log cannot be read. */
  private latestIn(node: SimNode, replica: Partition): Map<string, Offset> | undefined {
    const { log, highWatermark } = replica;
    const batches = readBatches(node, log, log.startOffset, highWatermark);
    if (batches === undefined) return undefined;
    const { codecs } = node.roles!.broker!.replicas.options;
    const found = new Map<string, Offset>();
    let last = -1;
    for (const { bytes } of batches)
      for (const { offset, key } of readRecords(bytes, codecs)) {
        if (offset <= last) this.fail(node, this.scope.ledger.of(replica), `has ${offset} behind ${last}`);
        last = offset;
        found.set(keyText(key), offset);
      }
    return found;
  }

  private mayBeDropped({ host }: SimNode, ledger: PartitionLedger, offset: Offset): boolean {
    const { world, keyed } = this.scope;
    // A process that blocked in its turn has read a later time on its clock.
    return keyed.mayBeDropped(ledger, offset, Math.max(world.nowUs, host.blockedUntilUs));
  }

  /** Whether a leader may have dropped the tombstone before the log of the replica passed its offset. */
  private cameLate(node: SimNode, replica: Partition, offset: Offset): boolean {
    const { ledger, keyed, cluster } = this.scope;
    const partition = ledger.of(replica);
    // A stand-in may run on a copy of a node's disk. The checker cannot tell when such a disk got its
    // records, so it assumes that the disk got them just now.
    if (cluster.standIns.includes(node)) return this.mayBeDropped(node, partition, offset);
    const passedUs: Micros | undefined = this.copied.passedUs({ node, replica }, offset);
    if (passedUs === undefined || passedUs <= keyed.committedUs(partition, offset)) return false;
    return keyed.mayBeDropped(partition, offset, passedUs);
  }

  private fail(node: SimNode, ledger: PartitionLedger, what: string): never {
    this.scope.world.fail(NAME, `${node.name} ${what} in ${ledger.name}`);
  }
}
