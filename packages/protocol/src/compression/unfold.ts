/** What all codecs share that unfold a batch piece by piece. */
import { allocateUnsafe } from '../bytes.ts';
import { DecodeError } from '../decode-error.ts';

/**
 * Takes unfolded bytes in order. A chunk is only lent: it is overwritten by the next. False: no more are
 * wanted.
 */
export interface ByteSink {
  push(chunk: Uint8Array): boolean;
}

/** The bytes may be right, but more would come out of them than was allowed. */
export class TooLargeError extends DecodeError {
  constructor(codec: string) {
    super(`${codec}: more bytes than allowed`);
  }
}

/** What a frame or member of its own costs before its first byte comes out, in bytes unfolded. */
export const FRAME_BYTES = 64 * 1024;

/** Makes one piece of all that is pushed. */
export class ByteCollector implements ByteSink {
  private bytes = allocateUnsafe(1024);
  private sizeBytes = 0;

  push(chunk: Uint8Array): boolean {
    const start = this.sizeBytes;
    this.sizeBytes = start + chunk.length;
    if (this.sizeBytes > this.bytes.length) {
      const grown = allocateUnsafe(Math.max(this.bytes.length * 2, this.sizeBytes));
      grown.set(this.bytes.subarray(0, start));
      this.bytes = grown;
    }
    this.bytes.set(chunk, start);
    return true;
  }

  finish(): Uint8Array {
    return this.bytes.subarray(0, this.sizeBytes);
  }
}
