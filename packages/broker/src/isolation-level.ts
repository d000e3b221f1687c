/** The end of the records that a consumer may read: 0 means the high watermark, 1 the last stable offset. */

const READ_UNCOMMITTED = 0;
const READ_COMMITTED = 1;

/** Kafka has no error code for another level and answers UNKNOWN_SERVER_ERROR. */
export function isKnownIsolationLevel(level: number): boolean {
  return level === READ_UNCOMMITTED || level === READ_COMMITTED;
}
