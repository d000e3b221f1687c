/** Decodes fetched batches into the records of a history. */
import type { SeenRecord } from '@millrace/checkers';
import type { FetchedRecords } from '@millrace/client';
import { batchSizeAt, readBatchHeader, readRecords } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';

const TEXT = new TextDecoder();

/**
 * The records from `fetchOffset` on. The history leaves keys out: no topic of a workload is compacted, so a
 * gap between two records is wrong whether they have keys or not.
 */
export function seenRecords({ bytes, fetchOffset }: FetchedRecords): SeenRecord[] {
  const seen: SeenRecord[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + batchSizeAt(bytes, at)!;
    const batch = bytes.subarray(at, end);
    const { leaderEpoch } = readBatchHeader(batch, 0);
    for (const { offset, value } of readRecords(batch, compressionCodecs))
      if (offset >= fetchOffset)
        seen.push({ offset, value: value === null ? '' : TEXT.decode(value), leaderEpoch });
    at = end;
  }
  return seen;
}
