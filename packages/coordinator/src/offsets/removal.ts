/**
 * Removes offsets that a request names, all offsets of a group, or the offsets of deleted topics. The list of
 * these offsets is complete when the removal begins. A removal writes tombstones in slices, one decision for
 * each: the first slice at once, and each further slice in a later turn. If a client commits an offset again
 * between two slices, the new offset stays, because the removal removes only the offsets in its list.
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
  /**
   * Whether these offsets stay after all. In each turn the removal asks this for each element of `removed`
   * that it reaches.
   */
  isKept?(removed: Removed): boolean;
  /**
   * Returns further records for the last decision. The removal calls this when it writes the last decision.
   * If the shard refuses that decision because it is too large, the removal writes smaller decisions, and
   * calls this again for the new last decision.
   */
  last?(): readonly CoordinatorRecord[];
  /**
   * Called once, at the end of the removal. NONE: the shard accepted every decision, but the last ones may
   * not be committed yet. `lastWrite` is then the last of these decisions; 0 if there was nothing to write.
   * Any other error: the shard refused a decision, or the leadership ended; `lastWrite` then means nothing.
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

  /**
   * Begins a removal. Calls `done` within this call if one decision is enough, or if the shard refuses the
   * first decision.
   */
  start(removal: Removal): void {
    this.running.add(removal);
    const limits = removal.isLarge === true ? LARGE_SLICE : SMALL_SLICE;
    this.step(removal, { list: 0, done: 0, lastWrite: 0, limits });
  }

  /**
   * Call it when the leadership has ended. Each running removal gets `errorCode`, and no slice runs after
   * this call.
   */
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
        // The large slice does not fit into a batch, because `max.message.bytes` of the topic is small.
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

  /** Fills the slice. Returns the point at which the next slice begins. */
  private fill(slice: TombstoneSlice, removal: Removal, from: Progress): Progress {
    const { removed } = removal;
    const at = { ...from };
    for (; at.list < removed.length; at.list++, at.done = 0) {
      const list = removed[at.list]!;
      if (removal.isKept?.(list) === true) continue;
      const { group, topic, offsets } = list;
      for (; at.done < offsets.length; at.done++) {
        if (slice.isFull) return at;
        // Begins with the last partition, so that the table need not move other offsets of its array.
        const offset = offsets[offsets.length - 1 - at.done]!;
        if (this.table.get(group, topic, offset.partition) !== offset) continue;
        slice.add(group, topic, offset.partition);
      }
    }
    return at;
  }
}
