/** Goal: the record of an offset has the bytes that the serializer of Apache Kafka 4.3.1 wrote. */
import { type Uuid, ZERO_UUID } from '@millrace/base';
import { expect, it } from 'vitest';
import { encodeOffset } from '../../src/offsets/offset-record.ts';

const topicId = 'b3JkZXJzb3JkZXJzb3JkZQ' as Uuid;
const at = 1_700_000_000_123;
const KEY = '000100016700066f726465727300000007';
const IN_VERSION_1 = '0001000000000000002a00016d0000018bcfe5687b0000018bcfe56c63';
const committed = {
  offset: 42,
  leaderEpoch: -1,
  metadata: '',
  commitTimestamp: at,
  expireTimestamp: -1,
  topicId: ZERO_UUID,
};
const expiring = { ...committed, metadata: 'm', expireTimestamp: at + 1000 };

it.each([
  [
    'in version 4',
    { ...committed, leaderEpoch: 3, metadata: 'märk', topicId },
    '0004000000000000002a00000003066dc3a4726b0000018bcfe5687b0100106f72646572736f72646572736f726465',
  ],
  ['without leader epoch and topic id', committed, '0004000000000000002affffffff010000018bcfe5687b00'],
  ['with an explicit retention time, in version 1', expiring, IN_VERSION_1],
  [
    'with a leader epoch and a topic id, which version 1 does not store',
    { ...expiring, leaderEpoch: 3, topicId },
    IN_VERSION_1,
  ],
  ['that is removed', null, null],
])('an offset %s', (_, offset, bytes) => {
  const { key, value } = encodeOffset({ group: 'g', topic: 'orders', partition: 7 }, offset);
  expect(Buffer.from(key).toString('hex')).toBe(KEY);
  expect(value && Buffer.from(value).toString('hex')).toBe(bytes);
});
