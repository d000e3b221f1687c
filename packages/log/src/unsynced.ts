/**
 * What the next round of syncs of one log must sync: segments by offset, and the small files and names that
 * changed since an earlier round took them.
 */
import type { Disk, Offset } from '@millrace/base';
import type { LeaderEpochs } from './epochs/leader-epochs.ts';
import { PARTITION_METADATA_FILE } from './files/file-names.ts';
import type { Syncable } from './files/flusher.ts';
import type { FolderNames } from './files/folder-names.ts';
import type { Gaps } from './files/has-gaps.ts';
import { fileToSync } from './files/sync-files.ts';
import type { Snapshots } from './producers/snapshots.ts';
import type { LogParts } from './recovery/open-log.ts';
import type { Segments } from './segment/segments.ts';

interface Parts extends Pick<LogParts, 'disk' | 'segments' | 'epochs' | 'snapshots' | 'topicId'> {
  readonly names: FolderNames;
  readonly gaps: Gaps;
}

export class Unsynced {
  private readonly log: { readonly directory: string };
  private readonly disk: Disk;
  private readonly segments: Segments;
  private readonly epochs: LeaderEpochs;
  private readonly snapshots: Snapshots;
  private readonly names: FolderNames;
  private readonly gaps: Gaps;
  /** True if this run has not synced the topic id. An earlier run may have left it only in the page cache. */
  private isIdUnsynced: boolean;
  /** The small files and folders that rounds took last. They keep their paths while the log is open. */
  private taken: Syncable[] = [];
  /** Those of a round that did not start all of its syncs. */
  private again: Syncable[] = [];

  constructor(log: { readonly directory: string }, parts: Parts) {
    this.log = log;
    this.disk = parts.disk;
    this.segments = parts.segments;
    this.epochs = parts.epochs;
    this.snapshots = parts.snapshots;
    this.names = parts.names;
    this.gaps = parts.gaps;
    this.isIdUnsynced = parts.topicId !== undefined;
  }

  /** What a round must sync, so that the device has all records from this offset on. */
  take(fromOffset: Offset): Syncable[] {
    const { list } = this.segments;
    const files: Syncable[] = [];
    // Start with the segment that holds the offset before `fromOffset`. A truncation may have cut off its end
    // before a roll. The flush must sync this change, too.
    for (let index = this.segments.indexFor(Math.max(0, fromOffset - 1)); index < list.length; index++)
      files.push(...list[index]!.filesToSync(index === list.length - 1));
    this.taken = [...this.again, ...this.takeSmall()];
    this.again = [];
    return [...files, ...this.taken];
  }

  /** What a clean stop must sync besides: these files, and their names. */
  takeForStop(files: readonly Syncable[]): Syncable[] {
    const small = [...this.again, ...(files.length > 0 ? this.names.takeUnsynced() : [])];
    this.again = [];
    this.taken.push(...small);
    return [...files, ...small];
  }

  /**
   * Called when the syncs of the last round did not all start: the next round repeats them. It may repeat
   * syncs of earlier rounds, too.
   */
  putBack(): void {
    this.again.push(...this.taken);
    this.taken = [];
  }

  /** Takes each change once, because the log goes offline if its sync fails. */
  private takeSmall(): Syncable[] {
    const id = this.isIdUnsynced
      ? [fileToSync(this.disk, `${this.log.directory}/${PARTITION_METADATA_FILE}`)]
      : [];
    this.isIdUnsynced = false;
    const replaced = [...this.epochs.takeUnsynced(), ...this.snapshots.takeUnsynced()];
    if (replaced.length > 0) this.names.changed();
    return [...id, ...replaced, ...this.gaps.takeUnsynced(), ...this.names.takeUnsynced()];
  }
}
