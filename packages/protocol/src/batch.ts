/**
 * The 61-byte header of a record batch (format version 2), read and changed in place. Never looks at records.
 *
 *      0 baseOffset int64            21 attributes int16            51 producerEpoch int16
 *      8 batchLength int32           23 lastOffsetDelta int32       53 baseSequence int32
 *     12 partitionLeaderEpoch int32  27 baseTimestamp int64         57 recordCount int32
 *     16 magic int8                  35 maxTimestamp int64          61 records
 *     17 crc uint32                  43 producerId int64
 *
 * batchLength counts from byte 12. The checksum covers byte 21 to the end, so base offset and leader epoch
 * can be stamped without computing the checksum again.
 */
import { assert } from '@millrace/base';
import { crc32c } from './crc32c.ts';
import { DecodeError } from './decode-error.ts';
import { type Timestamp, timestampHigh, timestampLow, timestampOfWords } from './timestamp.ts';

export const BATCH_HEADER_BYTES = 61;
export const MAGIC = 2;

const LENGTH_AT = 8;
const LENGTH_COUNTS_FROM = 12;
const LEADER_EPOCH_AT = 12;
const MAGIC_AT = 16;
const CRC_AT = 17;
const ATTRIBUTES_AT = 21;
const LAST_OFFSET_DELTA_AT = 23;
const BASE_TIMESTAMP_AT = 27;
const MAX_TIMESTAMP_AT = 35;
const PRODUCER_ID_AT = 43;
const PRODUCER_EPOCH_AT = 51;
const BASE_SEQUENCE_AT = 53;
const RECORD_COUNT_AT = 57;
/** The high word of 2^53 as an int64. */
const SAFE_HIGH_WORDS = 0x20_0000;

const NO_PRODUCER_ID = -1;

const COMPRESSION_BITS = 0x07;
const LOG_APPEND_TIME_BIT = 0x08;
const TRANSACTIONAL_BIT = 0x10;
const CONTROL_BIT = 0x20;
/** See `BatchHeader.hasDeleteHorizon`. */
export const DELETE_HORIZON_BIT = 0x40;
/** The attribute bits without the codec and the delete horizon: timestamp type, transactional, control. */
export const KIND_BITS = LOG_APPEND_TIME_BIT | TRANSACTIONAL_BIT | CONTROL_BIT;

/** Bits 0-2 of the attributes. */
export const Compression = { NONE: 0, GZIP: 1, SNAPPY: 2, LZ4: 3, ZSTD: 4 } as const;
export type Compression = (typeof Compression)[keyof typeof Compression];

/** The fields of a header that say where the batch lies in its log. Reusable: see readBatchPlace. */
export class BatchPlace {
  baseOffset = 0;
  /** Size of the whole batch, header included. */
  sizeBytes = 0;
  magic = 0;
  lastOffsetDelta = 0;

  /** The offset of the last record. */
  get lastOffset(): number {
    return this.baseOffset + this.lastOffsetDelta;
  }
}

/** A decoded header. Reusable: see readBatchHeader. */
export class BatchHeader {
  baseOffset = 0;
  /** Size of the whole batch, header included. */
  sizeBytes = 0;
  leaderEpoch = 0;
  magic = 0;
  /** An unsigned 32-bit number. */
  crc = 0;
  attributes = 0;
  lastOffsetDelta = 0;
  baseTimestamp: Timestamp = 0;
  maxTimestamp: Timestamp = 0;
  /** -1: none. */
  producerId = 0;
  /** -1: none. */
  producerEpoch = 0;
  /** -1: none. */
  baseSequence = 0;
  recordCount = 0;

  /** 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd; 5 to 7 do not exist. */
  get compression(): number {
    return this.attributes & COMPRESSION_BITS;
  }

  /** True if all records have maxTimestamp as their timestamp: the time of the append. */
  get isLogAppendTime(): boolean {
    return (this.attributes & LOG_APPEND_TIME_BIT) !== 0;
  }

  get isTransactional(): boolean {
    return (this.attributes & TRANSACTIONAL_BIT) !== 0;
  }

  /**
   * True if the batch holds control records, for example a transaction marker, and no records of
   * applications.
   */
  get isControl(): boolean {
    return (this.attributes & CONTROL_BIT) !== 0;
  }

  /** True if baseTimestamp is the time from which compaction may remove tombstones. */
  get hasDeleteHorizon(): boolean {
    return (this.attributes & DELETE_HORIZON_BIT) !== 0;
  }

  /** The offset of the last record. */
  get lastOffset(): number {
    return this.baseOffset + this.lastOffsetDelta;
  }
}

/**
 * Reads the header at `position`; the records behind it may be missing. Throws DecodeError if fewer than 61
 * bytes are left, if the size is impossible, or if the base offset or the producer id is beyond 2^53. No log
 * has such an offset, and no cluster gives out such an id. Does not check other fields. To read many headers
 * without an allocation, pass a header to fill.
 */
export function readBatchHeader(
  bytes: Uint8Array,
  position = 0,
  header: BatchHeader = new BatchHeader(),
): BatchHeader {
  if (bytes.length - position < BATCH_HEADER_BYTES) throw new DecodeError('record batch header cut short');
  const sizeBytes = readInt32(bytes, position + LENGTH_AT) + LENGTH_COUNTS_FROM;
  if (sizeBytes < BATCH_HEADER_BYTES) throw new DecodeError('record batch smaller than its header');
  header.baseOffset = readSafeInt64(bytes, position, 'base offset');
  header.sizeBytes = sizeBytes;
  header.leaderEpoch = readInt32(bytes, position + LEADER_EPOCH_AT);
  header.magic = (bytes[position + MAGIC_AT]! << 24) >> 24;
  header.crc = readInt32(bytes, position + CRC_AT) >>> 0;
  header.attributes = readInt16(bytes, position + ATTRIBUTES_AT);
  header.lastOffsetDelta = readInt32(bytes, position + LAST_OFFSET_DELTA_AT);
  header.baseTimestamp = readTimestamp(bytes, position + BASE_TIMESTAMP_AT);
  header.maxTimestamp = readTimestamp(bytes, position + MAX_TIMESTAMP_AT);
  header.producerId = readProducerId(bytes, position + PRODUCER_ID_AT);
  header.producerEpoch = readInt16(bytes, position + PRODUCER_EPOCH_AT);
  header.baseSequence = readInt32(bytes, position + BASE_SEQUENCE_AT);
  header.recordCount = readInt32(bytes, position + RECORD_COUNT_AT);
  return header;
}

/**
 * Like `readBatchHeader`, but reads only the place of the batch. Throws DecodeError in the same cases. A read
 * of a log looks at every batch. With batches of 1 KB, most of the time that such a read takes beyond that of
 * the file went into the other fields of the headers.
 */
export function readBatchPlace(bytes: Uint8Array, position: number, place: BatchPlace): BatchPlace {
  if (bytes.length - position < BATCH_HEADER_BYTES) throw new DecodeError('record batch header cut short');
  const sizeBytes = readInt32(bytes, position + LENGTH_AT) + LENGTH_COUNTS_FROM;
  if (sizeBytes < BATCH_HEADER_BYTES) throw new DecodeError('record batch smaller than its header');
  place.baseOffset = readSafeInt64(bytes, position, 'base offset');
  place.sizeBytes = sizeBytes;
  place.magic = (bytes[position + MAGIC_AT]! << 24) >> 24;
  place.lastOffsetDelta = readInt32(bytes, position + LAST_OFFSET_DELTA_AT);
  // Only a producer id from 2^53 on is refused, so its high bits decide.
  if (readInt32(bytes, position + PRODUCER_ID_AT) >= SAFE_HIGH_WORDS)
    readProducerId(bytes, position + PRODUCER_ID_AT);
  return place;
}

/**
 * Size of the whole batch that begins at `position`, or undefined if fewer than 12 bytes are left. The end of
 * the batch may be missing, so the caller compares the size with the bytes left. Throws DecodeError if the
 * batch would be smaller than its own header.
 */
export function batchSizeAt(bytes: Uint8Array, position: number): number | undefined {
  if (bytes.length - position < LENGTH_COUNTS_FROM) return undefined;
  const sizeBytes = readInt32(bytes, position + LENGTH_AT) + LENGTH_COUNTS_FROM;
  if (sizeBytes < BATCH_HEADER_BYTES) throw new DecodeError('record batch smaller than its header');
  return sizeBytes;
}

/**
 * Whether the batch says that it is part of a transaction. False for bytes that end before the attributes.
 */
export function isTransactionalBatch(batch: Uint8Array): boolean {
  return ((batch[ATTRIBUTES_AT + 1] ?? 0) & TRANSACTIONAL_BIT) !== 0;
}

/** True if the checksum of the whole batch is right. `bytes` must contain the whole batch. */
export function checkBatchCrc(bytes: Uint8Array, position: number, sizeBytes: number): boolean {
  assert(
    position + sizeBytes <= bytes.length && sizeBytes >= BATCH_HEADER_BYTES,
    'checksum of a whole batch',
  );
  return batchCrc(bytes, position, sizeBytes) === readInt32(bytes, position + CRC_AT) >>> 0;
}

/** Sets, in place, the two fields that a leader stamps on every batch that it appends. */
export function stampBatch(
  bytes: Uint8Array,
  position: number,
  baseOffset: number,
  leaderEpoch: number,
): void {
  writeInt64(bytes, position, baseOffset);
  writeInt32(bytes, position + LEADER_EPOCH_AT, leaderEpoch);
}

/**
 * Makes the time of the append the timestamp of all records (message.timestamp.type=LogAppendTime), in place.
 * Updates the checksum.
 */
export function setLogAppendTime(bytes: Uint8Array, position: number, timestamp: Timestamp): void {
  const attributes = readInt16(bytes, position + ATTRIBUTES_AT) | LOG_APPEND_TIME_BIT;
  bytes[position + ATTRIBUTES_AT + 1] = attributes;
  writeTimestamp(bytes, position + MAX_TIMESTAMP_AT, timestamp);
  updateCrc(bytes, position);
}

/**
 * Sets the header's largest timestamp in place, and updates the checksum. For a batch whose header names
 * another largest timestamp than its records have.
 */
export function setMaxTimestamp(bytes: Uint8Array, position: number, maxTimestamp: Timestamp): void {
  writeTimestamp(bytes, position + MAX_TIMESTAMP_AT, maxTimestamp);
  updateCrc(bytes, position);
}

function updateCrc(bytes: Uint8Array, position: number): void {
  const sizeBytes = readInt32(bytes, position + LENGTH_AT) + LENGTH_COUNTS_FROM;
  writeInt32(bytes, position + CRC_AT, batchCrc(bytes, position, sizeBytes));
}

function batchCrc(bytes: Uint8Array, position: number, sizeBytes: number): number {
  return crc32c(bytes, position + ATTRIBUTES_AT, position + sizeBytes);
}

/** The header fields except the size, the magic and the checksum. */
export interface NewBatchHeader {
  readonly baseOffset: number;
  readonly leaderEpoch: number;
  readonly attributes: number;
  readonly lastOffsetDelta: number;
  readonly baseTimestamp: Timestamp;
  readonly maxTimestamp: Timestamp;
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly recordCount: number;
}

/** Writes the header of a batch. Its records must already follow the header, up to the end of the bytes. */
export function writeBatchHeader(batch: Uint8Array, header: NewBatchHeader): void {
  writeInt64(batch, 0, header.baseOffset);
  writeInt32(batch, LENGTH_AT, batch.length - LENGTH_COUNTS_FROM);
  writeInt32(batch, LEADER_EPOCH_AT, header.leaderEpoch);
  batch[MAGIC_AT] = MAGIC;
  writeInt16(batch, ATTRIBUTES_AT, header.attributes);
  writeInt32(batch, LAST_OFFSET_DELTA_AT, header.lastOffsetDelta);
  writeTimestamp(batch, BASE_TIMESTAMP_AT, header.baseTimestamp);
  writeTimestamp(batch, MAX_TIMESTAMP_AT, header.maxTimestamp);
  writeInt64(batch, PRODUCER_ID_AT, header.producerId);
  writeInt16(batch, PRODUCER_EPOCH_AT, header.producerEpoch);
  writeInt32(batch, BASE_SEQUENCE_AT, header.baseSequence);
  writeInt32(batch, RECORD_COUNT_AT, header.recordCount);
  updateCrc(batch, 0);
}

/** Encodes the attributes as bits. */
export function batchAttributes(o: {
  compression: Compression;
  isTransactional?: boolean;
  isControl?: boolean;
}): number {
  return o.compression | (o.isTransactional ? TRANSACTIONAL_BIT : 0) | (o.isControl ? CONTROL_BIT : 0);
}

function readInt16(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) >> 16) | bytes[at + 1]!;
}

function readInt32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

function readSafeInt64(bytes: Uint8Array, at: number, what: string): number {
  const value = readInt32(bytes, at) * 0x1_0000_0000 + (readInt32(bytes, at + 4) >>> 0);
  if (!Number.isSafeInteger(value)) throw new DecodeError(`${what} of a record batch beyond 2^53`);
  return value;
}

/** Any negative producer id in the bytes means that the batch has no producer. */
function readProducerId(bytes: Uint8Array, at: number): number {
  return readInt32(bytes, at) < 0 ? NO_PRODUCER_ID : readSafeInt64(bytes, at, 'producer id');
}

function readTimestamp(bytes: Uint8Array, at: number): Timestamp {
  return timestampOfWords(readInt32(bytes, at), readInt32(bytes, at + 4));
}

function writeInt16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value;
}

function writeInt32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 24;
  bytes[at + 1] = value >> 16;
  bytes[at + 2] = value >> 8;
  bytes[at + 3] = value;
}

function writeTimestamp(bytes: Uint8Array, at: number, value: Timestamp): void {
  writeInt32(bytes, at, timestampHigh(value));
  writeInt32(bytes, at + 4, timestampLow(value));
}

function writeInt64(bytes: Uint8Array, at: number, value: number): void {
  assert(Number.isSafeInteger(value), 'int64 must be a safe integer');
  writeInt32(bytes, at, Math.floor(value / 0x1_0000_0000));
  writeInt32(bytes, at + 4, value | 0);
}
