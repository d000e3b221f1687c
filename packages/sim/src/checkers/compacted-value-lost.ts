/**
 * A compacted log keeps the latest committed record of each key: its value is never lost, and no older value
 * of the key comes back. Looks at a replica when it opens, when it begins to lead, and at the end.
 *
 * A deleted key may have no record at all once `delete.retention.ms` is over. The checker judges this time
 * only if it is longer than any run, because the wall clocks of the brokers may differ. A replica may even
 * keep an older record of such a key: it lagged behind, and its leader dropped the tombstone before the
 * replica came to that offset. Exempt: a damaged disk, and a broker that recovers from a loss that the
 * contract covers.
 */
import type { Offset } from '@millrace/base';
import { readRecords } from '@millrace/protocol';
import type { Partition } from '@millrace/replication';
import type { SimNode } from '../cluster/index.ts';
import type { Micros } from '../world/index.ts';
import type { StateChecker, StateCheckerKind, StateScope } from './checker.ts';
import { keyText } from './compacted-batch.ts';
import { CopiedEnds } from './copied-ends.ts';
import { hostedReplicas } from './hosted-replicas.ts';
import type { PartitionLedger } from './ledger.ts';
import { type LogBatch, readBatches } from './log-reading.ts';
import type { HostedReplica } from './replica-walk.ts';

const NAME = 'compacted-value-lost';
/** Longer than a run, whatever the clocks do. */
const LONG_RETENTION_MS = 12 * 3_600_000;

export const compactedValueLost: StateCheckerKind = {
  name: NAME,
  sentence:
    'a compacted log has the latest committed record of each key, and not an older record in its place',
  make: (scope) => new CompactedValueLost(scope),
};

interface Latest {
  readonly offset: Offset;
  readonly isTombstone: boolean;
}

/** The latest records of the keys in a part of the ledger. */
interface Known {
  readonly latest: Map<string, Latest>;
  /** How many batches of the ledger it covers. */
  batches: number;
}

class CompactedValueLost implements StateChecker {
  private readonly scope: StateScope;
  private readonly known = new Map<PartitionLedger, Known>();
  private readonly copied = new CopiedEnds();
  /** By partition: each offset that the committed end has reached, and when. */
  private readonly commits = new Map<PartitionLedger, { readonly end: Offset; readonly atUs: Micros }[]>();

  constructor(scope: StateScope) {
    this.scope = scope;
    scope.ledger.watchers.push((moved) => {
      const ends = this.commits.get(moved) ?? [];
      this.commits.set(moved, ends);
      ends.push({ end: moved.committedEnd, atUs: scope.world.nowUs });
    });
  }

  replicaMoved(hosted: HostedReplica): void {
    const { node, replica, before } = hosted;
    this.copied.moved(hosted, this.scope.world.nowUs);
    const isNew = before.startOffset < 0;
    const beginsToLead = replica.leadership !== undefined && replica.leadership !== before.leadership;
    if (isNew || beginsToLead) this.check(node, replica);
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
    if (!log.config.isCompacted || log.config.deletesOldRecords || log.offline !== undefined) return;
    if (node.disk.isDamaged || scope.isExempt(replica) || scope.atlas.isRecovering(node.id)) return;
    const batches = readBatches(node, log, log.startOffset, highWatermark);
    // The checker replicas-differ reports a log that cannot be read.
    if (batches === undefined) return;
    const ledger = scope.ledger.of(replica);
    const found = new Map<string, Latest>();
    for (const batch of batches) this.note(node, batch, found);
    for (const [key, { offset, isTombstone }] of this.latestOf(node, ledger)) {
      const kept = found.get(key);
      if (offset >= highWatermark || offset < log.startOffset || (kept?.offset ?? -1) >= offset) continue;
      const mayBeGone = isTombstone && log.config.deleteRetentionMs < LONG_RETENTION_MS;
      if (mayBeGone && kept === undefined) continue;
      if (mayBeGone && this.cameLate(node, replica, ledger, offset)) {
        scope.count('replica without a tombstone keeps an older record');
        if (replica.leadership !== undefined) ledger.hasStaleKeys = true;
        continue;
      }
      if (kept !== undefined)
        this.fail(
          node,
          ledger,
          `has the record of a key at ${kept.offset}, but a later one at ${offset} was committed`,
        );
      this.fail(node, ledger, `has no record of a key whose latest record at ${offset} was committed`);
    }
  }

  /** Whether the log of the replica passed this offset only after the record there was committed. */
  private cameLate(node: SimNode, replica: Partition, ledger: PartitionLedger, offset: Offset): boolean {
    // A stand-in may run on a copy of a node's disk. The checker cannot tell when such a disk got its
    // records, so it assumes that the disk got them late.
    if (this.scope.cluster.standIns.includes(node)) return true;
    const passedUs = this.copied.passedUs({ node, replica }, offset);
    const committed = this.commits.get(ledger)?.find(({ end }) => end > offset);
    return passedUs !== undefined && committed !== undefined && passedUs > committed.atUs;
  }

  private latestOf(node: SimNode, ledger: PartitionLedger): ReadonlyMap<string, Latest> {
    let known = this.known.get(ledger);
    if (known === undefined) {
      known = { latest: new Map(), batches: 0 };
      this.known.set(ledger, known);
    }
    for (; known.batches < ledger.batches.length; known.batches++)
      this.note(node, ledger.batches[known.batches]!, known.latest);
    return known.latest;
  }

  private note(node: SimNode, { bytes }: LogBatch, latest: Map<string, Latest>): void {
    const { codecs } = node.roles!.broker!.replicas.options;
    for (const { offset, key, value } of readRecords(bytes, codecs))
      latest.set(keyText(key), { offset, isTombstone: value === null });
  }

  private fail(node: SimNode, ledger: PartitionLedger, what: string): never {
    this.scope.world.fail(NAME, `${node.name} ${what} in ${ledger.name}`);
  }
}
