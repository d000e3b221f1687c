/**
 * How a producer understands the error code of a partition in a Produce answer: whether the leader has
 * appended the batch, and whether a retry may succeed.
 */
import { ErrorCode } from '@millrace/protocol';

/**
 * `acknowledged`: the log has the batch. `refused`: the log does not have it, and a retry is useless.
 * `not-appended`: the log does not have it, and a retry may succeed. `gap`: the same, and the reason is that
 * the log lacks an earlier batch of the producer. `unknown`: the log may have the batch, and a retry may
 * succeed. With idempotence, such a retry does not append the batch twice.
 */
export type ProduceOutcome = 'acknowledged' | 'refused' | 'not-appended' | 'gap' | 'unknown';

const outcomes: ReadonlyMap<number, ProduceOutcome> = new Map([
  [ErrorCode.NONE, 'acknowledged'],
  [ErrorCode.DUPLICATE_SEQUENCE_NUMBER, 'acknowledged'],
  [ErrorCode.INVALID_RECORD, 'refused'],
  [ErrorCode.CORRUPT_MESSAGE, 'refused'],
  [ErrorCode.MESSAGE_TOO_LARGE, 'refused'],
  [ErrorCode.RECORD_LIST_TOO_LARGE, 'refused'],
  [ErrorCode.INVALID_TIMESTAMP, 'refused'],
  [ErrorCode.INVALID_REQUIRED_ACKS, 'refused'],
  [ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, 'refused'],
  [ErrorCode.NOT_ENOUGH_REPLICAS, 'not-appended'],
  [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, 'not-appended'],
  [ErrorCode.UNKNOWN_TOPIC_ID, 'not-appended'],
  [ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, 'gap'],
]);

/**
 * A code that is not in the table is `unknown`. NOT_LEADER_OR_FOLLOWER is such a code: a leader that loses
 * its leadership may answer with it although it has appended the batch.
 */
export function produceOutcome(errorCode: number): ProduceOutcome {
  return outcomes.get(errorCode) ?? 'unknown';
}
