/**
 * Levels an assignment whose members subscribe to different topics. First gives each free partition to the
 * topic's subscriber with the fewest partitions. Then, for each topic, moves partitions from the subscriber
 * with the most partitions to the one with the fewest, while their numbers of partitions differ by more than
 * one. The moves end, because each of them lowers the sum of the squares of these numbers. ROUNDS_MAX limits
 * the time, because long chains of overlapping subscriptions may need many rounds.
 */
import type { Ownership } from './ownership.ts';

const ROUNDS_MAX = 16;

export function levelMixed(ownership: Ownership): void {
  const topics = [...ownership.topics.keys()]
    .filter((topic) => ownership.subscribers[topic]!.length > 0)
    .sort((a, b) => fewestChoices(ownership, a, b));
  for (const topic of topics) {
    for (const partition of ownership.free(topic))
      ownership.give(topic, partition, emptiest(ownership, topic));
  }
  for (let round = 0; round < ROUNDS_MAX; round++) {
    let moved = false;
    for (const topic of topics) moved = levelTopic(ownership, topic) || moved;
    if (!moved) return;
  }
}

/**
 * Topics with few subscribers come first. Afterwards, the partitions of topics with many subscribers can
 * still make the numbers of partitions equal.
 */
function fewestChoices(ownership: Ownership, a: number, b: number): number {
  return ownership.subscribers[a]!.length - ownership.subscribers[b]!.length || a - b;
}

function emptiest(ownership: Ownership, topic: number): number {
  const subscribers = ownership.subscribers[topic]!;
  let best = subscribers[0]!;
  for (const member of subscribers) if (ownership.loads[member]! < ownership.loads[best]!) best = member;
  return best;
}

/** True if a partition moved. */
function levelTopic(ownership: Ownership, topic: number): boolean {
  const owned = new Map(
    ownership.subscribers[topic]!.map((member) => [member, ownership.ownedBy(topic, member)]),
  );
  let moved = false;
  for (;;) {
    const to = emptiest(ownership, topic);
    const from = fullest(ownership, owned);
    if (from === undefined || ownership.loads[from]! - ownership.loads[to]! <= 1) return moved;
    const partition = owned.get(from)!.pop()!;
    ownership.give(topic, partition, to);
    owned.get(to)!.push(partition);
    moved = true;
  }
}

/** Of the members that have a partition of the topic, the one with the most partitions of all topics. */
function fullest(ownership: Ownership, owned: ReadonlyMap<number, readonly number[]>): number | undefined {
  let best: number | undefined;
  for (const [member, partitions] of owned) {
    if (partitions.length === 0) continue;
    if (best === undefined || ownership.loads[member]! > ownership.loads[best]!) best = member;
  }
  return best;
}
