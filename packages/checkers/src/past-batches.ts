/**
 * The whole log of a partition: the committed batches that the log no longer has because its start rose, then
 * those that it has. The promises of an idempotent producer hold for both.
 *
 * A broker that does not have the last batch of a producer may not know the producer, for example because it
 * read its log again after a crash. Then it accepts any sequence of the producer (KIP-360), also that of a
 * retry. `unknownProducers` finds the batches at which this may have happened.
 */
import type { Offset } from '@millrace/base';
import type { FinalBatch, FinalLog } from './final-logs.ts';
import type { SeenRecord } from './history.ts';

/** In the order of their offsets. Has a gap where a committed batch is unknown. */
export function everyBatch({ past, batches = [] }: FinalLog): readonly FinalBatch[] {
  return past === undefined ? batches : [...past.batches, ...batches];
}

/** In the order of their offsets. */
export function everyRecord({ past, records }: FinalLog): readonly SeenRecord[] {
  return past === undefined ? records : [...past.records, ...records];
}

/**
 * Returns a function that says whether the batch with this offset follows a batch of the same producer id,
 * and this earlier batch was below the start of the leader's log when the leader appended the later one.
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
