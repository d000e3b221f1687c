/**
 * The log start offset rises only above committed records that have expired by the topic's `retention.ms`, or
 * that a client has asked to delete. The checker judges the first replica that raises it to an offset. Other
 * replicas may then raise it to the same offset. The checkers of a history cannot tell an expired or deleted
 * record from a lost one. So they excuse every committed record below a log start offset that this checker
 * has accepted.
 *
 * Only a leader deletes records because a client asked for it. A request with the offset -1 deletes up to the
 * high watermark that the leader has when it gets the request. A copy of the request may come late. So a
 * leader may raise its log start offset to its high watermark as long as a copy may come
 * (asked-deletions.ts).
 *
 * An administrator may have altered the topic, and the broker may not know this yet. So the checker accepts
 * what the newest metadata allow, and what the replica's own config allows. Without the policy `delete`,
 * records never expire.
 *
 * A cleaning drops records of a compacted log before they expire. A broker then judges the age of a segment
 * by the records that are left. So in a partition that was compacted, the checker accepts a record that a
 * later committed record of its key replaces, and a tombstone that brokers may have dropped
 * (keyed-records.ts).
 *
 * If the topic has `retention.bytes`, the checker demands only that the removed records are committed. A
 * batch counts as expired if it has no timestamp, or if the ledger does not have it. Two kinds of brokers are
 * exempt, because they may delete a log: a broker whose disk is damaged, and a broker that recovers from a
 * loss that the durability contract allows.
 */
import type { WallMillis } from '@millrace/base';
import type { Op } from '@millrace/checkers';
import type { LogConfig } from '@millrace/log';
import { effectiveTopicConfig, numberOf } from '@millrace/metadata';
import { type Timestamp, timestampDistance } from '@millrace/protocol';
import type { SimNode } from '../cluster/index.ts';
import { MILLISECOND, type Micros } from '../world/index.ts';
import { AskedDeletions } from './asked-deletions.ts';
import type { StateChecker, StateCheckerKind, StateScope } from './checker.ts';
import { LeaderStarts } from './leader-starts.ts';
import type { PartitionLedger } from './ledger.ts';
import type { HostedReplica } from './replica-walk.ts';

const NAME = 'expired-too-early';

export const expiredTooEarly: StateCheckerKind = {
  name: NAME,
  sentence:
    'the log start offset rises only over committed records that have expired or that a client asked to delete',
  make: (scope) => new ExpiredTooEarly(scope),
};

type RetentionLimit = Pick<LogConfig, 'deletesOldRecords' | 'retentionMs' | 'retentionBytes'>;

class ExpiredTooEarly implements StateChecker {
  private readonly scope: StateScope;
  private readonly leaderStarts = new LeaderStarts();
  private readonly asked: AskedDeletions;

  constructor(scope: StateScope) {
    this.scope = scope;
    this.asked = new AskedDeletions(scope.history);
  }

  op(op: Op): void {
    if (op.type === 'delete-records') this.asked.ends(op);
  }

  replicaMoved(hosted: HostedReplica): void {
    const { replica, before } = hosted;
    const ledger = this.scope.ledger.of(replica);
    this.leaderStarts.moved(hosted, ledger, this.scope.world.nowUs);
    const { startOffset } = replica.log;
    if (startOffset !== before.startOffset && startOffset > ledger.startOffset) this.rose(hosted, ledger);
  }

  /**
   * A process may die in the turn in which it raises a log start offset. Other processes may already know the
   * new offset, so the checker judges this turn, too.
   */
  replicaClosed(hosted: HostedReplica): void {
    this.replicaMoved(hosted);
    this.leaderStarts.closed(hosted.replica, this.scope.world.nowUs);
  }

  private rose(hosted: HostedReplica, ledger: PartitionLedger): void {
    const { node, replica } = hosted;
    const { startOffset } = replica.log;
    const { scope } = this;
    if (scope.isExempt(replica)) return;
    const early = this.isDeleted(hosted, ledger) ? undefined : this.firstUnexpired(hosted, ledger);
    // The checker does not judge an exempt broker. But this broker may lead, and then its followers take its
    // start. So the checker accepts the start if the removed records are committed, and have expired or a
    // client asked to delete them.
    if (node.disk.isDamaged || scope.atlas.isRecovering(node.id)) {
      if (startOffset <= ledger.committedEnd && early === undefined) ledger.startOffset = startOffset;
      return;
    }
    const where = `at ${node.name} the log of ${ledger.name} begins at ${startOffset}`;
    if (startOffset > ledger.committedEnd)
      scope.world.fail(NAME, `${where}, but only ${ledger.committedEnd} is committed`);
    if (early !== undefined)
      scope.world.fail(
        NAME,
        `${where}, but the batch at ${early} has not expired, and nobody asked to delete it`,
      );
    ledger.startOffset = startOffset;
  }

  /**
   * Whether the replica is a leader that was already open, and a client asked to delete the records up to the
   * new start or beyond it. A deletion does not raise the start of a replica that opens. A follower does not
   * count: its leader raised its own start first, and the checker judged that start.
   */
  private isDeleted({ replica, before }: HostedReplica, { topic, index }: PartitionLedger): boolean {
    const isLeader = (replica.leadership ?? before.leadership) !== undefined;
    if (!isLeader || before.startOffset < 0) return false;
    const { startOffset } = replica.log;
    const isAtHighWatermark = startOffset >= before.highWatermark && startOffset <= replica.highWatermark;
    return this.asked.some(
      (asked) =>
        asked.topic === topic &&
        asked.partition === index &&
        (asked.offset < 0 ? isAtHighWatermark : startOffset <= asked.offset),
    );
  }

  /** The first batch that the new start removes too early. */
  private firstUnexpired({ node, replica }: HostedReplica, ledger: PartitionLedger): number | undefined {
    const { startOffset } = replica.log;
    const limits = [this.newestLimit(ledger), replica.log.config].filter((one) => one.deletesOldRecords);
    if (limits.some(({ retentionBytes }) => retentionBytes >= 0)) return undefined;
    const limitsMs = limits.map(({ retentionMs }) => retentionMs).filter((ms) => ms >= 0);
    const retentionMs = Math.min(Number.POSITIVE_INFINITY, ...limitsMs);
    const nowMs = this.latestWallMs(node);
    const isExpired = (timestamp: Timestamp) =>
      timestamp < 0 || timestampDistance(nowMs, timestamp) > retentionMs;
    for (const batch of ledger.batches) {
      const { baseOffset, lastOffset, maxTimestamp } = batch.header;
      if (lastOffset < ledger.startOffset || lastOffset >= startOffset || isExpired(maxTimestamp)) continue;
      if (!ledger.mayBeCompacted) return baseOffset;
      const staying = this.scope.keyed.stayingIn(ledger, batch, this.endOfTurnUs(node));
      if (staying.some(({ timestamp }) => !isExpired(timestamp))) return baseOffset;
    }
    return undefined;
  }

  private newestLimit({ topic: name }: PartitionLedger): RetentionLimit {
    const topic = this.scope.metadata.newest.topicConfig(name);
    const set = (config: string) => effectiveTopicConfig(config, { topic });
    return {
      deletesOldRecords: set('cleanup.policy').split(',').includes('delete'),
      retentionMs: numberOf(set('retention.ms')),
      retentionBytes: numberOf(set('retention.bytes')),
    };
  }

  /**
   * The latest of all wall clocks at the end of the node's turn. The clocks of all brokers count: the leader
   * raises the log start offset by its own clock, and this broker may only follow. If a call blocked during
   * the turn, the turn ends later than `world.nowUs`.
   */
  private latestWallMs(node: SimNode): WallMillis {
    const { cluster } = this.scope;
    const nodes = [node, ...cluster.brokers, ...cluster.standIns];
    const offsets = nodes.map(({ host }) => host.wallOffsetMs);
    return Math.floor(this.endOfTurnUs(node) / MILLISECOND) + Math.max(...offsets);
  }

  private endOfTurnUs({ host }: SimNode): Micros {
    return Math.max(this.scope.world.nowUs, host.blockedUntilUs);
  }
}
