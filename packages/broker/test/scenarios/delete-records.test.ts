/**
 * Goal: DeleteRecords raises the log start offset or returns an error, and later requests use the new offset.
 * Method: a broker with the only replica.
 */
import { apis, buildBatch, ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { OTHER_ID, partition, testBroker } from '../support/broker.ts';
import { ServingBroker } from '../support/serving-broker.ts';

const TOPIC = 'words';
const UNKNOWN = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;

function setUp(): ServingBroker {
  const broker = new ServingBroker();
  for (const value of ['a', 'b', 'c']) {
    const records = buildBatch({
      baseTimestamp: 1_700_000_000_000,
      records: [{ key: null, value: new TextEncoder().encode(value), headers: [] }],
    });
    broker.ask(apis.produce, 9, {
      acks: -1,
      timeoutMs: 1000,
      topicData: [{ name: TOPIC, partitionData: [{ index: 0, records }] }],
    });
  }
  return broker;
}

/** Deletes with one entry for each pair of partition and offset. Returns the answers of the topic. */
function remove(broker: ServingBroker, version: number, ...pairs: [partition: number, offset: number][]) {
  const partitions = pairs.map(([partitionIndex, offset]) => ({ partitionIndex, offset }));
  const answer = broker.ask(apis.deleteRecords, version, {
    topics: [{ name: TOPIC, partitions }],
    timeoutMs: 1000,
  });
  return answer.topics[0]!.partitions.map((one) => [one.partitionIndex, one.errorCode, one.lowWatermark]);
}

const earliest = (broker: ServingBroker) =>
  broker.ask(apis.listOffsets, 7, {
    replicaId: -1,
    topics: [{ name: TOPIC, partitions: [{ partitionIndex: 0, timestamp: -2 }] }],
  }).topics[0]!.partitions[0]!.offset;

const codeOfFetch = (broker: ServingBroker, fetchOffset: number) =>
  broker.ask(apis.fetch, 11, {
    replicaId: -1,
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes: 1 << 20,
    topics: [{ topic: TOPIC, partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1 << 20 }] }],
  }).responses[0]!.partitions[0]!.errorCode;

test.each([0, 1, 2])('v%i raises the log start offset, which lookups and fetches then use', (version) => {
  const broker = setUp();
  expect(remove(broker, version, [0, 2])).toEqual([[0, ErrorCode.NONE, 2]]);
  expect(earliest(broker)).toBe(2);
  expect(codeOfFetch(broker, 1)).toBe(ErrorCode.OFFSET_OUT_OF_RANGE);
  expect(codeOfFetch(broker, 2)).toBe(ErrorCode.NONE);
  expect(remove(broker, version, [0, -1])).toEqual([[0, ErrorCode.NONE, 3]]);
  expect(earliest(broker)).toBe(3);
});

test('each partition of the request has its own error', () => {
  const broker = setUp();
  expect(remove(broker, 2, [7, 0], [0, 9])).toEqual([
    [7, UNKNOWN, -1],
    [0, ErrorCode.OFFSET_OUT_OF_RANGE, -1],
  ]);
  const { topics } = broker.ask(apis.deleteRecords, 2, {
    topics: ['none-such', '__consumer_offsets'].map((name) => ({
      name,
      partitions: [{ partitionIndex: 0, offset: 0 }],
    })),
    timeoutMs: 1000,
  });
  expect(topics.map(({ name, partitions }) => [name, partitions[0]!.errorCode])).toEqual([
    ['none-such', UNKNOWN],
    ['__consumer_offsets', UNKNOWN],
  ]);
  expect(earliest(broker)).toBe(0);
});

test('no client deletes records of an internal topic', () => {
  const broker = testBroker();
  broker.add([
    { type: 'topic', name: '__consumer_offsets', topicId: OTHER_ID },
    partition(OTHER_ID, 0, [1], 1),
  ]);
  const client = broker.connect();
  const partitions = [0, 1].map((partitionIndex) => ({ partitionIndex, offset: 0 }));
  const topics = [{ name: '__consumer_offsets', partitions }];
  const id = client.request(apis.deleteRecords, 2, { topics, timeoutMs: 1000 });
  broker.clock.settle();
  const [answer] = client.answer(apis.deleteRecords, id).topics;
  expect(answer!.partitions.map(({ errorCode }) => errorCode)).toEqual([
    ErrorCode.INVALID_TOPIC_EXCEPTION,
    UNKNOWN,
  ]);
});

test('a partition that the request names twice is answered once, and its last offset counts', () => {
  const broker = setUp();
  expect(remove(broker, 2, [0, 9], [0, 1])).toEqual([[0, ErrorCode.NONE, 1]]);
  expect(remove(broker, 2, [0, 2], [0, 9])).toEqual([[0, ErrorCode.OFFSET_OUT_OF_RANGE, -1]]);
});

test('the answer to a request without partitions has no topics', () => {
  const broker = setUp();
  const topics = [{ name: TOPIC, partitions: [] }];
  expect(broker.ask(apis.deleteRecords, 2, { topics, timeoutMs: 0 }).topics).toEqual([]);
  expect(broker.ask(apis.deleteRecords, 2, { topics: [], timeoutMs: 0 }).topics).toEqual([]);
});
