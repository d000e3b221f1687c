/**
 * Removes the oldest segments of one log, in two steps. `expire` decides by Kafka's rules, begins a new
 * active segment if the old one must go, and raises the log start offset: from then on nobody reads the
 * segments below it. Each call of `removeNext` then removes one segment from the disk. The caller chooses the
 * time of these calls, so a removal never runs within a read or an append.
 *
 * The log has no hole after a crash, whichever changes reached the device: `removeNext` renames a segment
 * only when the device has all earlier changes of names in the folder. One such change is the name of the
 * active segment: without this name, the log would begin again at offset 0. The others are the removals of
 * older segments. The device then also has the producer snapshot of the next segment. Recovery restores the
 * producer states from this snapshot, when the removed batches and the older snapshots are gone.
 */
import { type Disk, DiskError, type Logger, type Offset, type WallMillis } from '@millrace/base';
import type { FolderNames } from './files/folder-names.ts';
import { syncFiles } from './files/sync-files.ts';
import type { LogHealth } from './log-health.ts';
import type { LogWriter } from './log-writer.ts';
import type { Snapshots } from './producers/snapshots.ts';
import { type ExpiredSegments, expiredSegments, type RetainedSegment } from './segment/expired-segments.ts';
import type { Segments } from './segment/segments.ts';
import type { ExpireResult, LogConfig, RemovedSegment } from './types.ts';

/** The log whose segments retention removes. */
interface Owner {
  readonly directory: string;
  readonly config: LogConfig;
  readonly startOffset: Offset;
  readonly endOffset: Offset;
  sizeBytes: number;
}

export interface RetentionParts {
  readonly disk: Disk;
  readonly segments: Segments;
  readonly snapshots: Snapshots;
  readonly names: FolderNames;
  readonly health: LogHealth;
  readonly writer: LogWriter;
  readonly logger: Logger;
  readonly raiseStart: (offset: Offset) => void;
  /** True while a cleaning reads the segments. Then none is removed. */
  readonly isCleaning: () => boolean;
  readonly syncFailed: (error: DiskError) => void;
}

export class Retention {
  private readonly log: Owner;
  private readonly parts: RetentionParts;

  constructor(log: Owner, parts: RetentionParts) {
    this.log = log;
    this.parts = parts;
  }

  /** See `PartitionLog.hasExpired`. */
  get hasExpired(): boolean {
    const { health, segments, isCleaning } = this.parts;
    return health.offline === undefined && !isCleaning() && segments.isFirstBelow(this.log.startOffset);
  }

  /** See `PartitionLog.expire`. */
  expire(highWatermark: Offset, nowWallMs: WallMillis): ExpireResult {
    const { health } = this.parts;
    if (health.offline !== undefined) return NOTHING;
    const { startOffset, endOffset, config } = this.log;
    const problems: DiskError[] = [];
    const bounds = { startOffset, endOffset, highWatermark, nowWallMs };
    const expired = expiredSegments(this.judged(nowWallMs, problems), config, bounds);
    const [problem] = problems;
    let failure = problem && { damage: health.refuseRead(startOffset, problem).damage };
    let result = NOTHING;
    try {
      result = this.raiseAbove(expired, nowWallMs);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      // Call `writeFailure` even after a failed read, because it takes the log offline if every later write
      // would fail.
      const { damage } = health.writeFailure(error);
      failure ??= { damage };
    }
    return failure === undefined ? result : { ...result, failure };
  }

  /** The segments, as the rules see them. If the age of a segment cannot be read now, it counts as new. */
  private judged(nowWallMs: WallMillis, problems: DiskError[]): RetainedSegment[] {
    const noteProblem = (error: DiskError): void => void problems.push(error);
    return this.parts.segments.list.map((segment) => ({
      baseOffset: segment.baseOffset,
      sizeBytes: segment.sizeBytes,
      newestTimestamp: () => {
        try {
          return segment.newestTimestamp(noteProblem);
        } catch (error) {
          if (!(error instanceof DiskError)) throw error;
          noteProblem(error);
          return nowWallMs;
        }
      },
    }));
  }

  /** May throw DiskError. */
  private raiseAbove(expired: ExpiredSegments, nowWallMs: WallMillis): ExpireResult {
    const { segments, writer, health, logger } = this.parts;
    const { directory, startOffset } = this.log;
    const { bySize, byTime, byStart, count, hasMore } = expired;
    if (health.offline !== undefined || count === byStart) return NOTHING;
    const isRolled = count === segments.list.length;
    if (isRolled) writer.roll(nowWallMs);
    // The sync that `roll` starts may fail at once.
    if (health.offline !== undefined) return { ...NOTHING, isRolled };
    const newStart = segments.list[count]!.baseOffset;
    // The log start offset may already be the log end offset (DeleteRecords): then no record expires.
    if (newStart <= startOffset) return { ...NOTHING, isRolled, hasMore };
    logger.info('log-records-expired', { directory, from: startOffset, to: newStart, bySize, byTime });
    this.parts.raiseStart(newStart);
    return { isRaised: true, isRolled, hasMore };
  }

  /** See `PartitionLog.removeNext`. */
  removeNext(done: (removed: RemovedSegment | undefined) => void): void {
    const { disk, segments, snapshots } = this.parts;
    if (!this.hasExpired) {
      done(undefined);
      return;
    }
    try {
      const [first, next] = segments.list;
      // A power loss may have taken the snapshot at the base offset of the next segment. Then a later one has
      // the producers of the segment to remove.
      const snapshot = snapshots.oldestFrom(next!.baseOffset);
      const file = snapshot === undefined ? [] : [snapshot.name];
      syncFiles(disk, this.log.directory, file, (error) => {
        if (error !== undefined) {
          this.syncFailed(error);
          done(undefined);
          return;
        }
        // Meanwhile the log may have gone offline. Or a truncation may have replaced its segments or the
        // snapshot: then the sync does not cover the new ones.
        const isSame = segments.list[0] === first && segments.list[1] === next;
        const isCovered = isSame && snapshot?.isUnchanged() !== false;
        done(isCovered && this.hasExpired ? this.removeFirst() : undefined);
      });
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      this.failed(error);
      done(undefined);
    }
  }

  private removeFirst(): RemovedSegment | undefined {
    const { segments, snapshots, names, logger } = this.parts;
    const { baseOffset, sizeBytes } = segments.list[0]!;
    names.changed();
    try {
      const paths = segments.removeFirst();
      logger.info('log-segment-removed', { directory: this.log.directory, baseOffset, sizeBytes });
      this.log.sizeBytes = segments.sizeBytes;
      // Keep the snapshot at the base offset of the removed segment. Until the next sync, a power loss may
      // restore the segment without its indexes. Recovery would then start from this snapshot.
      paths.push(...snapshots.markDeletedBelow(baseOffset));
      return { baseOffset, sizeBytes, paths };
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      this.failed(error);
      return undefined;
    }
  }

  /** Takes the log offline, unless a file could not even be opened for the sync: then nothing is lost. */
  private syncFailed(error: DiskError): void {
    const isOpenFailure = error.isTransient && !SPACE_CODES.has(error.code);
    if (isOpenFailure) this.failed(error);
    else this.parts.syncFailed(error);
  }

  private failed(error: DiskError): void {
    this.parts.logger.error('segment-removal-failed', {
      directory: this.log.directory,
      reason: error.message,
    });
  }
}

const NOTHING: ExpireResult = { isRaised: false, isRolled: false, hasMore: false };

/** These errors are transient, but a sync that fails with one of them has lost data. */
const SPACE_CODES: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT']);
