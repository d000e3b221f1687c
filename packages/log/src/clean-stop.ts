/**
 * What a log does before a clean stop, so that the device has all that the next start relies on. After a
 * clean stop, recovery trusts the indexes, the leader epochs and the newest producer snapshot. The marker of
 * the clean stop is on the device. So all of these must be on the device before the marker, or a power loss
 * could take them and leave the marker.
 */
import type { Offset } from '@millrace/base';
import type { Flusher, Syncable } from './files/flusher.ts';
import type { FolderNames } from './files/folder-names.ts';
import type { LogHealth } from './log-health.ts';
import type { LogParts } from './recovery/open-log.ts';
import type { Unsynced } from './unsynced.ts';

interface StoppingLog {
  readonly endOffset: Offset;
}

interface StopParts extends Pick<LogParts, 'segments' | 'epochs' | 'producers' | 'snapshots'> {
  readonly flusher: Flusher;
  readonly names: FolderNames;
  readonly unsynced: Unsynced;
  readonly health: LogHealth;
}

export class CleanStop {
  private readonly log: StoppingLog;
  private readonly parts: StopParts;

  constructor(log: StoppingLog, parts: StopParts) {
    this.log = log;
    this.parts = parts;
  }

  /** See `PartitionLog.prepareStop`. */
  prepare(done: () => void): void {
    const { flusher, health } = this.parts;
    flusher.whenIdle(() => {
      let isStarted = false;
      // Another caller that waited for the same round may have begun a new one.
      if (health.offline === undefined && !flusher.busy)
        health.orOffline(() => {
          const others = this.write();
          isStarted = true;
          flusher.flushAll(others, () => done());
        });
      if (!isStarted) done();
    });
  }

  /**
   * Waits for the device, unless it has everything. Returns true if the stop is clean: the log is online, and
   * no sync is in flight.
   */
  finish(): boolean {
    const { flusher, segments, health } = this.parts;
    if (health.offline !== undefined || flusher.busy) return false;
    health.orOffline(() => flusher.flushNow(this.write()));
    // A sync that `OpenFiles` runs may get the report of a lost write instead.
    return health.offline === undefined && !segments.handles().some(({ isSyncing }) => isSyncing);
  }

  /** Completes the files. Returns what else than a flush must sync. May throw DiskError. */
  private write(): () => Syncable[] {
    const { segments, epochs, producers, snapshots, flusher, names, unsynced } = this.parts;
    const { endOffset } = this.log;
    segments.active.seal();
    // A power loss would restore the bytes that `trim` cut off, so the log syncs even without new records.
    if (segments.active.trim()) flusher.truncated(endOffset);
    if (epochs.dirty) epochs.write();
    const isEmpty = endOffset === segments.list[0]!.baseOffset;
    // An empty log needs no snapshot, because recovery has nothing to read.
    const snapshot = isEmpty ? [] : snapshots.writeForStop(endOffset, producers);
    const indexes = segments.list.flatMap((segment) => segment.dirtyIndexes());
    const files = [...indexes, ...snapshot, ...snapshots.takeUnsynced()];
    // `seal` may have created the index files.
    if (files.length > 0) names.changed();
    return () => unsynced.takeForStop(files);
  }
}
