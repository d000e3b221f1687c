/** Translates an error of the internal topic's log to the error that a client of the coordinator gets. */
import { ErrorCode } from '@millrace/protocol';

/**
 * The translations are Kafka's. An error that is not in this table becomes UNKNOWN_SERVER_ERROR, because no
 * client expects such an error from a coordinator.
 */
const CLIENT_ERRORS: ReadonlyMap<ErrorCode, ErrorCode> = new Map<ErrorCode, ErrorCode>([
  [ErrorCode.NONE, ErrorCode.NONE],
  [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, ErrorCode.COORDINATOR_NOT_AVAILABLE],
  [ErrorCode.NOT_ENOUGH_REPLICAS, ErrorCode.COORDINATOR_NOT_AVAILABLE],
  [ErrorCode.REQUEST_TIMED_OUT, ErrorCode.COORDINATOR_NOT_AVAILABLE],
  [ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.NOT_COORDINATOR],
  [ErrorCode.KAFKA_STORAGE_ERROR, ErrorCode.NOT_COORDINATOR],
]);

export function clientError(logError: ErrorCode): ErrorCode {
  return CLIENT_ERRORS.get(logError) ?? ErrorCode.UNKNOWN_SERVER_ERROR;
}

/**
 * True if the high watermark has passed the batch. The ISR may have shrunk since then
 * (NOT_ENOUGH_REPLICAS_AFTER_APPEND). But the high watermark passes a batch only while the ISR has at least
 * `min.insync.replicas` members and each of them has the batch. So the durability contract (row 3, acks=all)
 * holds in this case, too.
 */
export function isCommitted(settledWith: ErrorCode): boolean {
  return settledWith === ErrorCode.NONE || settledWith === ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND;
}
