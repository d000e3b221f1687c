/** The record of a committed offset in `__consumer_offsets`. */
import { type GroupRecordKey, type GroupRecordValue, groupRecords } from '@millrace/protocol';
import type { CoordinatorRecord } from '../runtime/machine.ts';

export type OffsetKey = GroupRecordKey<'offsetCommit'>;
export type OffsetValue = GroupRecordValue<'offsetCommit'>;

/**
 * The versions in which Kafka 4.3.1 writes the value: version 1 if the client asked for a retention time,
 * otherwise version 4. Version 1 has no leader epoch and no topic id.
 */
const VERSION = 4;
const VERSION_WITH_EXPIRY = 1;

export function encodeOffset(key: OffsetKey, value: OffsetValue | null): CoordinatorRecord {
  const { offsetCommit } = groupRecords;
  const version = value === null || value.expireTimestamp === -1 ? VERSION : VERSION_WITH_EXPIRY;
  return {
    key: offsetCommit.key.encode(key),
    value: value === null ? null : offsetCommit.value.encode(version, value),
  };
}
