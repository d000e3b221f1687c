/**
 * Levels an assignment whose members all subscribe to the same topics. Afterwards the numbers of partitions
 * of any two members differ by at most one. A member loses a partition only if it has more than its quota.
 */
import type { Ownership } from './ownership.ts';

export function levelEqual(ownership: Ownership): void {
  const members = ownership.loads.length;
  const topics = [...ownership.topics.keys()].filter((topic) => ownership.subscribers[topic]!.length > 0);
  const total = topics.reduce((sum, topic) => sum + ownership.count(topic), 0);
  const least = Math.floor(total / members);
  let extras = total % members;
  for (let member = 0; member < members; member++) {
    const keepsExtra = ownership.loads[member]! > least && extras > 0;
    if (keepsExtra) extras--;
    shed(ownership, topics, member, least + (keepsExtra ? 1 : 0));
  }
  const free = new FreePartitions(ownership, topics);
  fill(ownership, free, least);
  fill(ownership, free, least + 1);
}

/**
 * Takes partitions from the member until it has `quota` partitions. Takes each one from the topic of which
 * the member has the largest part, so that the partitions of a topic stay spread over the members.
 */
function shed(ownership: Ownership, topics: readonly number[], member: number, quota: number): void {
  let excess = ownership.loads[member]! - quota;
  if (excess <= 0) return;
  const owned = topics.map((topic) => ownership.ownedBy(topic, member));
  for (; excess > 0; excess--) {
    let largest = 0;
    for (let i = 1; i < topics.length; i++) {
      const share = owned[i]!.length / ownership.count(topics[i]!);
      if (share >= owned[largest]!.length / ownership.count(topics[largest]!)) largest = i;
    }
    ownership.take(topics[largest]!, owned[largest]!.pop()!);
  }
}

/**
 * Gives out free partitions in rounds, until every member has `quota` partitions or none is free. In each
 * round, each member below the quota gets one partition.
 */
function fill(ownership: Ownership, free: FreePartitions, quota: number): void {
  let unfilled = [...ownership.loads.keys()];
  while (unfilled.length > 0) {
    unfilled = unfilled.filter((member) => {
      if (ownership.loads[member]! >= quota || free.isEmpty) return false;
      free.giveNext(member);
      return true;
    });
  }
}

/** The partitions that nobody has, topic by topic. */
class FreePartitions {
  private readonly ownership: Ownership;
  private readonly partitions: (readonly [topic: number, partition: number])[];
  private next = 0;

  constructor(ownership: Ownership, topics: readonly number[]) {
    this.ownership = ownership;
    this.partitions = topics.flatMap((topic) =>
      ownership.free(topic).map((partition) => [topic, partition] as const),
    );
  }

  get isEmpty(): boolean {
    return this.next === this.partitions.length;
  }

  giveNext(member: number): void {
    const [topic, partition] = this.partitions[this.next++]!;
    this.ownership.give(topic, partition, member);
  }
}
