/**
 * Cuts a byte stream into frames: an int32 size, then that many bytes. Owns the received bytes until the
 * caller takes them. Memory grows with the received bytes, never with an announced size. A frame within one
 * chunk is a view of the chunk. A frame that spans chunks is assembled in a buffer that grows with the bytes
 * that arrive. When `next` finds a frame that has not arrived whole, it reserves no memory yet, because the
 * caller first looks at the size and at the first bytes of the frame, and may refuse the frame.
 *
 * A caller that reuses its chunks calls `keep` before it pushes the next chunk: `keep` copies the unused
 * bytes. If the reader has `spares` (see the constructor), a frame is valid until the next call of `next`,
 * `keep` or `release`. If not, a view of a chunk is valid as long as the chunk, and an assembled frame stays
 * valid.
 */
import { assert } from '@millrace/base';
import { allocateUnsafe } from './bytes.ts';
import { DecodeError } from './decode-error.ts';
import type { SpareBuffers } from './spare-buffers.ts';

const SIZE_BYTES = 4;
/** A buffer under assembly grows to this multiple of the needed size. So each byte moves about once. */
const GROWTH = 4;
const ASSEMBLY_BYTES_MIN = 16 * 1024;
const NOTHING = new Uint8Array(0);

export class FrameReader {
  private readonly maxFrameBytes: number;
  private readonly spares: SpareBuffers | undefined;
  /** Chunks with unread bytes, oldest first. In the first one, the bytes before `position` have been read. */
  private chunks: Uint8Array[] = [];
  private position = 0;
  private buffered = 0;
  /** The frame that spans chunks: its buffer, the number of its bytes in the buffer, and its full size. */
  private assembly: Uint8Array | undefined;
  private assembledBytes = 0;
  private frameBytes = 0;
  /** With spare buffers: the last frame, and its buffer if it was assembled. */
  private lent: Uint8Array | undefined;
  private lentBuffer: Uint8Array | undefined;

  /** Frames may have up to `maxFrameBytes` bytes, without the four bytes of the size. */
  constructor(maxFrameBytes: number, spares?: SpareBuffers) {
    assert(maxFrameBytes > 0 && maxFrameBytes <= 0x7fffffff, 'frame limit in 1 .. 2^31-1');
    this.maxFrameBytes = maxFrameBytes;
    this.spares = spares;
  }

  /** Bytes received and not yet returned as frames. */
  get bufferedBytes(): number {
    return this.buffered + this.assembledBytes;
  }

  /** Size of the frame under assembly, which spans several chunks; 0: there is none. */
  get assemblingBytes(): number {
    return this.assembly === undefined ? 0 : this.frameBytes;
  }

  /**
   * The first received bytes of the frame under assembly: those in its buffer, or, if the buffer is empty,
   * those in the first chunk.
   */
  get assembled(): Uint8Array {
    if (this.assembly === undefined) return NOTHING;
    if (this.assembledBytes > 0) return this.assembly.subarray(0, this.assembledBytes);
    return this.chunks[0]?.subarray(this.position) ?? NOTHING;
  }

  /** Memory reserved for the frame under assembly, in bytes. */
  get reservedBytes(): number {
    return this.assembly?.length ?? 0;
  }

  /**
   * Adds a chunk. The reader uses the chunk until the next `keep`, or until it has read all bytes of the
   * chunk.
   */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.chunks.push(chunk);
    this.buffered += chunk.length;
  }

  /** Tells the reader that the caller no longer uses the last frame. */
  release(): void {
    const { lent, lentBuffer, spares } = this;
    if (lent === undefined || spares === undefined) return;
    this.lent = undefined;
    this.lentBuffer = undefined;
    spares.spoil(lent);
    if (lentBuffer !== undefined) spares.give(lentBuffer);
  }

  /** Ends the reading: gives back the assembly buffer and drops all bytes. */
  discard(): void {
    if (this.assembly !== undefined) this.spares?.give(this.assembly);
    this.assembly = undefined;
    this.assembledBytes = 0;
    this.chunks = [];
    this.position = 0;
    this.buffered = 0;
  }

  /**
   * Releases the last frame, and copies the unused bytes of the last chunk, so that the caller can reuse the
   * chunk.
   */
  keep(): void {
    this.release();
    if (this.assembly !== undefined && this.bufferedBytes < this.frameBytes) {
      this.gather();
      return;
    }
    const chunk = this.chunks.pop();
    if (chunk === undefined) return;
    const isFirst = this.chunks.length === 0;
    // Do not use `slice`: it returns a view when the chunk is a Buffer.
    this.chunks.push(new Uint8Array(chunk.subarray(isFirst ? this.position : 0)));
    if (isFirst) this.position = 0;
  }

  /**
   * The next frame, without its size, or undefined if it has not arrived whole. Throws DecodeError on an
   * impossible size; the rest of the stream is then unreadable.
   */
  next(): Uint8Array | undefined {
    this.release();
    if (this.assembly !== undefined) return this.assemble();
    if (this.buffered < SIZE_BYTES) return undefined;
    this.frameBytes = this.takeSize();
    const chunk = this.chunks[0];
    if (chunk !== undefined && chunk.length - this.position >= this.frameBytes) {
      const start = this.position;
      this.consume(this.frameBytes);
      return this.lend(chunk.subarray(start, start + this.frameBytes));
    }
    if (this.frameBytes === 0) return new Uint8Array(0);
    this.assembly = NOTHING;
    return this.buffered < this.frameBytes ? undefined : this.assemble();
  }

  private takeSize(): number {
    let sizeBytes = 0;
    for (let i = 0; i < SIZE_BYTES; i++) {
      sizeBytes = (sizeBytes << 8) | this.chunks[0]![this.position]!;
      this.consume(1);
    }
    if (sizeBytes < 0) throw new DecodeError(`frame of negative size ${sizeBytes}`);
    if (sizeBytes > this.maxFrameBytes)
      throw new DecodeError(`frame of ${sizeBytes} bytes, more than the limit of ${this.maxFrameBytes}`);
    return sizeBytes;
  }

  private assemble(): Uint8Array | undefined {
    this.gather();
    if (this.assembledBytes < this.frameBytes) return undefined;
    const buffer = this.assembly!;
    this.assembly = undefined;
    this.assembledBytes = 0;
    return this.lend(buffer.subarray(0, this.frameBytes), buffer);
  }

  /** Moves the received bytes of the frame into the assembly buffer. */
  private gather(): void {
    while (this.chunks.length > 0 && this.assembledBytes < this.frameBytes) {
      const chunk = this.chunks[0]!;
      const sizeBytes = Math.min(chunk.length - this.position, this.frameBytes - this.assembledBytes);
      const target = this.roomFor(this.assembledBytes + sizeBytes);
      target.set(chunk.subarray(this.position, this.position + sizeBytes), this.assembledBytes);
      this.assembledBytes += sizeBytes;
      this.consume(sizeBytes);
    }
  }

  private lend(frame: Uint8Array, buffer?: Uint8Array): Uint8Array {
    if (this.spares === undefined) return frame;
    this.lent = frame;
    this.lentBuffer = buffer;
    return frame;
  }

  /** Returns the assembly buffer with room for `neededBytes`. Grows the buffer if necessary. */
  private roomFor(neededBytes: number): Uint8Array {
    const current = this.assembly!;
    if (current.length >= neededBytes) return current;
    const sizeBytes = Math.min(Math.max(neededBytes * GROWTH, ASSEMBLY_BYTES_MIN), this.frameBytes);
    const grown = this.spares?.take(sizeBytes) ?? allocateUnsafe(sizeBytes);
    grown.set(current.subarray(0, this.assembledBytes));
    if (current.length > 0) this.spares?.give(current);
    this.assembly = grown;
    return grown;
  }

  private consume(sizeBytes: number): void {
    this.position += sizeBytes;
    this.buffered -= sizeBytes;
    if (this.position < this.chunks[0]!.length) return;
    this.chunks.shift();
    this.position = 0;
  }
}
