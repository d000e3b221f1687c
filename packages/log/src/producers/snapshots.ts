/** The producer snapshot files of one log's folder: lists, reads, writes and removes them. */
import { type Disk, DiskError, type Offset } from '@millrace/base';
import { replaceFile } from '../files/checkpoint-file.ts';
import { markDeleted } from '../files/deleted-files.ts';
import { offsetFileName, offsetOfFileName, SNAPSHOT_SUFFIX } from '../files/file-names.ts';
import { type Syncable, whenSynced } from '../files/flusher.ts';
import { fileToSync } from '../files/sync-files.ts';
import {
  decodeProducerSnapshot,
  encodeProducerSnapshot,
  type ProducerSnapshotEntry,
} from './producer-snapshot.ts';
import type { ProducerStates } from './producer-states.ts';

export interface LoadedSnapshot {
  readonly offset: Offset;
  readonly entries: readonly ProducerSnapshotEntry[];
}

export class Snapshots {
  /** Offsets of the files, ascending. */
  private offsets: Offset[];
  /** The offset of the file that a clean stop left on the device, unless it has changed since then. */
  private onDevice: Offset | undefined;
  /** Number of files written so far. */
  private writes = 0;
  private readonly unsynced = new Set<Offset>();
  /** By the offset of a file that this process wrote: the number of its last write. */
  private readonly lastWrites = new Map<Offset, number>();
  private readonly disk: Disk;
  private readonly directory: string;

  constructor(
    disk: Disk,
    directory: string,
    names: readonly string[],
    { afterCleanStop }: { readonly afterCleanStop: boolean } = { afterCleanStop: false },
  ) {
    this.disk = disk;
    this.directory = directory;
    this.offsets = names
      .map((name) => offsetOfFileName(name, SNAPSHOT_SUFFIX))
      .filter((offset) => offset !== undefined)
      .sort((a, b) => a - b);
    this.onDevice = afterCleanStop ? this.offsets.at(-1) : undefined;
  }

  /** Returns the newest intact snapshot at or below `offsetMax`. Removes damaged snapshots above it. */
  newest(offsetMax: Offset): LoadedSnapshot | undefined {
    for (const offset of this.offsets.filter((candidate) => candidate <= offsetMax).reverse()) {
      const bytes = this.disk.readFile(this.path(offset));
      const entries = bytes === undefined ? undefined : decodeProducerSnapshot(bytes);
      if (entries !== undefined) return { offset, entries };
      this.removeWhere((other) => other === offset);
    }
    return undefined;
  }

  /**
   * Writes without fsync: the next flush syncs the file (`takeUnsynced`). So the device has the snapshots of
   * all segments below the recovery point. After a power loss, recovery writes the others again.
   */
  write(offset: Offset, producers: ProducerStates): void {
    this.replace(offset, encodeProducerSnapshot(producers.all()));
  }

  /** The files that this process has written since the last call. */
  takeUnsynced(): Syncable[] {
    const offsets = [...this.unsynced];
    this.unsynced.clear();
    return offsets.map((offset) => this.ifPresent(offset, fileToSync(this.disk, this.path(offset))));
  }

  /** A sync of a removed file would create it again. Then this syncs the folder instead. */
  private ifPresent(offset: Offset, file: Syncable): Syncable {
    const isPresent = () => this.offsets.includes(offset);
    return {
      sync: (done) => (isPresent() ? file.sync(done) : this.disk.syncFolder(this.directory, done)),
      syncNow: () => isPresent() && file.syncNow(),
    };
  }

  /** For a clean stop. Returns the file to sync, unless the device has the same snapshot already. */
  writeForStop(offset: Offset, producers: ProducerStates): Syncable[] {
    const bytes = encodeProducerSnapshot(producers.all());
    const path = this.path(offset);
    if (this.onDevice === offset && isSame(bytes, this.disk.readFile(path))) return [];
    this.replace(offset, bytes);
    this.unsynced.delete(offset);
    return [this.toSync(offset, path)];
  }

  private toSync(offset: Offset, path: string): Syncable {
    const { writes } = this;
    const synced = (): void => {
      if (this.writes === writes) this.onDevice = offset;
    };
    return whenSynced(fileToSync(this.disk, path), synced);
  }

  private replace(offset: Offset, bytes: Uint8Array): void {
    if (this.onDevice === offset) this.onDevice = undefined;
    this.lastWrites.set(offset, ++this.writes);
    this.unsynced.add(offset);
    replaceFile(this.disk, this.path(offset), bytes);
    this.offsets = [...this.offsets.filter((other) => other !== offset), offset].sort((a, b) => a - b);
  }

  removeWhere(gone: (offset: Offset) => boolean): void {
    for (const offset of this.offsets.filter(gone)) {
      this.disk.remove(this.path(offset));
      this.forget(offset);
    }
  }

  /**
   * Marks the snapshots below `offset` for a later removal. Returns their new paths. If a rename fails, that
   * snapshot and the later ones stay until the next call.
   */
  markDeletedBelow(offset: Offset): string[] {
    return this.markDeletedWhere((other) => other < offset);
  }

  /** Like `markDeletedBelow`, for any of the snapshots. */
  markDeletedWhere(gone: (offset: Offset) => boolean): string[] {
    const marked: string[] = [];
    for (const offset of this.offsets.filter(gone)) {
      try {
        const path = markDeleted(this.disk, this.path(offset));
        if (path !== undefined) marked.push(path);
      } catch (error) {
        if (!(error instanceof DiskError)) throw error;
        break;
      }
      this.forget(offset);
    }
    return marked;
  }

  private forget(offset: Offset): void {
    this.offsets = this.offsets.filter((other) => other !== offset);
    this.lastWrites.delete(offset);
    this.unsynced.delete(offset);
  }

  /** The oldest snapshot at or above `offset`. `isUnchanged`: whether its file is still the same. */
  oldestFrom(offset: Offset): { readonly name: string; isUnchanged(): boolean } | undefined {
    const found = this.offsets.find((candidate) => candidate >= offset);
    if (found === undefined) return undefined;
    const write = this.lastWrites.get(found);
    return {
      name: offsetFileName(found, SNAPSHOT_SUFFIX),
      isUnchanged: () => this.offsets.includes(found) && this.lastWrites.get(found) === write,
    };
  }

  private path(offset: Offset): string {
    return `${this.directory}/${offsetFileName(offset, SNAPSHOT_SUFFIX)}`;
  }
}

function isSame(bytes: Uint8Array, others: Uint8Array | undefined): boolean {
  return others?.length === bytes.length && bytes.every((byte, index) => byte === others[index]);
}
