/**
 * Goal: records have the same bytes as in Kafka. Method: for each record, the test has the bytes that the
 * serializer of Apache Kafka 4.3.1 (GroupCoordinatorRecordSerde) wrote. It encodes the record, decodes
 * Kafka's bytes, and compares.
 */
import { type Uuid, ZERO_UUID } from '@millrace/base';
import { describe, expect, it } from 'vitest';
import { DecodeError, decodeGroupRecord, type GroupRecord, groupRecords } from '../../src/index.ts';

const topicId = 'b3JkZXJzb3JkZXJzb3JkZQ' as Uuid;
const at = 1_700_000_000_123;
const offsetKey = { name: 'offsetCommit', key: { group: 'g', topic: 'orders', partition: 7 } } as const;
const group = { group: 'g' };
const groupId = { groupId: 'g' };
const member = { groupId: 'g', memberId: 'm1' };
const OFFSET_KEY = '000100016700066f726465727300000007';
const committed = {
  offset: 42,
  leaderEpoch: -1,
  metadata: '',
  commitTimestamp: at,
  expireTimestamp: -1,
  topicId: ZERO_UUID,
};

const samples: [string, GroupRecord, string, string | null][] = [
  [
    'an offset in version 4',
    { ...offsetKey, value: { ...committed, leaderEpoch: 3, metadata: 'märk', topicId } },
    OFFSET_KEY,
    '0004000000000000002a00000003066dc3a4726b0000018bcfe5687b0100106f72646572736f72646572736f726465',
  ],
  [
    'an offset without leader epoch and topic id',
    { ...offsetKey, value: committed },
    OFFSET_KEY,
    '0004000000000000002affffffff010000018bcfe5687b00',
  ],
  [
    'an offset with an explicit retention time in version 1',
    { ...offsetKey, value: { ...committed, metadata: 'm', expireTimestamp: at + 1000 } },
    OFFSET_KEY,
    '0001000000000000002a00016d0000018bcfe5687b0000018bcfe56c63',
  ],
  ['the tombstone of an offset', { ...offsetKey, value: null }, OFFSET_KEY, null],
  [
    'a classic group in version 3',
    {
      name: 'groupMetadata',
      key: group,
      value: {
        protocolType: 'consumer',
        generation: 4,
        protocol: 'range',
        leader: 'm1',
        currentStateTimestamp: at,
        members: [
          {
            memberId: 'm1',
            groupInstanceId: null,
            clientId: 'c',
            clientHost: '/127.0.0.1',
            rebalanceTimeout: 60_000,
            sessionTimeout: 45_000,
            subscription: Uint8Array.of(1),
            assignment: Uint8Array.of(2),
          },
        ],
      },
    },
    '0002000167',
    '00030008636f6e73756d657200000004000572616e676500026d310000018bcfe5687b0000000100026d31ffff000163000a2f3132372e302e302e310000ea600000afc800000001010000000102',
  ],
  [
    'the tombstone of a classic group',
    { name: 'groupMetadata', key: group, value: null },
    '0002000167',
    null,
  ],
  [
    'the epoch of a consumer group',
    { name: 'consumerGroupMetadata', key: groupId, value: { epoch: 9, metadataHash: 77 } },
    '0003000167',
    '000000000009010008000000000000004d',
  ],
  [
    'the tombstone of subscription metadata',
    { name: 'consumerGroupPartitionMetadata', key: groupId, value: null },
    '0004000167',
    null,
  ],
  [
    'a member',
    {
      name: 'consumerGroupMemberMetadata',
      key: member,
      value: {
        instanceId: null,
        rackId: 'r',
        clientId: 'c',
        clientHost: '/h',
        subscribedTopicNames: ['orders'],
        subscribedTopicRegex: null,
        rebalanceTimeoutMs: 5,
        serverAssignor: 'uniform',
        classicMemberMetadata: null,
      },
    },
    '000500016700026d31',
    '00000002720263032f6802076f7264657273000000000508756e69666f726d01000100',
  ],
  [
    'the epoch of a target assignment',
    {
      name: 'consumerGroupTargetAssignmentMetadata',
      key: groupId,
      value: { assignmentEpoch: 9, assignmentTimestamp: 5 },
    },
    '0006000167',
    '0000000000090100080000000000000005',
  ],
  [
    'the target assignment of a member',
    {
      name: 'consumerGroupTargetAssignmentMember',
      key: member,
      value: { topicPartitions: [{ topicId, partitions: [0, 2] }] },
    },
    '000700016700026d31',
    '0000026f72646572736f72646572736f7264650300000000000000020000',
  ],
  [
    'the current assignment of a member',
    {
      name: 'consumerGroupCurrentMemberAssignment',
      key: member,
      value: {
        memberEpoch: 9,
        previousMemberEpoch: 8,
        state: 1,
        assignedPartitions: [{ topicId, partitions: [0, 2], assignmentEpochs: [3, 9] }],
        partitionsPendingRevocation: [],
      },
    },
    '000800016700026d31',
    '0000000000090000000801026f72646572736f72646572736f7264650300000000000000020100090300000003000000090100',
  ],
  [
    'a resolved regular expression',
    {
      name: 'consumerGroupRegularExpression',
      key: { groupId: 'g', regularExpression: 'or.*' },
      value: { topics: ['orders'], version: 12, timestamp: at },
    },
    '001000016700046f722e2a',
    '000002076f7264657273000000000000000c0000018bcfe5687b00',
  ],
];

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));
const hex = (data: Uint8Array | null) => data && Buffer.from(data).toString('hex');
const decode = (key: string, value: string | null) =>
  decodeGroupRecord(bytes(key), value === null ? null : bytes(value));

describe.each(samples)('%s', (_, record, key, value) => {
  it("encodes to Kafka's bytes", () => {
    const kind = groupRecords[record.name] as unknown as {
      readonly key: { encode(key: unknown): Uint8Array };
      readonly value: { encode(version: number, value: unknown): Uint8Array };
    };
    expect(hex(kind.key.encode(record.key))).toBe(key);
    if (value === null) return;
    const version = Number.parseInt(value.slice(0, 4), 16);
    expect(hex(kind.value.encode(version, record.value))).toBe(value);
  });

  it("decodes from Kafka's bytes", () => {
    expect(decode(key, value)).toEqual(record);
  });
});

it('reads the offsets of old Kafka releases', () => {
  const oldest = { offset: 1, metadata: 'm', commitTimestamp: 2 };
  const older = { ...committed, ...oldest };
  const fields = '000000000000000100016d0000000000000002';
  const { key } = offsetKey;
  expect(decode(`0000${OFFSET_KEY.slice(4)}`, `0000${fields}`)).toEqual({
    name: 'legacyOffsetCommit',
    key,
    value: oldest,
  });
  for (const version of ['0000', '0002'])
    expect(decode(OFFSET_KEY, version + fields)).toEqual({ ...offsetKey, value: older });
  const withEpoch = '000300000000000000010000000500016d0000000000000002';
  expect(decode(OFFSET_KEY, withEpoch)).toEqual({ ...offsetKey, value: { ...older, leaderEpoch: 5 } });
});

it.each([9, 15, 17, 23, 32767])('ignores records of type %i', (type) => {
  const key = new Uint8Array([type >> 8, type, 0, 1, 103]);
  expect(decodeGroupRecord(key, Uint8Array.of(0, 0))).toBeUndefined();
});

it.each([
  ['a key without a type', '00', null],
  ['a short key', '000100016700', null],
  ['an unknown version of a value', OFFSET_KEY, '0005000000000000002a'],
  ['a short value', OFFSET_KEY, '0004000000000000'],
])('refuses %s', (_, key, value) => {
  expect(() => decode(key, value)).toThrow(DecodeError);
});
