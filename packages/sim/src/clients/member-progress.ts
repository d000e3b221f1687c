/** For each partition that one process of a member reads: how far the process has read and committed. */
import { assert, type Uuid } from '@millrace/base';
import type { CommitOp } from '@millrace/checkers';
import { type Position, partitionName, type StartPosition, type TopicPartition } from '@millrace/client';

export interface Reached {
  /** Undefined until the first read, if the start names no topic id. */
  topicId: Uuid | undefined;
  /** The offset of the next record to read. */
  read: number;
  /**
   * The last offset that the process committed and the coordinator acknowledged. If there is none: the offset
   * at which the process began to read.
   */
  committed: number;
}

export class MemberProgress {
  private readonly partitions = new Map<string, Reached>();

  /** Undefined if the process does not read the partition, or reads it in another topic of the same name. */
  reached(topicId: Uuid, place: TopicPartition): Readonly<Reached> | undefined {
    const found = this.partitions.get(partitionName(place));
    return found === undefined || isOther(found, topicId) ? undefined : found;
  }

  began(starts: readonly StartPosition[]): void {
    for (const { topic, partition, topicId, onlyTopicId = topicId, start } of starts) {
      const offset = typeof start === 'number' ? start : 0;
      const reached = { topicId: onlyTopicId, read: offset, committed: offset };
      this.partitions.set(partitionName({ topic, partition }), reached);
    }
  }

  read(position: Readonly<Position>): void {
    const { topicId, offset = 0 } = position;
    const found = this.partitions.get(partitionName(position));
    if (found === undefined) return;
    // When another topic gets the name, the client asks the coordinator again where to begin.
    assert(!isOther(found, topicId), 'a member begins in a topic before it reads the topic');
    found.topicId = topicId;
    found.read = offset;
  }

  committed(commit: CommitOp): void {
    if (commit.outcome !== 'ok') return;
    const found = this.partitions.get(partitionName(commit));
    if (found !== undefined && !isOther(found, commit.topicId)) found.committed = commit.offset;
  }

  ended(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.partitions.delete(partitionName(partition));
  }
}

function isOther({ topicId }: Reached, other: Uuid | undefined): boolean {
  return topicId !== undefined && other !== undefined && topicId !== other;
}
