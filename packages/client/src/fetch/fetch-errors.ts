/** How a consumer reacts to an error code of Fetch, ListOffsets or OffsetForLeaderEpoch. */
import { ErrorCode } from '@millrace/protocol';

/**
 * `none`: the answer is good. `reset`: the log does not have the position; the option `outOfRange` says where
 * the consumer continues. `retry`: another broker leads the partition, or this broker cannot answer now; the
 * consumer refreshes its metadata and tries again after a pause. `fatal`: no retry will succeed.
 */
export type FetchOutcome = 'none' | 'reset' | 'retry' | 'fatal';

const outcomes: ReadonlyMap<number, FetchOutcome> = new Map([
  [ErrorCode.NONE, 'none'],
  [ErrorCode.OFFSET_OUT_OF_RANGE, 'reset'],
  [ErrorCode.INVALID_TOPIC_EXCEPTION, 'fatal'],
  [ErrorCode.TOPIC_AUTHORIZATION_FAILED, 'fatal'],
  [ErrorCode.CLUSTER_AUTHORIZATION_FAILED, 'fatal'],
  [ErrorCode.UNSUPPORTED_VERSION, 'fatal'],
  [ErrorCode.INVALID_REQUEST, 'fatal'],
]);

/**
 * Every code outside the table means `retry`, even UNKNOWN_TOPIC_OR_PARTITION, because a broker may lag
 * behind.
 */
export function fetchOutcome(errorCode: number): FetchOutcome {
  return outcomes.get(errorCode) ?? 'retry';
}
