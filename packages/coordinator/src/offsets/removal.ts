/**
 * Removes offsets that are all known when the removal begins: those that a request names, those of a group,
 * or those of deleted topics. The first slice is written at once, each further slice in a later turn. If a
 * client commits an offset between two slices, the new offset stays: the removal removes only offsets that
 * were there when it began.
 */
import { NEXT_TURN_MS } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import type { CoordinatorRecord, ShardPort, WriteNumber } from '../runtime/machine.ts';
import type { CommittedOffset, GroupOffsets, OffsetTable } from './offset-table.ts';
import type { OffsetWrites } from './offset-writes.ts';
import { LARGE_SLICE, type SliceLimits, SMALL_SLICE, TombstoneSlice } from './tombstone-slice.ts';

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
  /** True: the slices are large, so that one decision removes all offsets of almost any group. */
  readonly isLarge?: boolean;
  /** Whether these offsets stay after all. The removal asks in each turn, for each list that it reaches. */
  isKept?(removed: Removed): boolean;
  /**
   * Returns further records of the last decision. The removal calls this when it writes the last decision,
   * and again if it must write smaller decisions instead.
   */
  last?(): readonly CoordinatorRecord[];
  /**
   * NONE: every decision is accepted, but perhaps not committed yet. `lastWrite` is the last of these
   * decisions; 0 if there was nothing to write. Any other error: the shard refused a decision, or the
   * leadership ended.
   */
  done(errorCode: ErrorCode, lastWrite: WriteNumber): void;
}

/** How far a removal has come. */
interface Progress {
  /** The index in `removed`. */
  list: number;
  /** How many offsets of this element are already done. */
  done: number;
  /** The last decision so far; 0 if there was none. */
  lastWrite: WriteNumber;
  limits: SliceLimits;
}

export class Removals {
  private readonly port: Pick<ShardPort, 'inOwnTurn' | 'lastWrite'>;
  private readonly table: OffsetTable;
  private readonly writes: OffsetWrites;
  private readonly running = new Set<Removal>();

  constructor(port: Pick<ShardPort, 'inOwnTurn' | 'lastWrite'>, table: OffsetTable, writes: OffsetWrites) {
    this.port = port;
    this.table = table;
    this.writes = writes;
  }

  /** Calls `done` within this call if one decision is enough, or if the shard refuses the first one. */
  start(removal: Removal): void {
    this.running.add(removal);
    const limits = removal.isLarge === true ? LARGE_SLICE : SMALL_SLICE;
    this.step(removal, { list: 0, done: 0, lastWrite: 0, limits });
  }

  /** The leadership ended. No slice runs after this. */
  ended(errorCode: ErrorCode): void {
    const running = [...this.running];
    this.running.clear();
    for (const removal of running) removal.done(errorCode, 0);
  }

  private step(removal: Removal, from: Progress): void {
    const slice = new TombstoneSlice(from.limits);
    const next = this.fill(slice, removal, from);
    const isLast = next.list === removal.removed.length;
    const records = isLast ? [...slice.records, ...(removal.last?.() ?? [])] : slice.records;
    let errorCode: ErrorCode = ErrorCode.NONE;
    if (records.length > 0) {
      errorCode = this.writes.write(records, slice.groups);
      if (errorCode === ErrorCode.UNKNOWN_SERVER_ERROR && from.limits === LARGE_SLICE) {
        // A large slice does not fit into a batch, because the user allows only small batches.
        this.step(removal, { ...from, limits: SMALL_SLICE });
        return;
      }
      next.lastWrite = this.port.lastWrite;
    }
    if (errorCode === ErrorCode.NONE && !isLast)
      this.port.inOwnTurn(NEXT_TURN_MS, () => this.step(removal, next));
    else {
      this.running.delete(removal);
      removal.done(errorCode, next.lastWrite);
    }
  }

  /** Returns where the next slice begins. */
  private fill(slice: TombstoneSlice, removal: Removal, from: Progress): Progress {
    const { removed } = removal;
    const at = { ...from };
    for (; at.list < removed.length; at.list++, at.done = 0) {
      const list = removed[at.list]!;
      if (removal.isKept?.(list) === true) continue;
      const { group, topic, offsets } = list;
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
