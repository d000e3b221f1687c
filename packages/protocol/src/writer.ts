/**
 * Gathers one message as chunks: copies fields to a growing buffer, and passes record bytes on by reference.
 * Compiled encoders are sequences of its calls. A number out of its field's range is a programming error and
 * fails an assertion, so it never reaches the wire. A text that is too long is cut (cutText).
 */
import { assert, type Uuid } from '@millrace/base';
import { allocateUnsafe, utf8Bytes, writeUtf8, writeUuid } from './bytes.ts';
import { STRING_BYTES_MAX } from './reader.ts';
import { type Timestamp, timestampHigh, timestampLow } from './timestamp.ts';

/** Bytes to send unchanged: one piece, or several pieces in order. */
export type RecordBytes = Uint8Array | readonly Uint8Array[];

/**
 * Enough for most records of a coordinator, and for most answers without records. Unused bytes stay allocated
 * as long as the message. So with a larger buffer, thousands of small messages would make much garbage
 * outside of the heap.
 */
const FIRST_BUFFER_BYTES = 128;

export class Writer {
  private buffer: Uint8Array = allocateUnsafe(FIRST_BUFFER_BYTES);
  private position = 0;
  /** Position in the buffer where the current chunk begins. */
  private chunkStart = 0;
  private readonly chunks: Uint8Array[] = [];
  private chunkedBytes = 0;
  /** The number of tagged fields around the position. A tagged field can be inside another one. */
  private openTagged = 0;

  /** Bytes written so far, including those passed on by reference. */
  get sizeBytes(): number {
    return this.chunkedBytes + this.position - this.chunkStart;
  }

  /** Everything written, in order. The writer must not be used afterwards. */
  finish(): Uint8Array[] {
    this.endChunk();
    return this.chunks;
  }

  private endChunk(): void {
    if (this.position === this.chunkStart) return;
    this.append(this.buffer.subarray(this.chunkStart, this.position));
    this.chunkStart = this.position;
  }

  private append(chunk: Uint8Array): void {
    this.chunks.push(chunk);
    this.chunkedBytes += chunk.length;
  }

  /** Makes room for `sizeBytes` and returns their position. */
  private claim(sizeBytes: number): number {
    if (this.position + sizeBytes > this.buffer.length) this.grow(sizeBytes);
    const start = this.position;
    this.position = start + sizeBytes;
    return start;
  }

  /** Finished chunks keep the old buffer; only the current chunk moves. */
  private grow(sizeBytes: number): void {
    const written = this.position - this.chunkStart;
    const buffer = allocateUnsafe(Math.max(this.buffer.length * 2, (written + sizeBytes) * 2));
    buffer.set(this.buffer.subarray(this.chunkStart, this.position));
    this.buffer = buffer;
    this.position = written;
    this.chunkStart = 0;
  }

  bool(value: boolean): void {
    const at = this.claim(1);
    this.buffer[at] = value ? 1 : 0;
  }

  int8(value: number): void {
    assert(value === (value << 24) >> 24, 'int8 out of range');
    const at = this.claim(1);
    this.buffer[at] = value;
  }

  int16(value: number): void {
    assert(value === (value << 16) >> 16, 'int16 out of range');
    this.twoBytes(value);
  }

  uint16(value: number): void {
    assert(value === (value & 0xffff), 'uint16 out of range');
    this.twoBytes(value);
  }

  private twoBytes(value: number): void {
    const at = this.claim(2);
    const { buffer } = this;
    buffer[at] = value >> 8;
    buffer[at + 1] = value;
  }

  int32(value: number): void {
    assert(value === (value | 0), 'int32 out of range');
    this.fourBytes(value);
  }

  private fourBytes(value: number): void {
    const at = this.claim(4);
    const { buffer } = this;
    buffer[at] = value >> 24;
    buffer[at + 1] = value >> 16;
    buffer[at + 2] = value >> 8;
    buffer[at + 3] = value;
  }

  int64(value: number): void {
    assert(Number.isSafeInteger(value), 'int64 must be a safe integer');
    this.fourBytes(Math.floor(value / 0x1_0000_0000) | 0);
    this.fourBytes(value | 0);
  }

  /** The largest and smallest safe integers stand for those of int64 (see Reader.clampedInt64). */
  clampedInt64(value: number): void {
    if (value === Number.MAX_SAFE_INTEGER) {
      this.fourBytes(0x7fffffff);
      this.fourBytes(-1);
    } else if (value === Number.MIN_SAFE_INTEGER) {
      this.fourBytes(-0x80000000);
      this.fourBytes(0);
    } else this.int64(value);
  }

  timestamp(value: Timestamp): void {
    this.fourBytes(timestampHigh(value));
    this.fourBytes(timestampLow(value));
  }

  uuid(value: Uuid): void {
    assert(value.length === 22, 'uuid must have 22 characters');
    const at = this.claim(16);
    assert(writeUuid(this.buffer, at, value) === 16, 'uuid must be base64url');
  }

  unsignedVarint(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      const at = this.claim(1);
      this.buffer[at] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    const at = this.claim(1);
    this.buffer[at] = rest;
  }

  string(value: string): void {
    assert(value !== null, 'null in a text that is not nullable');
    const text = cutText(value);
    const at = this.claim(2 + text.length * 3);
    const sizeBytes = writeUtf8(this.buffer, at + 2, text);
    this.buffer[at] = sizeBytes >> 8;
    this.buffer[at + 1] = sizeBytes;
    this.position = at + 2 + sizeBytes;
  }

  nullableString(value: string | null): void {
    if (value === null) this.twoBytes(-1);
    else this.string(value);
  }

  compactString(value: string): void {
    assert(value !== null, 'null in a text that is not nullable');
    if (value.length * 3 < 0x7f) {
      // The text is so short that its length takes one byte in any case.
      const at = this.claim(1 + value.length * 3);
      const sizeBytes = writeUtf8(this.buffer, at + 1, value);
      this.buffer[at] = sizeBytes + 1;
      this.position = at + 1 + sizeBytes;
      return;
    }
    const text = cutText(value);
    this.unsignedVarint(utf8Bytes(text) + 1);
    const at = this.claim(text.length * 3);
    this.position = at + writeUtf8(this.buffer, at, text);
  }

  compactNullableString(value: string | null): void {
    if (value === null) this.unsignedVarint(0);
    else this.compactString(value);
  }

  bytesField(value: RecordBytes): void {
    assert(value !== null, 'null in bytes that are not nullable');
    this.int32(recordBytesSize(value));
    this.reference(value);
  }

  nullableBytesField(value: RecordBytes | null): void {
    if (value === null) this.int32(-1);
    else this.bytesField(value);
  }

  compactBytesField(value: RecordBytes): void {
    assert(value !== null, 'null in bytes that are not nullable');
    this.unsignedVarint(recordBytesSize(value) + 1);
    this.reference(value);
  }

  compactNullableBytesField(value: RecordBytes | null): void {
    if (value === null) this.unsignedVarint(0);
    else this.compactBytesField(value);
  }

  /** Appends encoded bytes. They must not change until the message is sent. */
  encoded(bytes: Uint8Array): void {
    this.reference(bytes);
  }

  /**
   * Passes bytes on without copying. They must not change until the message is sent. Inside a tagged field
   * the writer copies the bytes, because `endTagged` needs the whole field in the buffer.
   */
  private reference(value: RecordBytes): void {
    if (this.openTagged > 0) {
      this.copy(value);
      return;
    }
    this.endChunk();
    if (value instanceof Uint8Array) {
      if (value.length > 0) this.append(value);
      return;
    }
    for (const chunk of value) if (chunk.length > 0) this.append(chunk);
  }

  private copy(value: RecordBytes): void {
    for (const chunk of value instanceof Uint8Array ? [value] : value) {
      const at = this.claim(chunk.length);
      this.buffer.set(chunk, at);
    }
  }

  count(value: number): void {
    this.int32(value);
  }

  compactCount(value: number): void {
    this.unsignedVarint(value + 1);
  }

  /**
   * Writes the tag and leaves one byte for the size of the field. Returns the mark of this byte, for
   * `endTagged`.
   */
  beginTagged(tag: number): number {
    this.unsignedVarint(tag);
    this.openTagged++;
    return this.claim(1) - this.chunkStart;
  }

  /**
   * Fills in the size of the field with this mark. Moves a field longer than 127 bytes to make room for a
   * longer size.
   */
  endTagged(mark: number): void {
    this.openTagged--;
    const sizeBytes = this.position - (this.chunkStart + mark + 1);
    const shift = (sizeBytes > 0x7f ? 1 : 0) + (sizeBytes > 0x3fff ? 1 : 0) + (sizeBytes > 0x1fffff ? 1 : 0);
    if (shift > 0) this.claim(shift);
    const start = this.chunkStart + mark + 1;
    if (shift > 0) this.buffer.copyWithin(start + shift, start, start + sizeBytes);
    this.position = start - 1;
    this.unsignedVarint(sizeBytes);
    assert(this.position === start + shift, 'tagged field size misjudged');
    this.position += sizeBytes;
  }

  noTagged(): void {
    const at = this.claim(1);
    this.buffer[at] = 0;
  }
}

/** Total size of bytes that are passed on. */
export function recordBytesSize(value: RecordBytes): number {
  if (value instanceof Uint8Array) return value.length;
  let sizeBytes = 0;
  for (const chunk of value) sizeBytes += chunk.length;
  return sizeBytes;
}

/** An encoded message as one array. A single chunk is not copied. */
export function joinedChunks(chunks: readonly Uint8Array[]): Uint8Array {
  if (chunks.length === 1) return chunks[0]!;
  const whole = new Uint8Array(recordBytesSize(chunks));
  let position = 0;
  for (const chunk of chunks) {
    whole.set(chunk, position);
    position += chunk.length;
  }
  return whole;
}

/**
 * Cuts a text that is longer than the protocol allows, because a failed assertion would end the node. A name
 * in a broker's answer always fits, because it came in a request. Two texts can be too long: an error message
 * that contains a name, and in DescribeConfigs a value from the node's own configuration. In these cases
 * Kafka fails the request.
 */
function cutText(text: string): string {
  if (text.length * 3 <= STRING_BYTES_MAX || utf8Bytes(text) <= STRING_BYTES_MAX) return text;
  return text.slice(0, Math.floor(STRING_BYTES_MAX / 3));
}
