/**
 * Reads all records of a partition that this broker leads, from an offset to the log's end, in slices. Each
 * turn of the event loop reads one slice, so that a coordinator that loads gigabytes does not block other
 * requests.
 */
import type { LeaderEpoch, Millis, Offset } from '@millrace/base';
import { BatchHeader, ErrorCode, readBatchHeader, type SpareBuffers } from '@millrace/protocol';
import type { Partition } from '../partition/partition.ts';
import type { Cancel } from '../types.ts';

/** The size of a slice. Reading and applying it takes about a millisecond each. */
const SLICE_BYTES = 256 * 1024;

export interface ReadWanted {
  readonly fromOffset: Offset;
  /** The leadership that the reader works for. */
  readonly leaderEpoch: LeaderEpoch;
  /** Gets whole batches, in order. The bytes are valid only during the call. */
  readonly batches: (bytes: Uint8Array) => void;
  /**
   * Called once, in a later turn, unless the reading or the broker is stopped before. NONE: everything up to
   * `endOffset`, the log's end at that moment, was read. NOT_LEADER_OR_FOLLOWER: the leadership ended.
   * OFFSET_OUT_OF_RANGE: the log now begins later, or ends earlier, than the next offset to read.
   * KAFKA_STORAGE_ERROR: the log cannot be read.
   */
  readonly done: (errorCode: ErrorCode, endOffset: Offset) => void;
}

export interface ReaderPorts {
  readonly find: () => Partition | undefined;
  /** Calls back in a later turn; returns a function that cancels it. */
  readonly after: (delayMs: Millis, callback: () => void) => Cancel;
  /** The buffers that the log reads into. */
  readonly spares: Pick<SpareBuffers, 'give'>;
}

/** The shortest delay that ends the turn: timers due in the same millisecond run in one turn. */
const NEXT_TURN_MS: Millis = 1;

/**
 * Returns a function that stops the reading, also when called inside `batches`. `done` is then not called.
 */
export function readInSlices(wanted: ReadWanted, ports: ReaderPorts): Cancel {
  const run = new SlicedRead(wanted, ports);
  return () => run.stop();
}

class SlicedRead {
  private readonly wanted: ReadWanted;
  private readonly ports: ReaderPorts;
  private readonly header = new BatchHeader();
  private offset: Offset;
  private cancel: Cancel;
  private isStopped = false;

  constructor(wanted: ReadWanted, ports: ReaderPorts) {
    this.wanted = wanted;
    this.ports = ports;
    this.offset = wanted.fromOffset;
    this.cancel = ports.after(NEXT_TURN_MS, () => this.readSlice());
  }

  stop(): void {
    this.isStopped = true;
    this.cancel();
  }

  private readSlice(): void {
    const errorCode = this.readOnce();
    if (this.isStopped) return;
    if (errorCode !== undefined) this.wanted.done(errorCode, this.offset);
    else this.cancel = this.ports.after(NEXT_TURN_MS, () => this.readSlice());
  }

  /** Reads one slice. Undefined: there may be more records. */
  private readOnce(): ErrorCode | undefined {
    const partition = this.ports.find();
    if (partition === undefined || partition.leadership?.epoch !== this.wanted.leaderEpoch)
      return ErrorCode.NOT_LEADER_OR_FOLLOWER;
    const { log } = partition;
    if (this.offset < log.startOffset || this.offset > log.endOffset) return ErrorCode.OFFSET_OUT_OF_RANGE;
    if (this.offset === log.endOffset) return ErrorCode.NONE;
    const read = log.read({
      fromOffset: this.offset,
      endOffsetMax: log.endOffset,
      maxBytes: SLICE_BYTES,
      atLeastOneBatch: true,
    });
    if (read.errorCode !== ErrorCode.NONE) {
      partition.noticeOffline();
      if (read.damage !== undefined) partition.corruption.found(read.damage);
      return read.errorCode;
    }
    // Below the log's end there must be a batch. Without this error, the reader would repeat an empty read
    // for ever.
    if (read.chunks.length === 0) return ErrorCode.KAFKA_STORAGE_ERROR;
    for (const chunk of read.chunks) {
      if (!this.isStopped) this.pass(chunk);
      this.ports.spares.give(chunk);
    }
    return undefined;
  }

  private pass(batches: Uint8Array): void {
    const { header } = this;
    for (let position = 0; position < batches.length; position += header.sizeBytes)
      readBatchHeader(batches, position, header);
    this.offset = header.lastOffset + 1;
    this.wanted.batches(batches);
  }
}
