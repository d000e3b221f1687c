/**
 * RaftStorage on LevelDB. It has one key for each log batch (its base offset, big endian, so that the keys
 * sort by offset), one for the vote, one for the storage's identity, and one for the format. Every write is
 * one atomic batch with sync. Each value has its own checksum, and each log batch contains its offset. `load`
 * fails if a value is corrupt, if a batch before the last one is missing, or if a later batch has an older
 * epoch. It never returns only the intact part of a log.
 */
import { crc32 } from 'node:zlib';
import { isUuid, type Offset, type Uuid } from '@millrace/base';
import { Level } from 'level';
import type { RaftStorage, StorageWrite, StoredState } from '../storage.ts';
import type { LogBatch, VoteState } from '../types.ts';
import { kindNumbers, kindOf } from '../wire.ts';

const FORMAT = 1;
const LOG_PREFIX = 0x6c; // 'l'
const FORMAT_KEY = metaKey('format');
const IDENTITY_KEY = metaKey('identity');
const VOTE_KEY = metaKey('vote');
const READ_AHEAD = 500;

type Operation = { type: 'put'; key: Uint8Array; value: Uint8Array } | { type: 'del'; key: Uint8Array };

export class LevelStorage implements RaftStorage {
  readonly #directory: string;
  readonly #db: Level<Uint8Array, Uint8Array>;
  /** Base offsets of the stored batches, ascending. A truncation deletes the last ones. */
  #baseOffsets: Offset[] = [];
  #writing: Promise<void> = Promise.resolve();

  /** `load` creates the folder, and its parents, if they do not exist. */
  constructor(directory: string) {
    this.#directory = directory;
    this.#db = new Level(directory, { keyEncoding: 'view', valueEncoding: 'view' });
  }

  load(done: (state: StoredState | Error) => void): void {
    this.#load().then(done, (error: unknown) => done(this.#explain(error)));
  }

  async #load(): Promise<StoredState> {
    await this.#db.open();
    const format = await this.#db.get(FORMAT_KEY);
    if (format === undefined) {
      for await (const _key of this.#db.keys({ limit: 1 }))
        throw new DamageError('the format entry is missing');
      await this.#db.batch([put(FORMAT_KEY, numbers(FORMAT))], { sync: true });
    } else if (readNumbers(format, 'format')[0] !== FORMAT) {
      throw new DamageError(
        `its format is ${readNumbers(format, 'format')[0]}, but this version supports only ${FORMAT}`,
      );
    }
    const identity = await this.#db.get(IDENTITY_KEY);
    const vote = await this.#db.get(VOTE_KEY);
    const batches = await this.#loadBatches();
    if (identity === undefined && batches.length > 0) throw new DamageError('the identity entry is missing');
    return {
      identity: identity === undefined ? undefined : readIdentity(identity),
      vote: vote === undefined ? { epoch: 0, votedFor: -1 } : readVote(vote),
      batches,
    };
  }

  async #loadBatches(): Promise<LogBatch[]> {
    const batches: LogBatch[] = [];
    this.#baseOffsets = [];
    const iterator = this.#db.iterator({ gte: logKey(0), lt: new Uint8Array([LOG_PREFIX + 1]) });
    try {
      let endOffset = 0;
      let lastEpoch = 0;
      for (;;) {
        const entries = await iterator.nextv(READ_AHEAD);
        if (entries.length === 0) return batches;
        for (const [key, value] of entries) {
          const batch = decodeBatch(key, value);
          if (batch.baseOffset !== endOffset)
            throw new DamageError(`offsets ${endOffset} to ${batch.baseOffset - 1} are missing`);
          if (batch.epoch < lastEpoch) throw new DamageError(`the epoch falls at offset ${batch.baseOffset}`);
          endOffset += batch.records.length;
          lastEpoch = batch.epoch;
          this.#baseOffsets.push(batch.baseOffset);
          batches.push(batch);
        }
      }
    } finally {
      await iterator.close();
    }
  }

  write(writes: readonly StorageWrite[], done: (error?: Error) => void): void {
    const operations = writes.flatMap((write) => this.#operations(write));
    this.#writing = this.#db.batch(operations, { sync: true }).then(
      () => done(),
      (error: unknown) => done(this.#explain(error)),
    );
  }

  #operations(write: StorageWrite): Operation[] {
    if (write.type === 'identity')
      return [put(IDENTITY_KEY, sealed(new TextEncoder().encode(write.identity)))];
    if (write.type === 'vote') return [put(VOTE_KEY, numbers(write.vote.epoch, write.vote.votedFor))];
    const operations: Operation[] = [];
    if (write.type === 'truncate') {
      while (this.#baseOffsets.length > 0 && this.#baseOffsets.at(-1)! >= write.offset)
        operations.push({ type: 'del', key: logKey(this.#baseOffsets.pop()!) });
      return operations;
    }
    for (const batch of write.batches) {
      this.#baseOffsets.push(batch.baseOffset);
      operations.push(put(logKey(batch.baseOffset), encodeBatch(batch)));
    }
    return operations;
  }

  close(done: () => void): void {
    this.#writing.then(() => this.#db.close()).then(done, done);
  }

  #explain(error: unknown): Error {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const message = cause instanceof Error ? cause.message : String(cause);
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    if (code === 'LEVEL_LOCKED') return new Error(`${this.#directory}: in use by another process`);
    const damaged = cause instanceof DamageError || code === 'LEVEL_CORRUPTION';
    const what = damaged ? 'the quorum storage is damaged' : 'the quorum storage failed';
    return new Error(`${this.#directory}: ${what}: ${message}`, { cause: error });
  }
}

class DamageError extends Error {}

function put(key: Uint8Array, value: Uint8Array): Operation {
  return { type: 'put', key, value };
}

function metaKey(name: string): Uint8Array {
  return new TextEncoder().encode(`a-${name}`);
}

function logKey(offset: Offset): Uint8Array {
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

function numbers(...values: number[]): Uint8Array {
  const payload = new Uint8Array(values.length * 4);
  const view = new DataView(payload.buffer);
  for (const [index, value] of values.entries()) view.setInt32(index * 4, value);
  return sealed(payload);
}

function readNumbers(value: Uint8Array, what: string): number[] {
  const view = unsealed(value, what);
  return Array.from({ length: view.byteLength >> 2 }, (_, index) => view.getInt32(index * 4));
}

function readVote(value: Uint8Array): VoteState {
  const [epoch, votedFor] = readNumbers(value, 'the vote');
  if (epoch === undefined || votedFor === undefined) throw new DamageError('the vote is cut short');
  return { epoch, votedFor };
}

function readIdentity(value: Uint8Array): Uuid {
  const view = unsealed(value, 'the identity');
  const text = new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
  if (!isUuid(text)) throw new DamageError('the identity is malformed');
  return text;
}

/** baseOffset int64, epoch int32, kind int8, then for each record its length (int32) and its bytes. */
function encodeBatch(batch: LogBatch): Uint8Array {
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

function decodeBatch(key: Uint8Array, value: Uint8Array): LogBatch {
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
