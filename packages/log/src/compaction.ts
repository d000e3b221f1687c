/**
 * Compaction of one log: chooses what to clean, runs the cleaning, and swaps segments. Owns the end of the
 * clean part. A truncation below the end of a running cleaning cancels the cleaning. A truncation below the
 * end of the clean part lowers this end. While a cleaning runs, retention removes no segment.
 */
import { type Disk, DiskError, type Jobs, type Logger, type Offset, type WallMillis } from '@millrace/base';
import { type CleanableRange, cleanableRange } from './cleaner/cleanable-range.ts';
import { CleaningRun, JobFailure, type RunResult } from './cleaner/cleaning-run.ts';
import type { CleanerJobs } from './cleaner/jobs.ts';
import { OffsetMap, type OffsetMapOptions } from './cleaner/offset-map.ts';
import { SegmentSwap } from './cleaner/segment-swap.ts';
import { discardSegment, removeLeftovers, tryDiscard } from './cleaner/unfinished.ts';
import { offsetFileName, TRANSACTION_INDEX_SUFFIX } from './files/file-names.ts';
import type { FolderNames } from './files/folder-names.ts';
import type { Gaps } from './files/has-gaps.ts';
import type { OpenFiles } from './files/open-files.ts';
import { JUDGED_BY_TIME_MAX } from './limits.ts';
import type { LogHealth } from './log-health.ts';
import type { ProducerStates } from './producers/producer-states.ts';
import type { Snapshots } from './producers/snapshots.ts';
import type { Segment } from './segment/segment.ts';
import type { Segments } from './segment/segments.ts';
import type { LogConfig } from './types.ts';

/** The log to compact. */
interface Owner {
  readonly directory: string;
  readonly config: LogConfig;
  readonly endOffset: Offset;
  readonly recoveryPoint: Offset;
  sizeBytes: number;
}

export interface CompactionParts {
  readonly disk: Disk;
  readonly files: OpenFiles;
  readonly segments: Segments;
  readonly snapshots: Snapshots;
  readonly producers: ProducerStates;
  readonly names: FolderNames;
  readonly health: LogHealth;
  readonly logger: Logger;
  readonly gaps: Gaps;
  readonly syncFailed: (error: DiskError) => void;
}

export interface CleaningPorts {
  readonly jobs: Jobs;
  readonly kinds: CleanerJobs;
  readonly map: OffsetMapOptions;
  /** Bytes that one turn of the event loop reads. */
  readonly chunkBytes: number;
  /** Counts `bytes` as read or written. Calls `next` in a later turn, when the throttle allows it. */
  pause(bytes: number, next: () => void): void;
  /** Called when no job can start now. Calls `next` after a while. */
  wait(next: () => void): void;
  /**
   * Files of replaced segments, under their new names. The caller unlinks them after `file.delete.delay.ms`.
   */
  replaced(paths: readonly string[]): void;
}

/** How a cleaning ended. Undefined: it was cancelled. */
export type CleaningResult = (RunResult & { readonly ok: true }) | CleaningFailure | undefined;

export interface CleaningFailure {
  readonly ok: false;
  readonly reason: string;
  /** True if another attempt may succeed. */
  readonly isTransient: boolean;
  /** Set if the bytes on the disk are damaged. */
  readonly damage: string | undefined;
}

interface Running {
  readonly run: CleaningRun;
  readonly endOffset: Offset;
  swap: SegmentSwap | undefined;
  readonly cancelled: () => void;
}

export class Compaction {
  /** The log is clean below this offset. Undefined: it was never cleaned. */
  cleanedTo: Offset | undefined;
  /**
   * The reason why no cleaning of this log can succeed, if there is one. When the log is emptied, the reason
   * becomes undefined, because the log then gets other records.
   */
  uncleanable: string | undefined;
  private running: Running | undefined;
  private readonly log: Owner;
  private readonly parts: CompactionParts;

  constructor(log: Owner, parts: CompactionParts, cleanedTo: Offset | undefined) {
    this.log = log;
    this.parts = parts;
    // Recovery may have cut off a part of the clean part.
    this.cleanedTo = cleanedTo === undefined ? undefined : Math.min(cleanedTo, log.endOffset);
  }

  get isRunning(): boolean {
    return this.running !== undefined;
  }

  /**
   * The part that may be cleaned. Reads at most a few kilobytes, of at most `JUDGED_BY_TIME_MAX` segments. So
   * after a start, the first looks may return a smaller part.
   */
  range(highWatermark: Offset, nowWallMs: WallMillis): CleanableRange | CleaningFailure {
    try {
      return this.rangeNow(highWatermark, nowWallMs);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      return this.failed(error);
    }
  }

  private rangeNow(highWatermark: Offset, nowWallMs: WallMillis): CleanableRange {
    const { endOffset, recoveryPoint, config } = this.log;
    const { cleanedTo } = this;
    let reads = 0;
    const mayRead = (): boolean => reads++ < JUDGED_BY_TIME_MAX;
    // Later looks read the other segments. Until then such a segment counts as new: not to be cleaned, not
    // overdue.
    const segments = this.parts.segments.list.map((segment) => ({
      baseOffset: segment.baseOffset,
      sizeBytes: segment.sizeBytes,
      newestTimestamp: () =>
        segment.knowsLargestTimestamp || mayRead() ? segment.newestTimestamp(fail) : nowWallMs,
      firstTimestamp: () =>
        segment.knowsFirstTimestamp || mayRead() ? segment.firstBatchTimestamp() : nowWallMs,
    }));
    const bounds = { cleanedTo, endOffset, highWatermark, recoveryPoint, nowWallMs };
    return cleanableRange(segments, config, bounds);
  }

  /**
   * Starts to clean a range that `range` returned in this turn. Calls `done` once, in a later turn or now.
   */
  clean(
    { firstDirtyOffset, endOffset }: CleanableRange,
    ports: CleaningPorts,
    nowWallMs: WallMillis,
    done: (result: CleaningResult) => void,
  ): void {
    const { files, health } = this.parts;
    const { directory, config } = this.log;
    if (this.running !== undefined || health.offline !== undefined) {
      done(undefined);
      return;
    }
    // The range ends at or below the high watermark.
    const problem = this.parts.gaps.allow(endOffset) ?? removeLeftovers(files, directory);
    if (problem !== undefined) {
      done(this.failed(problem));
      return;
    }
    const segments = this.parts.segments.list.filter(({ baseOffset }) => baseOffset < endOffset);
    const map = offsetMap(ports.map);
    if (map instanceof DiskError) {
      done(this.failed(map));
      return;
    }
    const { chunkBytes } = ports;
    const range = { segments, firstDirtyOffset, endOffset };
    const o = { files, directory, ...range, config, map, nowWallMs, chunkBytes };
    const run = new CleaningRun(o, this.runPorts(ports), (result) => {
      this.running = undefined;
      done(this.finished(result));
    });
    this.running = { run, endOffset, swap: undefined, cancelled: () => done(undefined) };
    run.start();
  }

  /** Notes why a cleaning, or the look at its range, failed. */
  failed(error: DiskError | JobFailure): CleaningFailure {
    const failure = failureOf(error);
    if (!failure.isTransient) this.uncleanable = failure.reason;
    return failure;
  }

  private finished(result: RunResult | DiskError | JobFailure): CleaningResult {
    if (result instanceof DiskError || result instanceof JobFailure) return this.failed(result);
    this.cleanedTo = result.cleanedTo;
    return { ok: true, ...result };
  }

  private runPorts({
    jobs,
    kinds,
    pause,
    wait,
    replaced,
  }: CleaningPorts): ConstructorParameters<typeof CleaningRun>[1] {
    const { disk, producers, health } = this.parts;
    // The run may end at a pause, because no swap is in progress then. During a swap, only a callback that
    // the run no longer needs can arrive: the index line stops early when the offset map is full, and leaves
    // such callbacks. A run that was cancelled meanwhile has ended.
    const unlessOver = (next: () => void) => {
      const paused = this.running;
      return () => {
        if (this.running !== paused || paused?.swap !== undefined) return;
        if (health.offline === undefined && this.log.config.isCompacted) next();
        else this.close();
      };
    };
    return {
      jobs,
      kinds,
      pause: (bytes, next) => pause(bytes, unlessOver(next)),
      wait: (next) => wait(unlessOver(next)),
      producers: () => producers.all(),
      hasTransactionIndex: ({ baseOffset }) =>
        disk.exists(`${this.log.directory}/${offsetFileName(baseOffset, TRANSACTION_INDEX_SUFFIX)}`),
      swap: (old, cleaned, done) => this.swap(old, cleaned, replaced, done),
    };
  }

  private swap(
    old: readonly Segment[],
    cleaned: Segment,
    replaced: (paths: readonly string[]) => void,
    done: (failure?: DiskError) => void,
  ): void {
    const { disk, files, names, segments, snapshots } = this.parts;
    const { running } = this;
    const swap = new SegmentSwap(
      old,
      cleaned,
      {
        disk,
        directory: this.log.directory,
        namesChanged: () => names.changed(),
        discard: () => discardSegment(files, cleaned),
        replaced: (paths) => {
          segments.replace(old, cleaned);
          this.log.sizeBytes = segments.sizeBytes;
          // The snapshot at the base offset of the cleaned segment stays.
          const gone = new Set(old.slice(1).map(({ baseOffset }) => baseOffset));
          replaced([...paths, ...snapshots.markDeletedWhere((offset) => gone.has(offset))]);
        },
        isOffline: () => this.parts.health.offline !== undefined,
        cancel: () => this.close(),
        failed: (error) => this.parts.syncFailed(error),
      },
      (failure) => {
        running!.swap = undefined;
        done(failure);
      },
    );
    running!.swap = swap;
    try {
      swap.start();
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      running!.swap = undefined;
      tryDiscard(files, cleaned);
      done(error);
    }
  }

  /**
   * Called before the log is cut to end at `endOffset`, or emptied and started there. Returns true if the
   * clean part ended above `endOffset`: then the checkpoint on the device must be lowered. Waits for the
   * device if segments are being swapped. May throw DiskError.
   */
  beforeCut(endOffset: Offset, o: { readonly isEmptied: boolean } = { isEmptied: false }): boolean {
    const { running } = this;
    if (o.isEmptied) this.uncleanable = undefined;
    if (running !== undefined && (o.isEmptied || endOffset < running.endOffset)) this.cancel(running);
    if (this.cleanedTo === undefined || this.cleanedTo <= endOffset) return false;
    this.cleanedTo = endOffset;
    return true;
  }

  private cancel(running: Running): void {
    this.running = undefined;
    running.run.cancel();
    try {
      running.swap?.settle();
    } finally {
      running.cancelled();
    }
  }

  /**
   * Cancels a running cleaning. Called when the log closes or goes offline, and when compaction of the topic
   * ends.
   */
  close(): void {
    const { running } = this;
    this.running = undefined;
    running?.run.cancel();
    running?.swap?.abandon();
    running?.cancelled();
  }
}

function fail(error: DiskError): never {
  throw error;
}

/** A map of the whole size at once. The system provides memory only when the map uses it, but may refuse. */
function offsetMap(options: CleaningPorts['map']): OffsetMap | DiskError {
  try {
    return new OffsetMap(options);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return new DiskError('ENOMEM', `${options.bytesMax} bytes for the offset map: ${error.message}`);
  }
}

function failureOf(error: DiskError | JobFailure): CleaningFailure {
  if (error instanceof JobFailure)
    return { ok: false, reason: error.reason, isTransient: false, damage: undefined };
  const { isTransient, message: reason } = error;
  return { ok: false, reason, isTransient, damage: error.code === 'EIO' ? reason : undefined };
}
