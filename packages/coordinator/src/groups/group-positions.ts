/** The positions of the groups that a broker coordinates, for the metric of their lag. */
import type { Offset, Uuid } from '@millrace/base';
import type { CoordinatorRuntime } from '../runtime/coordinator-runtime.ts';
import type { GroupMachine } from './group-machine.ts';

/** The offset that a group reads next, by its last commit of the partition. */
export interface GroupPosition {
  readonly groupId: string;
  readonly topic: string;
  /** ZERO_UUID: an old broker wrote the commit. */
  readonly topicId: Uuid;
  readonly partition: number;
  readonly offset: Offset;
}

export interface GroupPositions {
  readonly positions: readonly GroupPosition[];
  /** Number of positions beyond `max`. */
  readonly omitted: number;
}

/**
 * Lists at most `max` positions. Groups keep their order from one call to the next, so the same groups have
 * positions. A position may be of a commit that is not replicated yet: its lag is only shown.
 */
export function groupPositions(runtime: CoordinatorRuntime<GroupMachine>, max: number): GroupPositions {
  const positions: GroupPosition[] = [];
  let count = 0;
  for (const machine of runtime.shards().machines)
    for (const [groupId, { topics, size }] of machine.offsetsByGroup) {
      count += size;
      for (const [topic, offsets] of topics) {
        if (positions.length >= max) break;
        for (const { topicId, partition, offset } of offsets.slice(0, max - positions.length))
          positions.push({ groupId, topic, topicId, partition, offset });
      }
    }
  return { positions, omitted: count - positions.length };
}
