/**
 * What a log does before a clean stop, so that the device has all that the next start relies on. After a
 * clean stop, recovery trusts the indexes, the leader epochs and the newest producer snapshot. The marker of
 * the clean stop is on the device. So all of these must be on the device before the marker, or a power loss
 * could take them and leave the marker.
 */
import type { Offset } from '@millrace/base';
import type { LeaderEpochs } from './epochs/leader-epochs.ts';
import type { Flusher } from './files/flusher.ts';
import type { FolderNames } from './files/folder-names.ts';
import type { ProducerStates } from './producers/producer-states.ts';
import type { Snapshots } from './producers/snapshots.ts';
import type { Segments } from './segment/segments.ts';

interface StoppingLog {
  readonly endOffset: Offset;
  readonly segments: Segments;
  readonly epochs: LeaderEpochs;
  readonly producers: ProducerStates;
  readonly snapshots: Snapshots;
  readonly flusher: Flusher;
  readonly names: FolderNames;
}

/** Waits for the device, unless nothing has changed since the last clean stop. May throw DiskError. */
export function stopCleanly(log: StoppingLog): void {
  const { endOffset, segments, epochs, producers, snapshots, flusher, names } = log;
  segments.active.seal();
  // A power loss would restore the bytes that `trim` cut off, so the log syncs even without new records.
  if (segments.active.trim()) flusher.truncated(endOffset);
  if (epochs.dirty) epochs.write();
  const isEmpty = endOffset === segments.list[0]!.baseOffset;
  // An empty log needs no snapshot, because recovery has nothing to read.
  const snapshot = isEmpty ? [] : snapshots.writeForStop(endOffset, producers);
  const indexes = segments.list.flatMap((segment) => segment.takeUnsyncedIndexes());
  const files = [...indexes, ...snapshot];
  // `seal` may have created the index files.
  if (files.length > 0) names.changed();
  flusher.flushNow(() => (files.length > 0 ? [...files, ...names.takeUnsynced()] : []));
}
