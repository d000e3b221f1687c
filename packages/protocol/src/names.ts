/** Rules for topic names: allowed names, and names that collide. */

const TOPIC_NAME_CHARACTERS_MAX = 249;

/** Returns why a topic name is invalid (INVALID_TOPIC_EXCEPTION); undefined if it is valid. */
export function validateTopicName(name: string): string | undefined {
  if (name === '') return 'A topic name cannot be empty.';
  if (name === '.' || name === '..') return `A topic cannot be named '${name}'.`;
  if (name.length > TOPIC_NAME_CHARACTERS_MAX)
    return `A topic name has at most ${TOPIC_NAME_CHARACTERS_MAX} characters, this one ${name.length}.`;
  if (!/^[a-zA-Z0-9._-]+$/.test(name))
    return `The topic name '${name}' has other characters than a-z, A-Z, 0-9, '.', '_' and '-'.`;
  return undefined;
}

/**
 * The same text for two names that collide. Kafka's metrics write '.' as '_', so two topics whose names
 * differ only in '.' and '_' may not coexist.
 */
export function topicCollisionKey(name: string): string {
  return name.replaceAll('.', '_');
}
