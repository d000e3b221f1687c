/**
 * Goal: topic names, key hashes, error codes and headers are as in Kafka. Method: examples with Kafka's
 * results.
 */
import {
  allApis,
  apiByKey,
  apis,
  DecodeError,
  decodeRequestHeader,
  ErrorCode,
  encodeResponseFrame,
  errorName,
  isRetriable,
  murmur2,
  partitionForKey,
  topicCollisionKey,
  validateTopicName,
} from '@millrace/protocol';
import { describe, expect, it } from 'vitest';

it.each(['a', 'A.b_c-9', '...', 'x'.repeat(249), '__consumer_offsets'])(
  'topic name %s is allowed',
  (name) => {
    expect(validateTopicName(name)).toBeUndefined();
  },
);

it.each(['', '.', '..', 'a b', 'ä', 'a/b', 'x'.repeat(250), 'a\n'])('topic name %j is refused', (name) => {
  expect(validateTopicName(name)).toBeTypeOf('string');
});

it('names collide when they differ in dots and underscores only', () => {
  expect(topicCollisionKey('a.b')).toBe(topicCollisionKey('a_b'));
  expect(topicCollisionKey('a.b')).not.toBe(topicCollisionKey('a-b'));
});

it.each([
  ['', 275646681],
  ['21', -973932308],
  ['foobar', -790332482],
  ['abc', 479470107],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
])('murmur2 of "%s"', (key, hash) => {
  expect(murmur2(Buffer.from(key))).toBe(hash);
  expect(partitionForKey(Buffer.from(key), 7)).toBe((hash & 0x7fffffff) % 7);
});

it('error codes are gapless from -1 to 133, with names', () => {
  const codes = Object.values(ErrorCode).sort((a, b) => a - b);
  expect(codes).toEqual(Array.from({ length: 135 }, (_, i) => i - 1));
  expect(errorName(6)).toBe('NOT_LEADER_OR_FOLLOWER');
  expect(errorName(999)).toBe('999');
  expect(isRetriable(ErrorCode.NOT_LEADER_OR_FOLLOWER)).toBe(true);
  expect(isRetriable(ErrorCode.MESSAGE_TOO_LARGE)).toBe(false);
});

describe('headers', () => {
  it('of an unknown API are read only up to the correlation id', () => {
    const frame = Buffer.from('03e8' + '0001' + '00000007' + 'garbage', 'hex');
    expect(decodeRequestHeader(frame)).toEqual({
      apiKey: 1000,
      apiVersion: 1,
      correlationId: 7,
      clientId: null,
      bodyPosition: 8,
    });
  });

  it('of an unsupported version have a client id and tagged fields, as in flexible versions', () => {
    const frame = Buffer.from('0012' + '0063' + '00000007' + '000161' + '01' + '0501ff' + 'any', 'hex');
    expect(decodeRequestHeader(frame)).toMatchObject({ apiVersion: 99, clientId: 'a', bodyPosition: 15 });
  });

  it('cut short are refused', () => {
    const frame = Buffer.from('0012' + '0003' + '00000007' + '000161' + '00', 'hex');
    for (let length = 0; length < frame.length; length++)
      expect(() => decodeRequestHeader(frame.subarray(0, length))).toThrow(DecodeError);
  });

  it('every client can read the answer to a future version of ApiVersions', () => {
    const frame = encodeResponseFrame(apis.apiVersions, 0, 5, {
      errorCode: ErrorCode.UNSUPPORTED_VERSION,
      apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 4 }],
    });
    expect(Buffer.concat(frame).toString('hex')).toBe(
      '00000010' + '00000005' + '0023' + '00000001' + '001200000004',
    );
  });

  it('Produce is advertised from version 0, for librdkafka, although its first version is 3', () => {
    expect([apis.produce.advertisedMinVersion, apis.produce.minVersion]).toEqual([0, 3]);
    expect(apiByKey.size).toBe(allApis.length);
  });
});
