/** Shared by the tests of this package: small batches, a log on a memory disk, a log's content as text. */
import { type Disk, type Logger, Prng, type Uuid } from '@millrace/base';
import { MemoryDisk, MemoryLogger } from '@millrace/base/testing';
import {
  BatchHeader,
  buildBatch,
  type NewBatch,
  readBatchHeader,
  readRecords,
  type Timestamp,
} from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import {
  type LeaderAppend,
  type LogConfig,
  LogDirectory,
  type OpenDirectory,
  type OpenDirectoryOptions,
  type OpenLogOptions,
  PartitionLog,
  type TimestampHit,
} from '../../src/index.ts';

export const NOW = 1_700_000_000_000;
export const DIRECTORY = '/data/topic-0';
export const TOPIC_ID = 'aaaaaaaaaaaaaaaaaaaaaA' as Uuid;
const encoder = new TextEncoder();

export interface BatchOptions extends Partial<Omit<NewBatch, 'records'>> {
  /** Bytes of each value. */
  readonly valueBytes?: number;
  readonly values?: readonly string[];
  readonly timestamps?: readonly number[];
}

/** A client's batch of `count` records. */
export function batch(count: number, o: BatchOptions = {}): Uint8Array {
  const { valueBytes = 20, values, timestamps, ...rest } = o;
  const records = Array.from({ length: count }, (_, index) => ({
    key: encoder.encode(`k${index}`),
    value: values === undefined ? new Uint8Array(valueBytes).fill(index + 97) : encoder.encode(values[index]),
    ...(timestamps === undefined ? {} : { timestamp: timestamps[index]! }),
  }));
  // Return a Uint8Array, not a Buffer: in tests a Buffer does not equal a Uint8Array, and `slice` of a Buffer
  // does not copy.
  return new Uint8Array(
    buildBatch({
      baseTimestamp: timestamps?.[0] ?? NOW,
      codecs: compressionCodecs,
      ...rest,
      records,
    }),
  );
}

/** An idempotent producer's batch. */
export function sequenced(
  producerId: number,
  baseSequence: number,
  count: number,
  o: BatchOptions = {},
): Uint8Array {
  return batch(count, { producerId, producerEpoch: 0, baseSequence, ...o });
}

export interface TestLog {
  readonly log: PartitionLog;
  readonly disk: MemoryDisk;
  readonly logger: MemoryLogger;
}

/** The settings of the tests of this package. `o`: what one test changes. */
export function config(o: Partial<LogConfig> = {}): LogConfig {
  return {
    segmentBytes: 1_073_741_824,
    segmentMs: 604_800_000,
    segmentJitterMs: 0,
    preallocate: false,
    indexIntervalBytes: 4096,
    segmentIndexBytes: 10_485_760,
    flushMessages: Number.MAX_SAFE_INTEGER,
    producerIdExpirationMs: 86_400_000,
    maxMessageBytes: 1_048_588,
    isCompacted: false,
    deleteRetentionMs: 86_400_000,
    minCleanableDirtyRatio: 0.5,
    minCompactionLagMs: 0,
    maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
    deletesOldRecords: true,
    retentionMs: -1,
    retentionBytes: -1,
    fileDeleteDelayMs: 60_000,
    compression: undefined,
    loopWorkMax: 1_048_576,
    timestampType: 'CreateTime',
    timestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
    timestampAfterMaxMs: 3_600_000,
    ...o,
  };
}

export function openLog(
  o: Partial<Omit<OpenLogOptions, 'config'>> & { config?: Partial<LogConfig> } = {},
): PartitionLog {
  const { config: settings, ...rest } = o;
  return PartitionLog.open({
    disk: new MemoryDisk(),
    directory: DIRECTORY,
    nowWallMs: NOW,
    cleanShutdown: false,
    codecs: compressionCodecs,
    logger: new MemoryLogger() as Logger,
    config: config(settings),
    ...rest,
  });
}

export function tryOpenDirectory(disk: Disk, o: Partial<OpenDirectoryOptions> = {}): OpenDirectory {
  return LogDirectory.open({
    disk,
    directory: '/data',
    nodeId: 1,
    random: new Prng(1),
    codecs: compressionCodecs,
    logger: new MemoryLogger(),
    ...o,
  });
}

/** Opens a log directory and demands success. */
export function openDirectory(disk: Disk, o: Partial<OpenDirectoryOptions> = {}): LogDirectory {
  const answer = tryOpenDirectory(disk, o);
  if (!answer.ok) throw new Error(answer.message);
  return answer.logs;
}

/** Appends as leader and demands success. */
export function append(log: PartitionLog, bytes: Uint8Array, leaderEpoch = 0, nowWallMs = NOW): number {
  const answer = log.appendAsLeader(bytes, { leaderEpoch, nowWallMs });
  if (!answer.ok) throw new Error(`append refused: ${answer.errorCode} ${answer.message}`);
  return answer.baseOffset;
}

/** Appends as the leader of epoch 3. */
export function lead(log: PartitionLog, bytes: Uint8Array, apiVersion?: number): LeaderAppend {
  const version = apiVersion === undefined ? {} : { apiVersion };
  return log.appendAsLeader(bytes, { leaderEpoch: 3, nowWallMs: NOW, ...version });
}

/** Every batch that can be read, as copies. */
export function readAll(log: PartitionLog, maxBytes = 700): Uint8Array[] {
  const batches: Uint8Array[] = [];
  let fromOffset = log.startOffset;
  while (fromOffset < log.endOffset) {
    const { chunks, errorCode } = log.read({
      fromOffset,
      endOffsetMax: log.endOffset,
      maxBytes,
      atLeastOneBatch: true,
    });
    if (errorCode !== 0 || chunks.length === 0) throw new Error(`no data at ${fromOffset}: ${errorCode}`);
    for (const one of chunks.flatMap(splitBatches)) {
      batches.push(one);
      fromOffset = readBatchHeader(one).lastOffset + 1;
    }
  }
  return batches;
}

export function splitBatches(bytes: Uint8Array): Uint8Array[] {
  const batches: Uint8Array[] = [];
  for (let position = 0; position < bytes.length; ) {
    const { sizeBytes } = readBatchHeader(bytes, position, new BatchHeader());
    if (position + sizeBytes > bytes.length) throw new Error('a batch was split');
    batches.push(bytes.slice(position, position + sizeBytes));
    position += sizeBytes;
  }
  return batches;
}

/** `offset:value` of every record. */
export function contents(log: PartitionLog): string[] {
  const decoder = new TextDecoder();
  return readAll(log).flatMap((one) =>
    [...readRecords(one, compressionCodecs)].map(
      (record) => `${record.offset}:${decoder.decode(record.value ?? new Uint8Array())}`,
    ),
  );
}

export function concat(chunks: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

/** Batches as hexadecimal text: a failed comparison then prints a readable difference, and quickly. */
export function hex(batches: readonly Uint8Array[]): string[] {
  return batches.map((one) => Buffer.from(one).toString('hex'));
}

/** Looks up a timestamp without a limit on the cost. */
export function hitOf(log: PartitionLog, timestamp: Timestamp): TimestampHit | undefined {
  const found = log.times.find(timestamp, { work: Number.MAX_SAFE_INTEGER });
  if (found !== undefined && !('offset' in found)) throw new Error('the lookup failed');
  return found;
}

/** The first record that has the largest timestamp. */
export function largestHitOf(log: PartitionLog): TimestampHit | undefined {
  const timestamp = log.times.largest({ work: Number.MAX_SAFE_INTEGER });
  if (typeof timestamp === 'object') throw new Error('the lookup failed');
  return timestamp < 0 ? undefined : hitOf(log, timestamp);
}

/** One batch, with its checksum corrected in place. */
export function withCrc(bytes: Uint8Array): Uint8Array {
  const { sizeBytes } = readBatchHeader(bytes);
  if (sizeBytes !== bytes.length) throw new Error('the bytes are not one batch');
  new DataView(bytes.buffer).setUint32(17, crc(bytes));
  return bytes;
}

function crc(bytes: Uint8Array): number {
  let value = 0xffff_ffff;
  for (let i = 21; i < bytes.length; i++) {
    value ^= bytes[i]!;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f6_3b78 : value >>> 1;
  }
  return ~value >>> 0;
}
