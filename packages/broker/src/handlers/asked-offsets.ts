/**
 * Drops repeated groups and partitions from an OffsetFetch request, because a few bytes of request must not
 * become a large answer. One offset may have 4096 characters of metadata, and a group may have many offsets.
 */
import { ZERO_UUID } from '@millrace/base';
import type { apis, RequestOf } from '@millrace/protocol';

export type AskedGroup = RequestOf<typeof apis.offsetFetch>['groups'][number];
export type AskedTopic = NonNullable<AskedGroup['topics']>[number];

/**
 * Merges the mentions of each group into one. The groups are in the order of their first mentions. A group
 * has the topics of all its mentions, or asks for all topics if one mention does. The member and the member
 * epoch come from the first mention.
 */
export function distinctGroups(groups: readonly AskedGroup[]): AskedGroup[] {
  const merged = new Map<string, AskedGroup & { topics: AskedTopic[] | null }>();
  for (const group of groups) {
    const { groupId, topics } = group;
    const before = merged.get(groupId);
    if (before === undefined) merged.set(groupId, { ...group, topics: topics && [...topics] });
    else if (topics === null) before.topics = null;
    else if (before.topics !== null) for (const topic of topics) before.topics.push(topic);
  }
  return Array.from(merged.values(), distinctPartitions);
}

/** The group with each partition once. A topic whose partitions all came before is left out. */
export function distinctPartitions(group: AskedGroup): AskedGroup {
  if (group.topics === null) return group;
  const seenOf = new Map<string, Set<number>>();
  const topics: AskedTopic[] = [];
  for (const { name, topicId, partitionIndexes } of group.topics) {
    // In some versions the request names topics by name, in the others by id.
    const key = topicId === ZERO_UUID ? name : topicId;
    const seen = seenOf.get(key) ?? new Set();
    seenOf.set(key, seen);
    const fresh = partitionIndexes.filter((partition) => seen.size < seen.add(partition).size);
    const isRepeated = fresh.length === 0 && partitionIndexes.length > 0;
    if (!isRepeated) topics.push({ name, topicId, partitionIndexes: fresh });
  }
  return { ...group, topics };
}
