/**
 * Records inside a batch: reads them as objects, and builds a batch from them. A group coordinator, the
 * command line, tests and the simulator use these functions. Where speed counts, the broker checks and
 * searches records without objects (RecordWalker).
 *
 *     record = length varint, attributes int8 (0), timestampDelta varlong, offsetDelta varint, key, value,
 *              header count varint, headers
 *     key, value = length varint (-1: null), bytes          header = key (never null), value
 *
 * Varints are zig-zag encoded. With compression the records of a batch are one compressed block.
 */
import { assert } from '@millrace/base';
import {
  BATCH_HEADER_BYTES,
  BatchHeader,
  batchAttributes,
  Compression,
  MAGIC,
  readBatchHeader,
  writeBatchHeader,
} from './batch.ts';
import { allocateUnsafe, readUtf8, utf8Bytes, writeUtf8 } from './bytes.ts';
import type { ByteSink } from './compression/unfold.ts';
import { DecodeError } from './decode-error.ts';
import { addTimestamps, type Timestamp, wrapTimestamp } from './timestamp.ts';

/**
 * Synchronous compression of whole record sections. Codec numbers are those of batch attributes; 0 passes the
 * bytes through.
 */
export interface CompressionCodecs {
  /**
   * Throws DecodeError if the bytes are damaged or the codec is unknown; TooLargeError if the output would
   * exceed `maxBytes`.
   */
  decompress(codec: number, bytes: Uint8Array, maxBytes: number): Uint8Array;
  /** `level`: compression level of gzip and zstd, as in their libraries; the other codecs have none. */
  compress(codec: Compression, bytes: Uint8Array, level?: number): Uint8Array;
  /**
   * Like `decompress`, but passes the bytes to `sink`: in one piece for each gzip member or zstd frame, block
   * by block with the other codecs. Behind the first member, frame or stream, it accepts the same bytes as
   * Kafka's readers.
   */
  unfold(codec: number, bytes: Uint8Array, maxBytes: number, sink: ByteSink): void;
}

export interface RecordHeader {
  readonly key: string;
  readonly value: Uint8Array | null;
}

export interface Record {
  readonly offset: number;
  readonly timestamp: Timestamp;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
}

/** Default limit of `readRecords` for the decompressed size of a batch's records. */
export const DECOMPRESSED_BYTES_MAX = 128 * 1024 * 1024;

/**
 * The records of one whole batch in order. Keys and values are views of the batch, or of the decompressed
 * block. Throws DecodeError, possibly only when the iteration reaches the damage. Ignores the checksum.
 */
export function* readRecords(
  batch: Uint8Array,
  codecs: CompressionCodecs,
  maxBytes = DECOMPRESSED_BYTES_MAX,
): Generator<Record, void, undefined> {
  const { header, plain } = recordSection(batch, codecs, maxBytes);
  const cursor = new RecordCursor(plain);
  for (let i = 0; i < header.recordCount; i++) yield cursor.record(header);
  cursor.end();
}

/** Gets a record's key, value and offset. */
export type VisitRecord = (key: Uint8Array | null, value: Uint8Array | null, offset: number) => void;

/** Like `readRecords`, but calls `visit` for each record, and makes no objects except the views. */
export function visitRecords(
  batch: Uint8Array,
  codecs: CompressionCodecs,
  visit: VisitRecord,
  maxBytes = DECOMPRESSED_BYTES_MAX,
): void {
  const { header, plain } = recordSection(batch, codecs, maxBytes);
  const cursor = new RecordCursor(plain);
  for (let i = 0; i < header.recordCount; i++) cursor.visit(header, visit);
  cursor.end();
}

function recordSection(
  batch: Uint8Array,
  codecs: CompressionCodecs,
  maxBytes: number,
): { readonly header: BatchHeader; readonly plain: Uint8Array } {
  const header = readBatchHeader(batch, 0, new BatchHeader());
  if (header.magic !== MAGIC) throw new DecodeError(`record batch of format ${header.magic}`);
  if (header.sizeBytes > batch.length) throw new DecodeError('record batch cut short');
  if (header.recordCount < 0) throw new DecodeError('record batch with a negative number of records');
  const section = batch.subarray(BATCH_HEADER_BYTES, header.sizeBytes);
  const plain = header.compression === 0 ? section : codecs.decompress(header.compression, section, maxBytes);
  return { header, plain };
}

class RecordCursor {
  private readonly bytes: Uint8Array;
  /** Position of the next byte to read. */
  position = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  visit(header: BatchHeader, visit: VisitRecord): void {
    const end = this.begin();
    this.varlong();
    const offset = header.baseOffset + this.varint();
    const key = this.nullableBytes();
    const value = this.nullableBytes();
    this.skipHeaders();
    if (this.position !== end) throw new DecodeError('record of another length than it says');
    visit(key, value, offset);
  }

  /** Throws DecodeError if there are bytes behind the last record. */
  end(): void {
    if (this.position !== this.bytes.length)
      throw new DecodeError('bytes left over behind the records of a batch');
  }

  /** Reads the first fields of a record. Returns the position behind the record. */
  private begin(): number {
    const sizeBytes = this.varint();
    const end = this.position + sizeBytes;
    if (sizeBytes < 0 || end > this.bytes.length) throw new DecodeError('record longer than its batch');
    this.skip(1);
    return end;
  }

  record(header: BatchHeader): Record {
    const end = this.begin();
    const timestampDelta = this.varlong();
    const offset = header.baseOffset + this.varint();
    const timestamp = header.isLogAppendTime
      ? header.maxTimestamp
      : addTimestamps(header.baseTimestamp, timestampDelta);
    const key = this.nullableBytes();
    const value = this.nullableBytes();
    const headers = this.headers();
    if (this.position !== end) throw new DecodeError('record of another length than it says');
    return { offset, timestamp, key, value, headers };
  }

  private headerCount(): number {
    const count = this.varint();
    if (count < 0 || count * 2 > this.bytes.length - this.position)
      throw new DecodeError('record with an impossible number of headers');
    return count;
  }

  private skipHeaders(): void {
    for (let left = this.headerCount(); left > 0; left--) {
      const keyBytes = this.varint();
      if (keyBytes < 0) throw new DecodeError('record header without a key');
      this.skip(keyBytes);
      this.skip(Math.max(0, this.varint()));
    }
  }

  private headers(): RecordHeader[] {
    const count = this.headerCount();
    const headers: RecordHeader[] = [];
    for (let i = 0; i < count; i++) {
      const keyBytes = this.varint();
      if (keyBytes < 0) throw new DecodeError('record header without a key');
      const start = this.skip(keyBytes);
      headers.push({ key: readUtf8(this.bytes, start, this.position), value: this.nullableBytes() });
    }
    return headers;
  }

  private nullableBytes(): Uint8Array | null {
    const sizeBytes = this.varint();
    if (sizeBytes < 0) return null;
    const start = this.skip(sizeBytes);
    return this.bytes.subarray(start, this.position);
  }

  /** Moves forward and returns the old position. */
  private skip(sizeBytes: number): number {
    const start = this.position;
    if (sizeBytes > this.bytes.length - start) throw new DecodeError('record cut short');
    this.position = start + sizeBytes;
    return start;
  }

  private varint(): number {
    const first = this.bytes[this.skip(1)]!;
    if (first < 0x80) return (first >>> 1) ^ -(first & 1);
    let value = first & 0x7f;
    for (let i = 1; i < 5; i++) {
      const byte = this.bytes[this.skip(1)]!;
      value |= (byte & 0x7f) << (7 * i);
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1);
    }
    throw new DecodeError('varint longer than 32 bits in a record');
  }

  private varlong(): Timestamp {
    const first = this.bytes[this.skip(1)]!;
    if (first < 0x80) return (first >>> 1) ^ -(first & 1);
    let value = BigInt(first & 0x7f);
    for (let i = 1; i < 10; i++) {
      const byte = this.bytes[this.skip(1)]!;
      value |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) return wrapTimestamp((BigInt.asUintN(64, value) >> 1n) ^ -(value & 1n));
    }
    throw new DecodeError('varint longer than 64 bits in a record');
  }
}

/** A record for a new batch. Defaults: the batch's `baseTimestamp`, a null key, a null value, no headers. */
export interface NewRecord {
  readonly timestamp?: number;
  readonly key?: Uint8Array | null;
  readonly value?: Uint8Array | null;
  readonly headers?: readonly RecordHeader[];
}

export interface NewBatch {
  /** The records of the batch, at least one. */
  readonly records: readonly NewRecord[];
  /** Milliseconds since 1970; the timestamp of every record that gives none. */
  readonly baseTimestamp: number;
  readonly baseOffset?: number;
  readonly leaderEpoch?: number;
  readonly compression?: Compression;
  /** Required if the batch is compressed. */
  readonly codecs?: CompressionCodecs;
  readonly producerId?: number;
  readonly producerEpoch?: number;
  readonly baseSequence?: number;
  readonly isTransactional?: boolean;
  readonly isControl?: boolean;
}

/** Builds a batch as a producer does: offsets count from baseOffset (default 0). */
export function buildBatch(o: NewBatch): Uint8Array {
  assert(o.records.length > 0, 'a batch holds at least one record');
  const compression = o.compression ?? Compression.NONE;
  const batch = compression === Compression.NONE ? plainBatch(o) : compressedBatch(o, compression);
  let maxTimestamp = o.records[0]!.timestamp ?? o.baseTimestamp;
  for (const record of o.records) maxTimestamp = Math.max(maxTimestamp, record.timestamp ?? o.baseTimestamp);
  writeBatchHeader(batch, {
    baseOffset: o.baseOffset ?? 0,
    leaderEpoch: o.leaderEpoch ?? -1,
    attributes: batchAttributes({
      compression,
      isTransactional: o.isTransactional ?? false,
      isControl: o.isControl ?? false,
    }),
    lastOffsetDelta: o.records.length - 1,
    baseTimestamp: o.baseTimestamp,
    maxTimestamp,
    producerId: o.producerId ?? -1,
    producerEpoch: o.producerEpoch ?? -1,
    baseSequence: o.baseSequence ?? -1,
    recordCount: o.records.length,
  });
  return batch;
}

/**
 * The records of an uncompressed batch, behind room for the header. Makes one allocation of the exact size,
 * because a coordinator builds many batches.
 */
function plainBatch({ records, baseTimestamp }: NewBatch): Uint8Array {
  const bodies = records.map((record, index) => bodyBytesOf(record, index, baseTimestamp));
  let sizeBytes = BATCH_HEADER_BYTES;
  for (const bodyBytes of bodies) sizeBytes += varlongBytes(bodyBytes) + bodyBytes;
  const batch = allocateUnsafe(sizeBytes);
  const writer = new RecordWriter(batch, BATCH_HEADER_BYTES);
  for (const [index, record] of records.entries())
    writer.record(record, bodies[index]!, index, baseTimestamp);
  return batch;
}

function compressedBatch(o: NewBatch, compression: Compression): Uint8Array {
  assert(o.codecs !== undefined, 'compressing needs codecs');
  const section = o.codecs.compress(compression, plainBatch(o).subarray(BATCH_HEADER_BYTES));
  const batch = allocateUnsafe(BATCH_HEADER_BYTES + section.length);
  batch.set(section, BATCH_HEADER_BYTES);
  return batch;
}

/** The size of the record without the varint in front of it that names this size. */
function bodyBytesOf(record: NewRecord, offsetDelta: number, baseTimestamp: number): number {
  const { key = null, value = null, headers = [] } = record;
  const timestampDelta = (record.timestamp ?? baseTimestamp) - baseTimestamp;
  let bodyBytes = 1 + varlongBytes(timestampDelta) + varlongBytes(offsetDelta);
  bodyBytes += nullableSize(key) + nullableSize(value) + varlongBytes(headers.length);
  for (const header of headers) {
    const keyBytes = utf8Bytes(header.key);
    bodyBytes += varlongBytes(keyBytes) + keyBytes + nullableSize(header.value);
  }
  return bodyBytes;
}

class RecordWriter {
  private readonly buffer: Uint8Array;
  private position: number;

  /** The buffer must have room for all records that the caller writes. */
  constructor(buffer: Uint8Array, position: number) {
    this.buffer = buffer;
    this.position = position;
  }

  record(record: NewRecord, bodyBytes: number, offsetDelta: number, baseTimestamp: number): void {
    const { key = null, value = null, headers = [] } = record;
    this.varlong(bodyBytes);
    this.buffer[this.position++] = 0;
    this.varlong((record.timestamp ?? baseTimestamp) - baseTimestamp);
    this.varlong(offsetDelta);
    this.nullableBytes(key);
    this.nullableBytes(value);
    this.varlong(headers.length);
    for (const header of headers) {
      this.text(header.key);
      this.nullableBytes(header.value);
    }
  }

  private varlong(value: number): void {
    let rest = zigZag(value);
    while (rest > 0x7f) {
      this.buffer[this.position++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.buffer[this.position++] = rest;
  }

  private nullableBytes(value: Uint8Array | null): void {
    this.varlong(value === null ? -1 : value.length);
    if (value === null) return;
    this.buffer.set(value, this.position);
    this.position += value.length;
  }

  private text(value: string): void {
    const sizeBytes = utf8Bytes(value);
    this.varlong(sizeBytes);
    // The buffer lacks the spare room that writeUtf8 needs behind the text, so write to a scratch buffer.
    const scratch = allocateUnsafe(value.length * 3);
    writeUtf8(scratch, 0, value);
    this.buffer.set(scratch.subarray(0, sizeBytes), this.position);
    this.position += sizeBytes;
  }
}

function zigZag(value: number): number {
  assert(Math.abs(value) < 2 ** 52, 'varint within 2^52');
  return value < 0 ? -value * 2 - 1 : value * 2;
}

function varlongBytes(value: number): number {
  let bytes = 1;
  for (let rest = zigZag(value); rest > 0x7f; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}

function nullableSize(value: Uint8Array | null): number {
  return value === null ? 1 : varlongBytes(value.length) + value.length;
}
