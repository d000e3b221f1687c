/**
 * The offsets that a group's consumer has stored for its next commit, and those that it committed last, of
 * the partitions that it owns.
 */
import type { CommittedOffset } from './offset-requests.ts';
import { partitionName, type TopicPartition } from './topic-partitions.ts';

export class StoredOffsets {
  private readonly stored = new Map<string, CommittedOffset>();
  private readonly committed = new Map<string, number>();

  /** Replaces an earlier offset of the partition. */
  store(offset: CommittedOffset): void {
    this.stored.set(partitionName(offset), offset);
  }

  /** Notes an offset that the coordinator has. */
  isCommitted(offsets: readonly CommittedOffset[]): void {
    for (const offset of offsets) this.committed.set(partitionName(offset), offset.offset);
  }

  /** The offsets that the coordinator does not have. */
  uncommitted(): CommittedOffset[] {
    const all = [...this.stored.values()];
    return all.filter((offset) => this.committed.get(partitionName(offset)) !== offset.offset);
  }

  forget(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) {
      this.stored.delete(partitionName(partition));
      this.committed.delete(partitionName(partition));
    }
  }
}
