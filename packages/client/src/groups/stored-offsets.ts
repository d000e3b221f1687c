/**
 * For each partition that a group's consumer owns: the offset that is stored for the next commit, and the
 * offset that was committed last.
 */
import type { CommittedOffset, TopicIds } from './offset-requests.ts';
import { partitionName, type TopicPartition } from './topic-partitions.ts';

export class StoredOffsets {
  private readonly stored = new Map<string, CommittedOffset>();
  private readonly committed = new Map<string, CommittedOffset>();

  /** Replaces an earlier offset of the partition. */
  store(offset: CommittedOffset): void {
    this.stored.set(partitionName(offset), offset);
  }

  /** Notes that the coordinator has these offsets. */
  isCommitted(offsets: readonly CommittedOffset[]): void {
    for (const offset of offsets) this.committed.set(partitionName(offset), offset);
  }

  /** The stored offsets that the coordinator does not have. */
  uncommitted(): CommittedOffset[] {
    const all = [...this.stored.values()];
    return all.filter((offset) => {
      const committed = this.committed.get(partitionName(offset));
      return committed?.offset !== offset.offset || committed.topicId !== offset.topicId;
    });
  }

  /**
   * Forgets the offsets of topics whose names other topics have now, except the offsets for which `spares` is
   * true. Returns the same as `forget`.
   */
  forgetOthers(topicId: TopicIds, spares: (offset: CommittedOffset) => boolean): boolean {
    const others = [...this.stored.values()].filter((offset) => {
      if (spares(offset)) return false;
      const current = topicId(offset.topic);
      return current !== undefined && offset.topicId !== undefined && current !== offset.topicId;
    });
    return others.length > 0 && this.forget(others);
  }

  /** Forgets the offsets of these partitions. Returns true if at least one of them was not committed. */
  forget(partitions: readonly TopicPartition[]): boolean {
    const names = new Set(partitions.map(partitionName));
    const isUncommitted = this.uncommitted().some((offset) => names.has(partitionName(offset)));
    for (const partition of partitions) {
      this.stored.delete(partitionName(partition));
      this.committed.delete(partitionName(partition));
    }
    return isUncommitted;
  }
}
