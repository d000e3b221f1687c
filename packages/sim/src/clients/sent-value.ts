/**
 * A producer pads the values of its records. Such a value is, for example, `p1-17`, a space, and the padding.
 * A tombstone has no value: its first header has the value instead.
 */
import type { LeaderEpoch } from '@millrace/base';
import type { SeenRecord } from '@millrace/checkers';
import type { Record as ReadRecord } from '@millrace/protocol';

/** The name of the header with the value of a tombstone. */
export const VALUE_HEADER = 'value';

const TEXT = new TextDecoder();

/** The value without its padding. */
export function sentValue(bytes: Uint8Array | null): string {
  const text = bytes === null ? '' : TEXT.decode(bytes);
  const space = text.indexOf(' ');
  return space < 0 ? text : text.slice(0, space);
}

/** The record as the history has it. */
export function seenRecord(
  { offset, key, value, headers }: ReadRecord,
  leaderEpoch: LeaderEpoch,
): SeenRecord {
  if (key === null) return { offset, value: sentValue(value), leaderEpoch };
  const seen = { offset, value: sentValue(value ?? headers[0]?.value ?? null), leaderEpoch };
  return value === null
    ? { ...seen, key: TEXT.decode(key), isTombstone: true }
    : { ...seen, key: TEXT.decode(key) };
}
