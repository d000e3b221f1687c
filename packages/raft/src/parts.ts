/**
 * The parts of a snapshot. A part is a list of whole records; each record is its length (uint32, big endian)
 * and its bytes. A replica loads one part with each request. The storage writes each part in one write.
 */
import { crc32c } from '@millrace/protocol';
import type { Snapshot, SnapshotId, SnapshotManifest } from './types.ts';
import { decodeVoters, tryDecode } from './wire.ts';

/** Encodes the records as one part. */
export function encodePart(records: readonly Uint8Array[]): Uint8Array {
  let size = 0;
  for (const record of records) size += 4 + record.length;
  const part = new Uint8Array(size);
  const view = new DataView(part.buffer);
  let position = 0;
  for (const record of records) {
    view.setUint32(position, record.length);
    part.set(record, position + 4);
    position += 4 + record.length;
  }
  return part;
}

/** The records of a part. Throws an Error if the bytes are not a part. */
export function* recordsOfPart(part: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(part.buffer, part.byteOffset, part.byteLength);
  for (let position = 0; position < part.length; ) {
    const start = position + 4;
    const end = start <= part.length ? start + view.getUint32(position) : Number.POSITIVE_INFINITY;
    if (end > part.length) throw new Error('a record of the snapshot is cut short');
    yield part.subarray(start, end);
    position = end;
  }
}

/** The checksum of a snapshot whose parts have these checksums: it also covers their number and order. */
export function checksumOf(partChecksums: readonly number[]): number {
  const bytes = new Uint8Array(partChecksums.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [index, checksum] of partChecksums.entries()) view.setUint32(index * 4, checksum);
  return crc32c(bytes);
}

/**
 * Returns what is wrong if these are not exactly the parts that the manifest describes, or if the manifest
 * names no voters. Undefined: nothing is wrong.
 */
export function problemOf({ manifest, parts }: Snapshot): string | undefined {
  if (parts.length !== manifest.parts) return `it has ${parts.length} parts instead of ${manifest.parts}`;
  const checksum = checksumOf(parts.map((part) => crc32c(part)));
  if (checksum !== manifest.checksum) return 'its checksum does not match its parts';
  return hasVoters(manifest) ? undefined : 'its voters are malformed';
}

function hasVoters({ voters }: SnapshotManifest): boolean {
  const decoded = tryDecode(() => decodeVoters(voters));
  return decoded !== undefined && decoded.voters.length > 0;
}

export function isSameId(a: SnapshotId, b: SnapshotId): boolean {
  return a.endOffset === b.endOffset && a.epoch === b.epoch;
}

/** A snapshot that a replica loads from a leader, part by part. */
export interface LoadedParts {
  readonly id: SnapshotId;
  /** Undefined until the first part arrives. */
  manifest: SnapshotManifest | undefined;
  readonly parts: Uint8Array[];
}

/** Whether a response with this manifest has the part that the replica needs next. */
export function isNextPart(loading: LoadedParts, manifest: SnapshotManifest, part: number): boolean {
  const known = loading.manifest ?? manifest;
  return (
    isSameId(manifest.id, loading.id) &&
    isSameManifest(known, manifest) &&
    part === loading.parts.length &&
    part < manifest.parts
  );
}

function isSameManifest(a: SnapshotManifest, b: SnapshotManifest): boolean {
  return isSameId(a.id, b.id) && a.parts === b.parts && a.bytes === b.bytes && a.checksum === b.checksum;
}
