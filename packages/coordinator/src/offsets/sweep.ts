/**
 * A walk over all offsets of the shard. The walk removes the offsets that a rule names, and looks at about
 * ten thousand offsets in each turn. If the walk continues a group in a later turn, it asks for the group's
 * rule again, because members may have joined.
 */
import { NEXT_TURN_MS } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import type { ShardPort } from '../runtime/machine.ts';
import type { CommittedOffset, GroupOffsets, OffsetTable } from './offset-table.ts';
import type { OffsetWrites } from './offset-writes.ts';
import { SMALL_SLICE, TombstoneSlice } from './tombstone-slice.ts';

/**
 * When the walk has looked at this many offsets in a turn, it finishes the present group, and continues in a
 * later turn.
 */
const EXAMINED_MAX = 10_000;

/** For one group: returns, for a topic, a function that says whether to remove an offset. */
export type OfTopic = (topic: string) => (offset: CommittedOffset) => boolean;

export interface SweepRule {
  ofGroup(group: string): OfTopic;
  /** Called when a decision has removed the last offset of the group. */
  emptied(group: string): void;
  /**
   * Called once, at the end. NONE: the walk has seen every group. Any other error: the shard accepted no
   * records, and the walk ended early.
   */
  done(errorCode: ErrorCode): void;
}

/** Begins a walk in this turn. `done` may be called within this call. */
export function sweep(
  port: Pick<ShardPort, 'inOwnTurn'>,
  table: OffsetTable,
  writes: OffsetWrites,
  rule: SweepRule,
): void {
  const groups = table.groups();
  let unfinished: string | undefined;

  const step = () => {
    const slice = new TombstoneSlice(SMALL_SLICE);
    let examined = 0;
    let ended = false;
    while (!ended && !slice.isFull && examined < EXAMINED_MAX) {
      const group: string | undefined = unfinished ?? groups.next().value?.[0];
      unfinished = group;
      if (group === undefined) ended = true;
      else {
        const offsets = table.group(group);
        examined += offsets?.size ?? 1;
        if (offsets === undefined || pick(slice, group, offsets, rule.ofGroup(group))) unfinished = undefined;
      }
    }
    if (slice.records.length > 0) {
      const errorCode = writes.write(slice.records, slice.groups);
      if (errorCode !== ErrorCode.NONE) return rule.done(errorCode);
      for (const group of slice.groups) if (table.group(group) === undefined) rule.emptied(group);
    }
    if (ended) rule.done(ErrorCode.NONE);
    else port.inOwnTurn(NEXT_TURN_MS, step);
  };
  step();
}

/**
 * Adds the tombstones of one group to the slice. Returns false if the slice is full, and the group may have
 * more offsets to remove.
 */
function pick(slice: TombstoneSlice, group: string, offsets: GroupOffsets, ofTopic: OfTopic): boolean {
  for (const [topic, list] of offsets.topics) {
    const isRemoved = ofTopic(topic);
    // Begins with the last partition, so that the table need not move other offsets of its array.
    for (let at = list.length - 1; at >= 0; at--) {
      const offset = list[at]!;
      if (!isRemoved(offset)) continue;
      if (slice.isFull) return false;
      slice.add(group, topic, offset.partition);
    }
  }
  return true;
}
