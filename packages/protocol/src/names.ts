/**
 * Which topic names are allowed.
 */

const TOPIC_NAME_CHARACTERS_MAX = 249;

/** Why a name cannot be a topic's (INVALID_TOPIC_EXCEPTION), or undefined when it can. */
export function validateTopicName(name: string): string | undefined {
  if (name === '') return 'the empty string is not allowed';
  if (name === '.' || name === '..') return `'${name}' is not allowed`;
  if (name.length > TOPIC_NAME_CHARACTERS_MAX)
    return `the length of '${name}' is longer than the max allowed length ${TOPIC_NAME_CHARACTERS_MAX}`;
  if (!/^[a-zA-Z0-9._-]+$/.test(name))
    return `'${name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'`;
  return undefined;
}

/**
 * Two names with the same key collide: metrics write '.' as '_', so such names may not exist side by side.
 */
export function topicCollisionKey(name: string): string {
  return name.replaceAll('.', '_');
}

/** Whether two different names cannot exist side by side. */
export function topicNamesCollide(a: string, b: string): boolean {
  return topicCollisionKey(a) === topicCollisionKey(b);
}
