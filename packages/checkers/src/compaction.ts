/**
 * Which records of a log compaction may drop: a record that a later committed record of the same key
 * replaces, and a tombstone. How long a tombstone must stay depends on the clocks of the brokers, so a
 * checker of state judges this time.
 */
import type { Offset } from '@millrace/base';
import type { FinalLog } from './final-logs.ts';
import type { SeenRecord } from './history.ts';
import { everyRecord } from './past-batches.ts';

export class Compacted {
  private readonly tombstones = new Set<Offset>();
  /** The offset of a record → the offset of the next record of its key. */
  private readonly next = new Map<Offset, Offset>();

  /** A log without `committed` was never compacted, so compaction dropped none of its records. */
  constructor(log: FinalLog) {
    if (log.committed === undefined) return;
    const last = new Map<string, SeenRecord>();
    for (const record of everyRecord(log)) {
      const { offset, key, isTombstone } = record;
      if (key === undefined) continue;
      const before = last.get(key);
      if (before !== undefined) this.next.set(before.offset, offset);
      if (isTombstone === true) this.tombstones.add(offset);
      last.set(key, record);
    }
  }

  /**
   * Whether a replica whose high watermark is at most `highWatermark` may have dropped the record at the
   * offset. False if the record is not known.
   */
  readonly mayDrop = (offset: Offset, highWatermark: Offset = Number.POSITIVE_INFINITY): boolean =>
    this.tombstones.has(offset) || (this.next.get(offset) ?? Number.POSITIVE_INFINITY) < highWatermark;
}
