/**
 * Applies retention to this broker's replicas from time to time, whether they lead or follow: raises the log
 * start offsets above expired records, then removes the segments below them.
 *
 * Bounds: one turn of the event loop looks at `LOOKS_PER_TURN` replicas, or raises one log start offset, or
 * removes one segment. At most one segment is being removed at any time. If a look begins a new segment of a
 * log, a sync of this log follows, and the next look waits for it. Otherwise many such syncs could run at
 * once: all syncs share a few threads, and acknowledgements wait for other syncs. No record at or above a
 * replica's own high watermark expires.
 */
import { type Clock, type Millis, NEXT_TURN_MS, type Timers } from '@millrace/base';
import type { ExpireResult, LogDirectory, PartitionLog, RemovedSegment } from '@millrace/log';
import type { Metrics } from '@millrace/metrics';
import type { Partition } from './partition/partition.ts';

/**
 * How many replicas one turn looks at. After a start, the first look at a replica reads a few kilobytes. Most
 * later looks read nothing.
 */
const LOOKS_PER_TURN = 50;

export interface RetentionOptions {
  readonly clock: Clock;
  readonly logDirectory: LogDirectory;
  readonly config: {
    readonly retentionCheckIntervalMs: Millis;
    readonly retentionInitialDelayMs: Millis;
  };
}

export class Retention {
  private readonly options: RetentionOptions;
  private readonly timers: Timers;
  private readonly replicas: () => readonly Partition[];
  private readonly counters: { segmentRemoved(sizeBytes: number): void };
  /** The logs with segments to remove, in the order in which their turn comes. */
  private readonly expired = new Set<PartitionLog>();
  private isRemoving = false;
  /** Number of removed segments whose files are not unlinked yet. */
  removedSegments = 0;

  /** Starts the looks. They end when `timers` stops. */
  constructor(
    options: RetentionOptions,
    timers: Timers,
    replicas: () => readonly Partition[],
    metrics: Metrics,
  ) {
    this.options = options;
    this.timers = timers;
    this.replicas = replicas;
    const segments = metrics.counter('millrace_removed_segments_total');
    const bytes = metrics.counter('millrace_removed_segment_bytes_total');
    this.counters = {
      segmentRemoved(sizeBytes) {
        segments.add(1);
        bytes.add(sizeBytes);
      },
    };
    timers.after(options.config.retentionInitialDelayMs, () => this.look(this.replicas(), 0));
  }

  /** Looks at some replicas in this turn, and at the others in later turns. Then waits for the next round. */
  private look(replicas: readonly Partition[], from: number): void {
    const to = Math.min(replicas.length, from + LOOKS_PER_TURN);
    for (let index = from; index < to; index++) {
      const replica = replicas[index]!;
      const result = this.expire(replica);
      if (result === undefined) continue;
      const next = (): void => this.lookLater(replicas, result.hasMore ? index : index + 1);
      // Wait only for the sync that the new segment started. Do not wait until the log has no sync in flight,
      // because there may always be one while producers write with acks that wait for syncs.
      if (result.isRolled) replica.log.flush(next);
      else next();
      return;
    }
    if (to < replicas.length) this.lookLater(replicas, to);
    else this.timers.after(this.options.config.retentionCheckIntervalMs, () => this.look(this.replicas(), 0));
  }

  private lookLater(replicas: readonly Partition[], from: number): void {
    this.timers.after(NEXT_TURN_MS, () => this.look(replicas, from));
  }

  /**
   * Looks at one replica. Returns undefined if the look raised no offset, began no segment and found no
   * failure.
   */
  private expire(replica: Partition): ExpireResult | undefined {
    if (replica.isClosed || replica.isOffline) return undefined;
    const result = replica.log.expire(replica.highWatermark, this.options.clock.wallMs());
    replica.noticeOffline();
    if (result.failure?.damage !== undefined) replica.corruption.found(result.failure.damage);
    this.removeExpired(replica.log);
    return result.isRaised || result.isRolled || result.failure !== undefined ? result : undefined;
  }

  /**
   * Begins to remove the expired segments of a log. Also called when a cleaning of the log ends, because it
   * prevented their removal, and when the cleaner waits for their removal.
   */
  removeExpired(log: PartitionLog): void {
    if (!log.hasExpired) return;
    this.expired.add(log);
    if (!this.isRemoving) this.removeNext();
  }

  private removeNext(): void {
    const [log] = this.expired;
    this.isRemoving = log !== undefined;
    log?.removeNext((removed) => {
      if (removed === undefined) this.expired.delete(log);
      else this.removed(log, removed);
      // `log.removeNext` calls back before it returns if there is nothing to remove. So continue in `soon`.
      this.timers.soon(() => this.removeNext());
    });
  }

  private removed(log: PartitionLog, { sizeBytes, paths }: RemovedSegment): void {
    this.counters.segmentRemoved(sizeBytes);
    this.removedSegments++;
    this.timers.after(log.config.fileDeleteDelayMs, () => {
      this.removedSegments--;
      this.options.logDirectory.unlink(paths);
    });
  }
}
