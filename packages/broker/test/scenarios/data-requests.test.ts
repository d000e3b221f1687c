/**
 * Produce, Fetch, ListOffsets and OffsetForLeaderEpoch as a client sees them over the wire, with a fake
 * replica manager. The tests check refusals that need no log, the order of the results, and the addresses of
 * new leaders (KIP-951).
 */
import { ZERO_UUID } from '@millrace/base';
import { apis, ErrorCode } from '@millrace/protocol';
import { describe, expect, test } from 'vitest';
import { OTHER_ID, type TestBroker, TOPIC_ID, testBroker } from '../support/broker.ts';

const BATCH = new Uint8Array(61);
const TRANSACTIONAL = new Uint8Array(61);
TRANSACTIONAL[22] = 0x10;

function produce(
  broker: TestBroker,
  version: number,
  topicData: {
    name?: string;
    topicId?: typeof TOPIC_ID;
    partitionData: { index: number; records: Uint8Array | null }[];
  }[],
  o: { acks?: number; transactionalId?: string | null; clientId?: string } = {},
) {
  const client = broker.connect();
  const { acks = -1, transactionalId = null, clientId = 'test' } = o;
  const id = client.request(
    apis.produce,
    version,
    { acks, transactionalId, timeoutMs: 500, topicData },
    clientId,
  );
  broker.clock.settle();
  const answer = () => {
    broker.clock.settle();
    return client.answer(apis.produce, id);
  };
  return { client, answer };
}

const codes = (response: ReturnType<ReturnType<typeof produce>['answer']>) =>
  response.responses.flatMap(({ partitionResponses }) =>
    partitionResponses.map(({ errorCode }) => errorCode),
  );

describe('Produce', () => {
  test('the replica manager gets every partition, and each result is in its place', () => {
    const broker = testBroker();
    const { answer } = produce(broker, 9, [
      { name: 'missing', partitionData: [{ index: 0, records: BATCH }] },
      {
        name: 'words',
        partitionData: [
          { index: 9, records: BATCH },
          { index: 1, records: BATCH },
          { index: 0, records: BATCH },
        ],
      },
    ]);
    const { request, done } = broker.replicas.produced[0]!;
    expect(request).toMatchObject({ acks: -1, timeoutMs: 500, apiVersion: 9 });
    const passed = request.partitions.map(({ topic, topicId, partition, unknown }) => [
      topic,
      topicId,
      partition,
      unknown,
    ]);
    expect(passed).toEqual([
      ['missing', ZERO_UUID, 0, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
      ['words', TOPIC_ID, 9, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
      ['words', TOPIC_ID, 1, undefined],
      ['words', TOPIC_ID, 0, undefined],
    ]);
    const unknown = {
      errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
      baseOffset: -1,
      logAppendTimeMs: -1,
      logStartOffset: -1,
    };
    done([
      unknown,
      unknown,
      { errorCode: ErrorCode.NOT_ENOUGH_REPLICAS, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1 },
      { errorCode: ErrorCode.NONE, baseOffset: 42, logAppendTimeMs: 7, logStartOffset: 3 },
    ]);
    const response = answer();
    expect(codes(response)).toEqual([3, 3, 19, 0]);
    expect(response.responses[1]!.partitionResponses[2]).toMatchObject({
      index: 0,
      baseOffset: 42,
      logAppendTimeMs: 7,
      logStartOffset: 3,
      recordErrors: [],
      errorMessage: null,
    });
    expect(response.responses[0]!.partitionResponses[0]).toMatchObject({
      baseOffset: -1,
      logStartOffset: -1,
    });
  });

  test.each([
    [3, ErrorCode.NOT_LEADER_OR_FOLLOWER],
    [4, ErrorCode.KAFKA_STORAGE_ERROR],
    [13, ErrorCode.KAFKA_STORAGE_ERROR],
  ])('version %i reports a failed disk with error %i, a code that its clients know', (version, expected) => {
    const broker = testBroker();
    const partitionData = [{ index: 0, records: BATCH }];
    const { answer } = produce(broker, version, [{ name: 'words', topicId: TOPIC_ID, partitionData }]);
    broker.replicas.release({ errorCode: ErrorCode.KAFKA_STORAGE_ERROR, message: 'the disk is full' });
    const [result] = answer().responses[0]!.partitionResponses;
    expect(result).toMatchObject({
      errorCode: expected,
      errorMessage: version >= 8 ? 'the disk is full' : null,
    });
  });

  test('the answer leaves out a topic without partitions', () => {
    const broker = testBroker();
    const { answer } = produce(broker, 9, [
      { name: 'words', partitionData: [] },
      { name: 'missing', partitionData: [{ index: 0, records: BATCH }] },
    ]);
    broker.replicas.release();
    expect(answer().responses.map(({ name }) => name)).toEqual(['missing']);
  });

  test('version 13 names topics by id', () => {
    const broker = testBroker();
    const { answer } = produce(broker, 13, [
      { topicId: OTHER_ID, partitionData: [{ index: 0, records: BATCH }] },
      { topicId: TOPIC_ID, partitionData: [{ index: 0, records: BATCH }] },
    ]);
    broker.replicas.release();
    const response = answer();
    expect(codes(response)).toEqual([ErrorCode.UNKNOWN_TOPIC_ID, 0]);
    expect(response.responses.map(({ topicId }) => topicId)).toEqual([OTHER_ID, TOPIC_ID]);
  });

  test('the answer lists each record that a log refuses', () => {
    const broker = testBroker();
    const { answer } = produce(broker, 9, [{ name: 'words', partitionData: [{ index: 0, records: BATCH }] }]);
    broker.replicas.release({
      errorCode: ErrorCode.INVALID_RECORD,
      message: 'bad',
      recordErrors: [{ batchIndex: 3, message: 'no key' }],
    });
    expect(answer().responses[0]!.partitionResponses[0]).toMatchObject({
      errorMessage: 'bad',
      recordErrors: [{ batchIndex: 3, batchIndexErrorMessage: 'no key' }],
    });
  });

  test('transactional records: error 53 without a transactional id, INVALID_TXN_STATE with one', () => {
    const topicData = [
      {
        name: 'words',
        partitionData: [
          { index: 0, records: TRANSACTIONAL },
          { index: 1, records: BATCH },
        ],
      },
    ];
    const without = testBroker();
    expect(codes(produce(without, 9, topicData).answer())).toEqual([53, 53]);
    expect(without.replicas.produced).toEqual([]);
    const broker = testBroker();
    const { answer } = produce(broker, 9, topicData, { transactionalId: 'tx' });
    broker.replicas.release();
    expect(codes(answer())).toEqual([48, 0]);
  });

  test('only the admin client may produce to internal topics; the handler leaves the check of acks to the replica manager', () => {
    const records = { type: 'topic', name: '__consumer_offsets', topicId: OTHER_ID } as const;
    const topicData = [{ name: 'words', partitionData: [{ index: 0, records: BATCH }] }];
    const odd = testBroker();
    produce(odd, 9, topicData, { acks: 2 });
    expect(odd.replicas.produced[0]!.request).toMatchObject({
      acks: 2,
      partitions: [{ forbidden: undefined }],
    });

    const internal = [{ name: '__consumer_offsets', partitionData: [{ index: 0, records: BATCH }] }];
    const broker = testBroker();
    broker.image = withTopic(broker, records);
    const refused = produce(broker, 9, internal);
    broker.replicas.release();
    expect(codes(refused.answer())).toEqual([17]);
    const { answer } = produce(broker, 9, internal, { clientId: '__admin_client' });
    broker.replicas.release();
    expect(codes(answer())).toEqual([0]);
  });

  test('KIP-951: the answer names the new leader and its address on this listener', () => {
    const broker = testBroker();
    const { answer } = produce(broker, 10, [
      { name: 'words', partitionData: [{ index: 1, records: BATCH }] },
    ]);
    broker.replicas.release({ errorCode: 6, baseOffset: -1, currentLeader: { leaderId: 2, leaderEpoch: 5 } });
    const response = answer();
    expect(response.responses[0]!.partitionResponses[0]!.currentLeader).toEqual({
      leaderId: 2,
      leaderEpoch: 5,
    });
    expect(response.nodeEndpoints).toEqual([{ nodeId: 2, host: 'broker-2', port: 9092, rack: 'b' }]);
  });
});

describe('Fetch', () => {
  const request = { replicaId: -1, maxWaitMs: 500, minBytes: 1, topics: [] };

  test('the handler passes the answer on, and adds the endpoints of the leaders that it names (v16)', () => {
    const broker = testBroker();
    const client = broker.connect({ listener: 'INTERNAL' });
    const id = client.request(apis.fetch, 16, request);
    expect(broker.replicas.fetches[0]!.request).toMatchObject({ version: 16, maxWaitMs: 500 });
    broker.replicas.fetches[0]!.done({
      sessionId: 77,
      responses: [
        {
          topicId: TOPIC_ID,
          partitions: [{ partitionIndex: 0, errorCode: 6, currentLeader: { leaderId: 3, leaderEpoch: 6 } }],
        },
      ],
    });
    broker.clock.settle();
    const response = client.answer(apis.fetch, id);
    expect(response.sessionId).toBe(77);
    expect(response.nodeEndpoints).toEqual([{ nodeId: 3, host: 'inner-3', port: 9192, rack: null }]);
  });

  test('an unknown isolation level fails the request; an old client gets the error at each partition', () => {
    const broker = testBroker();
    const client = broker.connect();
    const asked = (version: number) => {
      const topics = [
        { topic: 'words', topicId: TOPIC_ID, partitions: [{ partition: 0, partitionMaxBytes: 9 }] },
      ];
      const id = client.request(apis.fetch, version, {
        ...request,
        isolationLevel: -1,
        sessionId: 7,
        topics,
      });
      broker.clock.settle();
      return client.answer(apis.fetch, id);
    };
    expect(asked(13)).toMatchObject({
      errorCode: ErrorCode.UNKNOWN_SERVER_ERROR,
      sessionId: 7,
      responses: [],
    });
    for (const version of [4, 12])
      expect(asked(version).responses).toMatchObject([
        {
          topic: 'words',
          partitions: [
            { errorCode: ErrorCode.UNKNOWN_SERVER_ERROR, highWatermark: -1, abortedTransactions: [] },
          ],
        },
      ]);
    expect(broker.replicas.fetches).toEqual([]);
  });

  test('before v16 the answer has no endpoints', () => {
    const broker = testBroker();
    const client = broker.connect();
    const id = client.request(apis.fetch, 12, request);
    broker.replicas.fetches[0]!.done({
      responses: [
        {
          topic: 'words',
          partitions: [{ partitionIndex: 0, currentLeader: { leaderId: 3, leaderEpoch: 6 } }],
        },
      ],
    });
    broker.clock.settle();
    expect(client.answer(apis.fetch, id).nodeEndpoints).toEqual([]);
  });
});

describe('lookups', () => {
  test('ListOffsets: the broker refuses unknown and repeated partitions, each once, and looks up the others', () => {
    const broker = testBroker();
    const asked: unknown[] = [];
    broker.replicas.listOffsets = ({ partitions }, done) => {
      asked.push(...partitions.map(({ topic, partition, timestamp }) => [topic, partition, timestamp]));
      done(partitions.map(() => ({ errorCode: 0, offset: 11, timestamp: -1, leaderEpoch: 5 })));
      return undefined;
    };
    const client = broker.connect();
    const at = (partitionIndex: number, timestamp = -1) => ({
      partitionIndex,
      currentLeaderEpoch: -1,
      timestamp,
    });
    const topics = [
      { name: 'words', partitions: [at(0, -2), at(1), at(1), at(7)] },
      { name: 'missing', partitions: [at(0)] },
      { name: 'words', partitions: [] },
      { name: 'nothing asked', partitions: [] },
    ];
    const id = client.request(apis.listOffsets, 7, { replicaId: -1, topics });
    broker.clock.settle();
    const response = client.answer(apis.listOffsets, id);
    expect(asked).toEqual([['words', 0, -2]]);
    expect(
      response.topics.flatMap(({ partitions }) => partitions.map((p) => [p.errorCode, p.offset])),
    ).toEqual([
      [0, 11],
      [42, -1],
      [3, -1],
      [3, -1],
    ]);
    expect(response.topics.map(({ name }) => name)).toEqual(['words', 'missing']);
    expect(response.topics[0]!.partitions[0]!.leaderEpoch).toBe(5);
  });

  test('ListOffsets: an unknown isolation level fails each partition', () => {
    const broker = testBroker();
    const client = broker.connect();
    const partitions = [{ partitionIndex: 0, timestamp: -1 }];
    const id = client.request(apis.listOffsets, 7, {
      replicaId: -1,
      isolationLevel: 2,
      topics: [{ name: 'words', partitions }],
    });
    broker.clock.settle();
    expect(client.answer(apis.listOffsets, id).topics).toMatchObject([
      { name: 'words', partitions: [{ errorCode: ErrorCode.UNKNOWN_SERVER_ERROR, offset: -1 }] },
    ]);
  });

  test('OffsetForLeaderEpoch: each partition gets its own result', () => {
    const broker = testBroker();
    broker.replicas.offsetForLeaderEpoch = (partitions) =>
      partitions.map(
        ({ partition }) => ({ errorCode: 0, leaderEpoch: 4, endOffset: 100 + partition }) as const,
      );
    const client = broker.connect();
    const at = (partition: number) => ({ partition, currentLeaderEpoch: 5, leaderEpoch: 4 });
    const topics = [
      { topic: 'missing', partitions: [at(0)] },
      { topic: 'words', partitions: [at(1), at(0)] },
    ];
    const id = client.request(apis.offsetForLeaderEpoch, 4, { replicaId: -1, topics });
    broker.clock.settle();
    expect(client.answer(apis.offsetForLeaderEpoch, id).topics).toEqual([
      { topic: 'missing', partitions: [{ partition: 0, errorCode: 3, leaderEpoch: -1, endOffset: -1 }] },
      {
        topic: 'words',
        partitions: [
          { partition: 1, errorCode: 0, leaderEpoch: 4, endOffset: 101 },
          { partition: 0, errorCode: 0, leaderEpoch: 4, endOffset: 100 },
        ],
      },
    ]);
  });
});

function withTopic(broker: TestBroker, topic: { type: 'topic'; name: string; topicId: typeof TOPIC_ID }) {
  expect(topic.topicId).not.toBe(ZERO_UUID);
  return broker.add([
    topic,
    {
      type: 'partition',
      topicId: topic.topicId,
      partition: 0,
      replicas: [1],
      isr: [1],
      leader: 1,
      leaderEpoch: 0,
      partitionEpoch: 0,
    },
  ]);
}
