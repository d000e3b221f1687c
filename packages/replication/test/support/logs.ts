/** Reads the logs of replicas, as text and as bytes. */
import type { Offset } from '@millrace/base';
import { readRecords } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import type { Partition } from '../../src/index.ts';

/** All bytes from the log start to `end`, in one piece. */
export function bytesBelow(partition: Partition, end: Offset): Uint8Array {
  const { log } = partition;
  const all: Uint8Array[] = [];
  let from = log.startOffset;
  while (from < end) {
    const { chunks } = log.read({
      fromOffset: from,
      endOffsetMax: end,
      maxBytes: 1 << 20,
      atLeastOneBatch: true,
    });
    if (chunks.length === 0) break;
    for (const chunk of chunks)
      for (const batch of batchesOf(chunk)) {
        all.push(batch);
        const last = [...readRecords(batch, compressionCodecs)].at(-1)!;
        from = last.offset + 1;
      }
  }
  return Buffer.concat(all);
}

export function* batchesOf(chunk: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < chunk.length; ) {
    const sizeBytes = 12 + new DataView(chunk.buffer, chunk.byteOffset + at).getInt32(8);
    yield chunk.subarray(at, at + sizeBytes);
    at += sizeBytes;
  }
}

/** Values of the records from the log start to `end`, in order. */
export function valuesBelow(partition: Partition, end: Offset = partition.log.endOffset): string[] {
  const values: string[] = [];
  for (const batch of batchesOf(bytesBelow(partition, end)))
    for (const record of readRecords(batch, compressionCodecs))
      values.push(new TextDecoder().decode(record.value!));
  return values;
}
