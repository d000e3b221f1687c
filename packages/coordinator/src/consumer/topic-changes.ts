/**
 * Finds the topics that a change of the metadata (a delta) changes for consumer groups. The broker computes
 * this once for all groups.
 */
import type { MetadataDelta } from '@millrace/metadata';

export interface TopicChanges {
  /** Names of topics that appeared. */
  readonly created: ReadonlySet<string>;
  /** Names of topics that appeared, vanished or got more partitions. */
  readonly changed: ReadonlySet<string>;
}

/**
 * Returns undefined if the delta has no change that concerns groups. Most deltas change only leaders and
 * ISRs, which do not concern groups.
 */
export function topicChangesOf(delta: MetadataDelta): TopicChanges | undefined {
  const created = new Set(delta.createdTopics.map(({ name }) => name));
  const changed = new Set(created);
  for (const { name } of delta.deletedTopics) changed.add(name);
  for (const { topicId, topic, partition } of delta.changedPartitions) {
    const before = delta.previous.topicById(topicId);
    if (before !== undefined && partition >= before.partitions.length) changed.add(topic);
  }
  return changed.size === 0 ? undefined : { created, changed };
}

/** Computes the changes of a delta once for all shards of the broker, which ask one after the other. */
export class SharedTopicChanges {
  private last: MetadataDelta | undefined;
  private changes: TopicChanges | undefined;

  of(delta: MetadataDelta): TopicChanges | undefined {
    if (delta !== this.last) {
      this.last = delta;
      this.changes = topicChangesOf(delta);
    }
    return this.changes;
  }
}
