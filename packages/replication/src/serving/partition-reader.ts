/**
 * Reads all records of a partition that this broker leads, from an offset to the log's end, in slices: each
 * turn of the event loop reads one, so that a coordinator that loads gigabytes holds nobody up.
 */
import type { LeaderEpoch, Millis, Offset } from '@millrace/base';
import { BatchHeader, ErrorCode, readBatchHeader } from '@millrace/protocol';
import type { Partition } from '../partition/partition.ts';
import type { Cancel } from '../types.ts';

/** Whole batches, about a millisecond of work each to read and to apply. */
const SLICE_BYTES = 256 * 1024;

export interface ReadWanted {
  readonly fromOffset: Offset;
  /** The leadership that the reader works for. */
  readonly leaderEpoch: LeaderEpoch;
  /** Whole batches, in order. The bytes are lent for the call. */
  readonly batches: (bytes: Uint8Array) => void;
  /**
   * Once, in a later turn. NONE: everything up to `endOffset`, the log's end at that moment, was read.
   * NOT_LEADER_OR_FOLLOWER: the leadership ended. OFFSET_OUT_OF_RANGE: the log begins later, or ends earlier,
   * than `fromOffset`. KAFKA_STORAGE_ERROR: the log cannot be read.
   */
  readonly done: (errorCode: ErrorCode, endOffset: Offset) => void;
}

export interface ReaderPorts {
  readonly find: () => Partition | undefined;
  /** In a turn of its own; returns the function that cancels it. */
  readonly after: (delayMs: Millis, callback: () => void) => Cancel;
}

/** Returns the function that stops the reading; `done` is not called then. */
export function readInSlices(wanted: ReadWanted, ports: ReaderPorts): Cancel {
  const header = new BatchHeader();
  let offset = wanted.fromOffset;
  let cancel = ports.after(0, readSlice);
  return () => cancel();

  function readSlice(): void {
    const partition = ports.find();
    if (partition === undefined || partition.leadership?.epoch !== wanted.leaderEpoch) {
      wanted.done(ErrorCode.NOT_LEADER_OR_FOLLOWER, offset);
      return;
    }
    const { log } = partition;
    if (offset < log.startOffset || offset > log.endOffset) {
      wanted.done(ErrorCode.OFFSET_OUT_OF_RANGE, offset);
      return;
    }
    if (offset === log.endOffset) {
      wanted.done(ErrorCode.NONE, offset);
      return;
    }
    const read = log.read({
      fromOffset: offset,
      endOffsetMax: log.endOffset,
      maxBytes: SLICE_BYTES,
      atLeastOneBatch: true,
    });
    if (read.errorCode !== ErrorCode.NONE) {
      partition.noticeOffline();
      if (read.damage !== undefined) partition.corruption.found(read.damage);
      wanted.done(read.errorCode, offset);
      return;
    }
    for (const chunk of read.chunks) {
      offset = endOf(chunk);
      wanted.batches(chunk);
    }
    cancel = ports.after(0, readSlice);
  }

  function endOf(batches: Uint8Array): Offset {
    for (let position = 0; position < batches.length; position += header.sizeBytes)
      readBatchHeader(batches, position, header);
    return header.lastOffset + 1;
  }
}
