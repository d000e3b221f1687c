/**
 * Walks through the uncompressed bytes of a batch's records, in chunks that are cut anywhere, and passes each
 * record to a subclass. Skips keys, values and headers without a copy. Allocates nothing per record, except
 * for a timestamp delta beyond the safe integers. If a record lies in one chunk, the walker reads it in
 * place. If a record spans chunks, the walker reads its numbers byte by byte. Checks that a record is
 * readable: all lengths fit into the record, and the record has its announced length. Like Kafka, the walker
 * accepts varints of up to 5 bytes, or 10 bytes for a timestamp delta, and drops bits beyond 32 or 64.
 *
 *     record = length varint, attributes int8, timestampDelta varlong, offsetDelta varint, key, value,
 *              header count varint, headers
 */
import { timestampOfWords } from './timestamp.ts';

/** Cost of visiting one record, in decompressed bytes. */
export const RECORD_WORK = 16;
/**
 * The smallest record. It has one byte each for length, attributes, timestamp, offset, no key, no value and
 * no headers.
 */
export const RECORD_BYTES_MIN = 7;
const BODY_BYTES_MIN = RECORD_BYTES_MIN - 1;
/** The value of `after` if a varint is cut or too long. */
const NOWHERE = -1;

/** The next part of a record that spans chunks. */
const Next = {
  LENGTH: 0,
  ATTRIBUTES: 1,
  TIMESTAMP: 2,
  OFFSET: 3,
  KEY_LENGTH: 4,
  VALUE_LENGTH: 5,
  HEADER_COUNT: 6,
  HEADER_KEY_LENGTH: 7,
  HEADER_VALUE_LENGTH: 8,
  END: 9,
} as const;
type Next = (typeof Next)[keyof typeof Next];

export abstract class RecordWalker {
  /** Number of visited records. */
  records = 0;
  /** Number of pushed bytes. */
  bytes = 0;
  /** True if the bytes and records cost more than `workMax`. The walker has then stopped. */
  isOverWork = false;
  /** Why the bytes are not valid records; undefined: no damage so far. */
  damage: string | undefined;
  /** The timestamp delta of the current record, if it is beyond the safe integers. */
  protected wideDelta = 0n;
  private readonly count: number;
  private readonly workMax: number;
  private isStopped = false;
  /** Position behind the number that `varint` or `varlong` read last, or NOWHERE. */
  private after = 0;
  // State of a record that spans chunks:
  private next: Next = Next.LENGTH;
  private bodyLeft = 0;
  private skipLeft = 0;
  private headersLeft = 0;
  private low = 0;
  private high = 0;
  private shift = 0;
  private timestampDelta = 0;
  private offsetDelta = 0;
  private keyBytes = 0;
  private valueBytes = 0;

  /**
   * `count`: expected number of records. `workMax`: limit of bytes plus RECORD_WORK for each record. `push`
   * checks this limit after each chunk.
   */
  constructor(count: number, workMax: number) {
    this.count = count;
    this.workMax = workMax;
  }

  /**
   * Visits one record. `timestampDelta` is NaN if the delta is in `wideDelta`. A negative length means null.
   * The subclass returns false to stop the walker.
   */
  protected abstract visit(
    timestampDelta: number,
    offsetDelta: number,
    keyBytes: number,
    valueBytes: number,
  ): boolean;

  /** Returns false if the walker has stopped and needs no more bytes. */
  push(chunk: Uint8Array): boolean {
    if (this.isStopped) return false;
    this.bytes += chunk.length;
    let at = 0;
    while (at < chunk.length && !this.isStopped) {
      if (this.next === Next.LENGTH && this.shift === 0) {
        if (this.records === this.count) return this.fail('bytes are left over behind the records');
        at = this.inPlace(chunk, at);
        if (this.isStopped || at === chunk.length) break;
        if (this.records === this.count) continue;
      }
      at = this.acrossChunks(chunk, at);
    }
    if (this.bytes + this.records * RECORD_WORK > this.workMax && !this.isStopped) {
      this.isOverWork = true;
      this.isStopped = true;
    }
    return !this.isStopped;
  }

  /** Call it after the last byte. Reports damage if records are missing. */
  protected end(): void {
    if (!this.isStopped && this.records < this.count)
      this.fail(`the bytes end within record ${this.records} of ${this.count}`);
  }

  protected fail(damage: string): false {
    this.damage ??= damage;
    this.isStopped = true;
    return false;
  }

  /**
   * Visits the records that are whole in `bytes`. Returns the beginning of the first incomplete record, or
   * the end of the last expected record. If the walker stops, returns the end of `bytes`.
   */
  private inPlace(bytes: Uint8Array, from: number): number {
    const end = bytes.length;
    let start = from;
    while (this.records < this.count) {
      if (start >= end) return start;
      let at = start;
      let byte = bytes[at]!;
      let length = 0;
      if (byte < 0x80) {
        length = (byte >>> 1) ^ -(byte & 1);
        at++;
      } else {
        length = this.varint(bytes, at);
        at = this.after;
        // The number is cut or too long: `acrossChunks` reads the record byte by byte and decides.
        if (at < 0) return start;
      }
      if (length < BODY_BYTES_MIN) return this.failAt(end, 'a record is shorter than any can be');
      const recordEnd = at + length;
      if (recordEnd > end) return start;
      at++;
      byte = bytes[at]!;
      let timestampDelta = 0;
      if (byte < 0x80) {
        timestampDelta = (byte >>> 1) ^ -(byte & 1);
        at++;
      } else {
        timestampDelta = this.varlong(bytes, at);
        at = this.after;
      }
      byte = bytes[at]!;
      let offsetDelta = 0;
      if (byte < 0x80) {
        offsetDelta = (byte >>> 1) ^ -(byte & 1);
        at++;
      } else {
        offsetDelta = this.varint(bytes, at);
        at = this.after;
      }
      byte = bytes[at]!;
      let keyBytes = 0;
      if (byte < 0x80) {
        keyBytes = (byte >>> 1) ^ -(byte & 1);
        at++;
      } else {
        keyBytes = this.varint(bytes, at);
        at = this.after;
      }
      if (keyBytes > 0) at += keyBytes;
      // If `at` is beyond the end, `byte` is undefined, and undefined < 128 is false. So `varint` runs, and
      // sets `after` to NOWHERE.
      byte = bytes[at]!;
      let valueBytes = 0;
      if (byte < 0x80) {
        valueBytes = (byte >>> 1) ^ -(byte & 1);
        at++;
      } else {
        valueBytes = this.varint(bytes, at);
        at = this.after;
      }
      if (valueBytes > 0) at += valueBytes;
      if (bytes[at] === 0) at++;
      else at = this.headers(bytes, at, recordEnd);
      if (at !== recordEnd) return this.failAt(end, 'a record has another length than it says');
      this.records++;
      start = recordEnd;
      if (!this.visit(timestampDelta, offsetDelta, keyBytes, valueBytes)) {
        this.isStopped = true;
        return end;
      }
    }
    return start;
  }

  /** Skips the number of headers and the headers. Returns the end of the headers, or NOWHERE. */
  private headers(bytes: Uint8Array, from: number, recordEnd: number): number {
    let left = this.varint(bytes, from);
    let at = this.after;
    if (at < 0 || left < 0 || left * 2 > recordEnd - at) return NOWHERE;
    for (; left > 0; left--) {
      const keyBytes = this.varint(bytes, at);
      at = this.after;
      if (at < 0 || keyBytes < 0 || keyBytes > recordEnd - at) return NOWHERE;
      at += keyBytes;
      const valueBytes = this.varint(bytes, at);
      at = this.after;
      if (at < 0 || valueBytes > recordEnd - at) return NOWHERE;
      if (valueBytes > 0) at += valueBytes;
    }
    return at;
  }

  /**
   * Reads one varint. Sets `after` to its end, or to NOWHERE if the varint is cut or too long. A read that
   * begins at NOWHERE finds no byte, so `after` stays NOWHERE: one check at the end of the record is enough.
   */
  private varint(bytes: Uint8Array, from: number): number {
    let value = 0;
    for (let i = 0; i < 5; i++) {
      const byte = bytes[from + i];
      if (byte === undefined) break;
      value |= (byte & 0x7f) << (7 * i);
      if (byte < 0x80) {
        this.after = from + i + 1;
        return (value >>> 1) ^ -(value & 1);
      }
    }
    this.after = NOWHERE;
    return 0;
  }

  private varlong(bytes: Uint8Array, from: number): number {
    let value = 0;
    this.after = NOWHERE;
    for (let i = 0; i < 10 && this.after === NOWHERE; i++) {
      const byte = bytes[from + i];
      if (byte === undefined) break;
      this.addBits(byte);
      if (byte >= 0x80) continue;
      this.after = from + i + 1;
      value = this.wide();
    }
    this.clearBits();
    return value;
  }

  /** Resets the bits for the next varint. */
  private clearBits(): void {
    this.low = 0;
    this.high = 0;
    this.shift = 0;
  }

  private addBits(byte: number): void {
    const bits = byte & 0x7f;
    const { shift } = this;
    if (shift < 28) this.low |= bits << shift;
    else if (shift === 28) {
      this.low |= bits << 28;
      this.high = bits >>> 4;
    } else this.high |= bits << (shift - 32);
    this.shift = shift + 7;
  }

  /** Decodes the collected 64 bits (zig-zag). Returns NaN if the number is in `wideDelta`. */
  private wide(): number {
    const sign = -(this.low & 1);
    const low = ((this.low >>> 1) | (this.high << 31)) ^ sign;
    const high = (this.high >>> 1) ^ sign;
    const value = timestampOfWords(high, low);
    if (typeof value === 'number') return value;
    this.wideDelta = value;
    return Number.NaN;
  }

  private failAt(end: number, damage: string): number {
    this.fail(damage);
    return end;
  }

  /** Continues one record until the record or the chunk ends. Returns the position of that end. */
  private acrossChunks(bytes: Uint8Array, from: number): number {
    let at = from;
    while (at < bytes.length) {
      if (this.skipLeft > 0) {
        const step = Math.min(this.skipLeft, bytes.length - at);
        this.skipLeft -= step;
        at += step;
        if (this.skipLeft > 0) return at;
      } else {
        this.byte(bytes[at++]!);
        if (this.isStopped) return at;
      }
      if (this.next === Next.END && this.skipLeft === 0) {
        this.complete();
        return at;
      }
    }
    return at;
  }

  private complete(): void {
    this.expect(Next.LENGTH);
    if (this.bodyLeft !== 0) {
      this.fail('a record has another length than it says');
      return;
    }
    this.records++;
    const { timestampDelta, offsetDelta, keyBytes, valueBytes } = this;
    if (!this.visit(timestampDelta, offsetDelta, keyBytes, valueBytes)) this.isStopped = true;
  }

  /** Handles one byte of a number or of the attributes. */
  private byte(byte: number): void {
    if (this.next !== Next.LENGTH && --this.bodyLeft < 0) {
      this.fail('a record has another length than it says');
      return;
    }
    if (this.next === Next.ATTRIBUTES) {
      this.expect(Next.TIMESTAMP);
      return;
    }
    this.addBits(byte);
    if (byte < 0x80) this.field();
    else if (this.shift >= (this.next === Next.TIMESTAMP ? 70 : 35))
      this.fail('a number in a record is too long');
  }

  private expect(next: Next): void {
    this.next = next;
    this.clearBits();
  }

  /** Handles a complete varint, and moves to the next part of the record. */
  private field(): void {
    const value = (this.low >>> 1) ^ -(this.low & 1);
    switch (this.next) {
      case Next.LENGTH:
        if (value < BODY_BYTES_MIN) this.fail('a record is shorter than any can be');
        this.bodyLeft = value;
        this.expect(Next.ATTRIBUTES);
        break;
      case Next.TIMESTAMP:
        this.timestampDelta = this.wide();
        this.expect(Next.OFFSET);
        break;
      case Next.OFFSET:
        this.offsetDelta = value;
        this.expect(Next.KEY_LENGTH);
        break;
      case Next.KEY_LENGTH:
        this.keyBytes = value;
        this.skip(value);
        this.expect(Next.VALUE_LENGTH);
        break;
      case Next.VALUE_LENGTH:
        this.valueBytes = value;
        this.skip(value);
        this.expect(Next.HEADER_COUNT);
        break;
      case Next.HEADER_COUNT:
        if (value < 0 || value * 2 > this.bodyLeft) this.fail('a record has an impossible number of headers');
        this.headersLeft = value;
        this.nextHeader();
        break;
      case Next.HEADER_KEY_LENGTH:
        if (value < 0) this.fail('a record has a header without a key');
        this.skip(value);
        this.expect(Next.HEADER_VALUE_LENGTH);
        break;
      case Next.HEADER_VALUE_LENGTH:
        this.skip(value);
        this.headersLeft--;
        this.nextHeader();
        break;
      default:
        break;
    }
  }

  private skip(sizeBytes: number): void {
    if (sizeBytes <= 0) return;
    if (sizeBytes > this.bodyLeft) this.fail('a record has another length than it says');
    this.bodyLeft -= sizeBytes;
    this.skipLeft = sizeBytes;
  }

  private nextHeader(): void {
    this.expect(this.headersLeft > 0 ? Next.HEADER_KEY_LENGTH : Next.END);
  }
}
