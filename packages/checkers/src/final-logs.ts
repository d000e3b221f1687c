/**
 * The contents of every partition at the end of the run, when no client writes. In the simulator the contents
 * come from the leaders' logs. With real processes a consumer reads them from the beginning.
 */
import type { Offset } from '@millrace/base';
import type { BatchHeader, Timestamp } from '@millrace/protocol';
import { ByPartition } from './by-partition.ts';
import { Compacted, type Reader } from './compaction.ts';
import type { Micros, PartitionRef, SeenRecord } from './history.ts';
import { everyRecord } from './past-batches.ts';

export interface FinalBatch {
  readonly header: BatchHeader;
  /** The largest timestamp of the batch's records; NO_TIMESTAMP if none has one. */
  readonly largestTimestamp: Timestamp;
  /** The log start offset at the leader when the leader appended the batch. Undefined: 0, or not known. */
  readonly appendedAbove?: Offset;
}

/** From `fromUs` to `toUs`, a leader's log began at this offset. */
export interface LogStart {
  readonly offset: Offset;
  readonly fromUs: Micros;
  readonly toUs: Micros;
}

/** The committed batches and records of a compacted log, as the clients sent them and as far as known. */
export interface CommittedPart {
  readonly batches: readonly FinalBatch[];
  readonly records: readonly SeenRecord[];
  /** When the record at the offset was committed. Infinity: never. Undefined: not known. */
  readonly committedUs?: (offset: Offset) => Micros;
  /**
   * Whether a broker may have dropped the tombstone at the offset before `byUs`, as `delete.retention.ms`
   * demands. Undefined: not known, so a broker may have dropped it at any time.
   */
  readonly mayDropTombstone?: (offset: Offset, byUs: Micros) => boolean;
}

export interface FinalLog extends PartitionRef {
  /**
   * The log start offset: the records below it have expired, or a client deleted them. Undefined: 0. Another
   * checker judges whether the log may begin there.
   */
  readonly startOffset?: Offset;
  /** Every log start offset that a leader has had, with its time. Undefined: not known. */
  readonly starts?: readonly LogStart[];
  /**
   * The committed batches and records below the first batch of the log, as far as they are known. Undefined:
   * none is known.
   */
  readonly past?: { readonly batches: readonly FinalBatch[]; readonly records: readonly SeenRecord[] };
  /** Whether offsets may have gaps because compaction dropped records. */
  readonly mayHaveGaps?: boolean;
  /** Undefined: the log was never compacted, or nothing is known. */
  readonly committed?: CommittedPart;
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

  /**
   * Returns a function that says whether the log may lack the record: the record lay below the log start
   * offset, or compaction may have dropped it (compaction.ts). If the history knows the record that the log
   * committed at `offset`, this record must have the same value. `offset` undefined: the client does not know
   * the offset of its record.
   */
  mayBeRemoved(): (ref: PartitionRef, value: string, offset: Offset | undefined) => boolean {
    const removedFrom = this.by((log) => {
      const { startOffset = 0 } = log;
      const every = everyRecord(log);
      const below = every.filter(({ offset }) => offset < startOffset);
      const values = new Map(below.map(({ offset, value }) => [offset, value]));
      const { mayDrop } = new Compacted(log);
      const dropped = every.filter(({ offset }) => offset >= startOffset && mayDrop(offset));
      for (const { offset, value } of dropped) values.set(offset, value);
      return { startOffset, belowCount: below.length, values, known: new Set(values.values()) };
    });
    return (ref, value, offset) => {
      const removed = removedFrom(ref);
      if (removed === undefined) return false;
      const { startOffset, belowCount, values, known } = removed;
      if (offset === undefined) return known.has(value) || belowCount < startOffset;
      return offset < startOffset ? (values.get(offset) ?? value) === value : values.get(offset) === value;
    };
  }

  /**
   * Returns a function that says whether a reader may have got no record of the offsets from `from` to
   * `to` - 1, because compaction had dropped them (compaction.ts).
   */
  mayBeCompacted(): (ref: PartitionRef, from: Offset, to: Offset, reader: Reader) => boolean {
    const compactedIn = this.by((log) => new Compacted(log));
    return (ref, from, to, reader) => {
      const compacted = compactedIn(ref);
      if (compacted === undefined) return false;
      for (let offset = from; offset < to; offset++) if (!compacted.mayDrop(offset, reader)) return false;
      return true;
    };
  }

  /**
   * Returns a function that says whether brokers may have moved a reader from `position` to `offset` before
   * `atUs`. Two conditions must hold: a leader's log began above `position`, and at that time or later a
   * leader's log began at `offset`. After a crash a log may begin lower again, so `offset` can be below
   * `position`.
   */
  sendsOn(): (ref: PartitionRef, position: Offset, offset: Offset, atUs: Micros) => boolean {
    const logOf = this.by((log) => log);
    return (ref, position, offset, atUs) => {
      const log = logOf(ref);
      if (log === undefined) return false;
      const { startOffset = 0, starts } = log;
      if (starts === undefined) return position < offset && offset <= startOffset;
      const past = starts.filter(({ fromUs }) => fromUs <= atUs);
      const told = past.filter((start) => start.offset === offset);
      return past.some(
        (refusing) =>
          refusing.offset > position && told.some((one) => one === refusing || one.toUs > refusing.fromUs),
      );
    };
  }

  /**
   * Calls `make` for each log, and returns a function that finds the result for a partition. If the log of a
   * name has no topic id, the function finds this log for every topic id. If the partition has no topic id,
   * the function finds a log by the topic's name.
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
