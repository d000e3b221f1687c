/**
 * Compacts this broker's replicas, whether they lead or follow: each replica cleans its own log. Of the logs
 * that are due, the cleaner chooses the one with the largest dirty share. It cleans up to
 * `log.cleaner.threads` logs at a time. All cleanings share one limit of bytes per second. The cleaner only
 * starts and paces a cleaning; the log itself carries it out (`PartitionLog.clean`).
 *
 * Bounds: one turn of the event loop looks at `LOOKS_PER_TURN` replicas, or begins one cleaning. After a
 * cleaning, the cleaner looks for the next log at once. When no log is due, it waits for
 * `log.cleaner.backoff.ms`. A log with expired segments is cleaned after their removal.
 *
 * After a cleaning failed with an error that may pass (a full disk), the cleaner tries that log again after
 * `log.cleaner.backoff.ms`, too. A log whose cleaning fails for good is uncleanable, and gets no further
 * attempt before the broker restarts, or before the replica has fetched its records again. Meanwhile the
 * other logs are cleaned.
 */
import { type Clock, type Jobs, type Logger, type Millis, NEXT_TURN_MS, type Timers } from '@millrace/base';
import type {
  CleanableRange,
  CleanerJobs,
  CleaningFailure,
  CleaningPorts,
  CleaningResult,
  LogDirectory,
  PartitionLog,
} from '@millrace/log';
import type { Metrics } from '@millrace/metrics';
import type { CleanerConfig } from './config.ts';
import type { FreeSpace } from './free-space.ts';
import type { Partition } from './partition/partition.ts';

/**
 * How many replicas one turn looks at. After a start, the first look at a replica reads a few kilobytes. Most
 * later looks read nothing.
 */
const LOOKS_PER_TURN = 50;
/** Pause before the cleaner asks again for a job that was refused. */
const JOB_RETRY_MS = 1000;
/** After a look that found nothing to do, the cleaner waits at least this long, whatever the backoff is. */
const BACKOFF_MIN_MS = 50;
/**
 * A paused cleaning looks at the limit of bytes per second at least this often. A request may raise the
 * limit.
 */
const THROTTLE_CHECK_MS = 1000;
/** The smallest offset map. A smaller one would hold no key. */
const MAP_BYTES_MIN = 1024;
/** The largest offset map, as in Kafka. */
const MAP_BYTES_MAX = 0x7fff_ffff;

export interface LogCleanerOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
  readonly logDirectory: LogDirectory;
  readonly jobs: Jobs;
  readonly kinds: CleanerJobs;
  readonly metrics: Metrics;
  readonly room: Pick<FreeSpace, 'lackFor' | 'used' | 'coordinatorShortage'>;
  /** The settings as they are now. */
  settings(): CleanerConfig;
  replicas(): readonly Partition[];
  /** Begins to remove the expired segments of a log. A running cleaning of the log prevents that. */
  removeExpired(log: PartitionLog): void;
}

interface Candidate {
  readonly replica: Partition;
  readonly range: CleanableRange;
}

/** One pass over all replicas, and what it has found so far. */
interface Round {
  readonly replicas: readonly Partition[];
  dirtiest: Candidate | undefined;
  dirtyRatioMax: number;
  overdueMsMax: Millis;
}

export class LogCleaner {
  private readonly o: LogCleanerOptions;
  private readonly running = new Set<PartitionLog>();
  /** When the cleaner tries a log again whose cleaning failed. */
  private readonly retryAt = new WeakMap<PartitionLog, Millis>();
  /** When the cleaner asks again to remove the expired segments of a log. */
  private readonly askAgainAt = new WeakMap<PartitionLog, Millis>();
  /** Bytes that all cleanings have read and written. */
  private movedBytes = 0;
  /** How many of these bytes `log.cleaner.io.max.bytes.per.second` allowed until `allowedAtMs`. */
  private allowedBytes = 0;
  private allowedAtMs: Millis = 0;
  private isLooking = false;
  private warnedOfShare = 0;
  private next: ReturnType<Timers['after']> | undefined;
  private dirtyRatioMax = 0;
  private overdueMsMax: Millis = 0;
  private readonly counters: ReturnType<typeof countersOf>;

  /** Starts the looks. They end when `timers` stops. */
  constructor(options: LogCleanerOptions) {
    this.o = options;
    const { metrics } = options;
    this.counters = countersOf(metrics);
    metrics.gauge(
      'millrace_uncleanable_partitions',
      () => options.replicas().filter(({ log }) => log.uncleanable !== undefined).length,
    );
    metrics.gauge('millrace_dirty_ratio_max', () => this.dirtyRatioMax);
    metrics.gauge('millrace_compaction_overdue_seconds_max', () => this.overdueMsMax / 1000);
    this.lookAfter(this.backoffMs);
  }

  private get backoffMs(): Millis {
    return Math.max(BACKOFF_MIN_MS, this.o.settings().backoffMs);
  }

  private lookAfter(delayMs: Millis): void {
    const { timers } = this.o;
    timers.cancel(this.next);
    this.next = timers.after(Math.max(NEXT_TURN_MS, delayMs), () => this.look());
  }

  /** Looks at all replicas, in slices, and then begins to clean the dirtiest log that is due. */
  private look(): void {
    if (this.isLooking) return;
    const { isEnabled, cleaningsMax } = this.o.settings();
    if (!isEnabled || this.running.size >= cleaningsMax) {
      this.lookAfter(this.backoffMs);
      return;
    }
    this.isLooking = true;
    const replicas = this.o.replicas();
    this.lookFrom(0, { replicas, dirtiest: undefined, dirtyRatioMax: 0, overdueMsMax: 0 });
  }

  private lookFrom(from: number, round: Round): void {
    const { replicas } = round;
    const to = Math.min(replicas.length, from + LOOKS_PER_TURN);
    for (const replica of replicas.slice(from, to)) this.consider(replica, round);
    if (to < replicas.length) this.o.timers.after(NEXT_TURN_MS, () => this.lookFrom(to, round));
    else this.looked(round);
  }

  private consider(replica: Partition, round: Round): void {
    const range = this.rangeOf(replica);
    if (range === undefined) return;
    round.dirtyRatioMax = Math.max(round.dirtyRatioMax, range.dirtyRatio);
    round.overdueMsMax = Math.max(round.overdueMsMax, range.overdueMs);
    const isDirtier = round.dirtiest === undefined || range.dirtyRatio > round.dirtiest.range.dirtyRatio;
    if (!range.isDue || !isDirtier) return;
    // A running cleaning prevents the removal of expired segments. Cleanings that follow each other would
    // prevent it for ever.
    if (replica.log.hasExpired) this.askForRemoval(replica.log);
    else round.dirtiest = { replica, range };
  }

  /**
   * Looks may follow each other in every turn, and a removal may fail for good. So this method asks for the
   * removal at most once within the backoff.
   */
  private askForRemoval(log: PartitionLog): void {
    const now = this.o.timers.now();
    if (now < (this.askAgainAt.get(log) ?? 0)) return;
    this.askAgainAt.set(log, now + this.backoffMs);
    this.o.removeExpired(log);
  }

  private looked({ dirtiest, dirtyRatioMax, overdueMsMax }: Round): void {
    this.isLooking = false;
    this.dirtyRatioMax = dirtyRatioMax;
    this.overdueMsMax = overdueMsMax;
    // If there is room for another cleaning, look for the next log at once.
    const isStarted = dirtiest !== undefined && this.start(dirtiest.replica);
    this.lookAfter(isStarted ? NEXT_TURN_MS : this.backoffMs);
  }

  /** Undefined: the log is not compacted, or cannot be cleaned now. */
  private rangeOf(replica: Partition): CleanableRange | undefined {
    const { log } = replica;
    if (!log.config.isCompacted || log.uncleanable !== undefined || this.running.has(log)) return undefined;
    if (replica.isClosed || log.offline !== undefined || replica.corruption.reason !== undefined)
      return undefined;
    if (this.o.timers.now() < (this.retryAt.get(log) ?? 0)) return undefined;
    const range = log.cleanable(replica.highWatermark, this.o.clock.wallMs());
    if (range.ok) return range;
    this.failed(replica, range);
    return undefined;
  }

  /** Begins a cleaning, if the log is still due. The log may have changed since the first look. */
  private start(replica: Partition): boolean {
    const range = this.rangeOf(replica);
    if (range === undefined || !range.isDue) return false;
    const { log } = replica;
    // The log writes the cleaned segment before it removes the old ones.
    const lack = this.o.room.lackFor(Math.min(range.totalBytes, log.config.segmentBytes));
    if (lack !== undefined) {
      this.postpone(replica, lack);
      return true;
    }
    this.running.add(log);
    const startMs = this.o.timers.now();
    log.clean(range, this.ports(replica), this.o.clock.wallMs(), (result) => {
      this.running.delete(log);
      this.ended(replica, { range, startMs }, result);
      this.o.removeExpired(log);
      if (!this.isLooking) this.lookAfter(NEXT_TURN_MS);
    });
    return true;
  }

  private ended(
    replica: Partition,
    { range, startMs }: { readonly range: CleanableRange; readonly startMs: Millis },
    result: CleaningResult,
  ): void {
    if (result === undefined) {
      this.counters.ended('cancelled');
      return;
    }
    if (!result.ok) {
      this.failed(replica, result);
      return;
    }
    const { cleanedTo: to, bytesRead, bytesWritten, recordsDropped } = result;
    this.counters.ended('cleaned');
    this.counters.moved(bytesRead, bytesWritten, recordsDropped);
    this.o.logger.info('log-cleaned', {
      ...replica.facts(),
      from: range.firstDirtyOffset,
      to,
      bytesRead,
      bytesWritten,
      recordsDropped,
      durationMs: this.o.timers.now() - startMs,
    });
  }

  private failed(replica: Partition, { reason, isTransient, damage }: CleaningFailure): void {
    this.counters.ended('failed');
    if (isTransient) this.postpone(replica, reason);
    else this.o.logger.error('log-uncleanable', { ...replica.facts(), reason });
    replica.noticeOffline();
    if (damage !== undefined && !replica.isOffline) replica.corruption.found(damage);
  }

  private postpone(replica: Partition, reason: string): void {
    const { logger, timers } = this.o;
    this.retryAt.set(replica.log, timers.now() + this.backoffMs);
    logger.warn('log-cleaning-failed', { ...replica.facts(), reason });
  }

  /**
   * Each cleaning gets an equal share of the memory, at most `MAP_BYTES_MAX`. Warns once if the share is
   * larger.
   */
  private mapBytes({ cleaningsMax, dedupeBufferBytes }: CleanerConfig): number {
    const share = Math.floor(dedupeBufferBytes / cleaningsMax);
    const bytes = Math.min(MAP_BYTES_MAX, Math.max(MAP_BYTES_MIN, share));
    if (share > bytes && share !== this.warnedOfShare)
      this.o.logger.warn('cleaner-memory-limited', {
        dedupeBufferBytes,
        cleaningsMax,
        bytesPerCleaning: bytes,
      });
    this.warnedOfShare = share;
    return bytes;
  }

  private ports(replica: Partition): CleaningPorts {
    const { timers, jobs, kinds, logDirectory } = this.o;
    const settings = this.o.settings();
    const { cleaningsMax, ioBufferBytes, loadFactor } = settings;
    const { log } = replica;
    return {
      jobs,
      kinds,
      map: { bytesMax: this.mapBytes(settings), loadFactor },
      chunkBytes: Math.floor(ioBufferBytes / cleaningsMax),
      pause: (bytes, next) => this.pause(replica, bytes, next),
      wait: (next) => void timers.after(JOB_RETRY_MS, next),
      replaced: (paths) => void timers.after(log.config.fileDeleteDelayMs, () => logDirectory.unlink(paths)),
    };
  }

  private pause(replica: Partition, bytes: number, next: () => void): void {
    const { room } = this.o;
    room.used(bytes);
    if (room.coordinatorShortage !== undefined) {
      // Half of `min.free.bytes` is for the broker's own files. `stopCleaning` removes the unfinished
      // segment.
      this.postpone(replica, room.coordinatorShortage);
      replica.log.stopCleaning();
      return;
    }
    this.allowMore();
    this.movedBytes += bytes;
    this.nextWithinLimit(this.movedBytes, next);
  }

  /** Calls `next` in a later turn, as soon as the limit allows this many bytes. */
  private nextWithinLimit(bytes: number, next: () => void): void {
    const delayMs = Math.min(
      THROTTLE_CHECK_MS,
      Math.max(NEXT_TURN_MS, Math.ceil(this.msUntilAllowed(bytes))),
    );
    this.o.timers.after(delayMs, () => {
      this.allowMore();
      if (this.msUntilAllowed(bytes) < 1) next();
      else this.nextWithinLimit(bytes, next);
    });
  }

  private msUntilAllowed(bytes: number): Millis {
    return ((bytes - this.allowedBytes) * 1000) / this.o.settings().bytesPerSecondMax;
  }

  /**
   * Adds the bytes that the limit allowed since the last call, up to `movedBytes`. So time without a cleaning
   * allows later cleanings no extra bytes.
   */
  private allowMore(): void {
    const nowMs = this.o.timers.now();
    const bytes = ((nowMs - this.allowedAtMs) / 1000) * this.o.settings().bytesPerSecondMax;
    this.allowedBytes = Math.min(this.movedBytes, this.allowedBytes + bytes);
    this.allowedAtMs = nowMs;
  }
}

function countersOf(metrics: Metrics) {
  const cleanings = metrics.counter('millrace_cleanings_total');
  const read = metrics.counter('millrace_cleaner_read_bytes_total');
  const written = metrics.counter('millrace_cleaner_written_bytes_total');
  const records = metrics.counter('millrace_cleaner_dropped_records_total');
  for (const result of ['cleaned', 'cancelled', 'failed']) cleanings.add(0, result);
  return {
    ended: (result: 'cleaned' | 'cancelled' | 'failed') => cleanings.add(1, result),
    moved(bytesRead: number, bytesWritten: number, recordsDropped: number) {
      read.add(bytesRead);
      written.add(bytesWritten);
      records.add(recordsDropped);
    },
  };
}
