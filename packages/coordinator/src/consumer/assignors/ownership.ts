/**
 * The table with which the assignor `uniform` works: it has the owner of each partition while the assignor
 * computes the assignment. The assignor looks up each partition several times. So the table uses indexes of
 * members and topics, which are faster to look up than their ids.
 */
import type { Uuid } from '@millrace/base';
import { type AssignorInput, type AssignorMember, byMemberId, type TargetAssignment } from './assignor.ts';

const NOBODY = -1;

export class Ownership {
  /** Sorted by member id. */
  readonly members: readonly AssignorMember[];
  readonly topics: readonly Uuid[];
  /** Number of partitions that each member has. */
  readonly loads: Int32Array;
  /** For each topic: the indexes of its subscribers, ascending. */
  readonly subscribers: readonly (readonly number[])[];
  private readonly owners: readonly Int32Array[];

  /**
   * Each member begins with the partitions of its present target. Left out are partitions that no longer
   * exist, partitions of topics to which the member no longer subscribes, and partitions that an earlier
   * member in the list also has.
   */
  constructor({ members, partitionCounts }: AssignorInput) {
    this.members = [...members].sort(byMemberId);
    this.loads = new Int32Array(members.length);
    this.topics = [...partitionCounts.keys()];
    this.owners = this.topics.map((topic) => new Int32Array(partitionCounts.get(topic)!).fill(NOBODY));
    this.subscribers = this.topics.map((topic) =>
      [...this.members.keys()].filter((member) => this.members[member]!.topics.has(topic)),
    );
    const indexes = new Map(this.topics.map((topic, index) => [topic, index]));
    this.members.forEach((member, index) => {
      for (const [topic, partitions] of member.current) {
        const topicIndex = member.topics.has(topic) ? indexes.get(topic) : undefined;
        if (topicIndex !== undefined) this.keep(index, topicIndex, partitions);
      }
    });
  }

  count(topic: number): number {
    return this.owners[topic]!.length;
  }

  /** Undefined: nobody has the partition. */
  owner(topic: number, partition: number): number | undefined {
    const owner = this.owners[topic]![partition]!;
    return owner === NOBODY ? undefined : owner;
  }

  give(topic: number, partition: number, member: number): void {
    this.take(topic, partition);
    this.owners[topic]![partition] = member;
    this.loads[member]!++;
  }

  take(topic: number, partition: number): void {
    const owner = this.owner(topic, partition);
    if (owner === undefined) return;
    this.loads[owner]!--;
    this.owners[topic]![partition] = NOBODY;
  }

  /** The partitions of the topic that nobody has, ascending. */
  free(topic: number): number[] {
    return this.ownedBy(topic, NOBODY);
  }

  /** The member's partitions of the topic, ascending. */
  ownedBy(topic: number, member: number): number[] {
    const owned: number[] = [];
    this.owners[topic]!.forEach((owner, partition) => {
      if (owner === member) owned.push(partition);
    });
    return owned;
  }

  result(): TargetAssignment {
    const target = this.members.map(() => new Map<Uuid, number[]>());
    this.topics.forEach((topic, topicIndex) => {
      this.owners[topicIndex]!.forEach((owner, partition) => {
        if (owner === NOBODY) return;
        const partitions = target[owner]!.get(topic);
        if (partitions === undefined) target[owner]!.set(topic, [partition]);
        else partitions.push(partition);
      });
    });
    return new Map(this.members.map(({ memberId }, index) => [memberId, target[index]!]));
  }

  private keep(member: number, topic: number, partitions: readonly number[]): void {
    for (const partition of partitions) {
      const exists = partition >= 0 && partition < this.count(topic);
      if (exists && this.owner(topic, partition) === undefined) this.give(topic, partition, member);
    }
  }
}
