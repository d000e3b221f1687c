/**
 * FindCoordinator: any broker names the leader of the group's partition of `__consumer_offsets`, and creates
 * this topic when the first client asks.
 */
import type { Uuid } from '@millrace/base';
import { apis, ErrorCode, joinedChunks, type RequestInputOf } from '@millrace/protocol';
import { describe, expect, test } from 'vitest';
import { partition, type TestBroker, testBroker } from '../support/broker.ts';

const OFFSETS_ID = 'AAAAAAAAAAAAAAAAAAAArA' as Uuid;
const NOBODY = { nodeId: -1, host: '', port: -1 };

function find(
  broker: TestBroker,
  version: number,
  value: RequestInputOf<typeof apis.findCoordinator>,
  listener = 'PLAINTEXT',
) {
  const client = broker.connect({ listener });
  const id = client.request(apis.findCoordinator, version, value);
  broker.clock.settle();
  return client.answer(apis.findCoordinator, id);
}

/** A broker that knows `__consumer_offsets` with two partitions, led by brokers 1 and 2. */
function withOffsetsTopic(): TestBroker {
  const broker = testBroker();
  broker.add([
    { type: 'topic', name: '__consumer_offsets', topicId: OFFSETS_ID },
    partition(OFFSETS_ID, 0, [1, 2, 3], 1),
    partition(OFFSETS_ID, 1, [2, 3, 1], 2),
  ]);
  return broker;
}

describe('a group', () => {
  test('its coordinator is the leader of its partition; the answer has the address on the listener of the client', () => {
    const broker = withOffsetsTopic();
    // Java: "".hashCode() is 0, "a".hashCode() is 97.
    expect(find(broker, 3, { key: '', keyType: 0 })).toMatchObject({ errorCode: 0, nodeId: 1, port: 9092 });
    expect(find(broker, 3, { key: 'a', keyType: 0 })).toMatchObject({ errorCode: 0, nodeId: 2 });
    expect(find(broker, 2, { key: 'a', keyType: 0 }, 'INTERNAL')).toMatchObject({
      errorCode: 0,
      host: 'inner-2',
      port: 9192,
    });
  });

  test('each of many keys in one request gets its answer; a request without keys gets none', () => {
    const broker = withOffsetsTopic();
    const { coordinators } = find(broker, 4, { keyType: 0, coordinatorKeys: ['a', ''] });
    expect(coordinators).toMatchObject([
      { key: 'a', errorCode: 0, nodeId: 2 },
      { key: '', errorCode: 0, nodeId: 1 },
    ]);
    expect(find(broker, 4, { keyType: 0, coordinatorKeys: [] }).coordinators).toEqual([]);
  });

  test('without a live leader, or on a listener that the leader lacks: COORDINATOR_NOT_AVAILABLE', () => {
    const broker = withOffsetsTopic();
    broker.add([{ type: 'brokerChange', brokerId: 2, brokerEpoch: 1, fenced: true }]);
    const expected = { errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE, ...NOBODY };
    expect(find(broker, 3, { key: 'a', keyType: 0 })).toMatchObject(expected);
    expect(find(broker, 3, { key: '', keyType: 0 }, 'ELSEWHERE')).toMatchObject(expected);
    expect(broker.forwarded).toEqual([]);
  });
});

test.each([
  [1, 'NONE', 'COORDINATOR_NOT_AVAILABLE'],
  [3, 'NONE', 'COORDINATOR_NOT_AVAILABLE'],
  [4, '', ''],
])('the message of a success, and of an error, in version %i', (version, success, failure) => {
  const message = (broker: TestBroker) => {
    const answer = find(broker, version, { key: 'a', coordinatorKeys: ['a'], keyType: 0 });
    return (answer.coordinators[0] ?? answer).errorMessage;
  };
  expect([message(withOffsetsTopic()), message(testBroker())]).toEqual([success, failure]);
});

describe('the first request', () => {
  test('creates the topic with its settings, once, and asks the client to retry', () => {
    const broker = testBroker();
    const answer = find(broker, 3, { key: 'a', keyType: 0 });
    expect(answer).toMatchObject({ errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE, ...NOBODY });
    find(broker, 4, { keyType: 0, coordinatorKeys: ['a', 'b'] });
    expect(broker.forwarded.length).toBe(1);
    const { apiVersion, body } = broker.forwarded[0]!.request;
    expect(apis.createTopics.decodeRequest(apiVersion, body).topics).toEqual([
      {
        name: '__consumer_offsets',
        numPartitions: 50,
        replicationFactor: 3,
        assignments: [],
        configs: [
          { name: 'cleanup.policy', value: 'compact' },
          { name: 'compression.type', value: 'producer' },
          { name: 'segment.bytes', value: '104857600' },
        ],
      },
    ]);
  });

  test.each([
    [undefined, ['topic-auto-created', 'internal-topic-few-replicas']],
    [1, ['topic-auto-created']],
  ])(
    'the broker warns if there are too few brokers for the replicas, unless the user set the factor: %s',
    (replicationFactor, events) => {
      const offsetsTopic = { partitions: 7, segmentBytes: 1 << 20, replicationFactor };
      const broker = testBroker({ config: { offsetsTopic } });
      for (const { id, epoch } of [...broker.image.brokers.values()].slice(1))
        broker.add([{ type: 'unregisterBroker', brokerId: id, brokerEpoch: epoch }]);
      find(broker, 3, { key: 'a', keyType: 0 });
      const { request, done } = broker.forwarded[0]!;
      const response = { topics: [{ name: '__consumer_offsets' }] };
      const body = joinedChunks(apis.createTopics.encodeResponse(request.apiVersion, response));
      done({ errorCode: ErrorCode.NONE, body });
      expect(broker.log()).toEqual(events);
    },
  );

  test('a replication factor that the user set counts even if there are fewer brokers', () => {
    const offsetsTopic = { partitions: 7, replicationFactor: 5, segmentBytes: 1 << 20 };
    const broker = testBroker({ config: { offsetsTopic } });
    find(broker, 3, { key: 'a', keyType: 0 });
    const { apiVersion, body } = broker.forwarded[0]!.request;
    expect(apis.createTopics.decodeRequest(apiVersion, body).topics[0]).toMatchObject({
      numPartitions: 7,
      replicationFactor: 5,
    });
  });
});

test.each([
  ['a transactional id', 3, 1, ErrorCode.INVALID_REQUEST],
  ['a share partition', 6, 2, ErrorCode.INVALID_REQUEST],
  ['a share partition in a version without them', 5, 2, ErrorCode.INVALID_REQUEST],
  ['an unknown key type', 4, 9, ErrorCode.INVALID_REQUEST],
  ['an unknown key type', 3, -1, ErrorCode.INVALID_REQUEST],
])('%s has no coordinator', (_what, version, keyType, errorCode) => {
  const broker = withOffsetsTopic();
  const asked = version >= 4 ? { coordinatorKeys: ['a'], keyType } : { key: 'a', keyType };
  const answer = find(broker, version, asked);
  expect(version >= 4 ? answer.coordinators[0] : answer).toMatchObject({ errorCode, ...NOBODY });
  expect(broker.forwarded).toEqual([]);
});
