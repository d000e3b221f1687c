/**
 * Requests of the data path: Produce, Fetch, ListOffsets, DeleteRecords, OffsetForLeaderEpoch,
 * InitProducerId.
 */
import { buildBatch, Compression, crc32c, type NewBatch } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import { ids } from '../mutations.ts';
import type { Struct } from '../raw.ts';
import { FIRST_TIMESTAMP, RECORDS, twoRecords, type World } from '../world.ts';
import type { ApiCases, SpecialCase } from './api-cases.ts';

const MEBIBYTE = 1 << 20;
const NOW = Date.now();

/**
 * Names a topic by its name and by its id. Each version of the request writes only the fields that it has.
 */
function topic(world: World, name: string): { topic: string; name: string; topicId: string } {
  return { topic: name, name, topicId: world.idOf.get(name) ?? ids.unknown };
}

function produceOf(world: World, name: string, more: Struct = {}, partition: Struct = {}): Struct {
  const partitionData = [{ index: 0, records: twoRecords(NOW), ...partition }];
  return { acks: 1, timeoutMs: 1000, topicData: [{ ...topic(world, name), partitionData }], ...more };
}

function withBatch(name: string, batch: () => Uint8Array): SpecialCase {
  return { name, value: (world) => produceOf(world, world.sink, {}, { records: batch() }) };
}

function batchWithByte(position: number, byte: number): Uint8Array {
  const batch = Buffer.from(twoRecords(NOW));
  batch[position] = byte;
  return batch;
}

const record = { key: null, value: Buffer.from('value') };
const MAGIC_POSITION = 16;
const CRC_POSITION = 17;

const ATTRIBUTES_POSITION = 21;
const DELTA_POSITION = 23;
const COUNT_POSITION = 57;
/**
 * The distance from the end of a batch to the offset delta of the last record, if that record has no key, a
 * value of five bytes and no headers.
 */
const OFFSET_DELTA_FROM_END = 9;
const CRC_OF_GZIP_FROM_END = 8;

/** Changes a number in a batch of two records, and then makes the checksum valid again. */
function withField(position: number, sizeBytes: number, value: number, of = twoRecords(NOW)): Uint8Array {
  const batch = Buffer.from(of);
  for (let i = 0; i < sizeBytes; i++) batch[position + sizeBytes - 1 - i] = i < 4 ? value >> (8 * i) : 0;
  batch.writeUInt32BE(crc32c(batch, ATTRIBUTES_POSITION), CRC_POSITION);
  return batch;
}

/** A batch of two records whose header says that the batch has `count` records. */
function withCount(count: number): Uint8Array {
  return withField(DELTA_POSITION, 4, count - 1, withField(COUNT_POSITION, 4, count));
}

/** A batch of two records without key and headers. */
function twoPlain(more: Partial<NewBatch> = {}): Uint8Array {
  return buildBatch({ baseTimestamp: NOW, records: [record, record], ...more });
}

function transactional(): Uint8Array {
  const producer = { producerId: 987_657, producerEpoch: 0, baseSequence: 0 };
  return buildBatch({ baseTimestamp: NOW, records: [record], ...producer, isTransactional: true });
}

export const produce: ApiCases = {
  base: (world) => produceOf(world, world.sink),
  // Leaves out the cases whose records are null, or have a length that Apache Kafka reads as null. Apache
  // Kafka never answers them, so each would wait for its timeout. The special case below is the only one.
  leftOut: /records=(null|length (-2|min|2\^31))/,
  special: [
    {
      name: 'null records',
      value: (world, version) =>
        version === 13 ? produceOf(world, world.sink, {}, { records: null }) : undefined,
    },
    { name: 'acks 0', value: (world) => produceOf(world, world.sink, { acks: 0 }) },
    { name: 'acks all', value: (world) => produceOf(world, world.sink, { acks: -1 }) },
    { name: 'acks 2, unknown topic', value: (world) => produceOf(world, 'wire-unknown', { acks: 2 }) },
    { name: 'unknown topic', value: (world) => produceOf(world, 'wire-unknown') },
    { name: 'unknown topic, acks 0', value: (world) => produceOf(world, 'wire-unknown', { acks: 0 }) },
    { name: 'unknown partition', value: (world) => produceOf(world, world.sink, {}, { index: 9 }) },
    {
      name: 'no topics, acks all',
      value: () => ({ acks: -1, timeoutMs: 1000, topicData: [] }),
    },
    {
      name: 'a known and an unknown topic',
      value: (world) => ({
        acks: 1,
        timeoutMs: 1000,
        topicData: ['wire-unknown', world.sink].map((name) => ({
          ...topic(world, name),
          partitionData: [{ index: 0, records: twoRecords(NOW) }],
        })),
      }),
    },
    withBatch('two batches', () => Buffer.concat([twoRecords(NOW), twoRecords(NOW)])),
    withBatch('magic 1', () => batchWithByte(MAGIC_POSITION, 1)),
    withBatch('magic 0', () => batchWithByte(MAGIC_POSITION, 0)),
    withBatch('magic 3', () => batchWithByte(MAGIC_POSITION, 3)),
    withBatch('another CRC', () => batchWithByte(CRC_POSITION, twoRecords(NOW)[CRC_POSITION]! ^ 1)),
    withBatch('a batch that is cut', () => twoRecords(NOW).subarray(0, 80)),
    withBatch('bytes behind the batch', () => Buffer.concat([twoRecords(NOW), Buffer.alloc(5)])),
    withBatch('a control batch', () =>
      buildBatch({ baseTimestamp: NOW, records: [record], isControl: true, producerId: 1, producerEpoch: 0 }),
    ),
    withBatch('an unknown producer id, sequence 0', () =>
      buildBatch({
        baseTimestamp: NOW,
        records: [record],
        producerId: 987_654,
        producerEpoch: 0,
        baseSequence: 0,
      }),
    ),
    withBatch('an unknown producer id, sequence 5', () =>
      buildBatch({
        baseTimestamp: NOW,
        records: [record],
        producerId: 987_655,
        producerEpoch: 0,
        baseSequence: 5,
      }),
    ),
    withBatch('a producer id without a sequence', () =>
      buildBatch({ baseTimestamp: NOW, records: [record], producerId: 987_656, producerEpoch: 0 }),
    ),
    withBatch('a producer id without an epoch', () =>
      buildBatch({ baseTimestamp: NOW, records: [record], producerId: 987_657, baseSequence: 0 }),
    ),
    withBatch('a timestamp in the far future', () => twoRecords(NOW + 86_400_000 * 400)),
    withBatch('a base offset', () => withField(0, 8, 5)),
    withBatch('a size below that of a header', () => withField(8, 4, 3)),
    withBatch('an unknown codec', () => withField(ATTRIBUTES_POSITION, 2, 5)),
    withBatch('zstd, uncompressed', () => withField(ATTRIBUTES_POSITION, 2, 4)),
    withBatch('a count that differs from the last offset delta', () => withField(COUNT_POSITION, 4, 1)),
    withBatch('one record fewer than counted', () => withCount(3)),
    withBatch('one record more than counted', () => withCount(1)),
    withBatch('a count of 0', () => withCount(0)),
    withBatch('more than max.message.bytes', () =>
      buildBatch({ baseTimestamp: NOW, records: [{ key: null, value: Buffer.alloc(MEBIBYTE + 12) }] }),
    ),
    withBatch('a transactional batch', transactional),
    withBatch('a gap between the offsets of records', () => {
      const batch = twoPlain();
      return withField(batch.length - OFFSET_DELTA_FROM_END, 1, 4, batch);
    }),
    withBatch('a wrong checksum of gzip', () => {
      const batch = twoPlain({ compression: Compression.GZIP, codecs: compressionCodecs });
      const at = batch.length - CRC_OF_GZIP_FROM_END;
      return withField(at, 1, batch[at]! ^ 1, batch);
    }),
  ],
};

function fetchOf(world: World, name: string, more: Struct = {}, partition: Struct = {}): Struct {
  const asked = {
    partition: 0,
    fetchOffset: 0,
    logStartOffset: -1,
    partitionMaxBytes: MEBIBYTE,
    ...partition,
  };
  return {
    replicaId: -1,
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: MEBIBYTE,
    isolationLevel: 0,
    sessionId: 0,
    sessionEpoch: -1,
    topics: [{ ...topic(world, name), partitions: [asked] }],
    forgottenTopicsData: [{ ...topic(world, name), partitions: [0] }],
    rackId: '',
    ...more,
  };
}

const fetchPartition = (name: string, partition: Struct): SpecialCase => ({
  name,
  value: (world) => fetchOf(world, world.full, {}, partition),
});
const fetchWith = (name: string, more: Struct): SpecialCase => ({
  name,
  value: (world) => fetchOf(world, world.full, more),
});

export const fetch: ApiCases = {
  base: (world) => fetchOf(world, world.full),
  variants: [
    {
      name: 'tagged',
      value: (world, version) =>
        version < 12 ? undefined : fetchOf(world, world.full, { clusterId: world.clusterId }),
    },
    {
      name: 'replica state',
      value: (world, version) =>
        version < 15
          ? undefined
          : fetchOf(world, world.full, { replicaState: { replicaId: -1, replicaEpoch: -1 } }),
    },
    {
      name: 'partition tags',
      value: (world, version) =>
        version < 18
          ? undefined
          : fetchOf(world, world.full, {}, { replicaDirectoryId: ids.unknown, highWatermark: 3 }),
    },
  ],
  special: [
    { name: 'unknown topic', value: (world) => fetchOf(world, 'wire-unknown') },
    { name: 'empty topic', value: (world) => fetchOf(world, world.empty) },
    fetchPartition('unknown partition', { partition: 9 }),
    fetchPartition('at the end', { fetchOffset: RECORDS }),
    fetchPartition('behind the end', { fetchOffset: RECORDS + 1 }),
    fetchPartition('within a batch', { fetchOffset: 3 }),
    fetchPartition('an older leader epoch', { currentLeaderEpoch: -2 }),
    fetchPartition('a newer leader epoch', { currentLeaderEpoch: 1000 }),
    fetchPartition('last fetched epoch of the leader', { fetchOffset: 2, lastFetchedEpoch: 0 }),
    fetchPartition('last fetched epoch that is newer', { fetchOffset: 2, lastFetchedEpoch: 1000 }),
    fetchWith('read committed', { isolationLevel: 1 }),
    fetchWith('as replica 77', { replicaId: 77, replicaState: { replicaId: 77, replicaEpoch: 1 } }),
    {
      name: 'as replica 77, with the leader epoch',
      value: (world) => {
        const replica = { replicaId: 77, replicaState: { replicaId: 77, replicaEpoch: 1 } };
        return fetchOf(world, world.full, replica, { currentLeaderEpoch: 0 });
      },
    },
    fetchWith('as a debugging consumer', { replicaId: -2 }),
    fetchWith('a session is opened', { sessionEpoch: 0 }),
    fetchWith('an unknown session', { sessionId: 123, sessionEpoch: 1 }),
    fetchWith('a session without an id', { sessionId: 0, sessionEpoch: 1 }),
    fetchWith('an unknown session is closed', { sessionId: 123, sessionEpoch: -1 }),
    fetchWith('an unknown session is opened', { sessionId: 123, sessionEpoch: 0 }),
    fetchWith('no topics', { topics: [], forgottenTopicsData: [] }),
    fetchWith('no topics, a session', { topics: [], forgottenTopicsData: [], sessionEpoch: 0 }),
    fetchWith('one byte', { maxBytes: 1 }),
    {
      name: 'both partitions, the budget of one',
      value: (world) => {
        const partitions = [0, 1].map((partition) => ({ partition, fetchOffset: 0, partitionMaxBytes: 1 }));
        return fetchOf(world, world.full, { topics: [{ ...topic(world, world.full), partitions }] });
      },
    },
  ],
};

function listOf(name: string, more: Struct = {}, partition: Struct = {}): Struct {
  const asked = { partitionIndex: 0, timestamp: -1, ...partition };
  return {
    replicaId: -1,
    isolationLevel: 0,
    topics: [{ name, partitions: [asked] }],
    timeoutMs: 1000,
    ...more,
  };
}

const timestamps = [
  ...Array.from({ length: 10 }, (_, i) => -(i + 1)),
  0,
  FIRST_TIMESTAMP,
  FIRST_TIMESTAMP + 1,
  FIRST_TIMESTAMP + (RECORDS - 1) * 1000,
  FIRST_TIMESTAMP + RECORDS * 1000,
];

export const listOffsets: ApiCases = {
  base: (world) => listOf(world.full),
  special: [
    ...timestamps.map((timestamp) => ({
      name: `timestamp ${timestamp < FIRST_TIMESTAMP ? timestamp : `of the first + ${timestamp - FIRST_TIMESTAMP}`}`,
      value: (world: World) => listOf(world.full, {}, { timestamp }),
    })),
    ...[-1, -2, -3, -4, -5, -6, 0].map((timestamp) => ({
      name: `timestamp ${timestamp} in an empty partition`,
      value: (world: World) => listOf(world.empty, {}, { timestamp }),
    })),
    ...[-1, -2, -3, 0].map((timestamp) => ({
      name: `timestamp ${timestamp}, read committed`,
      value: (world: World) => listOf(world.full, { isolationLevel: 1 }, { timestamp }),
    })),
    { name: 'unknown topic', value: () => listOf('wire-unknown') },
    { name: 'unknown partition', value: (world) => listOf(world.full, {}, { partitionIndex: 9 }) },
    {
      name: 'a newer leader epoch',
      value: (world) => listOf(world.full, {}, { currentLeaderEpoch: 9 }),
    },
    { name: 'as replica 77', value: (world) => listOf(world.full, { replicaId: 77 }) },
    { name: 'as a debugging consumer', value: (world) => listOf(world.full, { replicaId: -2 }) },
    { name: 'no topics', value: (world) => listOf(world.full, { topics: [] }) },
    {
      name: 'duplicate partitions of two entries',
      value: (world) => {
        const entry = { name: world.full, partitions: [{ partitionIndex: 0, timestamp: -2 }] };
        return listOf(world.full, { topics: [entry, entry] });
      },
    },
  ],
};

function deleteOf(name: string, offset: number, more: Struct = {}, partition: Struct = {}): Struct {
  const partitions = [{ partitionIndex: 0, offset, ...partition }];
  return { topics: [{ name, partitions }], timeoutMs: 1000, ...more };
}

export const deleteRecords: ApiCases = {
  base: (world) => deleteOf(world.trimmed, 1),
  special: [
    ...[0, 1, 3, 2, RECORDS, RECORDS + 1, -2, -1, 5].map((offset) => ({
      name: `to ${offset}`,
      value: (world: World) => deleteOf(world.trimmed, offset),
    })),
    ...[-1, 0, 1].map((offset) => ({
      name: `to ${offset} of an empty partition`,
      value: (world: World) => deleteOf(world.empty, offset),
    })),
    { name: 'unknown topic', value: () => deleteOf('wire-unknown', 0) },
    { name: 'unknown partition', value: (world) => deleteOf(world.trimmed, 0, {}, { partitionIndex: 9 }) },
    { name: 'a compacted topic', value: (world) => deleteOf(world.compacted, 0) },
    { name: 'a compacted topic, behind its end', value: (world) => deleteOf(world.compacted, 9) },
    { name: 'an internal topic', value: () => deleteOf('__consumer_offsets', 0) },
    {
      name: 'an unknown partition of an internal topic',
      value: () => deleteOf('__consumer_offsets', 0, {}, { partitionIndex: 999 }),
    },
    { name: 'no topics', value: (world) => deleteOf(world.trimmed, 0, { topics: [] }) },
    {
      name: 'no partitions',
      value: (world) => deleteOf(world.trimmed, 0, { topics: [{ name: world.trimmed, partitions: [] }] }),
    },
    { name: 'no time', value: (world) => deleteOf(world.trimmed, 1, { timeoutMs: 0 }) },
    {
      name: 'a partition twice: first too far',
      value: (world) => {
        const partitions = [99, 1].map((offset) => ({ partitionIndex: 0, offset }));
        return deleteOf(world.trimmed, 0, { topics: [{ name: world.trimmed, partitions }] });
      },
    },
    {
      name: 'duplicate topics: the second too far',
      value: (world) => {
        const topics = [1, 99].map((offset) => ({
          name: world.trimmed,
          partitions: [{ partitionIndex: 0, offset }],
        }));
        return deleteOf(world.trimmed, 0, { topics });
      },
    },
    {
      name: 'a known and an unknown topic',
      value: (world) => ({
        ...deleteOf(world.trimmed, 1),
        topics: [world.trimmed, 'wire-unknown'].map((name) => ({
          name,
          partitions: [{ partitionIndex: 0, offset: 1 }],
        })),
      }),
    },
  ],
};

function epochOf(name: string, more: Struct = {}, partition: Struct = {}): Struct {
  const asked = { partition: 0, currentLeaderEpoch: -1, leaderEpoch: 0, ...partition };
  return { replicaId: -1, topics: [{ topic: name, partitions: [asked] }], ...more };
}

export const offsetForLeaderEpoch: ApiCases = {
  base: (world) => epochOf(world.full),
  special: [
    { name: 'unknown topic', value: () => epochOf('wire-unknown') },
    { name: 'empty topic', value: (world) => epochOf(world.empty) },
    { name: 'unknown partition', value: (world) => epochOf(world.full, {}, { partition: 9 }) },
    { name: 'a newer leader epoch', value: (world) => epochOf(world.full, {}, { currentLeaderEpoch: 9 }) },
    { name: 'an epoch to come', value: (world) => epochOf(world.full, {}, { leaderEpoch: 9 }) },
    { name: 'as replica 77', value: (world) => epochOf(world.full, { replicaId: 77 }) },
    { name: 'as a debugging consumer', value: (world) => epochOf(world.full, { replicaId: -2 }) },
  ],
};

export const initProducerId: ApiCases = {
  base: () => ({ transactionalId: null, transactionTimeoutMs: 60_000, producerId: -1, producerEpoch: -1 }),
  special: [
    {
      name: 'a producer id without an epoch',
      value: () => ({
        transactionalId: null,
        transactionTimeoutMs: 60_000,
        producerId: 5,
        producerEpoch: -1,
      }),
    },
    {
      name: 'a producer id with an epoch',
      value: () => ({ transactionalId: null, transactionTimeoutMs: 60_000, producerId: 5, producerEpoch: 0 }),
    },
  ],
};
