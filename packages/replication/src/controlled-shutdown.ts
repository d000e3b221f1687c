/**
 * The first step of a controlled shutdown. Each leader on this broker waits, for a limited time, until the
 * members of its ISR have all records of its log. After that the controller elects another member of the ISR.
 * That member should have the batches that the leader acknowledged with acks=1.
 */
import type { Clock, Millis, Offset, Timers } from '@millrace/base';
import type { Leadership } from './partition/leadership.ts';
import type { Partition } from './partition/partition.ts';

const CHECK_MS: Millis = 5;

export interface IsrWait {
  readonly clock: Pick<Clock, 'soon'>;
  readonly timers: Timers;
  readonly timeoutMs: Millis;
  /** True once the broker is closed. Then `awaitIsr` stops waiting. */
  readonly isOver: () => boolean;
  readonly done: () => void;
}

/**
 * Calls `done` when the members of each ISR have everything that the leader's log holds now. Does not wait
 * for a leadership that ends meanwhile. Calls `done` after the timeout at the latest.
 */
export function awaitIsr(
  replicas: readonly Partition[],
  { clock, timers, timeoutMs, isOver, done }: IsrWait,
): void {
  const ends = new Map<Leadership, Offset>();
  for (const { leadership, isr, log } of replicas)
    if (leadership !== undefined && isr.length > 1) ends.set(leadership, log.endOffset);
  const deadlineMs = timers.now() + timeoutMs;
  const look = () => {
    for (const [leadership, end] of ends) {
      const { partition } = leadership;
      if (partition.leadership !== leadership || partition.highWatermark >= end) ends.delete(leadership);
    }
    if (ends.size === 0 || isOver() || timers.now() >= deadlineMs) done();
    else timers.after(CHECK_MS, look);
  };
  clock.soon(look);
}
