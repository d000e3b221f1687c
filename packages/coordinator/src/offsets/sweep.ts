/**
 * A walk over all offsets of the shard. It removes the offsets that a rule names. A walk looks at about ten
 * thousand offsets in each turn. In each turn it asks for the rule of a group again, because members may have
 * joined.
 */
import { NEXT_TURN_MS } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import type { ShardPort } from '../runtime/machine.ts';
import type { CommittedOffset, GroupOffsets, OffsetTable } from './offset-table.ts';
import type { OffsetWrites } from './offset-writes.ts';
import { SMALL_SLICE, TombstoneSlice } from './tombstone-slice.ts';

/** Once a turn has looked at this many offsets, it finishes the present group and ends. */
const EXAMINED_MAX = 10_000;

/** Says which offsets of one topic of a group to remove. */
export type OfTopic = (topic: string) => (offset: CommittedOffset) => boolean;

export interface SweepRule {
  ofGroup(group: string): OfTopic;
  /** A decision removed the last offset of the group. */
  emptied(group: string): void;
  /** NONE: the walk saw every group. Otherwise the shard accepted no records, and the walk ends early. */
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

/** False: the slice is full, and the group may have more to remove. */
function pick(slice: TombstoneSlice, group: string, offsets: GroupOffsets, ofTopic: OfTopic): boolean {
  for (const [topic, list] of offsets.topics) {
    const isRemoved = ofTopic(topic);
    // The last partition first: the table then moves no other offset.
    for (let at = list.length - 1; at >= 0; at--) {
      const offset = list[at]!;
      if (!isRemoved(offset)) continue;
      if (slice.isFull) return false;
      slice.add(group, topic, offset.partition);
    }
  }
  return true;
}
