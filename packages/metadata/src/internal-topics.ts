/** Names of the topics that the cluster itself writes. */

/** The topic of groups and of their committed offsets. */
export const OFFSETS_TOPIC = '__consumer_offsets';

const INTERNAL_TOPICS: ReadonlySet<string> = new Set([
  OFFSETS_TOPIC,
  '__transaction_state',
  '__share_group_state',
]);

/** True for a topic that all clients may read, but only the cluster and the admin client may write. */
export function isInternalTopic(name: string): boolean {
  return INTERNAL_TOPICS.has(name);
}
