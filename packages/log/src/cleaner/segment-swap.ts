/**
 * Puts a cleaned segment in the place of the segments that it replaces, as Kafka does, so that a crash at any
 * point leaves either the old segments or the cleaned one:
 *
 * 1. sync the files of the cleaned segment, which are named `.cleaned`, and the file `has-gaps`. Recovery
 *    removes `.cleaned` files;
 * 2. rename them to `.swap`, the log file last. From here on recovery completes the swap;
 * 3. sync the folder: no old file may go before the device has the name `.swap`;
 * 4. rename the old files to `.deleted`. From here on the log reads the cleaned segment;
 * 5. sync the folder: recovery must not find old segments beside the final names;
 * 6. rename the `.swap` files to their final names, the log file last;
 * 7. sync the folder, so that the next swap begins when the device has this one.
 */
import { type Disk, DiskError } from '@millrace/base';
import { afterSyncsOf } from '../files/file-handle.ts';
import { LOG_SUFFIX, OFFSET_INDEX_SUFFIX, SWAP_SUFFIX, TIME_INDEX_SUFFIX } from '../files/file-names.ts';
import { HAS_GAPS_FILE } from '../files/has-gaps.ts';
import { isLackOfDescriptors } from '../files/retrying-disk.ts';
import { syncFiles } from '../files/sync-files.ts';
import type { Segment } from '../segment/segment.ts';

/** How far the swap is: the names of the cleaned segment's files, and which segments the log reads. */
type Phase = 'cleaned' | 'swap' | 'replaced' | 'named' | 'over';

export interface SwapPorts {
  readonly disk: Disk;
  readonly directory: string;
  /** Names in the folder change, so the next flush must sync it. */
  namesChanged(): void;
  /** Removes the files of the cleaned segment, the log file first. May throw DiskError. */
  discard(): void;
  /** Replaces the segments in the log's list. Gets the paths of the old files under their new names. */
  replaced(paths: readonly string[]): void;
  /** True if the log went offline for another reason. */
  isOffline(): boolean;
  /** Called in that case, instead of `done`: cancels the cleaning. */
  cancel(): void;
  /** A change of names failed halfway, or a sync failed: the log cannot continue. */
  failed(error: DiskError): void;
}

export class SegmentSwap {
  private phase: Phase = 'cleaned';
  private readonly old: readonly Segment[];
  private readonly cleaned: Segment;
  private readonly ports: SwapPorts;
  private readonly done: (failure?: DiskError) => void;

  /** `done` is called once, in a later turn, unless the swap is settled or abandoned. */
  constructor(
    old: readonly Segment[],
    cleaned: Segment,
    ports: SwapPorts,
    done: (failure?: DiskError) => void,
  ) {
    this.old = old;
    this.cleaned = cleaned;
    this.ports = ports;
    this.done = done;
  }

  /** May throw DiskError; then the swap is over, and has changed nothing. */
  start(): void {
    const names = [LOG_SUFFIX, OFFSET_INDEX_SUFFIX, TIME_INDEX_SUFFIX].map((suffix) =>
      this.cleaned.nameOf(suffix),
    );
    const { disk, directory } = this.ports;
    syncFiles(disk, directory, [...names, HAS_GAPS_FILE], (error) => {
      if (this.phase === 'over' || this.stopsOffline()) return;
      // A device reports a lost write only once. This sync may have got the report about a lost name, or
      // about `has-gaps`. A later flush relies on both, and would succeed although they are lost. So fail.
      if (error === undefined) this.synced();
      else if (isLackOfDescriptors(error)) this.giveUp(error);
      else this.fail(error);
    });
  }

  /**
   * The device has the files of the cleaned segment, unless a sync that `OpenFiles` runs gets the report of a
   * lost write. So waits for such a sync.
   */
  private synced(): void {
    afterSyncsOf(this.cleaned.handles(), () => {
      if (this.phase === 'over' || this.stopsOffline()) return;
      for (const handle of this.cleaned.handles()) handle.settle();
      this.nameSwap();
    });
  }

  /**
   * Ends the swap within this call. Called before a truncation, which must not find a half-finished swap.
   * Undoes the swap, or completes it if old files are gone. Waits for the device. May throw DiskError.
   */
  settle(): void {
    const { phase } = this;
    const { disk, directory } = this.ports;
    this.phase = 'over';
    if (phase === 'cleaned') this.ports.discard();
    if (phase === 'swap') {
      // The log file goes first: without it, recovery completes no swap.
      this.ports.discard();
      disk.syncDirectory(directory);
    }
    if (phase === 'replaced') {
      disk.syncDirectory(directory);
      this.cleaned.rename('');
    }
    if (phase === 'replaced' || phase === 'named') disk.syncDirectory(directory);
  }

  /** Ends the swap when the log closes. Recovery undoes or completes the swap. */
  abandon(): void {
    this.phase = 'over';
    this.cleaned.close();
  }

  private nameSwap(): void {
    try {
      this.ports.namesChanged();
      this.cleaned.rename(SWAP_SUFFIX);
    } catch (error) {
      this.giveUp(diskErrorOf(error));
      return;
    }
    this.phase = 'swap';
    this.syncNames(() => this.replace());
  }

  private replace(): void {
    this.ports.namesChanged();
    const paths: string[] = [];
    try {
      for (const segment of this.old) paths.push(...segment.markDeleted());
    } catch (error) {
      this.fail(diskErrorOf(error));
      return;
    }
    this.phase = 'replaced';
    this.ports.replaced(paths);
    this.syncNames(() => this.nameFinally());
  }

  private nameFinally(): void {
    this.ports.namesChanged();
    try {
      this.cleaned.rename('');
    } catch (error) {
      this.fail(diskErrorOf(error));
      return;
    }
    this.phase = 'named';
    this.syncNames(() => {
      this.phase = 'over';
      this.done();
    });
  }

  private syncNames(next: () => void): void {
    const { disk, directory } = this.ports;
    const { phase } = this;
    try {
      disk.syncFolder(directory, (error) => {
        if (this.phase !== phase || this.stopsOffline()) return;
        if (error === undefined) next();
        else this.fail(error);
      });
    } catch (error) {
      this.fail(diskErrorOf(error));
    }
  }

  private stopsOffline(): boolean {
    if (!this.ports.isOffline()) return false;
    this.ports.cancel();
    return true;
  }

  /**
   * Called if step 2 fails, or if step 1 lacks a descriptor: the log has not changed. If a file stays, the
   * next cleaning or recovery removes it.
   */
  private giveUp(error: DiskError): void {
    this.phase = 'over';
    try {
      this.ports.discard();
    } catch (removal) {
      diskErrorOf(removal);
    }
    this.done(error);
  }

  private fail(error: DiskError): void {
    this.phase = 'over';
    this.ports.failed(error);
    this.done(error);
  }
}

function diskErrorOf(error: unknown): DiskError {
  if (!(error instanceof DiskError)) throw error;
  return error;
}
