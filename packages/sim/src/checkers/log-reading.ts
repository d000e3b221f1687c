/** Reads a replica's log through the code that serves fetches, without triggering the disk's faults. */
import type { Offset } from '@millrace/base';
import type { PartitionLog } from '@millrace/log';
import { type BatchHeader, ErrorCode, readBatchHeader } from '@millrace/protocol';
import type { SimNode } from '../cluster/index.ts';

export interface LogBatch {
  readonly header: BatchHeader;
  readonly bytes: Uint8Array;
}

const READ_BYTES = 1 << 16;

/**
 * Returns the batches from the one that contains `from` up to the offset `end`, each one whole. Returns
 * undefined if the log lacks a batch or cannot read it. A compacted log may lack batches.
 */
export function readBatches(
  node: SimNode,
  log: PartitionLog,
  from: Offset,
  end: Offset,
): LogBatch[] | undefined {
  const batches: LogBatch[] = [];
  for (let at = from; at < end; ) {
    const request = { fromOffset: at, endOffsetMax: end, maxBytes: READ_BYTES, atLeastOneBatch: true };
    const read = node.disk.inspect(() => log.read(request));
    if (read.errorCode !== ErrorCode.NONE) return undefined;
    // Compaction may have dropped the last batches below `end`, because `end` may be an old high watermark
    // from a checkpoint.
    if (read.sizeBytes === 0) return log.mayHaveGaps ? batches : undefined;
    for (const chunk of read.chunks)
      for (let position = 0; position < chunk.length; ) {
        const header = readBatchHeader(chunk, position);
        batches.push({ header, bytes: chunk.subarray(position, position + header.sizeBytes) });
        position += header.sizeBytes;
        at = header.lastOffset + 1;
      }
  }
  return batches;
}

/** The index of the first byte that differs, or -1 if the bytes are equal. */
export function firstDifference(a: Uint8Array, b: Uint8Array): number {
  if (Buffer.compare(a, b) === 0) return -1;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return i;
  return a.length === b.length ? -1 : length;
}
