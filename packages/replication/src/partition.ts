/** One partition's replica on this broker. Skeleton. */
import type { LeaderEpoch, NodeId, Offset, Uuid } from '@millrace/base';
import type { PartitionLog } from '@millrace/log';

export interface Partition {
  readonly topicId: Uuid;
  readonly topic: string;
  readonly index: number;
  readonly role: 'leader' | 'follower' | 'none';
  readonly leaderId: NodeId;
  readonly leaderEpoch: LeaderEpoch;
  readonly isr: readonly NodeId[];
  readonly highWatermark: Offset;
  readonly log: PartitionLog;
}
