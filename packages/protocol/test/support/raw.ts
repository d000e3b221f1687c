/** Records and batches written byte by byte, so that any of their fields can be wrong. */
import { BatchHeader, crc32c, type RecordRules, readBatchHeader } from '@millrace/protocol';

export const NOW = 1_700_000_000_000;

export function rules(o: Partial<RecordRules> = {}): RecordRules {
  return {
    topicPartition: 'topic-0',
    keyRequired: false,
    timestampType: 'CreateTime',
    nowMs: NOW,
    timestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
    timestampAfterMaxMs: 3_600_000,
    ...o,
  };
}

export function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** Encodes the number as a zig-zag varint. */
export function varint(value: number | bigint): Uint8Array {
  let rest = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n));
  const out: number[] = [];
  for (; rest > 0x7fn; rest >>= 7n) out.push(Number(rest & 0x7fn) | 0x80);
  return bytes(...out, Number(rest));
}

/**
 * The fields of a record, some as bytes so that they can be malformed. A missing field gets its right value.
 */
export interface RawRecord {
  readonly length?: Uint8Array;
  /** Added to the right length. */
  readonly lengthOff?: number;
  readonly attributes?: number;
  readonly timestampDelta?: number | bigint | Uint8Array;
  readonly offsetDelta?: number | Uint8Array;
  readonly key?: Uint8Array | null;
  readonly value?: Uint8Array | null;
  /** Like `key` and `value`, but the bytes include the length. */
  readonly rawKey?: Uint8Array;
  readonly rawValue?: Uint8Array;
  readonly headers?: Uint8Array;
  readonly tail?: Uint8Array;
}

const raw = (value: number | bigint | Uint8Array) => (value instanceof Uint8Array ? value : varint(value));
const sized = (value: Uint8Array | null) =>
  value === null ? varint(-1) : concat(varint(value.length), value);

export function record(index: number, o: RawRecord = {}): Uint8Array {
  const { key = bytes(107), value = bytes(118) } = o;
  const body = concat(
    bytes(o.attributes ?? 0),
    raw(o.timestampDelta ?? 0),
    raw(o.offsetDelta ?? index),
    o.rawKey ?? sized(key),
    o.rawValue ?? sized(value),
    o.headers ?? varint(0),
    o.tail ?? bytes(),
  );
  return concat(o.length ?? varint(body.length + (o.lengthOff ?? 0)), body);
}

export interface RawBatch {
  readonly codec?: number;
  readonly attributes?: number;
  readonly lastOffsetDelta?: number;
  readonly base?: number | bigint;
  readonly max?: number | bigint;
  readonly baseOffset?: bigint;
  readonly producerId?: bigint;
  readonly producerEpoch?: number;
  readonly baseSequence?: number;
}

/** A batch with a section of `count` records and with a right checksum. */
export function batchOf(section: Uint8Array, count: number, o: RawBatch = {}): Uint8Array {
  const batch = new Uint8Array(61 + section.length);
  const view = new DataView(batch.buffer);
  view.setBigInt64(0, o.baseOffset ?? 0n);
  view.setInt32(8, batch.length - 12);
  view.setInt32(12, -1);
  view.setInt8(16, 2);
  view.setInt16(21, (o.attributes ?? 0) | (o.codec ?? 0));
  view.setInt32(23, o.lastOffsetDelta ?? count - 1);
  view.setBigInt64(27, BigInt(o.base ?? NOW));
  view.setBigInt64(35, BigInt(o.max ?? o.base ?? NOW));
  view.setBigInt64(43, o.producerId ?? -1n);
  view.setInt16(51, o.producerEpoch ?? -1);
  view.setInt32(53, o.baseSequence ?? -1);
  view.setInt32(57, count);
  batch.set(section, 61);
  view.setUint32(17, crc32c(batch, 21));
  return batch;
}

export function headerOf(batch: Uint8Array): BatchHeader {
  return readBatchHeader(batch, 0, new BatchHeader());
}
