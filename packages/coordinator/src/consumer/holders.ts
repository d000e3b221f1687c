/**
 * Knows which member holds each partition. The holder is the member to which the partition is assigned, or
 * the member that must give up the partition and has not yet done so. A partition has at most one holder.
 */
import type { Uuid } from '@millrace/base';
import type { Member } from './member.ts';
import type { EpochedPartitions } from './topic-partitions.ts';

/**
 * No topic has so many partitions. If a record that another program wrote had a larger partition number, the
 * array of the topic would take all memory.
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
  /** The topics whose `TopicHolders` this object shares with another copy. Such holders must not change. */
  private shared: Set<Uuid>;

  constructor() {
    this.byTopic = new Map();
    this.shared = new Set();
  }

  /**
   * Returns a copy that changes independently. The holders of a topic are copied only when one of the two
   * objects changes them for the first time.
   */
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

  /** From now on the member holds the partitions in `member`, and no longer those in `previous`. */
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

  /** Ignores partition numbers that are negative or at least `PARTITION_LIMIT`. */
  private hold(memberId: string, partitions: EpochedPartitions): void {
    for (const [topic, epochs] of partitions) {
      let holders: TopicHolders | undefined;
      for (const partition of epochs.keys()) {
        if (partition < 0 || partition >= PARTITION_LIMIT) continue;
        holders ??= this.own(topic);
        holders.set(partition, memberId);
      }
    }
  }

  /**
   * Releases only partitions that this member holds. While a log loads, `partitions` may come from an older
   * record, and another member may hold some of them by now.
   */
  private release(memberId: string, partitions: EpochedPartitions): void {
    for (const [topic, epochs] of partitions) {
      let holders: TopicHolders | undefined;
      for (const partition of epochs.keys()) {
        if (this.holder(topic, partition) !== memberId) continue;
        holders ??= this.own(topic);
        holders.set(partition, undefined);
      }
      if (holders?.isEmpty === true) this.byTopic.delete(topic);
    }
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
