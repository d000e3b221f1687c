/** Buffers that answers were read into are used again once the socket has taken the answer, never before. */
import { apis } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { TOPIC_ID, testBroker } from '../support/broker.ts';

const wanted = { topics: [{ topicId: TOPIC_ID, partitions: [{ partition: 0, fetchOffset: 0 }] }] };

function answerWith(records: Uint8Array) {
  const partition = { partitionIndex: 0, errorCode: 0, highWatermark: 9, records: [records] };
  return { responses: [{ topicId: TOPIC_ID, partitions: [partition] }] } as never;
}

test('a buffer is spare when the answer has left', () => {
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

test('a buffer that the socket still holds is not used again', () => {
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
