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
   * Writes without fsync, because the checksum reveals a torn file, and recovery can use an older snapshot.
   * Retention syncs a snapshot before it removes the older ones and their segments.
   */
  write(offset: Offset, producers: ProducerStates): void {
    this.replace(offset, encodeProducerSnapshot(producers.all()));
  }

  /** For a clean stop. Returns the file to sync, unless the device has the same snapshot already. */
  writeForStop(offset: Offset, producers: ProducerStates): Syncable[] {
    const bytes = encodeProducerSnapshot(producers.all());
    const path = this.path(offset);
    if (this.onDevice === offset && isSame(bytes, this.disk.readFile(path))) return [];
    this.replace(offset, bytes);
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
    this.writes++;
    replaceFile(this.disk, this.path(offset), bytes);
    this.offsets = [...this.offsets.filter((other) => other !== offset), offset].sort((a, b) => a - b);
  }

  removeWhere(gone: (offset: Offset) => boolean): void {
    for (const offset of this.offsets) if (gone(offset)) this.disk.remove(this.path(offset));
    this.offsets = this.offsets.filter((offset) => !gone(offset));
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
      this.offsets = this.offsets.filter((other) => other !== offset);
    }
    return marked;
  }

  /** Names of the files of the snapshot at `offset`: one, or none if there is no such snapshot. */
  namesAt(offset: Offset): string[] {
    return this.offsets.includes(offset) ? [offsetFileName(offset, SNAPSHOT_SUFFIX)] : [];
  }

  private path(offset: Offset): string {
    return `${this.directory}/${offsetFileName(offset, SNAPSHOT_SUFFIX)}`;
  }
}

function isSame(bytes: Uint8Array, others: Uint8Array | undefined): boolean {
  return others?.length === bytes.length && bytes.every((byte, index) => byte === others[index]);
}
