/**
 * What a connection has received and not started yet. Bytes are put together in spare buffers, which are
 * given back however a request ends: V8 answers garbage outside of the heap with full collections.
 */
import { FrameReader, type SpareBuffers } from '@millrace/protocol';
import type { FrontEndLimits } from '../config.ts';
import type { MemoryBudget } from './memory-budget.ts';

/** A smaller frame cannot become many megabytes of objects. */
const LARGE_FRAME_BYTES = 1 << 20;

export interface InputHost {
  readonly limits: Pick<FrontEndLimits, 'requestMaxBytes'>;
  readonly budget: Pick<MemoryBudget, 'crowded'>;
  readonly spares: SpareBuffers;
  /** Throws DecodeError when no request that begins like this is so large. */
  checkSize(start: Uint8Array, sizeBytes: number): void;
}

export class Input {
  private readonly host: InputHost;
  /** Made with the first byte: a silent connection needs none. */
  private reader: FrameReader | undefined;

  constructor(host: InputHost) {
    this.host = host;
  }

  get bufferedBytes(): number {
    return this.reader?.bufferedBytes ?? 0;
  }

  /** The chunk is lent until `keep`. */
  push(chunk: Uint8Array): void {
    this.reader ??= new FrameReader(this.host.limits.requestMaxBytes, this.host.spares);
    this.reader.push(chunk);
  }

  keep(): void {
    this.reader?.keep();
  }

  /** The last frame in it has not arrived whole, and will not. */
  get endsInHalf(): boolean {
    const { reader } = this;
    return reader !== undefined && reader.assemblingBytes > reader.bufferedBytes;
  }

  /** The next request may become many objects, and those of others already are many. */
  get mustWaitForOthers(): boolean {
    return this.host.budget.crowded && (this.reader?.assemblingBytes ?? 0) >= LARGE_FRAME_BYTES;
  }

  /**
   * Passes the next whole frame on; its bytes are lent for the call. False: there is none yet. Throws
   * DecodeError on a size that cannot be. The first bytes decide on a frame that is too large, before memory
   * and time are spent on the others.
   */
  takeFrame(use: (frame: Uint8Array) => void): boolean {
    const { reader } = this;
    const frame = reader?.next();
    if (frame === undefined) {
      if (reader !== undefined && reader.assemblingBytes >= LARGE_FRAME_BYTES)
        this.host.checkSize(reader.assembled, reader.assemblingBytes);
      return false;
    }
    try {
      use(frame);
    } finally {
      reader?.release();
    }
    return true;
  }

  /** Nothing of it is looked at any longer. */
  discard(): void {
    this.reader?.discard();
    this.reader = undefined;
  }
}
