/**
 * Removes records from one log: those at its end (a truncation), those at its beginning (a higher log start
 * offset), or all of them. Moves the log's cursors, and keeps segments, leader epochs, snapshots and producer
 * states in step with them. If a truncation fails halfway, the log goes offline. The segments below a higher
 * log start offset stay until retention removes them (retention.ts).
 */
import { assert, DiskError, type Offset, type WallMillis } from '@millrace/base';
import { cutLog } from './cut.ts';
import { notingFailedSync } from './files/failed-sync.ts';
import type { Flusher } from './files/flusher.ts';
import type { FolderNames } from './files/folder-names.ts';
import type { LogHealth } from './log-health.ts';
import { rewindProducers } from './producers/rewind-producers.ts';
import type { LogParts } from './recovery/open-log.ts';
import type { Segments } from './segment/segments.ts';
import type { LogConfig } from './types.ts';

/** The log to truncate. */
interface Owner {
  readonly directory: string;
  readonly config: LogConfig;
  readonly lastWallMs: WallMillis;
  startOffset: Offset;
  endOffset: Offset;
  sizeBytes: number;
}

type SharedParts = 'disk' | 'segments' | 'epochs' | 'producers' | 'snapshots' | 'logger' | 'offsetsLowered';

export interface TruncationParts extends Pick<LogParts, SharedParts> {
  readonly flusher: Flusher;
  readonly names: FolderNames;
  readonly health: LogHealth;
  /** Called before the log is cut to end at this offset; see `Compaction.beforeCut`. */
  readonly beforeCut: (endOffset: Offset, o?: { readonly isEmptied: boolean }) => boolean;
}

export class Truncation {
  private readonly log: Owner;
  private readonly parts: TruncationParts;

  constructor(log: Owner, parts: TruncationParts) {
    this.log = log;
    this.parts = parts;
  }

  /** See `PartitionLog.truncateTo`. */
  to(offset: Offset): void {
    const { log, parts } = this;
    if (parts.health.offline !== undefined || offset > log.endOffset) return;
    if (offset < log.startOffset) {
      this.fullyAndStartAt(offset);
      return;
    }
    const oldEndOffset = log.endOffset;
    this.orOffline(() => {
      if (offset < oldEndOffset) this.cutAt(offset);
      parts.epochs.truncateFromEnd(log.endOffset);
    });
    const { directory, endOffset } = log;
    if (endOffset < oldEndOffset) parts.logger.info('log-truncated', { directory, endOffset, oldEndOffset });
  }

  /** See `PartitionLog.truncateFullyAndStartAt`. */
  fullyAndStartAt(offset: Offset): void {
    const { log } = this;
    const { health, flusher, logger } = this.parts;
    if (health.offline !== undefined) return;
    const { directory, endOffset: oldEndOffset } = log;
    const isLowered = offset < flusher.recoveryPoint || offset < log.startOffset;
    log.startOffset = offset;
    this.beginAt(offset, isLowered);
    logger.info('log-truncated', { directory, endOffset: offset, oldEndOffset, startOffset: offset });
  }

  /**
   * Appends batches to an empty log, although the first batch begins below the log start offset and ends
   * above it. The leader's log start offset may lie within a batch (DeleteRecords), and a leader sends whole
   * batches. `append` writes the batches. The log start offset does not change, so during this call the log
   * ends below its start. If `append` fails, the log is empty again.
   */
  aroundStart<T>(baseOffset: Offset, append: () => T): T {
    const { log } = this;
    const { health, flusher, epochs } = this.parts;
    const { startOffset } = log;
    assert(log.endOffset === startOffset && baseOffset < startOffset, 'an empty log, and a batch around it');
    this.beginAt(baseOffset, baseOffset < flusher.recoveryPoint);
    const result = append();
    if (log.endOffset > startOffset) epochs.truncateFromStart(startOffset);
    else if (health.offline === undefined) {
      this.clearEpochs();
      this.beginAt(startOffset, false);
    } else log.endOffset = startOffset;
    return result;
  }

  /** Deletes all records. The next batch begins at `offset`. Leaves the log start offset to the caller. */
  private beginAt(offset: Offset, isLowered: boolean): void {
    const { log } = this;
    const { flusher, names, producers, snapshots, epochs, segments } = this.parts;
    producers.clear();
    log.endOffset = offset;
    log.sizeBytes = 0;
    flusher.restarted(offset);
    this.orOffline(() => {
      const isCleanLowered = this.parts.beforeCut(offset, { isEmptied: true });
      if (isLowered || isCleanLowered) this.parts.offsetsLowered(offset);
      snapshots.removeWhere(() => true);
      epochs.clear();
      const place = { index: 0, position: 0, endOffset: offset };
      cutLog({ segments, names }, place, { config: log.config, nowWallMs: log.lastWallMs });
    });
  }

  /**
   * Runs a change. A DiskError takes the log offline. It may come from a sync, so this notes a failed sync.
   */
  private orOffline(change: () => void): void {
    const { disk, health } = this.parts;
    health.orOffline(() => notingFailedSync(disk, this.log.directory, change));
  }

  /** See `PartitionLog.advanceStartOffset`. */
  before(offset: Offset): void {
    const { log } = this;
    const { health, epochs } = this.parts;
    assert(offset <= log.endOffset, 'a log starts no later than it ends');
    if (health.offline !== undefined || offset <= log.startOffset) return;
    log.startOffset = offset;
    epochs.truncateFromStart(offset);
  }

  /** Forgets an epoch that a failed write may have noted. A full disk must not take the log offline. */
  private clearEpochs(): void {
    try {
      this.parts.epochs.clear();
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      // The file keeps an epoch below the log start, and the next append writes the file again.
      this.parts.health.writeFailure(error);
    }
  }

  /**
   * Finds the batch at which a cut at `offset` begins. If compaction left a gap there, the cut begins behind
   * the batch before the gap: an end within a gap would not survive a restart, because no file names it.
   */
  private placeOf(offset: Offset): ReturnType<Segments['locate']> {
    const { segments } = this.parts;
    const found = segments.locate(offset);
    if (!segments.mayHaveGaps) return found;
    const cutOffset = Math.min(offset, found?.located.baseOffset ?? offset);
    const index = segments.indexFor(cutOffset);
    const segment = segments.list[index]!;
    const { position, endOffset } = segment.endBefore(cutOffset);
    const located = { position, baseOffset: endOffset, lastOffset: endOffset, maxTimestamp: -1 };
    return { segment, index, located };
  }

  /** Cuts the log at the beginning of the batch that holds `offset`; see `placeOf`. May throw DiskError. */
  private cutAt(offset: Offset): void {
    const { log } = this;
    const { flusher, names, producers, snapshots, segments } = this.parts;
    const found = this.placeOf(offset);
    if (found === undefined) throw new DiskError('EIO', `${log.directory}: no batch holds offset ${offset}`);
    const endOffset = Math.min(offset, found.located.baseOffset);
    if (endOffset < log.startOffset) {
      // The batch begins below the log start offset, and a log never ends below its start.
      this.fullyAndStartAt(log.startOffset);
      return;
    }
    // This ends a cleaning that may be swapping the segment that `found` names.
    const isCleanLowered = this.parts.beforeCut(endOffset);
    const isLowered = endOffset < flusher.recoveryPoint;
    flusher.truncated(endOffset);
    log.endOffset = endOffset;
    // Lower the checkpointed recovery point before the log gives these offsets to new records. Otherwise,
    // after a crash, the old recovery point would cover new records that are not yet on the device. The same
    // call lowers the clean part. It writes the recovery point of the flusher, so `flusher.truncated` comes
    // first.
    if (isLowered || isCleanLowered) this.parts.offsetsLowered(endOffset);
    const place = { index: found.index, position: found.located.position, endOffset };
    cutLog({ segments, names }, place, { config: log.config, nowWallMs: log.lastWallMs });
    log.sizeBytes = segments.sizeBytes;
    rewindProducers(producers, snapshots, segments, endOffset, log.lastWallMs);
    // As after a roll. Retention relies on the snapshot at the base offset of each segment.
    if (segments.list.length > 1) snapshots.write(endOffset, producers);
  }
}
