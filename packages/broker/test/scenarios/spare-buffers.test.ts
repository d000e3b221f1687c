/**
 * The broker reuses the buffers of an answer once the socket has taken the answer, never before. It reuses
 * the buffers of a request however the request ends. Otherwise the garbage collector would free the buffers
 * of refused requests, with full collections on a busy broker.
 */
import { apis, encodeRequestFrame } from '@millrace/protocol';
import { expect, test, vi } from 'vitest';
import { TOPIC_ID, testBroker } from '../support/broker.ts';

const wanted = { topics: [{ topicId: TOPIC_ID, partitions: [{ partition: 0, fetchOffset: 0 }] }] };

function answerWith(records: Uint8Array) {
  const partition = { partitionIndex: 0, errorCode: 0, highWatermark: 9, records: [records] };
  return { responses: [{ topicId: TOPIC_ID, partitions: [partition] }] } as never;
}

test('the broker reuses a buffer once its answer has left', () => {
  const { connect, clock, replicas, frontEnd } = testBroker();
  const client = connect();
  client.request(apis.fetch, 13, wanted as never);
  const buffer = frontEnd.spares.take(20_000);
  replicas.fetches[0]!.done(answerWith(buffer.subarray(0, 20_000)));
  expect(frontEnd.spares.take(20_000)).not.toBe(buffer);
  clock.settle();
  expect(client.answers).toHaveLength(1);
  expect(frontEnd.spares.take(20_000)).toBe(buffer);
});

test('the broker does not reuse a buffer that the socket still holds', () => {
  const { connect, clock, replicas, frontEnd } = testBroker();
  const client = connect();
  client.slow = true;
  client.request(apis.fetch, 13, wanted as never);
  const buffer = frontEnd.spares.take(20_000);
  replicas.fetches[0]!.done(answerWith(buffer.subarray(0, 20_000)));
  clock.settle();
  client.readOn();
  clock.settle();
  expect(client.answers).toHaveLength(1);
  expect(frontEnd.spares.take(20_000)).not.toBe(buffer);
});

/**
 * A Fetch of about 1,980,000 bytes. The broker allows this size, but it refuses the 60,000 elements, because
 * in a cluster of two partitions it allows 10,008.
 */
const tooManyNames = () => {
  const partitions = Array.from({ length: 60_000 }, () => ({ partition: 0, fetchOffset: 0 }));
  return { replicaId: -1, topics: [{ topic: 'words', partitions }] };
};

function fetchFrame(): Uint8Array {
  return Buffer.concat(encodeRequestFrame(apis.fetch, 12, 1, 'test', tooManyNames() as never));
}

test.each([
  ['a whole request that the broker refuses', (bytes: Uint8Array) => bytes],
  ['half a request of a client that leaves', (bytes: Uint8Array) => bytes.subarray(0, 1 << 20)],
])('the next request reuses the buffers of %s', (_, part) => {
  const { connect, clock, frontEnd } = testBroker();
  const taken = vi.spyOn(frontEnd.spares, 'take');
  const bytes = part(fetchFrame());
  for (let i = 0; i < 5; i++) {
    const client = connect();
    for (let at = 0; at < bytes.length; at += 65_536) client.bytes(bytes.slice(at, at + 65_536));
    if (!client.ended) client.close();
    clock.settle();
  }
  const buffers = taken.mock.results.map(({ value }) => value as Uint8Array);
  expect(buffers.length).toBeGreaterThanOrEqual(10);
  expect(new Set(buffers).size).toBe(buffers.length / 5);
});

test('a request that the broker refuses by its size takes no buffer', () => {
  const { connect, frontEnd } = testBroker();
  const taken = vi.spyOn(frontEnd.spares, 'take');
  const bytes = new Uint8Array(65_536);
  new DataView(bytes.buffer).setInt32(0, 33_000_000);
  bytes[5] = apis.fetch.key;
  const client = connect();
  client.bytes(bytes);
  expect(client.ended).toBe(true);
  expect(taken).not.toHaveBeenCalled();
});
