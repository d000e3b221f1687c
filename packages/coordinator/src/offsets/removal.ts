/**
 * Removals of offsets that are known when the removal begins: of a request, of a group, of deleted topics.
 * The first slice is written at once, each further one in a later turn. A commit between two slices wins: the
 * removal only removes the offsets that were there when it began.
 */
import { ErrorCode } from '@millrace/protocol';
import type { CoordinatorRecord, ShardPort, WriteNumber } from '../runtime/machine.ts';
import type { CommittedOffset, GroupOffsets, OffsetTable } from './offset-table.ts';
import type { OffsetWrites } from './offset-writes.ts';
import { TombstoneSlice } from './tombstone-slice.ts';

export interface Removed {
  readonly group: string;
  readonly topic: string;
  readonly offsets: readonly CommittedOffset[];
}

/** All offsets that the group has now. */
export function allOf(group: string, offsets: GroupOffsets | undefined): Removed[] {
  if (offsets === undefined) return [];
  return [...offsets.topics].map(([topic, ofTopic]) => ({ group, topic, offsets: ofTopic.slice() }));
}

export interface Removal {
  readonly removed: readonly Removed[];
  /** Further records of the last decision. The removal calls it once, when it writes this decision. */
  last?(): readonly CoordinatorRecord[];
  /**
   * NONE: every decision is accepted, not yet committed; `lastWrite` is the last one, 0 if there was nothing
   * to write. Also called when the leadership ends.
   */
  done(errorCode: ErrorCode, lastWrite: WriteNumber): void;
}

/** How far a removal has come: the element of `removed`, how many of its offsets, and the last decision. */
interface Progress {
  list: number;
  done: number;
  lastWrite: WriteNumber;
}

export class Removals {
  private readonly port: Pick<ShardPort, 'after' | 'lastWrite'>;
  private readonly table: OffsetTable;
  private readonly writes: OffsetWrites;
  private readonly running = new Set<Removal>();

  constructor(port: Pick<ShardPort, 'after' | 'lastWrite'>, table: OffsetTable, writes: OffsetWrites) {
    this.port = port;
    this.table = table;
    this.writes = writes;
  }

  /** Calls `done` within this call if one decision is enough. */
  start(removal: Removal): void {
    this.running.add(removal);
    this.step(removal, { list: 0, done: 0, lastWrite: 0 });
  }

  /** The leadership ended. No timer calls after this. */
  ended(errorCode: ErrorCode): void {
    const running = [...this.running];
    this.running.clear();
    for (const removal of running) removal.done(errorCode, 0);
  }

  private step(removal: Removal, from: Progress): void {
    const slice = new TombstoneSlice();
    const next = this.fill(slice, removal.removed, from);
    const isLast = next.list === removal.removed.length;
    const records = isLast ? [...slice.records, ...(removal.last?.() ?? [])] : slice.records;
    let errorCode: ErrorCode = ErrorCode.NONE;
    if (records.length > 0) {
      errorCode = this.writes.write(records, slice.groups);
      next.lastWrite = this.port.lastWrite;
    }
    if (errorCode === ErrorCode.NONE && !isLast) this.port.after(0, () => this.step(removal, next));
    else {
      this.running.delete(removal);
      removal.done(errorCode, next.lastWrite);
    }
  }

  /** Returns where the next slice begins. */
  private fill(slice: TombstoneSlice, removed: readonly Removed[], from: Progress): Progress {
    const at = { ...from };
    for (; at.list < removed.length; at.list++, at.done = 0) {
      const { group, topic, offsets } = removed[at.list]!;
      for (; at.done < offsets.length; at.done++) {
        if (slice.isFull) return at;
        // The last partition first: the table then moves no other offset.
        const offset = offsets[offsets.length - 1 - at.done]!;
        if (this.table.get(group, topic, offset.partition) !== offset) continue;
        slice.add(group, topic, offset.partition);
      }
    }
    return at;
  }
}
