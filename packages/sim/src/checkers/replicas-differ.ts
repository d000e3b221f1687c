/**
 * Replicas are equal below the high watermark, byte for byte. When the high watermark of a replica moves, the
 * checker compares the new records below it with the ledger. At each offset the ledger takes the bytes of the
 * first replica that the checker reads, most often the leader's. At the end the checker compares everything
 * once more. Compaction may drop records of a batch, or the whole batch.
 *
 * The checker skips a damaged disk, because the broker deletes a log in which it finds damage. When a broker
 * has lost data, the checker also skips the follower replicas on this broker until the broker is back in
 * every ISR (atlas.ts). Until then, a power loss may have undone an unsynced truncation, and the checkpointed
 * high watermark of a follower may be ahead of its log.
 */
import type { Offset } from '@millrace/base';
import type { Partition } from '@millrace/replication';
import type { SimNode } from '../cluster/index.ts';
import type { StateChecker, StateCheckerKind, StateScope } from './checker.ts';
import { wrongCompaction } from './compacted-batch.ts';
import { hostedReplicas } from './hosted-replicas.ts';
import type { PartitionLedger } from './ledger.ts';
import { firstDifference, type LogBatch, readBatches } from './log-reading.ts';
import type { HostedReplica } from './replica-walk.ts';

const NAME = 'replicas-differ';

export const replicasDiffer: StateCheckerKind = {
  name: NAME,
  sentence: 'replicas are equal below the high watermark, byte for byte, and committed records never change',
  make: (scope) => new ReplicasDiffer(scope),
};

class ReplicasDiffer implements StateChecker {
  private readonly scope: StateScope;
  private readonly checkedEnds = new Map<Partition, Offset>();
  /**
   * Replicas that the checker could not check when their high watermark changed. It tries again after each
   * turn of the node.
   */
  private readonly skipped = new Map<Partition, SimNode>();

  constructor(scope: StateScope) {
    this.scope = scope;
  }

  replicaMoved({ node, replica, before }: HostedReplica): void {
    if (replica.highWatermark !== before.highWatermark) this.check(node, replica);
  }

  turn(node: SimNode): void {
    if (this.skipped.size === 0) return;
    for (const [replica, host] of this.skipped) if (host === node) this.check(node, replica);
  }

  /**
   * Notes the replica's last high watermark as committed: a broker that died in the middle of a turn may have
   * sent this high watermark to others.
   */
  replicaClosed({ replica }: HostedReplica): void {
    const { ledger } = this.scope;
    ledger.commit(ledger.of(replica), replica.highWatermark);
    this.checkedEnds.delete(replica);
    this.skipped.delete(replica);
  }

  finish(): void {
    for (const node of this.scope.cluster.brokers)
      for (const replica of hostedReplicas(node)) {
        this.checkedEnds.delete(replica);
        this.check(node, replica);
      }
  }

  private check(node: SimNode, replica: Partition): void {
    const { highWatermark, log } = replica;
    const checkedEnd = Math.min(this.checkedEnds.get(replica) ?? 0, highWatermark);
    const ledger = this.scope.ledger.of(replica);
    if (log.mayHaveGaps || log.config.isCompacted) ledger.mayBeCompacted = true;
    const isExempt = this.scope.isExempt(replica);
    const mayDiffer = isExempt || this.mayLackData(node, replica);
    if (highWatermark > ledger.committedEnd) {
      if (replica.leadership === undefined && !mayDiffer)
        this.fail(node, ledger, `follows and takes ${highWatermark} for committed before any leader did`);
      this.scope.ledger.commit(ledger, highWatermark);
    }
    if (mayDiffer || log.offline !== undefined) {
      // An exempt topic stays exempt, so the checker does not look again.
      if (isExempt) this.skipped.delete(replica);
      else this.skipped.set(replica, node);
      return;
    }
    this.skipped.delete(replica);
    this.checkedEnds.set(replica, highWatermark);
    const from = Math.max(checkedEnd, log.startOffset);
    if (from >= highWatermark) return;
    const batches = readBatches(node, log, from, highWatermark);
    if (batches === undefined)
      this.fail(node, ledger, `cannot read what is committed in ${from}..${highWatermark}`);
    for (const { header, bytes } of batches) {
      // A replica that raised its log start offset need not have the records below it. Compaction, here or at
      // the leader, may have dropped records.
      const followsGap =
        header.baseOffset > ledger.end && (header.baseOffset <= log.startOffset || log.mayHaveGaps);
      if (header.baseOffset > ledger.end && !followsGap)
        this.fail(
          node,
          ledger,
          `continues at ${header.baseOffset}, but the committed log ends at ${ledger.end}`,
        );
      if (header.baseOffset === ledger.end || followsGap) {
        if (header.leaderEpoch < (ledger.batches.at(-1)?.header.leaderEpoch ?? -1))
          this.fail(
            node,
            ledger,
            `commits ${header.baseOffset} under a lower leader epoch than what is before`,
          );
        ledger.batches.push({ header, bytes: bytes.slice() });
        continue;
      }
      const known = ledger.find(header.baseOffset);
      if (known === undefined && ledger.fill({ header, bytes: bytes.slice() })) continue;
      const at = known === undefined ? 0 : firstDifference(bytes, known.bytes);
      if (at >= 0 && ledger.mayBeCompacted) this.checkCompacted(node, ledger, known, { header, bytes });
      else if (at >= 0)
        this.fail(
          node,
          ledger,
          `holds another batch at ${header.baseOffset} than was committed (from byte ${at} on; leader epochs ${header.leaderEpoch} and ${known?.header.leaderEpoch})`,
        );
    }
  }

  /**
   * Compares a batch of a compacted log with the ledger. The ledger may lack the batch, or may have it as
   * another replica compacted it.
   */
  private checkCompacted(
    node: SimNode,
    ledger: PartitionLedger,
    known: LogBatch | undefined,
    found: LogBatch,
  ): void {
    if (known === undefined) return;
    const { codecs } = node.roles!.broker!.replicas.options;
    const wrong = wrongCompaction(known, found, codecs);
    if (wrong !== undefined)
      this.fail(node, ledger, `compacted the batch at ${found.header.baseOffset} wrongly: ${wrong}`);
  }

  private mayLackData(node: SimNode, replica: Partition): boolean {
    const catchesUp = replica.leadership === undefined && this.scope.atlas.isRecovering(node.id);
    return catchesUp || node.disk.isDamaged;
  }

  private fail(node: SimNode, ledger: PartitionLedger, what: string): never {
    this.scope.world.fail(NAME, `${node.name} ${what} in ${ledger.name}`);
  }
}
