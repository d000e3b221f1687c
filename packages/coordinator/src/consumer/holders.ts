/**
 * Which member holds each partition: the member that the partition is assigned to, or the member that has not
 * yet given up the partition. A partition has at most one holder.
 */
import type { Uuid } from '@millrace/base';
import type { Member } from './member.ts';
import { type EpochedPartitions, forEachPartition } from './topic-partitions.ts';

/**
 * No topic has so many partitions. A larger number, in a record that another program wrote, would make the
 * array of a topic take all memory.
 */
const PARTITION_LIMIT = 1_000_000;

/** The holder of each partition of one topic. An array takes a quarter of the memory of a `Map`. */
class TopicHolders {
  private readonly members: (string | undefined)[];
  private count: number;

  constructor(from?: TopicHolders) {
    this.members = from?.members.slice() ?? [];
    this.count = from?.count ?? 0;
  }

  get isEmpty(): boolean {
    return this.count === 0;
  }

  get(partition: number): string | undefined {
    return this.members[partition];
  }

  set(partition: number, memberId: string | undefined): void {
    if (this.members[partition] !== undefined) this.count--;
    if (memberId !== undefined) this.count++;
    this.members[partition] = memberId;
  }
}

export class PartitionHolders {
  private readonly byTopic: Map<Uuid, TopicHolders>;
  /** The topics whose holders this object shares with a copy or with its original. */
  private shared: Set<Uuid>;

  constructor() {
    this.byTopic = new Map();
    this.shared = new Set();
  }

  /** A copy that changes independently. Copies the partitions of a topic when they first change. */
  copy(): PartitionHolders {
    const copy = new PartitionHolders();
    for (const [topic, holders] of this.byTopic) copy.byTopic.set(topic, holders);
    copy.shared = new Set(this.byTopic.keys());
    this.shared = new Set(this.byTopic.keys());
    return copy;
  }

  holder(topic: Uuid, partition: number): string | undefined {
    return this.byTopic.get(topic)?.get(partition);
  }

  /** The member now holds what `member` says, and no longer what `previous` said. */
  update(previous: Member | undefined, member: Member | undefined): void {
    if (previous !== undefined) {
      this.release(previous.memberId, previous.assigned);
      this.release(previous.memberId, previous.pendingRevocation);
    }
    if (member !== undefined) {
      this.hold(member.memberId, member.assigned);
      this.hold(member.memberId, member.pendingRevocation);
    }
  }

  /** Nobody holds a partition that is negative or at least `PARTITION_LIMIT`. */
  private hold(memberId: string, partitions: EpochedPartitions): void {
    forEachPartition(partitions, (topic, partition) => {
      if (partition >= 0 && partition < PARTITION_LIMIT) this.own(topic).set(partition, memberId);
    });
  }

  /**
   * While a log loads, the partitions may come from an older record, and another member may hold some by now.
   */
  private release(memberId: string, partitions: EpochedPartitions): void {
    forEachPartition(partitions, (topic, partition) => {
      if (this.holder(topic, partition) !== memberId) return;
      const holders = this.own(topic);
      holders.set(partition, undefined);
      if (holders.isEmpty) this.byTopic.delete(topic);
    });
  }

  private own(topic: Uuid): TopicHolders {
    const present = this.byTopic.get(topic);
    if (present !== undefined && !this.shared.has(topic)) return present;
    const holders = new TopicHolders(present);
    this.byTopic.set(topic, holders);
    this.shared.delete(topic);
    return holders;
  }
}
