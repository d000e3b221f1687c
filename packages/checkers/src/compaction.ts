/**
 * Which records of a log compaction may drop: a record that a later committed record of the same key
 * replaces, and a tombstone. The history does not know the clocks of the brokers. So the log says how long a
 * tombstone must stay.
 */
import type { Offset } from '@millrace/base';
import type { CommittedPart, FinalLog } from './final-logs.ts';
import type { Micros, SeenRecord } from './history.ts';
import { everyRecord } from './past-batches.ts';

/** What a reader of a log knew. */
export interface Reader {
  readonly highWatermark: Offset;
  readonly atUs: Micros;
}

const AT_THE_END: Reader = { highWatermark: Number.POSITIVE_INFINITY, atUs: Number.POSITIVE_INFINITY };

export class Compacted {
  private readonly committed: CommittedPart | undefined;
  private readonly tombstones = new Set<Offset>();
  /** The offset of a record → the offset of the next record of its key. */
  private readonly next = new Map<Offset, Offset>();

  /** A log without `committed` was never compacted, so compaction dropped none of its records. */
  constructor(log: FinalLog) {
    this.committed = log.committed;
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
   * Whether the log that answered the reader may have lacked the record at the offset. False if the record is
   * not known. Without a reader: whether the log may lack it at the end of the run.
   */
  readonly mayDrop = (offset: Offset, reader: Reader = AT_THE_END): boolean => {
    const next = this.next.get(offset);
    return (
      (next !== undefined && this.isCommitted(next, reader)) ||
      (this.tombstones.has(offset) && (this.committed?.mayDropTombstone?.(offset, reader.atUs) ?? true))
    );
  };

  /**
   * Whether the record at the offset was committed when the broker answered the reader. The high watermark of
   * the answer may be lower: a leader that restarts begins with an old high watermark, but its log lacks what
   * an earlier leader has compacted.
   */
  private isCommitted(offset: Offset, { highWatermark, atUs }: Reader): boolean {
    if (offset < highWatermark) return true;
    const committedUs = this.committed?.committedUs?.(offset);
    return committedUs !== undefined && committedUs <= atUs;
  }
}
