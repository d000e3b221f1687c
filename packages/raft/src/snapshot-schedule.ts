/**
 * Decides when a node takes a snapshot of its committed state. A snapshot is due when enough bytes of records
 * were committed since the last one. It is also due when the last one is old and any records were committed
 * since. The settings are Kafka's.
 */
import type { Clock, Millis, Timer } from '@millrace/base';
import type { CommittedBatch, SnapshotConfig } from './types.ts';

export class SnapshotSchedule {
  private readonly clock: Pick<Clock, 'monotonicMs' | 'setTimer'>;
  private readonly config: SnapshotConfig;
  private readonly due: () => void;
  /** Bytes of the records that were committed since `taken`. */
  bytesSince = 0;
  private lastAt: Millis;
  private timer: Timer | undefined;

  /** While a snapshot is due, calls `due` at each commit and each `check`. `taken` ends this. */
  constructor(clock: Pick<Clock, 'monotonicMs' | 'setTimer'>, config: SnapshotConfig, due: () => void) {
    this.clock = clock;
    this.config = config;
    this.due = due;
    this.lastAt = clock.monotonicMs();
  }

  committed(batches: readonly CommittedBatch[]): void {
    for (const { records } of batches) for (const record of records) this.bytesSince += record.length;
    this.check();
  }

  /** Call it when a snapshot of everything that is committed so far was begun or loaded. */
  taken(): void {
    this.bytesSince = 0;
    this.lastAt = this.clock.monotonicMs();
    this.stop();
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  /** Calls `due` if a snapshot is due now. Otherwise sets the timer. */
  check(): void {
    const { maxBytes, intervalMs } = this.config;
    const waitMs = this.lastAt + intervalMs - this.clock.monotonicMs();
    const isOld = intervalMs > 0 && waitMs <= 0;
    if (this.bytesSince >= maxBytes || (isOld && this.bytesSince > 0)) this.due();
    else if (intervalMs > 0 && this.bytesSince > 0)
      this.timer ??= this.clock.setTimer(waitMs, () => {
        this.timer = undefined;
        this.check();
      });
  }
}
