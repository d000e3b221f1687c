/**
 * Reports to other parts of this broker which partitions the broker leads. For example, a coordinator loads a
 * partition's records when a leadership begins, and drops the records when the leadership ends. The reports
 * come in the order of the changes, at the end of the turn and never within the change. So a leadership may
 * already have ended when the report of its beginning comes. The report of its end then follows.
 */
import type { LeaderEpoch } from '@millrace/base';
import type { LeadershipSink, PartitionName } from './partition/ports.ts';

export interface LeadershipListener {
  /** This broker began to lead the partition in this epoch. */
  began(partition: PartitionName, epoch: LeaderEpoch): void;
  /** This broker stopped leading the partition in this epoch. */
  ended(partition: PartitionName, epoch: LeaderEpoch): void;
}

interface Change {
  readonly kind: 'began' | 'ended';
  readonly partition: PartitionName;
  readonly epoch: LeaderEpoch;
}

export class LeadershipFeed implements LeadershipSink {
  private readonly soon: (callback: () => void) => void;
  /** The changes that each listener has not received yet. */
  private readonly listeners = new Map<LeadershipListener, Change[]>();
  private readonly running = new Map<string, Change>();
  private isSoon = false;

  constructor(soon: (callback: () => void) => void) {
    this.soon = soon;
  }

  /** The listener gets the present leaderships first. Returns a function that removes the listener. */
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

/** Copies the name, so that a listener does not get the partition object. */
function nameOf({ topicId, topic, index }: PartitionName): PartitionName {
  return { topicId, topic, index };
}

function keyOf({ topicId, index }: PartitionName): string {
  return `${topicId}-${index}`;
}
