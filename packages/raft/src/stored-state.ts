/**
 * Decides whether the node may start from what a storage has read, and from which snapshot. A node never
 * starts from a state that it cannot prove whole. Its log must reach the end of each published snapshot. If
 * the log does not begin at offset 0, an intact snapshot must hold the records before the log.
 */
import type { Offset, QuorumEpoch } from '@millrace/base';
import { isSameId, problemOf } from './parts.ts';
import { LOG_BEGINNING, type StoredState } from './storage.ts';
import type { LogBatch, Snapshot, SnapshotId, SnapshotManifest } from './types.ts';

/** A published snapshot as a storage has read it. */
export interface ReadSnapshot {
  readonly id: SnapshotId;
  /**
   * A sentence about the damage that reading has found; undefined: none. With damage, the fields below may be
   * missing.
   */
  readonly damage: string | undefined;
  readonly manifest: SnapshotManifest | undefined;
  readonly parts: readonly Uint8Array[];
}

export interface ReadLog {
  readonly start: SnapshotId;
  readonly batches: readonly LogBatch[];
  /** By ascending end offset. */
  readonly snapshots: readonly ReadSnapshot[];
}

type Proven = Pick<StoredState, 'start' | 'batches' | 'snapshot' | 'older' | 'problems'>;

/** Returns the state to start from, or a sentence that says why the node must not start. */
export function proveWhole({ start, batches, snapshots }: ReadLog): Proven | string {
  const problems: string[] = [];
  const gap = gapIn(start, batches);
  if (gap !== undefined) return gap;
  const last = batches.at(-1);
  const endOffset = last === undefined ? start.endOffset : last.baseOffset + last.records.length;
  let snapshot: Snapshot | undefined;
  for (const read of snapshots) {
    const { id, manifest, parts } = read;
    if (id.endOffset > endOffset)
      return `the log ends at offset ${endOffset}, before ${nameOf(id)}, so records after it are missing`;
    if (id.endOffset < start.endOffset) continue;
    const damage = damageOf(read) ?? mismatchOf(id, start, batches);
    if (damage === undefined) snapshot = { manifest: manifest!, parts };
    else problems.push(`${nameOf(id)} is damaged: ${damage}`);
  }
  if (snapshot === undefined && start.endOffset > LOG_BEGINNING.endOffset) {
    const why = problems.length === 0 ? 'there is no snapshot' : problems.join('; ');
    return `the log begins at offset ${start.endOffset}, and no intact snapshot holds what was before: ${why}`;
  }
  const older = snapshots.find(({ id }) => id.endOffset === start.endOffset)?.manifest;
  const isOther = older !== undefined && older.id.endOffset < (snapshot?.manifest.id.endOffset ?? 0);
  return { start, batches, snapshot, older: isOther ? older : undefined, problems };
}

function gapIn(start: SnapshotId, batches: readonly LogBatch[]): string | undefined {
  let offset: Offset = start.endOffset;
  let lastEpoch: QuorumEpoch = start.epoch;
  for (const { baseOffset, epoch, records } of batches) {
    if (baseOffset !== offset) return `offsets ${offset} to ${baseOffset - 1} are missing`;
    if (epoch < lastEpoch) return `the epoch falls at offset ${baseOffset}`;
    offset += records.length;
    lastEpoch = epoch;
  }
  return undefined;
}

function damageOf({ id, damage, manifest, parts }: ReadSnapshot): string | undefined {
  if (damage !== undefined) return damage;
  if (manifest === undefined) return 'its description is missing';
  if (!isSameId(manifest.id, id)) return 'its description names another snapshot';
  return problemOf({ manifest, parts });
}

/**
 * Returns what is wrong unless the snapshot ends at a batch border of the log, after a record of the
 * snapshot's epoch.
 */
function mismatchOf(id: SnapshotId, start: SnapshotId, batches: readonly LogBatch[]): string | undefined {
  let epoch = start.epoch;
  let border = start.endOffset;
  for (const batch of batches) {
    if (border >= id.endOffset) break;
    border = batch.baseOffset + batch.records.length;
    epoch = batch.epoch;
  }
  if (border !== id.endOffset) return 'it ends within a batch of the log';
  return epoch === id.epoch ? undefined : `the log has epoch ${epoch} before its end`;
}

/** The snapshot for a user: its end offset and epoch. */
function nameOf({ endOffset, epoch }: SnapshotId): string {
  return `snapshot ${endOffset}-${epoch}`;
}
