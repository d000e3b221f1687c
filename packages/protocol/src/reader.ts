/**
 * A bounds-checked cursor over the bytes of one message. Compiled decoders are sequences of its calls. Throws
 * DecodeError on anything that does not fit. Allocates memory only after it has checked that the bytes are
 * there.
 */
import { type Uuid, ZERO_UUID } from '@millrace/base';
import { readUtf8, readUuid } from './bytes.ts';
import { DecodeError } from './decode-error.ts';
import type { TextCache } from './text-cache.ts';
import { type Timestamp, timestampOfWords } from './timestamp.ts';

/**
 * The longest text of any field, in bytes. Only versions with int16 lengths need this limit, but it holds in
 * all versions.
 */
export const STRING_BYTES_MAX = 0x7fff;

/**
 * The most array elements and tagged fields in one request. The limit protects memory: an element of a few
 * bytes becomes an object of a hundred bytes. The bodies of responses have no limit, because they come from
 * nodes that this process asked.
 */
export const REQUEST_ELEMENTS_MAX = 1 << 19;

export class Reader {
  readonly bytes: Uint8Array;
  /** Position of the next byte to read. */
  position: number;
  readonly end: number;
  /** For error messages: "Fetch v12 request". */
  private readonly what: string;
  private elementsLeft: number;
  private readonly texts: TextCache | undefined;
  /** Approximate heap size of the array elements read so far. */
  heapBytes = 0;

  /** `texts`: decodes texts and ids; undefined: each of them becomes a new string. */
  constructor(bytes: Uint8Array, position: number, what: string, elementsMax: number, texts?: TextCache) {
    this.bytes = bytes;
    this.position = position;
    this.end = bytes.length;
    this.what = what;
    this.elementsLeft = elementsMax;
    this.texts = texts;
  }

  fail(problem: string): never {
    throw new DecodeError(`${this.what}: ${problem} at byte ${this.position} of ${this.end}`);
  }

  /** Moves `sizeBytes` (>= 0) forward and returns the old position. */
  private take(sizeBytes: number): number {
    const start = this.position;
    if (sizeBytes > this.end - start) this.fail('ends too early');
    this.position = start + sizeBytes;
    return start;
  }

  bool(): boolean {
    return this.bytes[this.take(1)] !== 0;
  }

  int8(): number {
    return (this.bytes[this.take(1)]! << 24) >> 24;
  }

  int16(): number {
    const at = this.take(2);
    const { bytes } = this;
    return ((bytes[at]! << 24) >> 16) | bytes[at + 1]!;
  }

  uint16(): number {
    const at = this.take(2);
    const { bytes } = this;
    return (bytes[at]! << 8) | bytes[at + 1]!;
  }

  int32(): number {
    const at = this.take(4);
    const { bytes } = this;
    return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  }

  private wideInt(): number {
    const high = this.int32();
    return high * 0x1_0000_0000 + (this.int32() >>> 0);
  }

  int64(): number {
    const value = this.wideInt();
    if (!Number.isSafeInteger(value)) this.fail('int64 beyond 2^53');
    return value;
  }

  /** Reads an int64. A value beyond the safe integers reads as the nearest safe integer. */
  clampedInt64(): number {
    return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, this.wideInt()));
  }

  timestamp(): Timestamp {
    const high = this.int32();
    return timestampOfWords(high, this.int32());
  }

  uuid(): Uuid {
    const at = this.take(16);
    const { bytes, texts } = this;
    if (texts !== undefined) return texts.uuid(bytes, at);
    for (let i = at; i < at + 16; i++) if (bytes[i] !== 0) return readUuid(bytes, at);
    return ZERO_UUID;
  }

  /** Reads an unsigned varint: at most 5 bytes, and at most 32 bits. */
  unsignedVarint(): number {
    const first = this.bytes[this.take(1)]!;
    if (first < 0x80) return first;
    let value = first & 0x7f;
    for (let shift = 7; shift < 28; shift += 7) {
      const byte = this.bytes[this.take(1)]!;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    const last = this.bytes[this.take(1)]!;
    if (last > 0x0f) this.fail('varint longer than 32 bits');
    return (value | (last << 28)) >>> 0;
  }

  /** The written number minus 1, as an int32. So it is negative for 0, and for numbers from 2^31 + 1 on. */
  private compactLength(): number {
    return (this.unsignedVarint() - 1) | 0;
  }

  string(): string {
    return this.text(this.int16());
  }

  // A nullable value is null for any negative length, as in Kafka, although writers use only -1.

  nullableString(): string | null {
    const sizeBytes = this.int16();
    return sizeBytes < 0 ? null : this.text(sizeBytes);
  }

  compactString(): string {
    return this.text(this.unsignedVarint() - 1);
  }

  compactNullableString(): string | null {
    const sizeBytes = this.compactLength();
    return sizeBytes < 0 ? null : this.text(sizeBytes);
  }

  private text(sizeBytes: number): string {
    if (sizeBytes < 0) this.fail('null or negative length of a text that must be there');
    if (sizeBytes > STRING_BYTES_MAX) this.fail('text longer than 32767 bytes');
    const start = this.take(sizeBytes);
    const { bytes, texts, position } = this;
    return texts === undefined ? readUtf8(bytes, start, position) : texts.text(bytes, start, position);
  }

  /** Returns a view of the message's own bytes, not a copy. The other methods that read bytes do the same. */
  bytesField(): Uint8Array {
    return this.slice(this.int32());
  }

  nullableBytesField(): Uint8Array | null {
    const sizeBytes = this.int32();
    return sizeBytes < 0 ? null : this.slice(sizeBytes);
  }

  compactBytesField(): Uint8Array {
    return this.slice(this.unsignedVarint() - 1);
  }

  compactNullableBytesField(): Uint8Array | null {
    const sizeBytes = this.compactLength();
    return sizeBytes < 0 ? null : this.slice(sizeBytes);
  }

  private slice(sizeBytes: number): Uint8Array {
    if (sizeBytes < 0) this.fail('null or negative length of bytes that must be there');
    const start = this.take(sizeBytes);
    return this.bytes.subarray(start, this.position);
  }

  /**
   * The number of elements of an array. An element takes at least `elementBytesMin` bytes, and about
   * `elementHeapBytes` once it is decoded.
   */
  count(elementBytesMin: number, elementHeapBytes: number): number {
    return this.elements(this.int32(), elementBytesMin, elementHeapBytes);
  }

  /** Like `count`, but returns -1 for null. */
  nullableCount(elementBytesMin: number, elementHeapBytes: number): number {
    const count = this.int32();
    return count < 0 ? -1 : this.elements(count, elementBytesMin, elementHeapBytes);
  }

  compactCount(elementBytesMin: number, elementHeapBytes: number): number {
    return this.elements(this.unsignedVarint() - 1, elementBytesMin, elementHeapBytes);
  }

  compactNullableCount(elementBytesMin: number, elementHeapBytes: number): number {
    const count = this.compactLength();
    return count < 0 ? -1 : this.elements(count, elementBytesMin, elementHeapBytes);
  }

  private elements(count: number, elementBytesMin: number, elementHeapBytes: number): number {
    if (count < 0) this.fail('null or negative length of an array that must be there');
    if (count * elementBytesMin > this.end - this.position) this.fail('array longer than the message');
    this.elementsLeft -= count;
    if (this.elementsLeft < 0) this.fail('too many array elements in one message');
    this.heapBytes += count * elementHeapBytes;
    return count;
  }

  /** Reads the byte in front of a nullable struct. True if the struct follows, false if it is null. */
  present(): boolean {
    return this.int8() >= 0;
  }

  /** Like `present`, for a struct that is a tagged field. */
  taggedPresent(): boolean {
    return this.unsignedVarint() > 0;
  }

  /** Number of tagged fields that follow, known or not. */
  taggedCount(): number {
    const count = this.unsignedVarint();
    this.elementsLeft -= count;
    if (this.elementsLeft < 0) this.fail('too many tagged fields in one message');
    return count;
  }

  /** Begins a tagged field whose tag was read: returns where it must end. */
  taggedEnd(): number {
    const sizeBytes = this.unsignedVarint();
    if (sizeBytes > this.end - this.position) this.fail('tagged field longer than the message');
    return this.position + sizeBytes;
  }

  /** Ends a known tagged field. Throws DecodeError if the field does not have its announced size. */
  endTagged(end: number): void {
    if (this.position !== end) this.fail('tagged field of another size than announced');
  }

  /** Skips a section of unknown tagged fields. */
  skipTagged(): void {
    for (let left = this.taggedCount(); left > 0; left--) {
      this.unsignedVarint();
      this.position = this.taggedEnd();
    }
  }

  /** Throws DecodeError if bytes of the message are left. */
  finish(): void {
    if (this.position !== this.end) this.fail('bytes left over');
  }
}
