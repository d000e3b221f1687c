/**
 * Isolation levels of Kafka's protocol. A consumer reads up to the high watermark (0), or up to the last
 * stable offset (1).
 */

const READ_UNCOMMITTED = 0;
const READ_COMMITTED = 1;

/** False for an unknown level. Kafka has no error code for it, and answers UNKNOWN_SERVER_ERROR. */
export function isKnownIsolationLevel(level: number): boolean {
  return level === READ_UNCOMMITTED || level === READ_COMMITTED;
}
