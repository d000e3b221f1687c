/**
 * The bytes that a connection has received and that belong to no started request. Assembles these bytes in
 * spare buffers, and gives the buffers back however a request ends. Otherwise the buffers would be garbage
 * outside of the heap, and V8 would run full collections to free them.
 */
import { FrameReader, type SpareBuffers } from '@millrace/protocol';
import type { FrontEndLimits } from '../config.ts';
import type { MemoryBudget } from './memory-budget.ts';

/**
 * A frame of this size or more waits while decoded requests use much memory. Its size is checked before the
 * whole frame has arrived.
 */
const LARGE_FRAME_BYTES = 1 << 20;

export interface InputHost {
  readonly limits: Pick<FrontEndLimits, 'requestMaxBytes'>;
  readonly budget: Pick<MemoryBudget, 'crowded'>;
  readonly spares: SpareBuffers;
  /** Throws DecodeError if a request with these first bytes cannot be that large. */
  checkSize(start: Uint8Array, sizeBytes: number): void;
}

export class Input {
  private readonly host: InputHost;
  /** Created with the first byte, because a silent connection needs no reader. */
  private reader: FrameReader | undefined;

  constructor(host: InputHost) {
    this.host = host;
  }

  get bufferedBytes(): number {
    return this.reader?.bufferedBytes ?? 0;
  }

  /** Uses the chunk itself, without a copy, until `keep`, which copies the unused bytes. */
  push(chunk: Uint8Array): void {
    this.reader ??= new FrameReader(this.host.limits.requestMaxBytes, this.host.spares);
    this.reader.push(chunk);
  }

  keep(): void {
    this.reader?.keep();
  }

  /** True if a part of the next frame is missing. If the peer has closed, the rest never comes. */
  get endsInHalf(): boolean {
    const { reader } = this;
    return reader !== undefined && reader.assemblingBytes > reader.bufferedBytes;
  }

  /**
   * True if the next request is large, so that it may decode to many objects, while the decoded requests of
   * all connections already use much memory.
   */
  get mustWaitForOthers(): boolean {
    return this.host.budget.crowded && (this.reader?.assemblingBytes ?? 0) >= LARGE_FRAME_BYTES;
  }

  /**
   * Passes the next whole frame to `use`; its bytes are valid only during the call. Returns false if no whole
   * frame has arrived. Throws DecodeError on an impossible size. Checks the size of a large frame by its
   * first bytes, before the broker spends memory and time on the rest.
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

  /** Drops all input. */
  discard(): void {
    this.reader?.discard();
    this.reader = undefined;
  }
}
