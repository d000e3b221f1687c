/**
 * The whole log of a partition: first the committed batches that the log no longer has because its log start
 * offset rose, then the batches that it still has. For a compacted log: all committed batches, also those of
 * which compaction has dropped records. The promises to an idempotent producer hold for all of them.
 *
 * A broker learns of a producer from the batches in its log. So a broker whose log no longer has the last
 * batch of a producer may not know the producer, for example after a crash, when the broker has read the log
 * again. Such a broker accepts any sequence of the producer (KIP-360), also the sequence of a retry.
 * `unknownProducers` finds the batches at which this may have happened.
 */
import type { Offset } from '@millrace/base';
import type { FinalBatch, FinalLog } from './final-logs.ts';
import type { SeenRecord } from './history.ts';

/** In the order of their offsets. Has a gap where a committed batch is unknown. */
export function everyBatch({ past, committed, batches = [] }: FinalLog): readonly FinalBatch[] {
  if (committed !== undefined) {
    const end = committed.batches.at(-1)?.header.lastOffset ?? -1;
    return [...committed.batches, ...batches.filter(({ header }) => header.baseOffset > end)];
  }
  return past === undefined ? batches : [...past.batches, ...batches];
}

/** In the order of their offsets. */
export function everyRecord({ past, committed, records }: FinalLog): readonly SeenRecord[] {
  if (committed !== undefined) {
    const end = committed.records.at(-1)?.offset ?? -1;
    return [...committed.records, ...records.filter(({ offset }) => offset > end)];
  }
  return past === undefined ? records : [...past.records, ...records];
}

/**
 * Returns a function that takes the offset of a record. The function says whether the last earlier batch of
 * the record's producer id was below the start of the leader's log when the leader appended the record. False
 * if the producer id has no earlier batch.
 */
export function unknownProducers(log: FinalLog): (offset: Offset) => boolean {
  const found: FinalBatch['header'][] = [];
  const ends = new Map<number, Offset>();
  for (const { header, appendedAbove = 0 } of everyBatch(log)) {
    const { producerId, lastOffset } = header;
    if (producerId < 0) continue;
    const before = ends.get(producerId);
    if (before !== undefined && before < appendedAbove) found.push(header);
    ends.set(producerId, lastOffset);
  }
  return (offset) => found.some(({ baseOffset, lastOffset }) => baseOffset <= offset && offset <= lastOffset);
}
