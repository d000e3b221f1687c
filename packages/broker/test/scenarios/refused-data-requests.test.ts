/**
 * Goal: the leader answers odd and invalid Produce, Fetch, ListOffsets and OffsetForLeaderEpoch requests with
 * Kafka's error codes. Method: one table for each API, sent over the wire to a broker with real logs. None of
 * the answers depends on other brokers or on faults, so the simulator sends few of these requests.
 */
import { ZERO_UUID } from '@millrace/base';
import { apis, Compression, ErrorCode } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import { describe, expect, test } from 'vitest';
import { batchOfSize, damaged, Field, goodBatch, twice, withCount, withField } from '../support/batches.ts';
import { OTHER_ID, TOPIC_ID } from '../support/broker.ts';
import { SEGMENT_BYTES, ServingBroker } from '../support/serving-broker.ts';

type Name = string;
const UNKNOWN_TOPIC = 'nowhere';
const UNKNOWN_PARTITION = 7;
const FUTURE_EPOCH = 1_000_000;
/** The leader epoch of the partition is 5. */
const STALE_EPOCH = 4;

describe('Produce', () => {
  interface Asked {
    readonly records: () => Uint8Array | null;
    readonly version?: number;
    readonly acks?: number;
    readonly transactionalId?: string;
    readonly topic?: string;
    readonly topicId?: typeof TOPIC_ID;
    readonly partition?: number;
  }

  function produce(broker: ServingBroker, asked: Asked) {
    const { records, version = 9, acks = 1, transactionalId = null } = asked;
    const { topic = 'words', topicId = TOPIC_ID, partition = 0 } = asked;
    const partitionData = [{ index: partition, records: records() }];
    const topicData = [{ name: topic, topicId, partitionData }];
    const response = broker.ask(apis.produce, version, {
      transactionalId,
      acks,
      timeoutMs: 1000,
      topicData,
    });
    return response.responses[0]!.partitionResponses[0]!;
  }

  const MESSAGE_BYTES_MAX = 1_048_588;
  const FAR_MS = 1000 * 86_400_000;
  const UNKNOWN_CODEC = 5;
  const ZSTD = 4;
  /** Key length, value length, 5 bytes of value and header count follow the last record's offset delta. */
  const OFFSET_DELTA_FROM_END = 9;
  const CRC_OF_GZIP_FROM_END = 8;

  const valid = () => goodBatch();
  const gzipped = () => goodBatch(3, { compression: Compression.GZIP, codecs: compressionCodecs });
  const transactional = () =>
    goodBatch(1, { producerId: 1_000_000, producerEpoch: 0, baseSequence: 0, isTransactional: true });

  /** Changes the byte at this distance from the end, and fixes the checksum. */
  function withByte(batch: Uint8Array, fromEnd: number, change: (byte: number) => number): Uint8Array {
    const at = batch.length - fromEnd;
    return withField(batch, { at, bytes: 1 }, change(batch[at]!));
  }

  test.each<[Name, ErrorCode, Asked]>([
    ['acks=2', ErrorCode.INVALID_REQUIRED_ACKS, { records: valid, acks: 2 }],
    ['an unknown topic', ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, { records: valid, topic: UNKNOWN_TOPIC }],
    [
      'an unknown partition',
      ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
      { records: valid, partition: UNKNOWN_PARTITION },
    ],
    ['an unknown topic id', ErrorCode.UNKNOWN_TOPIC_ID, { records: valid, topicId: OTHER_ID, version: 13 }],
    [
      'a transactional batch without a transactional id',
      ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
      { records: transactional },
    ],
    [
      'a transaction that is not open',
      ErrorCode.INVALID_TXN_STATE,
      { records: transactional, transactionalId: 'tx', acks: -1 },
    ],
    [
      'zstd in a version without it',
      ErrorCode.UNSUPPORTED_COMPRESSION_TYPE,
      { records: () => withField(goodBatch(), Field.attributes, ZSTD), version: 6 },
    ],
  ])('%s', (_name, errorCode, asked) => {
    expect(produce(new ServingBroker(), asked)).toMatchObject({ errorCode, baseOffset: -1 });
  });

  test.each<[Name, ErrorCode, () => Uint8Array | null]>([
    ['null', ErrorCode.INVALID_RECORD, () => null],
    ['no bytes', ErrorCode.INVALID_RECORD, () => new Uint8Array(0)],
    ['two batches', ErrorCode.INVALID_RECORD, () => twice(goodBatch())],
    ['an old message format', ErrorCode.INVALID_RECORD, () => withField(goodBatch(), Field.magic, 1)],
    ['a base offset', ErrorCode.INVALID_RECORD, () => withField(goodBatch(), Field.baseOffset, 5)],
    [
      'a count that differs from the last offset delta',
      ErrorCode.INVALID_RECORD,
      () => withField(goodBatch(2), Field.recordCount, 1),
    ],
    ['a count of 0', ErrorCode.INVALID_RECORD, () => withCount(goodBatch(), 0)],
    ['a control batch', ErrorCode.INVALID_RECORD, () => goodBatch(1, { isControl: true })],
    [
      'a producer id without a sequence',
      ErrorCode.INVALID_RECORD,
      () => goodBatch(1, { producerId: 1_000_000, producerEpoch: 0 }),
    ],
    ['a wrong checksum', ErrorCode.CORRUPT_MESSAGE, () => damaged(goodBatch(3))],
    ['a header that is cut', ErrorCode.INVALID_RECORD, () => goodBatch().subarray(0, 40)],
    ['records that are cut', ErrorCode.INVALID_RECORD, () => goodBatch(5).subarray(0, 70)],
    [
      'a size below that of a header',
      ErrorCode.CORRUPT_MESSAGE,
      () => withField(goodBatch(), Field.batchLength, 3),
    ],
    [
      'an unknown codec',
      ErrorCode.UNKNOWN_SERVER_ERROR,
      () => withField(goodBatch(), Field.attributes, UNKNOWN_CODEC),
    ],
    ['more than max.message.bytes', ErrorCode.MESSAGE_TOO_LARGE, () => batchOfSize(MESSAGE_BYTES_MAX + 1)],
    ['more than segment.bytes', ErrorCode.RECORD_LIST_TOO_LARGE, () => batchOfSize(SEGMENT_BYTES + 1)],
    [
      'timestamps from the future',
      ErrorCode.INVALID_TIMESTAMP,
      () => goodBatch(2, { baseTimestamp: new ServingBroker().clock.wallMs() + FAR_MS }),
    ],
    ['fewer records than counted', ErrorCode.INVALID_RECORD, () => withCount(goodBatch(3), 4)],
    ['more records than counted', ErrorCode.INVALID_RECORD, () => withCount(goodBatch(3), 2)],
    ['fewer compressed records than counted', ErrorCode.INVALID_RECORD, () => withCount(gzipped(), 4)],
    [
      'a gap between the offsets of records',
      ErrorCode.INVALID_RECORD,
      () => withByte(goodBatch(2), OFFSET_DELTA_FROM_END, () => 4),
    ],
    [
      'a wrong checksum of gzip',
      ErrorCode.UNKNOWN_SERVER_ERROR,
      () => withByte(gzipped(), CRC_OF_GZIP_FROM_END, (byte) => byte ^ 1),
    ],
  ])('records: %s', (_name, errorCode, records) => {
    const broker = new ServingBroker();
    expect(produce(broker, { records })).toMatchObject({ errorCode, baseOffset: -1 });
    // Nothing was appended, and the broker accepts the next batch.
    expect(produce(broker, { records: valid })).toMatchObject({ errorCode: 0, baseOffset: 0 });
  });

  interface Sent {
    readonly epoch: number;
    readonly sequence: number;
    readonly records?: number;
  }
  const FIRST: Sent = { epoch: 0, sequence: 0 };
  const BUMPED: Sent = { epoch: 1, sequence: 0 };

  test.each<[Name, ErrorCode, readonly Sent[], Sent]>([
    ['a gap', ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, [], { epoch: 0, sequence: 3 }],
    ['an overlap', ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, [], { epoch: 0, sequence: 0, records: 2 }],
    [
      'a bumped epoch that does not begin at 0',
      ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
      [],
      { epoch: 1, sequence: 1 },
    ],
    ['a stale epoch', ErrorCode.INVALID_PRODUCER_EPOCH, [BUMPED], { epoch: 0, sequence: 1 }],
    ['a retry of a stale epoch', ErrorCode.INVALID_PRODUCER_EPOCH, [BUMPED], FIRST],
    ['a retry', ErrorCode.NONE, [{ epoch: 0, sequence: 1 }], FIRST],
  ])('an idempotent producer: %s', (_name, errorCode, before, last) => {
    const broker = new ServingBroker();
    const send = ({ epoch, sequence, records = 1 }: Sent) => {
      const numbers = { producerId: 4000, producerEpoch: epoch, baseSequence: sequence };
      return produce(broker, { records: () => goodBatch(records, numbers), acks: -1 });
    };
    for (const [offset, sent] of [FIRST, ...before].entries())
      expect(send(sent)).toMatchObject({ errorCode: 0, baseOffset: offset });
    expect(send(last)).toMatchObject({ errorCode, baseOffset: errorCode === ErrorCode.NONE ? 0 : -1 });
  });
});

describe('Fetch', () => {
  interface Asked {
    readonly version?: number;
    readonly topic?: string;
    readonly topicId?: typeof TOPIC_ID;
    readonly partition?: number;
    readonly offset?: number;
    readonly currentLeaderEpoch?: number;
    readonly sessionId?: number;
    readonly sessionEpoch?: number;
  }
  const BY_ID = 13;

  function fetch(broker: ServingBroker, asked: Asked) {
    const { version = 12, topic = 'words', topicId = TOPIC_ID, partition = 0, offset = 0 } = asked;
    const { currentLeaderEpoch = -1, sessionId = 0, sessionEpoch = -1 } = asked;
    const partitions = [{ partition, fetchOffset: offset, currentLeaderEpoch, partitionMaxBytes: 1000 }];
    return broker.ask(apis.fetch, version, {
      ...{ maxWaitMs: 0, minBytes: 0, maxBytes: 1000, sessionId, sessionEpoch },
      topics: [{ topic, topicId: version < BY_ID ? ZERO_UUID : topicId, partitions }],
    });
  }

  test.each<[Name, ErrorCode, Asked]>([
    ['an unknown topic', ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, { topic: UNKNOWN_TOPIC }],
    ['an unknown partition', ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, { partition: UNKNOWN_PARTITION }],
    ['an unknown topic id', ErrorCode.UNKNOWN_TOPIC_ID, { version: BY_ID, topicId: OTHER_ID }],
    ['an offset beyond the end', ErrorCode.OFFSET_OUT_OF_RANGE, { offset: 1_000_000_000 }],
    ['a future leader epoch', ErrorCode.UNKNOWN_LEADER_EPOCH, { currentLeaderEpoch: FUTURE_EPOCH }],
    ['a stale leader epoch', ErrorCode.FENCED_LEADER_EPOCH, { currentLeaderEpoch: STALE_EPOCH }],
  ])('%s', (_name, errorCode, asked) => {
    const { errorCode: whole, responses } = fetch(new ServingBroker(), asked);
    expect([whole, responses[0]?.partitions[0]?.errorCode]).toEqual([ErrorCode.NONE, errorCode]);
  });

  test.each<[Name, ErrorCode, (sessionId: number) => Asked]>([
    [
      'an unknown session',
      ErrorCode.FETCH_SESSION_ID_NOT_FOUND,
      (sessionId) => ({ sessionId: sessionId ^ 1, sessionEpoch: 1 }),
    ],
    [
      'a wrong session epoch',
      ErrorCode.INVALID_FETCH_SESSION_EPOCH,
      (sessionId) => ({ sessionId, sessionEpoch: 9 }),
    ],
    [
      'topic ids in a session with names',
      ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR,
      (sessionId) => ({ sessionId, sessionEpoch: 1, version: BY_ID }),
    ],
  ])('%s', (_name, errorCode, then) => {
    const broker = new ServingBroker();
    const { sessionId } = fetch(broker, { sessionEpoch: 0 });
    expect(sessionId).not.toBe(0);
    expect(fetch(broker, then(sessionId)).errorCode).toBe(errorCode);
  });
});

/** The fields that can be wrong in ListOffsets and in OffsetForLeaderEpoch. */
interface Looked {
  readonly topic?: string;
  readonly partition?: number;
  readonly currentLeaderEpoch?: number;
}

const COMMON: readonly (readonly [Name, ErrorCode, Looked])[] = [
  ['an unknown topic', ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, { topic: UNKNOWN_TOPIC }],
  ['an unknown partition', ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, { partition: UNKNOWN_PARTITION }],
  ['a future leader epoch', ErrorCode.UNKNOWN_LEADER_EPOCH, { currentLeaderEpoch: FUTURE_EPOCH }],
  ['a stale leader epoch', ErrorCode.FENCED_LEADER_EPOCH, { currentLeaderEpoch: STALE_EPOCH }],
];

describe('ListOffsets', () => {
  interface Asked extends Looked {
    readonly timestamp?: number;
    readonly version?: number;
    readonly isolationLevel?: number;
    readonly times?: number;
  }
  const LATEST = -1;
  const MAX_TIMESTAMP = -3;

  test.each<readonly [Name, ErrorCode, Asked]>([
    ...COMMON,
    ['an unknown place', ErrorCode.UNSUPPORTED_VERSION, { timestamp: -9 }],
    [
      'a place that the version lacks',
      ErrorCode.UNSUPPORTED_VERSION,
      { timestamp: MAX_TIMESTAMP, version: 6 },
    ],
    ['an unknown isolation level', ErrorCode.UNKNOWN_SERVER_ERROR, { isolationLevel: 2 }],
    ['a partition twice', ErrorCode.INVALID_REQUEST, { times: 2 }],
  ])('%s', (_name, errorCode, asked) => {
    const { topic = 'words', partition = 0, currentLeaderEpoch = -1, timestamp = LATEST } = asked;
    const { version = 7, isolationLevel = 0, times = 1 } = asked;
    const partitions = Array(times).fill({ partitionIndex: partition, currentLeaderEpoch, timestamp });
    const topics = [{ name: topic, partitions }];
    const request = { replicaId: -1, isolationLevel, topics };
    const response = new ServingBroker().ask(apis.listOffsets, version, request);
    expect(response.topics[0]!.partitions).toMatchObject([{ errorCode, offset: -1 }]);
  });
});

describe('OffsetForLeaderEpoch', () => {
  test.each<readonly [Name, ErrorCode, Looked & { readonly leaderEpoch?: number }]>([
    ...COMMON,
    ['an epoch that no leader had', ErrorCode.NONE, { leaderEpoch: FUTURE_EPOCH }],
  ])('%s', (_name, errorCode, asked) => {
    const { topic = 'words', partition = 0, currentLeaderEpoch = -1, leaderEpoch = 0 } = asked;
    const topics = [{ topic, partitions: [{ partition, currentLeaderEpoch, leaderEpoch }] }];
    const response = new ServingBroker().ask(apis.offsetForLeaderEpoch, 4, { replicaId: -1, topics });
    expect(response.topics[0]!.partitions).toMatchObject([{ errorCode, endOffset: -1 }]);
  });
});
