/** Batches for the wire: valid ones, and valid ones with a changed byte or field. */
import { type BatchHeader, buildBatch, crc32c, type NewBatch, type NewRecord } from '@millrace/protocol';

const CRC_AT = 17;
const CRC_FROM = 21;

interface Place {
  readonly at: number;
  readonly bytes: number;
}

/** Positions and sizes of fields in a batch header. */
export const Field = {
  baseOffset: { at: 0, bytes: 8 },
  batchLength: { at: 8, bytes: 4 },
  magic: { at: 16, bytes: 1 },
  attributes: { at: 21, bytes: 2 },
  lastOffsetDelta: { at: 23, bytes: 4 },
  recordCount: { at: 57, bytes: 4 },
} as const satisfies { readonly [name in keyof BatchHeader | 'batchLength']?: Place };

const VALUE = new TextEncoder().encode('value');

/** A valid batch without timestamps. Its records have neither key nor headers. */
export function goodBatch(count = 1, more: Partial<NewBatch> = {}): Uint8Array {
  const records = Array.from({ length: count }, (): NewRecord => ({ value: VALUE }));
  return buildBatch({ records, baseTimestamp: -1, ...more });
}

/** A batch of this size or a few bytes more, because large lengths inside it take more bytes. */
export function batchOfSize(sizeBytes: number): Uint8Array {
  const empty = goodBatch(1, { records: [{ value: new Uint8Array(0) }] });
  return goodBatch(1, { records: [{ value: new Uint8Array(sizeBytes - empty.length) }] });
}

/** Changes a field and fixes the checksum. */
export function withField(batch: Uint8Array, { at, bytes }: Place, value: number): Uint8Array {
  const changed = batch.slice();
  for (let i = 0; i < bytes; i++)
    changed[at + bytes - 1 - i] = i < 4 ? value >> (8 * i) : value < 0 ? 255 : 0;
  const crc = crc32c(changed, CRC_FROM);
  for (let i = 0; i < 4; i++) changed[CRC_AT + i] = crc >>> (24 - 8 * i);
  return changed;
}

/** Sets the record count and the last offset delta as if the batch had `count` records. */
export function withCount(batch: Uint8Array, count: number): Uint8Array {
  return withField(withField(batch, Field.recordCount, count), Field.lastOffsetDelta, count - 1);
}

/** Changes the last byte and keeps the checksum. */
export function damaged(batch: Uint8Array): Uint8Array {
  const changed = batch.slice();
  changed[changed.length - 1]! ^= 0xff;
  return changed;
}

export function twice(batch: Uint8Array): Uint8Array {
  const both = new Uint8Array(2 * batch.length);
  both.set(batch);
  both.set(batch, batch.length);
  return both;
}
