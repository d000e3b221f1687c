/**
 * Steps through the uncompressed records of one batch, without an object for each record. Gives the places of
 * the parts of the current record, so that the cleaner can hash its key and copy its bytes.
 *
 *     record = length varint, attributes int8, timestampDelta varlong, offsetDelta varint, key, value,
 *              header count varint, headers
 *
 * Skips the headers without reading them, because the leader checked the records when they arrived.
 */
import { DecodeError, type Timestamp, timestampOfWords } from '@millrace/protocol';

export class RecordCursor {
  /** Where the current record begins: the position of its length. */
  start = 0;
  /** Where the part after the timestamp begins. */
  restStart = 0;
  /** Where the current record ends, exclusive. */
  end = 0;
  timestampDelta: Timestamp = 0;
  offsetDelta = 0;
  keyStart = 0;
  /** -1: no key. */
  keyBytes = 0;
  /** -1: no value, so the record is a tombstone. */
  valueBytes = 0;
  private readonly bytes: Uint8Array;
  private at = 0;
  private left: number;

  constructor(bytes: Uint8Array, recordCount: number) {
    if (recordCount < 0) throw new DecodeError('record batch with a negative number of records');
    this.bytes = bytes;
    this.left = recordCount;
  }

  /** Moves to the next record. Returns false after the last one. Throws DecodeError. */
  next(): boolean {
    if (this.left === 0) {
      if (this.end !== this.bytes.length)
        throw new DecodeError('bytes left over behind the records of a batch');
      return false;
    }
    this.left--;
    this.start = this.end;
    this.at = this.start;
    const sizeBytes = this.varint();
    const end = this.at + sizeBytes;
    if (sizeBytes < 1 || end > this.bytes.length) throw new DecodeError('record longer than its batch');
    this.end = end;
    this.at++;
    this.timestampDelta = this.varlong();
    this.restStart = this.at;
    this.offsetDelta = this.varint();
    this.keyBytes = Math.max(-1, this.varint());
    this.keyStart = this.at;
    this.skip(this.keyBytes);
    this.valueBytes = Math.max(-1, this.varint());
    this.skip(this.valueBytes);
    if (this.at >= end) throw new DecodeError('record of another length than it says');
    return true;
  }

  private skip(sizeBytes: number): void {
    if (sizeBytes <= 0) return;
    this.at += sizeBytes;
    if (this.at > this.end) throw new DecodeError('record of another length than it says');
  }

  private varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1);
    }
    throw new DecodeError('varint longer than 32 bits in a record');
  }

  private varlong(): Timestamp {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.byte();
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte >= 0x80) continue;
      const sign = -(low & 1);
      return timestampOfWords((high >>> 1) ^ sign, ((low >>> 1) | (high << 31)) ^ sign);
    }
    throw new DecodeError('varint longer than 64 bits in a record');
  }

  private byte(): number {
    const byte = this.bytes[this.at++];
    if (byte === undefined) throw new DecodeError('record cut short');
    return byte;
  }
}

/** The most bytes that `writeVarlong` writes. */
export const VARLONG_BYTES_MAX = 10;

/** Writes the number at `at`. Returns the position behind it. */
export function writeVarlong(target: Uint8Array, at: number, value: Timestamp): number {
  let position = at;
  if (typeof value === 'bigint' || Math.abs(value) >= 2 ** 52) {
    const wide = BigInt(value);
    let rest = BigInt.asUintN(64, wide < 0n ? -2n * wide - 1n : 2n * wide);
    for (; rest > 0x7fn; rest >>= 7n) target[position++] = Number(rest & 0x7fn) | 0x80;
    target[position++] = Number(rest);
    return position;
  }
  let rest = value < 0 ? -value * 2 - 1 : value * 2;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) target[position++] = (rest % 128) | 0x80;
  target[position++] = rest;
  return position;
}
