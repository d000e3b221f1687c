/**
 * Finds the existing topics to which the members of a group subscribe. Also computes a hash of them, which
 * changes when a subscribed topic appears, gets more partitions, vanishes or is created again.
 */
import type { Uuid } from '@millrace/base';
import type { MetadataImage } from '@millrace/metadata';
import type { GroupState } from './group-state.ts';
import { type Member, regexOf } from './member.ts';

/** The topics of members, by their subscription. Members with equal subscriptions share one set. */
export class Subscriptions {
  private readonly state: GroupState;
  private readonly image: MetadataImage;
  private readonly sets = new Map<string, ReadonlySet<Uuid>>();

  constructor(state: GroupState, image: MetadataImage) {
    this.state = state;
    this.image = image;
  }

  /**
   * The ids of the existing topics to which the member subscribes. A regular expression that is not resolved
   * yet adds no topic.
   */
  topicIds(member: Member): ReadonlySet<Uuid> {
    const key = JSON.stringify([member.subscribedTopicNames, regexOf(member)]);
    const known = this.sets.get(key);
    if (known !== undefined) return known;
    const ids = new Set<Uuid>();
    for (const name of this.names(member)) {
      const topic = this.image.topic(name);
      if (topic !== undefined) ids.add(topic.id);
    }
    this.sets.set(key, ids);
    return ids;
  }

  private *names(member: Member): Iterable<string> {
    yield* member.subscribedTopicNames;
    const regex = regexOf(member);
    if (regex !== undefined) yield* this.state.resolvedRegexes.get(regex)?.topics ?? [];
  }
}

/** The names that at least one member subscribes to, sorted. */
export function subscribedNames(state: GroupState): string[] {
  const names = new Set(state.topicNames.keys());
  for (const [regex, { topics }] of state.resolvedRegexes) {
    if (state.regexes.of(regex) > 0) for (const topic of topics) names.add(topic);
  }
  return [...names].sort();
}

/** The partition counts of the subscribed topics that exist, in the order of the topic names. */
export function subscribedPartitionCounts(state: GroupState, image: MetadataImage): Map<Uuid, number> {
  const counts = new Map<Uuid, number>();
  for (const name of subscribedNames(state)) {
    const topic = image.topic(name);
    if (topic !== undefined) counts.set(topic.id, topic.partitions.length);
  }
  return counts;
}

/**
 * A 53-bit hash over the ids and partition counts of the subscribed topics; 0 if none exists. Kafka's hash
 * also covers the racks of the replicas. This one does not: no assignor looks at racks, so a change of racks
 * needs no rebalance.
 */
export function subscriptionHash(state: GroupState, image: MetadataImage): number {
  const counts = subscribedPartitionCounts(state, image);
  if (counts.size === 0) return 0;
  let low = 0x811c9dc5;
  let high = 0xc2b2ae35;
  for (const [id, count] of counts) {
    const text = `${id}${count};`;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      low = Math.imul(low ^ unit, 0x01000193);
      high = Math.imul(high ^ unit, 0x85ebca6b);
      high ^= high >>> 13;
    }
  }
  return (high & 0x1fffff) * 0x1_0000_0000 + (low >>> 0);
}
