/** Reads a log through its public door, and compares what its lookups find with a naive search. */
import { DiskError } from '@millrace/base';
import { readBatchHeader, readRecords } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import type { PartitionLog } from '../../src/index.ts';
import type { Batch, Entry, StoredBatch } from './history.ts';

const decoder = new TextDecoder();

/** Batches that were decoded before. Most batches never change, and decoding takes most of the time. */
export type Decoded = Map<number, StoredBatch>;

/** Every batch of the log, in the order of the log. Throws if the log cannot be read from end to end. */
export function readWhole(log: PartitionLog, decoded: Decoded, maxBytes: number): StoredBatch[] {
  const batches: StoredBatch[] = [];
  const { endOffset } = log;
  for (let fromOffset = log.startOffset; fromOffset < endOffset; ) {
    const found = readFrom(log, decoded, { fromOffset, endOffsetMax: endOffset, maxBytes });
    for (const one of found) {
      const previous = batches.at(-1)?.last ?? -1;
      if (one.base <= previous) throw new Error(`a batch at ${one.base} follows offset ${previous}`);
      batches.push(one);
      fromOffset = one.last + 1;
    }
  }
  return batches;
}

interface ReadRange {
  readonly fromOffset: number;
  readonly endOffsetMax: number;
  readonly maxBytes: number;
}

/** To open a file, a read may sync and close another one, and this sync may fail. */
function checkOnline({ offline }: PartitionLog): void {
  if (offline !== undefined) throw new DiskError('EIO', `the log went offline in a read: ${offline}`);
}

/** One read. Throws if it breaks a rule of `PartitionLog.read`. */
export function readFrom(log: PartitionLog, decoded: Decoded, range: ReadRange): StoredBatch[] {
  const { fromOffset, endOffsetMax, maxBytes } = range;
  const { chunks, sizeBytes, errorCode, damage } = log.read({ ...range, atLeastOneBatch: true });
  checkOnline(log);
  if (errorCode !== 0) throw new Error(`a read at ${fromOffset} fails: ${damage ?? errorCode}`);
  const batches: StoredBatch[] = [];
  for (const chunk of chunks)
    for (let at = 0; at < chunk.length; ) {
      const header = readBatchHeader(chunk, at);
      if (at + header.sizeBytes > chunk.length) throw new Error(`a read at ${fromOffset} splits a batch`);
      batches.push(decode(chunk.subarray(at, at + header.sizeBytes), decoded));
      at += header.sizeBytes;
    }
  const first = batches[0];
  if (first === undefined) {
    if (fromOffset < Math.min(endOffsetMax, log.endOffset) && endOffsetMax >= log.endOffset)
      throw new Error(`a read at ${fromOffset} finds nothing, although the log ends at ${log.endOffset}`);
    return batches;
  }
  if (first.last < fromOffset) throw new Error(`a read at ${fromOffset} begins with the batch ${first.base}`);
  if (batches.at(-1)!.last >= endOffsetMax) throw new Error(`a read goes beyond ${endOffsetMax}`);
  if (sizeBytes > maxBytes && batches.length > 1) throw new Error(`a read returns ${sizeBytes} bytes`);
  return batches;
}

function decode(bytes: Uint8Array, decoded: Decoded): StoredBatch {
  const header = readBatchHeader(bytes);
  const known = decoded.get(header.baseOffset);
  if (known !== undefined && Buffer.compare(known.bytes, bytes) === 0) return known;
  const entries: Entry[] = [...readRecords(bytes, compressionCodecs)].map((record) => ({
    offset: record.offset,
    key: record.key === null ? null : decoder.decode(record.key),
    value: record.value === null ? null : decoder.decode(record.value),
    timestamp: Number(record.timestamp),
  }));
  const stored: StoredBatch = {
    base: header.baseOffset,
    last: header.lastOffset,
    epoch: header.leaderEpoch,
    producer: header.producerId,
    producerEpoch: header.producerEpoch,
    sequence: header.baseSequence,
    maxTimestamp: Number(header.maxTimestamp),
    entries,
    bytes: bytes.slice(),
  };
  decoded.set(stored.base, stored);
  return stored;
}

/** What a lookup by time finds, other than a naive search; undefined: the same. */
export function timeProblem(
  log: PartitionLog,
  batches: readonly StoredBatch[],
  timestamp: number,
): string | undefined {
  const expected = batches
    .flatMap(({ entries }) => entries)
    .find((entry) => entry.timestamp >= timestamp && entry.offset >= log.startOffset);
  const found = log.times.find(timestamp, { work: Number.MAX_SAFE_INTEGER });
  checkOnline(log);
  if (found !== undefined && !('offset' in found)) return `the lookup of the time ${timestamp} fails`;
  if (found?.offset === expected?.offset && (found === undefined || found.timestamp === expected?.timestamp))
    return undefined;
  return `the lookup of the time ${timestamp} finds the offset ${found?.offset}, not ${expected?.offset}`;
}

/**
 * What a lookup by leader epoch finds, other than a naive search; undefined: the same.
 *
 * `batches`: those of the history. If the log was cleaned: those of the log, until a power loss keeps the old
 * file of leader epochs. Now a power loss may take the file, although it was on the device, because the log
 * replaces the file without a sync. Then recovery collects the epochs from the batches that the cleaner left.
 */
export function epochProblem(log: PartitionLog, batches: readonly Batch[]): string | undefined {
  const { startOffset, endOffset } = log;
  let epoch = -1;
  let end = -1;
  for (const { base, last, epoch: next } of batches) {
    if (last < startOffset || base >= endOffset) continue;
    if (next !== epoch && epoch >= 0) {
      const found = log.endOffsetForEpoch(epoch);
      // Between two batches may be a gap. Then the new epoch began anywhere in the gap.
      if (found.epoch !== epoch || found.endOffset < end || found.endOffset > base)
        return `the epoch ${epoch} ends at ${found.endOffset} (${found.epoch}), not at ${base}`;
    }
    epoch = next;
    end = last + 1;
  }
  if (epoch < 0) return undefined;
  const found = log.endOffsetForEpoch(epoch);
  if (found.epoch === epoch && found.endOffset === endOffset) return undefined;
  return `the epoch ${epoch} ends at ${found.endOffset} (${found.epoch}), not at ${endOffset}`;
}
