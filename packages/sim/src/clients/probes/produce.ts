/** Invalid Produce requests, and some that are odd but valid. */
import type { Uuid } from '@millrace/base';
import type { BrokerConnection } from '@millrace/client';
import { apis, ErrorCode } from '@millrace/protocol';
import { batchOfSize, damaged, Field, goodBatch, twice, withField } from './batches.ts';
import {
  type Answered,
  NO_TROUBLES,
  PARTITION_TROUBLES,
  type Probe,
  type ProbeTools,
  UNKNOWN_PARTITION,
  UNKNOWN_TOPIC,
} from './probe.ts';

export interface ProduceAsked {
  readonly records: Uint8Array | null;
  /** Default 9. */
  readonly version?: number;
  /** Default 1. */
  readonly acks?: number;
  /** Default 1 s. */
  readonly timeoutMs?: number;
  readonly transactionalId?: string;
  readonly topic?: string;
  readonly topicId?: Uuid;
  readonly partition?: number;
}

/** Other outcomes of an append with acks=all. */
export const APPEND_TROUBLES: readonly ErrorCode[] = [
  ...PARTITION_TROUBLES,
  ErrorCode.NOT_ENOUGH_REPLICAS,
  ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
  ErrorCode.REQUEST_TIMED_OUT,
];

/** The default of max.message.bytes. */
const MESSAGE_BYTES_MAX = 1_048_588;
/** The segment.bytes of the prober's topic. A batch of one byte more is not above its max.message.bytes. */
const SEGMENT_BYTES = 1_048_576;
/** Larger than the error of any clock of a run. */
const FAR_MS = 1000 * 24 * 3_600_000;
const UNKNOWN_CODEC = 5;
const ZSTD = 4;

export function produceTo(
  connection: BrokerConnection,
  tools: ProbeTools,
  asked: ProduceAsked,
  done: (code: number | undefined, baseOffset: number) => void,
): void {
  const { records, version = 9, acks = 1, timeoutMs = 1_000, transactionalId = null } = asked;
  const { topic = tools.topic.name, topicId = tools.topic.topicId, partition = 0 } = asked;
  const partitionData = [{ index: partition, records }];
  const request = { transactionalId, acks, timeoutMs, topicData: [{ name: topic, topicId, partitionData }] };
  connection.request(apis.produce, version, request, (response) => {
    const answer = response?.responses[0]?.partitionResponses[0];
    done(answer?.errorCode, answer?.baseOffset ?? -1);
  });
}

function refused(
  name: string,
  code: ErrorCode,
  asked: (tools: ProbeTools) => ProduceAsked,
  troubles: readonly ErrorCode[] = PARTITION_TROUBLES,
): Probe {
  return {
    name: `produce-${name}`,
    expected: [code],
    troubles,
    ask: (tools, answered) =>
      produceTo(tools.leader, tools, asked(tools), (errorCode) => answered(errorCode)),
  };
}

/** Records that the leader refuses. */
function refusedRecords(
  name: string,
  code: ErrorCode,
  make: (tools: ProbeTools) => Uint8Array | null,
  more: Omit<ProduceAsked, 'records'> = {},
): Probe {
  return refused(name, code, (tools) => ({ records: make(tools), ...more }));
}

export const produceProbes: readonly Probe[] = [
  refused('acks-2', ErrorCode.INVALID_REQUIRED_ACKS, () => ({ records: goodBatch(), acks: 2 })),
  refused(
    'unknown-topic',
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    () => ({ records: goodBatch(), topic: UNKNOWN_TOPIC }),
    NO_TROUBLES,
  ),
  refused(
    'unknown-partition',
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    () => ({ records: goodBatch(), partition: UNKNOWN_PARTITION }),
    NO_TROUBLES,
  ),
  refused(
    'unknown-topic-id',
    ErrorCode.UNKNOWN_TOPIC_ID,
    ({ env }) => ({ records: goodBatch(), topicId: env.random.uuid(), version: 13 }),
    NO_TROUBLES,
  ),
  refused('transactional-without-id', ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, () => ({
    records: transactionalBatch(),
  })),
  refused('transaction-not-open', ErrorCode.INVALID_TXN_STATE, () => ({
    records: transactionalBatch(),
    transactionalId: 'probe',
    acks: -1,
  })),
  refusedRecords('no-records', ErrorCode.INVALID_RECORD, () => null),
  refusedRecords('empty-records', ErrorCode.INVALID_RECORD, () => new Uint8Array(0)),
  refusedRecords('two-batches', ErrorCode.INVALID_RECORD, () => twice(goodBatch())),
  refusedRecords('old-magic', ErrorCode.INVALID_RECORD, () => withField(goodBatch(), Field.magic, 1)),
  refusedRecords('base-offset', ErrorCode.INVALID_RECORD, () => withField(goodBatch(), Field.baseOffset, 5)),
  refusedRecords('record-count', ErrorCode.INVALID_RECORD, () =>
    withField(goodBatch(2), Field.recordCount, 1),
  ),
  refusedRecords('no-record', ErrorCode.INVALID_RECORD, () =>
    withField(withField(goodBatch(), Field.recordCount, 0), Field.lastOffsetDelta, -1),
  ),
  refusedRecords('control-batch', ErrorCode.INVALID_RECORD, () => goodBatch(1, { isControl: true })),
  refusedRecords('no-sequence', ErrorCode.INVALID_RECORD, () =>
    goodBatch(1, { producerId: 1_000_000, producerEpoch: 0 }),
  ),
  refusedRecords('damaged', ErrorCode.CORRUPT_MESSAGE, () => damaged(goodBatch(3))),
  refusedRecords('cut-header', ErrorCode.INVALID_RECORD, () => goodBatch().subarray(0, 40)),
  refusedRecords('cut-records', ErrorCode.INVALID_RECORD, () => goodBatch(5).subarray(0, 70)),
  refusedRecords('impossible-size', ErrorCode.CORRUPT_MESSAGE, () =>
    withField(goodBatch(), Field.batchLength, 3),
  ),
  refusedRecords('unknown-codec', ErrorCode.UNKNOWN_SERVER_ERROR, () =>
    withField(goodBatch(), Field.attributes, UNKNOWN_CODEC),
  ),
  refusedRecords(
    'zstd-too-early',
    ErrorCode.UNSUPPORTED_COMPRESSION_TYPE,
    () => withField(goodBatch(), Field.attributes, ZSTD),
    { version: 6 },
  ),
  refusedRecords('too-large', ErrorCode.MESSAGE_TOO_LARGE, () => batchOfSize(MESSAGE_BYTES_MAX + 1)),
  refusedRecords('larger-than-segment', ErrorCode.RECORD_LIST_TOO_LARGE, () =>
    batchOfSize(SEGMENT_BYTES + 1),
  ),
  refusedRecords('from-the-future', ErrorCode.INVALID_TIMESTAMP, ({ env }) =>
    goodBatch(2, { baseTimestamp: env.life.clock.wallMs() + FAR_MS }),
  ),
  {
    name: 'produce-to-a-follower',
    // The broker may have become the leader meanwhile.
    expected: [ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.NONE],
    troubles: PARTITION_TROUBLES,
    ask(tools: ProbeTools, answered: Answered): void {
      if (tools.other === undefined) answered(undefined);
      else produceTo(tools.other, tools, { records: goodBatch() }, (code) => answered(code));
    },
  },
  {
    name: 'produce-in-no-time',
    expected: [ErrorCode.REQUEST_TIMED_OUT, ErrorCode.NONE],
    troubles: APPEND_TROUBLES,
    ask: (tools, answered) =>
      produceTo(tools.leader, tools, { records: goodBatch(), acks: -1, timeoutMs: 1 }, (code) =>
        answered(code),
      ),
  },
];

function transactionalBatch(): Uint8Array {
  const producer = { producerId: 1_000_000, producerEpoch: 0, baseSequence: 0 };
  return goodBatch(1, { ...producer, isTransactional: true });
}
