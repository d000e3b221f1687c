/**
 * The contents of every partition at the end of the run, when no client writes. In the simulator the contents
 * come from the leaders' logs. With real processes a consumer reads them from the beginning.
 */
import type { Offset } from '@millrace/base';
import type { BatchHeader, Timestamp } from '@millrace/protocol';
import { ByPartition } from './by-partition.ts';
import type { PartitionRef, SeenRecord } from './history.ts';

export interface FinalBatch {
  readonly header: BatchHeader;
  /** The largest timestamp of the batch's records; NO_TIMESTAMP if none has one. */
  readonly largestTimestamp: Timestamp;
}

export interface FinalLog extends PartitionRef {
  /**
   * The log start offset: the records below it have expired, or a client deleted them. Undefined: 0. Another
   * checker judges whether the log may begin there.
   */
  readonly startOffset?: Offset;
  /** Every offset at which the log has begun, at some replica and some time. Undefined: not known. */
  readonly starts?: ReadonlySet<Offset>;
  /** The records in the order of the log. */
  readonly records: readonly SeenRecord[];
  /** The batches of the log. Undefined: the consumer's library does not show batches. */
  readonly batches: readonly FinalBatch[] | undefined;
}

export class FinalLogs {
  private readonly read: () => FinalLog[];
  private all: FinalLog[] | undefined;

  /** Calls `read` once, at the first use. */
  constructor(read: () => FinalLog[]) {
    this.read = read;
  }

  list(): readonly FinalLog[] {
    this.all ??= this.read();
    return this.all;
  }

  /** The log start offset of each partition; 0 if it is not known. */
  starts(): (ref: PartitionRef) => Offset {
    const startOf = this.by(({ startOffset = 0 }) => startOffset);
    return (ref) => startOf(ref) ?? 0;
  }

  /**
   * Returns a function that says whether a record may lie below the log start offset of its partition.
   * `offset` undefined: the client does not know the offset of the record.
   */
  belowStart(): (ref: PartitionRef, offset: Offset | undefined) => boolean {
    const startOf = this.starts();
    return (ref, offset = 0) => offset < startOf(ref);
  }

  /**
   * Whether a broker may send a reader from `position` on to `offset`: the log began above the position, and
   * a broker has answered that the log begins at the offset. After a crash the log may begin lower again, so
   * the offset can be below the position.
   */
  sendsOn(): (ref: PartitionRef, position: Offset, offset: Offset) => boolean {
    const rangeOf = this.by(({ startOffset = 0, starts }) =>
      starts === undefined ? { startOffset } : { starts, largest: Math.max(...starts) },
    );
    return (ref, position, offset) => {
      const range = rangeOf(ref);
      if (range === undefined) return false;
      if (range.starts === undefined) return position < offset && offset <= range.startOffset;
      return position < range.largest && range.starts.has(offset);
    };
  }

  /**
   * Calls `make` for each log, and returns a function that finds the result for a partition. A log without a
   * topic id counts for every topic of its name. A partition without a topic id finds the log of its name.
   */
  by<T>(make: (log: FinalLog) => T): (ref: PartitionRef) => T | undefined {
    const made = new ByPartition<T>();
    for (const log of this.list()) {
      const one = make(log);
      made.set(log, one);
      made.set({ ...log, topicId: undefined }, one);
    }
    const hidden = new Set(
      this.list()
        .filter(({ topicId }) => topicId === undefined)
        .map(nameOf),
    );
    return (ref) => made.get(hidden.has(nameOf(ref)) ? { ...ref, topicId: undefined } : ref);
  }
}

function nameOf({ topic, partition }: PartitionRef): string {
  return `${topic}-${partition}`;
}
