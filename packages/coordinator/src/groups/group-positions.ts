/** The committed offsets of the groups that a broker coordinates, for the metric `millrace_group_lag`. */
import { type Offset, type Uuid, ZERO_UUID } from '@millrace/base';
import type { MetadataImage } from '@millrace/metadata';
import type { CommittedOffset, TopicOffsets } from '../offsets/offset-table.ts';
import type { GroupMachine } from './group-machine.ts';

/** The offset that a group reads next in a partition, according to its last commit. */
export interface GroupPosition {
  readonly groupId: string;
  readonly topic: string;
  /** The id of the topic that has this name now. */
  readonly topicId: Uuid;
  readonly partition: number;
  readonly offset: Offset;
}

interface GroupPositions {
  readonly positions: readonly GroupPosition[];
  /**
   * Number of offsets that were not looked at because of the limit. Some of them may belong to deleted
   * topics.
   */
  readonly omitted: number;
}

/** The part of the runtime that this file reads. */
interface Shards {
  shards(): { readonly machines: readonly Pick<GroupMachine, 'offsetsByGroup' | 'offsetCount'>[] };
}

/**
 * Lists at most `max` positions in partitions that exist. Calls list the groups in the same order, so with a
 * limit they list the same groups. When the limit is reached, looks at no further offset. A position may come
 * from a commit that is not replicated yet; this is exact enough for a metric.
 */
export function groupPositions(runtime: Shards, image: MetadataImage, max: number): GroupPositions {
  const { machines } = runtime.shards();
  const positions: GroupPosition[] = [];
  let left = 0;
  for (const { offsetCount } of machines) left += offsetCount;
  for (const [groupId, topic, offsets] of offsetsOf(machines)) {
    if (positions.length >= max) break;
    const found = image.topic(topic);
    const isPresent = ({ topicId, partition }: CommittedOffset) =>
      found?.partitions[partition] !== undefined && (topicId === ZERO_UUID || topicId === found.id);
    for (const committed of offsets) {
      if (positions.length >= max) break;
      left--;
      const { partition, offset } = committed;
      if (isPresent(committed)) positions.push({ groupId, topic, topicId: found!.id, partition, offset });
    }
  }
  return { positions, omitted: left };
}

function* offsetsOf(
  machines: readonly Pick<GroupMachine, 'offsetsByGroup'>[],
): Generator<readonly [groupId: string, topic: string, offsets: TopicOffsets]> {
  for (const machine of machines)
    for (const [groupId, { topics }] of machine.offsetsByGroup)
      for (const [topic, offsets] of topics) yield [groupId, topic, offsets];
}
