/** Where a consumer continues in a partition. */
import type { Millis, Uuid } from '@millrace/base';

/** The reason for a position. `truncated`: the leader lacks records before the old position (KIP-320). */
export type PositionReason = 'earliest' | 'latest' | 'out-of-range' | 'truncated';

/** Where to begin in a partition: at an end of the log, or at an offset. */
export interface StartPosition {
  readonly topic: string;
  /** The topic that an offset in `start` belongs to. Default: the topic that has the name. */
  readonly topicId?: Uuid;
  /** The only topic to read: the consumer waits while another topic has the name. Default: any topic. */
  readonly onlyTopicId?: Uuid | undefined;
  readonly partition: number;
  /** The offset of the first record to read, or an end of the log. */
  readonly start: number | 'earliest' | 'latest';
  /** The leader epoch of the last record before the offset in `start`, if it is known (KIP-320). */
  readonly leaderEpoch?: number;
}

export interface Position {
  readonly topic: string;
  /** Another topic of this name starts with a new position. */
  readonly topicId: Uuid;
  readonly partition: number;
  /** The offset of the next record. Undefined: the consumer must first ask for it (ListOffsets). */
  offset: number | undefined;
  startAt: Exclude<PositionReason, 'truncated'>;
  /** The leader epoch of the last record before the position; -1: not known. */
  lastEpoch: number;
  /** The leader epoch under which the position was last validated; -1: it must be validated. */
  validatedEpoch: number;
  /** True: a ListOffsets or an OffsetForLeaderEpoch is under way. */
  isAsking: boolean;
  notBeforeMs: Millis;
  /** The fatal error that made the consumer stop reading the partition. */
  failure: string | undefined;
}

export function newPosition(
  topicId: Uuid,
  { topic, partition, start, leaderEpoch = -1 }: StartPosition,
): Position {
  const isOffset = typeof start === 'number';
  return {
    topic,
    topicId,
    partition,
    offset: isOffset ? start : undefined,
    startAt: isOffset ? 'out-of-range' : start,
    lastEpoch: leaderEpoch,
    validatedEpoch: -1,
    isAsking: false,
    notBeforeMs: 0,
    failure: undefined,
  };
}
