/**
 * Reads all records of partitions that this broker leads, from an offset to the log's end, in slices. A
 * broker may begin to lead many partitions of a coordinator at once. All their readings share one queue, and
 * each turn of the event loop reads a limited number of bytes. So a coordinator that loads gigabytes does not
 * block other requests.
 */
import { type LeaderEpoch, type Millis, NEXT_TURN_MS, type Offset } from '@millrace/base';
import { BatchHeader, ErrorCode, readBatchHeader, type SpareBuffers } from '@millrace/protocol';
import type { Partition } from '../partition/partition.ts';
import type { Cancel } from '../types.ts';

/**
 * The most bytes that one turn reads, of all partitions together. A single larger batch may exceed this
 * limit. Reading these bytes takes about a millisecond, and so does applying them.
 */
const TURN_BYTES = 256 * 1024;
/** A turn with fewer bytes left reads no further slice, because few whole batches would fit. */
const SLICE_BYTES_MIN = TURN_BYTES / 2;
/**
 * The fixed cost of a read, counted in bytes. Without it, one turn could read any number of small partitions.
 */
const READ_COST_BYTES = 4096;

export interface ReadWanted {
  readonly fromOffset: Offset;
  /** The leadership that the reader works for. */
  readonly leaderEpoch: LeaderEpoch;
  /** Gets whole batches, in order. The bytes are valid only during the call. */
  readonly batches: (bytes: Uint8Array) => void;
  /**
   * Called once, in a later turn, unless the reading or the broker is stopped first. NONE: everything up to
   * `endOffset`, the log's end at that moment, was read. NOT_LEADER_OR_FOLLOWER: the leadership ended.
   * OFFSET_OUT_OF_RANGE: the log now begins later, or ends earlier, than the next offset to read.
   * KAFKA_STORAGE_ERROR: the log cannot be read.
   */
  readonly done: (errorCode: ErrorCode, endOffset: Offset) => void;
}

export interface ReaderPorts {
  /** Calls back in a later turn; returns a function that cancels it. */
  readonly after: (delayMs: Millis, callback: () => void) => Cancel;
  /** The buffers that the log reads into. */
  readonly spares: Pick<SpareBuffers, 'give'>;
}

export class SlicedReads {
  private readonly ports: ReaderPorts;
  /** The readings, oldest first. A reading begins when the one before it has ended. */
  private readonly queue: SlicedRead[] = [];
  private isWaiting = false;

  constructor(ports: ReaderPorts) {
    this.ports = ports;
  }

  /**
   * Returns a function that stops the reading, so that `done` is not called. The caller may use this function
   * inside `batches`, too.
   */
  read(wanted: ReadWanted, find: () => Partition | undefined): Cancel {
    const run = new SlicedRead(wanted, find, this.ports.spares);
    this.queue.push(run);
    this.wait();
    return () => run.stop();
  }

  private wait(): void {
    if (this.isWaiting || this.queue.length === 0) return;
    this.isWaiting = true;
    this.ports.after(NEXT_TURN_MS, () => {
      this.isWaiting = false;
      this.turn();
      this.wait();
    });
  }

  private turn(): void {
    // A reading that begins within a callback waits for a later turn.
    let older = this.queue.length;
    for (let left = TURN_BYTES; older > 0 && left >= SLICE_BYTES_MIN; ) {
      const run = this.queue[0]!;
      if (!run.isStopped) left -= Math.max(READ_COST_BYTES, run.readSlice(left, left === TURN_BYTES));
      if (run.isStopped) {
        this.queue.shift();
        older--;
      }
    }
  }
}

class SlicedRead {
  isStopped = false;
  private readonly wanted: ReadWanted;
  private readonly find: () => Partition | undefined;
  private readonly spares: ReaderPorts['spares'];
  private readonly header = new BatchHeader();
  private offset: Offset;

  constructor(wanted: ReadWanted, find: () => Partition | undefined, spares: ReaderPorts['spares']) {
    this.wanted = wanted;
    this.find = find;
    this.spares = spares;
    this.offset = wanted.fromOffset;
  }

  stop(): void {
    this.isStopped = true;
  }

  /** Reads one slice. Returns how many bytes of `maxBytes` the slice used. */
  readSlice(maxBytes: number, atLeastOneBatch: boolean): number {
    const { errorCode, sizeBytes } = this.readOnce(maxBytes, atLeastOneBatch);
    if (errorCode !== undefined && !this.isStopped) {
      this.stop();
      this.wanted.done(errorCode, this.offset);
    }
    return sizeBytes;
  }

  /** If the result has no error code, there may be more records. */
  private readOnce(
    maxBytes: number,
    atLeastOneBatch: boolean,
  ): { readonly errorCode?: ErrorCode; readonly sizeBytes: number } {
    const nothing = (errorCode: ErrorCode) => ({ errorCode, sizeBytes: 0 });
    const partition = this.find();
    if (partition === undefined || partition.leadership?.epoch !== this.wanted.leaderEpoch)
      return nothing(ErrorCode.NOT_LEADER_OR_FOLLOWER);
    const { log } = partition;
    const { offset } = this;
    if (offset < log.startOffset || offset > log.endOffset) return nothing(ErrorCode.OFFSET_OUT_OF_RANGE);
    if (offset === log.endOffset) return nothing(ErrorCode.NONE);
    const read = log.read({
      fromOffset: offset,
      endOffsetMax: log.endOffset,
      maxBytes,
      atLeastOneBatch,
    });
    if (read.errorCode !== ErrorCode.NONE) {
      partition.noticeOffline();
      if (read.damage !== undefined) partition.corruption.found(read.damage);
      return nothing(read.errorCode);
    }
    if (read.chunks.length === 0) {
      // Below the log's end there must be a batch, unless a compacted log ends in a gap. Without the error,
      // the reader would repeat an empty read for ever.
      if (atLeastOneBatch && log.mayHaveGaps) this.offset = log.endOffset;
      if (atLeastOneBatch) return nothing(log.mayHaveGaps ? ErrorCode.NONE : ErrorCode.KAFKA_STORAGE_ERROR);
      // The next batch needs a turn of its own.
      return { sizeBytes: maxBytes };
    }
    for (const chunk of read.chunks) {
      if (!this.isStopped) this.pass(chunk);
      this.spares.give(chunk);
    }
    return { sizeBytes: read.sizeBytes };
  }

  private pass(batches: Uint8Array): void {
    const { header } = this;
    for (let position = 0; position < batches.length; position += header.sizeBytes)
      readBatchHeader(batches, position, header);
    this.offset = header.lastOffset + 1;
    this.wanted.batches(batches);
  }
}
