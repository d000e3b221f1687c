/** Finds the whole and intact batches at the start of a partition's records in a Fetch answer. */
import { BatchHeader, batchSizeAt, checkBatchCrc, readBatchHeader } from '@millrace/protocol';

export interface WholeBatches {
  /**
   * The length of the whole and intact batches in bytes. A limit of the answer may cut the next batch short.
   */
  readonly sizeBytes: number;
  /** The offset after the last record of these batches. Undefined: there is no such batch. */
  readonly nextOffset: number | undefined;
  /** The leader epoch of the last of these batches; -1: there is none. */
  readonly lastEpoch: number;
  /** The base offset of the batch behind them, if its checksum is wrong. */
  readonly damagedAt: number | undefined;
}

/** Throws a DecodeError when bytes cannot be the header of a batch. */
export function wholeBatches(bytes: Uint8Array): WholeBatches {
  const header = new BatchHeader();
  let sizeBytes = 0;
  let nextOffset: number | undefined;
  let lastEpoch = -1;
  let damagedAt: number | undefined;
  for (let size = batchSizeAt(bytes, 0); size !== undefined && sizeBytes + size <= bytes.length; ) {
    readBatchHeader(bytes, sizeBytes, header);
    if (!checkBatchCrc(bytes, sizeBytes, size)) {
      damagedAt = header.baseOffset;
      break;
    }
    nextOffset = header.lastOffset + 1;
    lastEpoch = header.leaderEpoch;
    sizeBytes += size;
    size = batchSizeAt(bytes, sizeBytes);
  }
  return { sizeBytes, nextOffset, lastEpoch, damagedAt };
}
