/**
 * The records of __consumer_offsets. The type of a record stands in front of its key. The records of share
 * groups (types 9 to 15) and of streams groups (types 17 to 23) are not here.
 */
import type { TextCache } from '../text-cache.ts';
import {
  type AnyVersionedMessage,
  numberInFront,
  type TypedKey,
  type ValueOf,
} from '../versioned-message.ts';
import { groupMetadata, legacyOffsetCommit, offsetCommit } from './classic.ts';
import {
  consumerGroupCurrentMemberAssignment,
  consumerGroupMemberMetadata,
  consumerGroupMetadata,
  consumerGroupPartitionMetadata,
  consumerGroupRegularExpression,
  consumerGroupTargetAssignmentMember,
  consumerGroupTargetAssignmentMetadata,
} from './consumer.ts';
import { quickOffsetCommit } from './quick-offset-commit.ts';

export const groupRecords = {
  legacyOffsetCommit,
  offsetCommit,
  groupMetadata,
  consumerGroupMetadata,
  consumerGroupPartitionMetadata,
  consumerGroupMemberMetadata,
  consumerGroupTargetAssignmentMetadata,
  consumerGroupTargetAssignmentMember,
  consumerGroupCurrentMemberAssignment,
  consumerGroupRegularExpression,
} as const;

type Kinds = typeof groupRecords;
type KeyOf<K> = K extends TypedKey<infer T, infer _> ? T : never;
export type GroupRecordName = keyof Kinds;
export type GroupRecordKey<N extends GroupRecordName> = KeyOf<Kinds[N]['key']>;
export type GroupRecordValue<N extends GroupRecordName> = ValueOf<Kinds[N]['value']>;

/** A decoded record. A null value is a tombstone. */
export type GroupRecord = {
  [N in GroupRecordName]: {
    readonly name: N;
    readonly key: GroupRecordKey<N>;
    readonly value: GroupRecordValue<N> | null;
  };
}[GroupRecordName];

interface Kind {
  readonly name: GroupRecordName;
  readonly key: { decode(bytes: Uint8Array, texts?: TextCache): unknown };
  readonly value: AnyVersionedMessage;
}

const kindByType: readonly (Kind | undefined)[] = kindsByType();

function kindsByType(): (Kind | undefined)[] {
  const kinds: (Kind | undefined)[] = [];
  for (const [name, { type, key, value }] of Object.entries(groupRecords))
    kinds[type] = { name: name as GroupRecordName, key, value };
  return Array.from(kinds);
}

/**
 * Decodes a record. Returns undefined for a record type that is not in `groupRecords`: as in Kafka, the
 * coordinator skips such records when it loads the log. Decodes texts and ids through `texts`, if it is
 * given. Throws DecodeError on damaged bytes and on an unknown version of a value. Fields of type bytes are
 * views of `value`.
 */
export function decodeGroupRecord(
  key: Uint8Array,
  value: Uint8Array | null,
  texts?: TextCache,
): GroupRecord | undefined {
  const type = numberInFront(key);
  const kind = kindByType[type];
  if (kind === undefined) return undefined;
  if (type === offsetCommit.type && value !== null && texts !== undefined) {
    const quick = quickOffsetCommit(key, value, texts);
    if (quick !== undefined) return { name: 'offsetCommit', key: quick.key, value: quick.value };
  }
  return {
    name: kind.name,
    key: kind.key.decode(key, texts),
    value: value === null ? null : kind.value.decode(value, texts),
  } as GroupRecord;
}
