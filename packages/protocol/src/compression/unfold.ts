/** The interface and the helpers of all codecs that decompress ("unfold") a batch piece by piece. */
import { allocateUnsafe } from '../bytes.ts';
import { DecodeError } from '../decode-error.ts';

/**
 * Receives decompressed bytes in order. A chunk is valid only during the call, because the next chunk
 * may overwrite it. `push` returns false to stop the codec.
 */
export interface ByteSink {
  push(chunk: Uint8Array): boolean;
}

/** Thrown if the bytes would decompress to more than the limit. They may still be valid. */
export class TooLargeError extends DecodeError {
  constructor(codec: string) {
    super(`${codec}: more bytes than allowed`);
  }
}

/** Cost of starting a zstd frame or a gzip member. The unit is one decompressed byte. */
export const FRAME_BYTES = 64 * 1024;

/** Joins all pushed bytes into one piece. */
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
