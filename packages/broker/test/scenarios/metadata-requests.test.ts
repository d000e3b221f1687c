/**
 * Metadata, DescribeTopicPartitions and DescribeCluster: one cluster, seen through different listeners and
 * versions. Also the creation of missing topics, and ApiVersions.
 */
import { ZERO_UUID } from '@millrace/base';
import { apis, ErrorCode, type RequestInputOf } from '@millrace/protocol';
import { describe, expect, test } from 'vitest';
import { CLUSTER_ID, OTHER_ID, partition, type TestBroker, TOPIC_ID, testBroker } from '../support/broker.ts';

function metadata(
  broker: TestBroker,
  version: number,
  value: RequestInputOf<typeof apis.metadata>,
  listener = 'PLAINTEXT',
) {
  const client = broker.connect({ listener });
  const id = client.request(apis.metadata, version, value);
  broker.clock.settle();
  return client.answer(apis.metadata, id);
}

const fence = (brokerId: number) =>
  ({ type: 'brokerChange', brokerId, brokerEpoch: brokerId - 1, fenced: true }) as const;

describe('Metadata', () => {
  test("the answer has the brokers with their addresses on the client's listener; this broker names itself as the controller", () => {
    const response = metadata(testBroker(), 12, { topics: null }, 'INTERNAL');
    expect(response.brokers).toEqual([
      { nodeId: 1, host: 'inner-1', port: 9192, rack: null },
      { nodeId: 2, host: 'inner-2', port: 9192, rack: 'b' },
      { nodeId: 3, host: 'inner-3', port: 9192, rack: null },
    ]);
    expect(response).toMatchObject({ clusterId: CLUSTER_ID, controllerId: 1 });
    expect(response.topics).toMatchObject([
      {
        errorCode: 0,
        name: 'words',
        topicId: TOPIC_ID,
        isInternal: false,
        partitions: [
          {
            errorCode: 0,
            partitionIndex: 0,
            leaderId: 1,
            leaderEpoch: 5,
            replicaNodes: [1, 2, 3],
            isrNodes: [1, 2, 3],
          },
          { errorCode: 0, partitionIndex: 1, leaderId: 2 },
        ],
      },
    ]);
  });

  test('a fenced broker is not in the list, and counts as offline in its partitions; the answer names another controller', () => {
    const broker = testBroker();
    broker.add([fence(1)]);
    const response = metadata(broker, 12, { topics: null });
    expect(response.brokers.map(({ nodeId }) => nodeId)).toEqual([2, 3]);
    expect(response.controllerId).toBe(2);
    expect(response.topics[0]!.partitions[0]).toMatchObject({
      errorCode: ErrorCode.LEADER_NOT_AVAILABLE,
      leaderId: -1,
      leaderEpoch: 5,
      replicaNodes: [1, 2, 3],
      offlineReplicas: [1],
    });
    expect(response.topics[0]!.partitions[1]).toMatchObject({
      errorCode: 0,
      leaderId: 2,
      offlineReplicas: [1],
    });
  });

  test('version 0: the answer leaves out dead replicas and has REPLICA_NOT_AVAILABLE; an empty list means all topics', () => {
    const broker = testBroker();
    broker.add([fence(1)]);
    const response = metadata(broker, 0, { topics: [] });
    expect(response.topics[0]!.partitions[1]).toMatchObject({
      errorCode: ErrorCode.REPLICA_NOT_AVAILABLE,
      replicaNodes: [2, 3],
      isrNodes: [2, 3],
    });
  });

  test('from version 1 on an empty list means no topics', () => {
    expect(metadata(testBroker(), 1, { topics: [] }).topics).toEqual([]);
  });

  test('a leader without the listener: LISTENER_NOT_FOUND; old clients get LEADER_NOT_AVAILABLE', () => {
    const response = metadata(testBroker(), 6, { topics: null }, 'OTHER');
    expect(response.brokers).toEqual([]);
    expect(response.controllerId).toBe(-1);
    expect(response.topics[0]!.partitions[0]!.errorCode).toBe(ErrorCode.LISTENER_NOT_FOUND);
    expect(metadata(testBroker(), 5, { topics: null }, 'OTHER').topics[0]!.partitions[0]!.errorCode).toBe(5);
  });

  test('topics by id: an unknown id gets an error, and the broker ignores names in the same request', () => {
    const topics = [
      { topicId: TOPIC_ID, name: null },
      { topicId: OTHER_ID, name: null },
    ];
    const response = metadata(testBroker(), 12, { topics });
    expect(response.topics).toMatchObject([
      { errorCode: 0, name: 'words' },
      { errorCode: ErrorCode.UNKNOWN_TOPIC_ID, name: null, topicId: OTHER_ID },
    ]);
    const mixed = metadata(testBroker(), 12, { topics: [topics[0]!, { name: 'other' }] });
    expect(mixed.topics.map(({ topicId }) => topicId)).toEqual([TOPIC_ID]);
    const early = metadata(testBroker(), 11, { topics: [{ topicId: TOPIC_ID, name: 'words' }] });
    expect(early.topics).toMatchObject([{ errorCode: ErrorCode.INVALID_REQUEST, name: 'words' }]);
    expect(early.brokers).toEqual([]);
  });

  test('the answer has the authorized operations if the request asks for them', () => {
    const asked = {
      topics: null,
      includeTopicAuthorizedOperations: true,
      includeClusterAuthorizedOperations: true,
    };
    const response = metadata(testBroker(), 9, asked);
    expect(response.topics[0]!.topicAuthorizedOperations).toBe(3576);
    expect(response.clusterAuthorizedOperations).toBe(8096);
    const wrong = metadata(testBroker(), 9, {
      ...asked,
      topics: [{ name: 'missing' }, { name: 'no/good' }],
      allowAutoTopicCreation: false,
    });
    expect(wrong.topics.map((topic) => topic.topicAuthorizedOperations)).toEqual([3576, 3576]);
    const silent = metadata(testBroker(), 9, { topics: null });
    expect(silent.topics[0]!.topicAuthorizedOperations).toBe(-2147483648);
    expect(silent.clusterAuthorizedOperations).toBe(-2147483648);
  });

  test.each([
    ['an unknown name', 9, { name: 'fresh' }, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
    ['an illegal name', 9, { name: 'no/good' }, ErrorCode.INVALID_TOPIC_EXCEPTION],
    ['an unknown id', 12, { name: null, topicId: OTHER_ID }, ErrorCode.UNKNOWN_TOPIC_ID],
    ['an id in a version without ids', 10, { name: 'words', topicId: TOPIC_ID }, ErrorCode.INVALID_REQUEST],
    ['neither name nor id', 12, { name: '', topicId: ZERO_UUID }, ErrorCode.INVALID_TOPIC_EXCEPTION],
  ])('%s is refused', (_name, version, topic, errorCode) => {
    const response = metadata(testBroker(), version, { topics: [topic], allowAutoTopicCreation: false });
    expect(response.topics).toMatchObject([{ errorCode, partitions: [] }]);
  });

  test('the answer lists a repeated topic once, and an illegal name with an error', () => {
    const topics = ['words', 'words', 'no/good'].map((name) => ({ name }));
    const response = metadata(testBroker(), 4, { topics, allowAutoTopicCreation: false });
    expect(response.topics.map(({ name, errorCode }) => [name, errorCode])).toEqual([
      ['words', 0],
      ['no/good', ErrorCode.INVALID_TOPIC_EXCEPTION],
    ]);
  });
});

describe('auto topic creation', () => {
  const ask = (broker: TestBroker, name: string, version = 12, allowAutoTopicCreation = true) =>
    metadata(broker, version, { topics: [{ name }], allowAutoTopicCreation }).topics[0]!.errorCode;

  test('a missing topic is unknown at first, created once, and found by the retry', () => {
    const broker = testBroker();
    expect(ask(broker, 'fresh')).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    expect(ask(broker, 'fresh')).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    expect(broker.forwarded.length).toBe(1);
    const { request, done } = broker.forwarded[0]!;
    expect(request).toMatchObject({ apiKey: 19, apiVersion: 7, clientId: 'test' });
    expect(apis.createTopics.decodeRequest(7, request.body).topics).toMatchObject([
      { name: 'fresh', numPartitions: -1, replicationFactor: -1, assignments: [], configs: [] },
    ]);

    broker.add([{ type: 'topic', name: 'fresh', topicId: OTHER_ID }, partition(OTHER_ID, 0, [1], 1)]);
    const [body] = apis.createTopics.encodeResponse(7, { topics: [{ name: 'fresh', topicId: OTHER_ID }] });
    done({ errorCode: ErrorCode.NONE, body: body! });
    expect(ask(broker, 'fresh')).toBe(0);
    expect(broker.log()).toEqual(['topic-auto-created']);
  });

  test('the next request retries a failed creation', () => {
    const broker = testBroker();
    ask(broker, 'fresh');
    broker.forwarded[0]!.done({ errorCode: ErrorCode.REQUEST_TIMED_OUT, body: new Uint8Array(0) });
    ask(broker, 'fresh');
    expect(broker.forwarded.length).toBe(2);
    expect(broker.log()).toEqual(['auto-topic-creation-failed']);
  });

  test("the broker creates no topic if the client or the broker's setting forbids it, or if the name is illegal or __transaction_state; before v4 clients cannot forbid it", () => {
    const broker = testBroker();
    ask(broker, 'fresh', 12, false);
    ask(broker, 'no/good');
    ask(broker, '__transaction_state');
    expect(broker.forwarded).toEqual([]);
    ask(broker, 'fresh', 3, false);
    expect(broker.forwarded.length).toBe(1);
    const strict = testBroker({ config: { autoCreateTopics: false } });
    ask(strict, 'fresh');
    expect(strict.forwarded).toEqual([]);
  });
});

describe('DescribeTopicPartitions', () => {
  function page(broker: TestBroker, value: RequestInputOf<typeof apis.describeTopicPartitions>) {
    const client = broker.connect();
    const id = client.request(apis.describeTopicPartitions, 0, value);
    broker.clock.settle();
    const { topics, nextCursor } = client.answer(apis.describeTopicPartitions, id);
    const shown = topics.map(({ name, errorCode, partitions }) =>
      errorCode === 0
        ? `${name} ${partitions.map(({ partitionIndex }) => partitionIndex)}`
        : `${name} error ${errorCode}`,
    );
    return { shown, nextCursor, topics };
  }

  function threeTopics() {
    const broker = testBroker();
    const third = 'AAAAAAAAAAAAAAAAAAAAAg' as typeof TOPIC_ID;
    broker.add([
      { type: 'topic', name: 'apples', topicId: OTHER_ID },
      ...[0, 1, 2].map((index) => partition(OTHER_ID, index, [1, 2], 1)),
      { type: 'topic', name: 'zebras', topicId: third },
      partition(third, 0, [3], 3),
    ]);
    return broker;
  }

  test('without topic names, the pages show all topics in the order of their names', () => {
    const broker = threeTopics();
    const seen: string[][] = [];
    let cursor: RequestInputOf<typeof apis.describeTopicPartitions>['cursor'] = null;
    do {
      const { shown, nextCursor } = page(broker, { topics: [], responsePartitionLimit: 2, cursor });
      seen.push(shown);
      cursor = nextCursor;
    } while (cursor !== null);
    expect(seen).toEqual([['apples 0,1'], ['apples 2', 'words 0'], ['words 1', 'zebras 0']]);
  });

  test('after a page that is full at the end of a topic, the cursor names the next topic', () => {
    const { shown, nextCursor } = page(threeTopics(), { topics: [], responsePartitionLimit: 3 });
    expect(shown).toEqual(['apples 0,1,2']);
    expect(nextCursor).toEqual({ topicName: 'words', partitionIndex: 0 });
  });

  test('the page sorts named topics, and shows unknown ones with an error; the broker also limits the page', () => {
    const broker = threeTopics();
    const topics = ['zebras', 'nothing', 'apples', 'a/b'].map((name) => ({ name }));
    expect(page(broker, { topics }).shown).toEqual([
      'a/b error 17',
      'apples 0,1,2',
      'nothing error 3',
      'zebras 0',
    ]);
    const operations = page(broker, { topics }).topics.map((topic) => topic.topicAuthorizedOperations);
    expect(operations).toEqual([3576, 3576, 3576, 3576]);
    const strict = testBroker({ config: { describePartitionsMax: 1 } });
    expect(page(strict, { topics: [] })).toMatchObject({
      shown: ['words 0'],
      nextCursor: { topicName: 'words', partitionIndex: 1 },
    });
    expect(page(strict, { topics: [], responsePartitionLimit: -5 }).shown).toEqual(['words 0']);
  });

  test('the page shows partitions as Metadata does, with an empty ELR', () => {
    expect(page(testBroker(), { topics: [{ name: 'words' }] }).topics[0]).toMatchObject({
      topicId: TOPIC_ID,
      topicAuthorizedOperations: 3576,
      partitions: [
        { leaderId: 1, leaderEpoch: 5, isrNodes: [1, 2, 3], eligibleLeaderReplicas: [], lastKnownElr: [] },
        {},
      ],
    });
  });

  test('without a leader, the last known ELR is the last leader, as in Apache Kafka 4.3.1; with a leader it is empty', () => {
    const broker = testBroker();
    const lastKnownElr = () =>
      page(broker, { topics: [{ name: 'words' }] }).topics[0]!.partitions.map((each) => each.lastKnownElr);
    const change = { type: 'partitionChange', topicId: TOPIC_ID, partition: 0 } as const;
    broker.add([{ ...change, isr: [2, 3], leader: 2 }]);
    expect(lastKnownElr()).toEqual([[], []]);
    broker.add([{ ...change, isr: [2], leader: -1 }]);
    expect(lastKnownElr()).toEqual([[2], []]);
    broker.add([{ ...change, isr: [3], leader: -1 }]);
    expect(lastKnownElr()).toEqual([[2], []]);
    broker.add([{ ...change, leader: 3 }]);
    expect(lastKnownElr()).toEqual([[], []]);
  });

  test('a cursor before the beginning, or outside the named topics, is refused', () => {
    const topics = [{ name: 'words' }];
    const wrong = { topicName: 'words', partitionIndex: -1 };
    expect(page(testBroker(), { topics, cursor: wrong }).shown).toEqual(['words error 42']);
    const outside = { topicName: 'zebras', partitionIndex: 0 };
    expect(page(testBroker(), { topics, cursor: outside }).shown).toEqual(['words error 42']);
  });
});

describe('DescribeCluster', () => {
  function cluster(broker: TestBroker, version: number, value: RequestInputOf<typeof apis.describeCluster>) {
    const client = broker.connect();
    const id = client.request(apis.describeCluster, version, value);
    broker.clock.settle();
    return client.answer(apis.describeCluster, id);
  }

  test('the answer lists the live brokers; from version 2 on, it lists fenced brokers on request', () => {
    const broker = testBroker();
    broker.add([fence(2)]);
    const response = cluster(broker, 2, {
      includeFencedBrokers: false,
      includeClusterAuthorizedOperations: true,
    });
    expect(response).toMatchObject({ errorCode: 0, clusterId: CLUSTER_ID, controllerId: 1, endpointType: 1 });
    expect(response.clusterAuthorizedOperations).toBe(8096);
    expect(response.brokers.map(({ brokerId }) => brokerId)).toEqual([1, 3]);
    const all = cluster(broker, 2, { includeFencedBrokers: true });
    expect(all.brokers.map(({ brokerId, isFenced }) => [brokerId, isFenced])).toEqual([
      [1, false],
      [2, true],
      [3, false],
    ]);
    expect(all.brokers[1]).toMatchObject({ host: 'broker-2', port: 9092, rack: 'b' });
  });

  test('a broker does not describe controllers: its answer is always about brokers', () => {
    const asked = (endpointType: number) => cluster(testBroker(), 1, { endpointType });
    expect(asked(2)).toMatchObject({ errorCode: ErrorCode.MISMATCHED_ENDPOINT_TYPE, endpointType: 1 });
    expect(asked(9)).toMatchObject({ errorCode: ErrorCode.UNSUPPORTED_ENDPOINT_TYPE, endpointType: 1 });
  });
});

describe('ApiVersions', () => {
  test('the answer lists every API with its versions; Produce starts at 0, or librdkafka would not compress', () => {
    const client = testBroker().connect();
    const id = client.request(apis.apiVersions, 3, {
      clientSoftwareName: 'kcat',
      clientSoftwareVersion: '1.7.0-x',
    });
    const broker = testBroker();
    const again = broker.connect();
    again.request(apis.apiVersions, 0, {});
    broker.clock.settle();
    expect(id).toBe(1);
    const ranges = again
      .answer(apis.apiVersions, 1)
      .apiKeys.map((key) => `${key.apiKey} ${key.minVersion}-${key.maxVersion}`);
    expect(ranges.sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))).toEqual([
      '0 0-13',
      '1 4-18',
      '2 1-11',
      '3 0-13',
      '8 2-10',
      '9 1-10',
      '10 0-6',
      '11 0-9',
      '12 0-4',
      '13 0-5',
      '14 0-5',
      '15 0-6',
      '16 0-5',
      '18 0-4',
      '19 2-7',
      '20 1-6',
      '21 0-2',
      '22 0-5',
      '23 2-4',
      '32 1-4',
      '33 0-2',
      '35 1-5',
      '37 0-3',
      '42 0-2',
      '44 0-1',
      '47 0-0',
      '55 0-2',
      '60 0-2',
      '68 0-1',
      '69 0-1',
      '74 0-1',
      '75 0-0',
    ]);
  });

  test('the answer lists the APIs that have a handler', () => {
    const broker = testBroker();
    const client = broker.connect();
    const id = client.request(apis.apiVersions, 0, {});
    broker.clock.settle();
    const advertised = new Set(client.answer(apis.apiVersions, id).apiKeys.map(({ apiKey }) => apiKey));
    expect(advertised).toEqual(new Set(Object.values(apis).map(({ key }) => key)));
  });

  test('the broker refuses a client whose software name breaks the grammar of KIP-511', () => {
    const broker = testBroker();
    const client = broker.connect();
    const id = client.request(apis.apiVersions, 3, {
      clientSoftwareName: '-bad',
      clientSoftwareVersion: '1',
    });
    broker.clock.settle();
    expect(client.answer(apis.apiVersions, id)).toMatchObject({
      errorCode: ErrorCode.INVALID_REQUEST,
      apiKeys: [],
    });
    expect(client.ended).toBe(false);
  });
});
