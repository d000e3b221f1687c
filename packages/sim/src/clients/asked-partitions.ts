/** Compares the partitions of a request about committed offsets with those of its answer. */
import type { World } from '../world/index.ts';

/** From this version on, OffsetCommit and OffsetFetch name topics by their ids. */
export const WITH_ID_VERSION = 10;

interface Topic<P> {
  readonly name?: string | undefined;
  readonly topicId?: string | undefined;
  readonly partitions: readonly P[];
}

export function placeOf(
  version: number,
  { name = '', topicId = '' }: Omit<Topic<unknown>, 'partitions'>,
  partition: number,
): string {
  return `${version < WITH_ID_VERSION ? name : topicId}-${partition}`;
}

export function placesOf(
  version: number,
  topics: readonly Topic<{ readonly partitionIndex: number }>[],
): string[] {
  return topics.flatMap((topic) =>
    topic.partitions.map(({ partitionIndex }) => placeOf(version, topic, partitionIndex)),
  );
}

/** Fails the run unless the answer has each place of the request exactly once, and no other place. */
export function demandComplete(
  world: World,
  client: string,
  asked: readonly string[],
  answered: readonly string[],
): void {
  const wanted = new Set(asked);
  const given = new Set(answered);
  const missing = asked.filter((place) => !given.has(place));
  const others = answered.filter((place, at) => !wanted.has(place) || answered.indexOf(place) !== at);
  if (missing.length === 0 && others.length === 0) return;
  const lacks = missing.length === 0 ? '' : ` without ${missing.join(', ')}`;
  const has = others.length === 0 ? '' : ` with ${others.join(', ')} unasked or twice`;
  world.fail('answers-are-complete', `${client} got an answer about committed offsets${lacks}${has}`);
}
