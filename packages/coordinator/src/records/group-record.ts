/**
 * The records of `__consumer_offsets` as one union. `type` names what the record is about; the fields of the
 * key stand beside it; a null value is a tombstone. The bytes fields of a decoded record are views of the
 * given bytes.
 */
import { ZERO_UUID } from '@millrace/base';
import {
  decodeGroupRecord as decodeWireRecord,
  type GroupRecordKind,
  type GroupRecordName,
  type GroupRecordValue,
  groupRecords,
} from '@millrace/protocol';

export type OffsetCommitValue = GroupRecordValue<'offsetCommit'>;
export type GroupMetadataValue = GroupRecordValue<'groupMetadata'>;
export type ConsumerGroupMetadataValue = GroupRecordValue<'consumerGroupMetadata'>;
export type ConsumerGroupPartitionMetadataValue = GroupRecordValue<'consumerGroupPartitionMetadata'>;
export type ConsumerGroupMemberMetadataValue = GroupRecordValue<'consumerGroupMemberMetadata'>;
export type TargetAssignmentMetadataValue = GroupRecordValue<'consumerGroupTargetAssignmentMetadata'>;
export type TargetAssignmentMemberValue = GroupRecordValue<'consumerGroupTargetAssignmentMember'>;
export type CurrentMemberAssignmentValue = GroupRecordValue<'consumerGroupCurrentMemberAssignment'>;
export type RegularExpressionValue = GroupRecordValue<'consumerGroupRegularExpression'>;

interface OffsetKey {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
}
interface GroupKey {
  readonly group: string;
}
interface MemberKey extends GroupKey {
  readonly memberId: string;
}
interface RegularExpressionKey extends GroupKey {
  readonly regularExpression: string;
}

interface RecordOf<Type extends string, Value> {
  readonly type: Type;
  readonly value: Value | null;
}

/** A committed offset. */
export type OffsetCommitRecord = RecordOf<'offset-commit', OffsetCommitValue> & OffsetKey;
/** A classic group at the end of a rebalance. */
export type GroupMetadataRecord = RecordOf<'group-metadata', GroupMetadataValue> & GroupKey;
/** The epoch of a KIP-848 group. */
export type ConsumerGroupMetadataRecord = RecordOf<'consumer-group-metadata', ConsumerGroupMetadataValue> &
  GroupKey;
export type ConsumerGroupPartitionMetadataRecord = RecordOf<
  'consumer-group-partition-metadata',
  ConsumerGroupPartitionMetadataValue
> &
  GroupKey;
/** A member of a KIP-848 group and its subscription. */
export type ConsumerGroupMemberRecord = RecordOf<
  'consumer-group-member-metadata',
  ConsumerGroupMemberMetadataValue
> &
  MemberKey;
export type TargetAssignmentMetadataRecord = RecordOf<
  'consumer-group-target-assignment-metadata',
  TargetAssignmentMetadataValue
> &
  GroupKey;
export type TargetAssignmentMemberRecord = RecordOf<
  'consumer-group-target-assignment-member',
  TargetAssignmentMemberValue
> &
  MemberKey;
export type CurrentMemberAssignmentRecord = RecordOf<
  'consumer-group-current-member-assignment',
  CurrentMemberAssignmentValue
> &
  MemberKey;
export type RegularExpressionRecord = RecordOf<'consumer-group-regular-expression', RegularExpressionValue> &
  RegularExpressionKey;

export type GroupRecord =
  | OffsetCommitRecord
  | GroupMetadataRecord
  | ConsumerGroupMetadataRecord
  | ConsumerGroupPartitionMetadataRecord
  | ConsumerGroupMemberRecord
  | TargetAssignmentMetadataRecord
  | TargetAssignmentMemberRecord
  | CurrentMemberAssignmentRecord
  | RegularExpressionRecord;

export type GroupRecordType = GroupRecord['type'];

/** The bytes of a record in the log. */
export interface EncodedRecord {
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
}

type AnyKind = GroupRecordKind<unknown, object, unknown, object>;

/** The wire table of each type of record. */
const NAMES = {
  'offset-commit': 'offsetCommit',
  'group-metadata': 'groupMetadata',
  'consumer-group-metadata': 'consumerGroupMetadata',
  'consumer-group-partition-metadata': 'consumerGroupPartitionMetadata',
  'consumer-group-member-metadata': 'consumerGroupMemberMetadata',
  'consumer-group-target-assignment-metadata': 'consumerGroupTargetAssignmentMetadata',
  'consumer-group-target-assignment-member': 'consumerGroupTargetAssignmentMember',
  'consumer-group-current-member-assignment': 'consumerGroupCurrentMemberAssignment',
  'consumer-group-regular-expression': 'consumerGroupRegularExpression',
} as const satisfies Record<GroupRecordType, GroupRecordName>;

const TYPES: ReadonlyMap<string, string> = new Map(Object.entries(NAMES).map(([type, name]) => [name, type]));

/**
 * The version in which Kafka 4.3.1 writes the value: an offset in version 4, but in version 1 if the client
 * asked for a retention time; a classic group in version 3.
 */
function versionOf(record: GroupRecord): number {
  switch (record.type) {
    case 'offset-commit':
      return hasExpiry(record.value) ? 1 : 4;
    case 'group-metadata':
      return 3;
    default:
      return 0;
  }
}

function hasExpiry(value: OffsetCommitValue | null): boolean {
  return value !== null && value.expireTimestamp !== -1;
}

/** Drops fields that the version does not have: an offset in version 1 has no leader epoch, no topic id. */
export function encodeGroupRecord(record: GroupRecord): EncodedRecord {
  const kind = groupRecords[NAMES[record.type]] as unknown as AnyKind;
  return {
    // Keys of offsets and of classic groups name the group `group`, the others name it `groupId`.
    key: kind.key.encode({ ...record, groupId: record.group }),
    value: record.value === null ? null : kind.value.encode(versionOf(record), record.value),
  };
}

/**
 * Undefined for types that this broker does not know: share groups, streams groups, types of later releases.
 * Throws DecodeError if it knows the type and cannot read the record.
 */
export function decodeGroupRecord({ key, value }: EncodedRecord): GroupRecord | undefined {
  const record = decodeWireRecord(key, value);
  if (record === undefined) return undefined;
  switch (record.name) {
    case 'offsetCommit':
      return { type: 'offset-commit', ...record.key, value: record.value };
    case 'legacyOffsetCommit':
      return { type: 'offset-commit', ...record.key, value: record.value && { ...NEWER, ...record.value } };
    case 'groupMetadata':
      return { type: 'group-metadata', ...record.key, value: record.value };
    default: {
      const { groupId, ...rest } = record.key;
      const type = TYPES.get(record.name)!;
      return { type, group: groupId, ...rest, value: record.value } as GroupRecord;
    }
  }
}

/** What an offset of Kafka before 0.9 does not have. */
const NEWER = { leaderEpoch: -1, expireTimestamp: -1, topicId: ZERO_UUID };
