/** Topic names that the front end treats specially. */

const INTERNAL_TOPICS: ReadonlySet<string> = new Set([
  '__consumer_offsets',
  '__transaction_state',
  '__share_group_state',
]);

/**
 * Topics that the cluster itself writes: clients may read them, but only the admin client may produce to
 * them.
 */
export function isInternalTopic(name: string): boolean {
  return INTERNAL_TOPICS.has(name);
}
