/**
 * A batch of an internal topic that gathers the records of several decisions. Its exact size is known before
 * it is built.
 */
import type { Millis, WallMillis } from '@millrace/base';
import { BATCH_HEADER_BYTES, buildBatch } from '@millrace/protocol';
import type { CoordinatorRecord, WriteNumber } from './machine.ts';

export class DecisionBatch {
  readonly records: CoordinatorRecord[] = [];
  /** The exact size of the batch that `build` returns. */
  sizeBytes = BATCH_HEADER_BYTES;
  lastWrite: WriteNumber;
  /** When the batch got its first decision. */
  readonly sinceMs: Millis;
  appendedMs: Millis = 0;

  constructor(sinceMs: Millis, lastWrite: WriteNumber) {
    this.sinceMs = sinceMs;
    this.lastWrite = lastWrite;
  }

  /** The bytes that this decision would add. */
  growth(records: readonly CoordinatorRecord[]): number {
    return recordsBytes(records, this.records.length);
  }

  add(records: readonly CoordinatorRecord[], sizeBytes: number, write: WriteNumber): void {
    for (const record of records) this.records.push(record);
    this.sizeBytes += sizeBytes;
    this.lastWrite = write;
  }

  build(wallMs: WallMillis): Uint8Array {
    return buildBatch({ baseTimestamp: wallMs, records: this.records });
  }
}

/** The size of a batch that holds only these records. */
export function batchBytes(records: readonly CoordinatorRecord[]): number {
  return BATCH_HEADER_BYTES + recordsBytes(records, 0);
}

/** The size of records whose offset deltas begin at `offsetDelta`, in the format of `buildBatch`. */
function recordsBytes(records: readonly CoordinatorRecord[], offsetDelta: number): number {
  let total = 0;
  for (const [index, { key, value }] of records.entries()) {
    // The attributes, the timestamp delta (0) and the number of headers (0) take one byte each. A null value
    // takes one byte for its length (-1).
    const body = 3 + varintBytes(offsetDelta + index) + sized(key) + (value === null ? 1 : sized(value));
    total += varintBytes(body) + body;
  }
  return total;
}

function sized({ length }: Uint8Array): number {
  return varintBytes(length) + length;
}

/** The size of a varint. The zig-zag encoding doubles the value, and each byte holds seven bits. */
function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value * 2; rest > 0x7f; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}
