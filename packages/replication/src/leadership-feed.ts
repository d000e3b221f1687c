/**
 * Tells parts of this broker which partitions it leads. A coordinator loads what a partition holds when a
 * leadership begins, and drops it when the leadership ends. The order is that of publication. Calls come at
 * the end of the turn, never within the change: a leadership may have ended by then, and its end follows.
 */
import type { LeaderEpoch } from '@millrace/base';
import type { LeadershipSink, PartitionName } from './partition/ports.ts';

export interface LeadershipListener {
  /** This broker leads the partition in this epoch. */
  began(partition: PartitionName, epoch: LeaderEpoch): void;
  /** This broker leads the partition in this epoch no longer. */
  ended(partition: PartitionName, epoch: LeaderEpoch): void;
}

interface Change {
  readonly kind: 'began' | 'ended';
  readonly partition: PartitionName;
  readonly epoch: LeaderEpoch;
}

export class LeadershipFeed implements LeadershipSink {
  private readonly soon: (callback: () => void) => void;
  /** What each listener has to hear yet. */
  private readonly listeners = new Map<LeadershipListener, Change[]>();
  private readonly running = new Map<string, Change>();
  private isSoon = false;

  constructor(soon: (callback: () => void) => void) {
    this.soon = soon;
  }

  /** The listener gets the present leaderships first. Returns the function that ends its calls. */
  watch(listener: LeadershipListener): () => void {
    this.listeners.set(listener, [...this.running.values()]);
    this.tellSoon();
    return () => this.listeners.delete(listener);
  }

  began(partition: PartitionName, epoch: LeaderEpoch): void {
    const change = { kind: 'began', partition: nameOf(partition), epoch } as const;
    this.running.set(keyOf(partition), change);
    this.tell(change);
  }

  ended(partition: PartitionName, epoch: LeaderEpoch): void {
    this.running.delete(keyOf(partition));
    this.tell({ kind: 'ended', partition: nameOf(partition), epoch });
  }

  private tell(change: Change): void {
    for (const waiting of this.listeners.values()) waiting.push(change);
    this.tellSoon();
  }

  private tellSoon(): void {
    if (this.isSoon || this.listeners.size === 0) return;
    this.isSoon = true;
    this.soon(() => {
      this.isSoon = false;
      for (const [listener, waiting] of this.listeners)
        for (const { kind, partition, epoch } of waiting.splice(0))
          if (this.listeners.get(listener) === waiting) listener[kind](partition, epoch);
    });
  }
}

/** The partition itself must not leave the replication package. */
function nameOf({ topicId, topic, index }: PartitionName): PartitionName {
  return { topicId, topic, index };
}

function keyOf({ topicId, index }: PartitionName): string {
  return `${topicId}-${index}`;
}
