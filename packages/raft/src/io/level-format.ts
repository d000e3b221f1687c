/**
 * The entries of LevelStorage: keys and values. Every value begins with its own checksum. The offsets in keys
 * are big endian, so that the keys sort by offset.
 */
import { crc32 } from 'node:zlib';
import { isUuid, type Offset, type Uuid } from '@millrace/base';
import type { LogBatch, SnapshotId, SnapshotManifest, VoteState } from '../types.ts';
import { decodeManifest, encodeManifest, kindNumbers, kindOf } from '../wire.ts';

const LOG_PREFIX = 0x6c; // 'l'
const PART_PREFIX = 0x70; // 'p'
const MANIFEST_PREFIX = 0x73; // 's'

export const FORMAT_KEY = metaKey('format');
export const IDENTITY_KEY = metaKey('identity');
export const VOTE_KEY = metaKey('vote');
export const START_KEY = metaKey('log-start');

export interface KeyRange {
  readonly gte: Uint8Array;
  readonly lt: Uint8Array;
}

/**
 * The keys of the log from offset `from` on: up to `below` (exclusive) or, without `below`, up to the end of
 * the log.
 */
export function logRange(from: Offset, below?: Offset): KeyRange {
  return { gte: logKey(from), lt: below === undefined ? new Uint8Array([LOG_PREFIX + 1]) : logKey(below) };
}

/** All published snapshots, in the order of their end offsets. */
export const MANIFESTS: KeyRange = {
  gte: new Uint8Array([MANIFEST_PREFIX]),
  lt: new Uint8Array([MANIFEST_PREFIX + 1]),
};
/** The parts of all snapshots. */
export const PARTS: KeyRange = {
  gte: new Uint8Array([PART_PREFIX]),
  lt: new Uint8Array([PART_PREFIX + 1]),
};

export const manifestKey = (id: SnapshotId): Uint8Array => snapshotKey(MANIFEST_PREFIX, id);

export function partKey(id: SnapshotId, part: number): Uint8Array {
  const key = new Uint8Array(17);
  key.set(snapshotKey(PART_PREFIX, id));
  new DataView(key.buffer).setUint32(13, part);
  return key;
}

function snapshotKey(prefix: number, { endOffset, epoch }: SnapshotId): Uint8Array {
  const key = new Uint8Array(13);
  key[0] = prefix;
  const view = new DataView(key.buffer);
  view.setBigUint64(1, BigInt(endOffset));
  view.setInt32(9, epoch);
  return key;
}

/** Reads the key of a manifest or a part: the snapshot's id, and the number of the part (manifest: 0). */
export function readSnapshotKey(key: Uint8Array): { readonly id: SnapshotId; readonly part: number } {
  if (key.length !== 13 && key.length !== 17) throw new DamageError('a key is malformed');
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  const id = { endOffset: Number(view.getBigUint64(1)), epoch: view.getInt32(9) };
  return { id, part: key.length === 17 ? view.getUint32(13) : 0 };
}

export function manifestValue(manifest: SnapshotManifest): Uint8Array {
  return sealed(encodeManifest(manifest));
}

export function readManifest(value: Uint8Array): SnapshotManifest {
  const bytes = contentOf(value, 'the description of a snapshot');
  try {
    return decodeManifest(bytes);
  } catch {
    throw new DamageError('the description of a snapshot is malformed');
  }
}

export const partValue = (content: Uint8Array): Uint8Array => sealed(content);
export const readPart = (value: Uint8Array, part: number): Uint8Array => contentOf(value, `part ${part}`);

/** The value of the log start entry: end offset int64, epoch int32. */
export function startValue({ endOffset, epoch }: SnapshotId): Uint8Array {
  const payload = new Uint8Array(12);
  const view = new DataView(payload.buffer);
  view.setBigInt64(0, BigInt(endOffset));
  view.setInt32(8, epoch);
  return sealed(payload);
}

export function readStart(value: Uint8Array): SnapshotId {
  const view = unsealed(value, 'the log start');
  if (view.byteLength !== 12) throw new DamageError('the log start is cut short');
  return { endOffset: Number(view.getBigInt64(0)), epoch: view.getInt32(8) };
}

export function identityValue(identity: Uuid): Uint8Array {
  return sealed(new TextEncoder().encode(identity));
}

function contentOf(value: Uint8Array, what: string): Uint8Array {
  const view = unsealed(value, what);
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

export class DamageError extends Error {}

function metaKey(name: string): Uint8Array {
  return new TextEncoder().encode(`a-${name}`);
}

export function logKey(offset: Offset): Uint8Array {
  const key = new Uint8Array(9);
  key[0] = LOG_PREFIX;
  new DataView(key.buffer).setBigUint64(1, BigInt(offset));
  return key;
}

/** Puts a checksum before a payload: a stored value is the crc32 of the payload, then the payload. */
function sealed(payload: Uint8Array): Uint8Array {
  const value = new Uint8Array(4 + payload.length);
  value.set(payload, 4);
  new DataView(value.buffer).setUint32(0, crc32(payload));
  return value;
}

function unsealed(value: Uint8Array, what: string): DataView {
  const payload = value.subarray(4);
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  if (value.length < 4 || view.getUint32(0) !== crc32(payload))
    throw new DamageError(`the checksum of ${what} does not match`);
  return new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
}

export function numbers(...values: number[]): Uint8Array {
  const payload = new Uint8Array(values.length * 4);
  const view = new DataView(payload.buffer);
  for (const [index, value] of values.entries()) view.setInt32(index * 4, value);
  return sealed(payload);
}

export function readNumbers(value: Uint8Array, what: string): number[] {
  const view = unsealed(value, what);
  return Array.from({ length: view.byteLength >> 2 }, (_, index) => view.getInt32(index * 4));
}

export function readVote(value: Uint8Array): VoteState {
  const [epoch, votedFor] = readNumbers(value, 'the vote');
  if (epoch === undefined || votedFor === undefined) throw new DamageError('the vote is cut short');
  return { epoch, votedFor };
}

export function readIdentity(value: Uint8Array): Uuid {
  const text = new TextDecoder().decode(contentOf(value, 'the identity'));
  if (!isUuid(text)) throw new DamageError('the identity is malformed');
  return text;
}

/**
 * A batch as a stored value: baseOffset int64, epoch int32, kind int8, then for each record its length
 * (int32) and bytes.
 */
export function encodeBatch(batch: LogBatch): Uint8Array {
  let size = 13;
  for (const record of batch.records) size += 4 + record.length;
  const payload = new Uint8Array(size);
  const view = new DataView(payload.buffer);
  view.setBigInt64(0, BigInt(batch.baseOffset));
  view.setInt32(8, batch.epoch);
  view.setInt8(12, kindNumbers[batch.kind]);
  let position = 13;
  for (const record of batch.records) {
    view.setInt32(position, record.length);
    payload.set(record, position + 4);
    position += 4 + record.length;
  }
  return sealed(payload);
}

export function decodeBatch(key: Uint8Array, value: Uint8Array): LogBatch {
  if (key.length !== 9) throw new DamageError('a key is malformed');
  const baseOffset = Number(new DataView(key.buffer, key.byteOffset, 9).getBigUint64(1));
  const what = `the batch at offset ${baseOffset}`;
  const view = unsealed(value, what);
  if (view.byteLength < 13 || Number(view.getBigInt64(0)) !== baseOffset)
    throw new DamageError(`${what} contains another offset`);
  const records: Uint8Array[] = [];
  for (let position = 13; position < view.byteLength; ) {
    const length = view.getInt32(position);
    records.push(new Uint8Array(view.buffer, view.byteOffset + position + 4, length));
    position += 4 + length;
  }
  if (records.length === 0) throw new DamageError(`${what} is empty`);
  return { baseOffset, epoch: view.getInt32(8), kind: kindOf(view.getInt8(12)), records };
}
