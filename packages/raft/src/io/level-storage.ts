/**
 * RaftStorage on LevelDB. It has one key for each log batch (its base offset), for each part and for the
 * manifest of a snapshot, and one each for the log start, the vote, the storage's identity and the format.
 * Every write is one atomic batch with sync. So the storage publishes a snapshot, or shortens the log, as a
 * whole or not at all. After it has shortened the log, it deletes the old batches, and the parts of older
 * snapshots, in the background. The next `load` deletes those that are left. Each value has its own checksum,
 * and each log batch contains its offset. `load` never returns only the intact part of a damaged state
 * (stored-state.ts).
 */
import type { Offset } from '@millrace/base';
import { Level } from 'level';
import { isSameId } from '../parts.ts';
import { LOG_BEGINNING, type RaftStorage, type StorageWrite, type StoredState } from '../storage.ts';
import { proveWhole, type ReadSnapshot } from '../stored-state.ts';
import type { LogBatch, SnapshotId, SnapshotManifest } from '../types.ts';
import {
  DamageError,
  decodeBatch,
  encodeBatch,
  FORMAT_KEY,
  IDENTITY_KEY,
  identityValue,
  type KeyRange,
  logKey,
  logRange,
  MANIFESTS,
  manifestKey,
  manifestValue,
  numbers,
  PARTS,
  partKey,
  partValue,
  readIdentity,
  readManifest,
  readNumbers,
  readPart,
  readSnapshotKey,
  readStart,
  readVote,
  START_KEY,
  startValue,
  VOTE_KEY,
} from './level-format.ts';

const FORMAT = 1;
const READ_AHEAD = 500;

type Operation = { type: 'put'; key: Uint8Array; value: Uint8Array } | { type: 'del'; key: Uint8Array };

export class LevelStorage implements RaftStorage {
  readonly #directory: string;
  readonly #db: Level<Uint8Array, Uint8Array>;
  /** Base offsets of the stored batches, ascending. A truncation deletes the last ones. */
  #baseOffsets: Offset[] = [];
  /**
   * The published snapshots, also damaged ones. The snapshot that replaces a damaged one may end before the
   * damaged one.
   */
  #published: SnapshotId[] = [];
  #writing: Promise<void> = Promise.resolve();
  #clearing: Promise<void> = Promise.resolve();

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
    const startEntry = await this.#db.get(START_KEY);
    const start = startEntry === undefined ? LOG_BEGINNING : readStart(startEntry);
    const batches = await this.#loadBatches(start.endOffset);
    const snapshots = await this.#loadSnapshots();
    const isUsed = batches.length > 0 || snapshots.length > 0 || startEntry !== undefined;
    if (identity === undefined && isUsed) throw new DamageError('the identity entry is missing');
    const proven = proveWhole({ start, batches, snapshots });
    if (typeof proven === 'string') throw new DamageError(proven);
    await this.#clear(logRange(0, start.endOffset));
    await this.#clearParts((id) => !this.#published.some((known) => isSameId(known, id)));
    return {
      identity: identity === undefined ? undefined : readIdentity(identity),
      vote: vote === undefined ? { epoch: 0, votedFor: -1 } : readVote(vote),
      ...proven,
      problems: proven.problems.map((problem) => `${this.#directory}: ${problem}`),
    };
  }

  async #loadBatches(from: Offset): Promise<LogBatch[]> {
    const batches: LogBatch[] = [];
    this.#baseOffsets = [];
    for await (const [key, value] of this.#entries(logRange(from))) {
      const batch = decodeBatch(key, value);
      this.#baseOffsets.push(batch.baseOffset);
      batches.push(batch);
    }
    return batches;
  }

  async #loadSnapshots(): Promise<ReadSnapshot[]> {
    const snapshots: ReadSnapshot[] = [];
    this.#published = [];
    for await (const [key, value] of this.#entries(MANIFESTS)) {
      const { id } = readSnapshotKey(key);
      this.#published.push(id);
      let manifest: SnapshotManifest | undefined;
      const parts: Uint8Array[] = [];
      let damage: string | undefined;
      try {
        manifest = readManifest(value);
        // Reads the parts by key. An iterator would also read a damaged block of a neighbouring snapshot.
        for (let part = 0; part < manifest.parts; part++) {
          const content = await this.#db.get(partKey(id, part));
          if (content !== undefined) parts.push(readPart(content, part));
        }
      } catch (error) {
        // The older snapshot and the log can replace this one, so a block that LevelDB cannot read is damage.
        const found = damageIn(error);
        if (found === undefined) throw error;
        damage = found;
      }
      snapshots.push({ id, manifest, parts, damage });
    }
    return snapshots;
  }

  async *#entries(range: KeyRange): AsyncGenerator<[Uint8Array, Uint8Array]> {
    const iterator = this.#db.iterator(range);
    try {
      for (;;) {
        const entries = await iterator.nextv(READ_AHEAD);
        if (entries.length === 0) return;
        yield* entries;
      }
    } finally {
      await iterator.close();
    }
  }

  write(writes: readonly StorageWrite[], done: (error?: Error) => void): void {
    const operations: Operation[] = [];
    const ranges: KeyRange[] = [];
    for (const write of writes) this.#add(write, operations, ranges);
    this.#writing = this.#db.batch(operations, { sync: true }).then(
      () => {
        for (const range of ranges) this.#clearing = this.#clearing.then(() => this.#clear(range));
        done();
      },
      (error: unknown) => done(this.#explain(error)),
    );
  }

  /**
   * Adds the write's operations to `operations`. Adds to `ranges` what may be deleted when these operations
   * are durable.
   */
  #add(write: StorageWrite, operations: Operation[], ranges: KeyRange[]): void {
    if (write.type === 'identity') operations.push(put(IDENTITY_KEY, identityValue(write.identity)));
    else if (write.type === 'vote')
      operations.push(put(VOTE_KEY, numbers(write.vote.epoch, write.vote.votedFor)));
    else if (write.type === 'truncate') this.#truncate(write.offset, operations);
    else if (write.type === 'append') {
      for (const batch of write.batches) {
        this.#baseOffsets.push(batch.baseOffset);
        operations.push(put(logKey(batch.baseOffset), encodeBatch(batch)));
      }
    } else if (write.type === 'snapshotPart')
      operations.push(put(partKey(write.id, write.part), partValue(write.content)));
    else if (write.type === 'publishSnapshot') {
      this.#publish(write.manifest, operations);
    } else if (write.type === 'trim') this.#startAt(write.start, operations, ranges);
    else {
      const { id } = write.manifest;
      this.#truncate(id.endOffset, operations);
      this.#publish(write.manifest, operations);
      this.#startAt(id, operations, ranges);
    }
  }

  #truncate(offset: Offset, operations: Operation[]): void {
    while (this.#baseOffsets.length > 0 && this.#baseOffsets.at(-1)! >= offset)
      operations.push({ type: 'del', key: logKey(this.#baseOffsets.pop()!) });
  }

  #publish(manifest: SnapshotManifest, operations: Operation[]): void {
    const { id } = manifest;
    this.#published = [...this.#published.filter((known) => !isSameId(known, id)), id];
    operations.push(put(manifestKey(id), manifestValue(manifest)));
  }

  /** Lets the log begin at `start`: removes the batches before it, and every older snapshot. */
  #startAt(start: SnapshotId, operations: Operation[], ranges: KeyRange[]): void {
    operations.push(put(START_KEY, startValue(start)));
    for (const id of this.#published.filter((known) => known.endOffset < start.endOffset))
      operations.push({ type: 'del', key: manifestKey(id) });
    this.#published = this.#published.filter((known) => known.endOffset >= start.endOffset);
    const kept = this.#baseOffsets.findIndex((offset) => offset >= start.endOffset);
    this.#baseOffsets = kept === -1 ? [] : this.#baseOffsets.slice(kept);
    ranges.push(logRange(0, start.endOffset), partsBelow(start));
  }

  readPart(id: SnapshotId, part: number, done: (content: Uint8Array | Error | undefined) => void): void {
    this.#db
      .get(partKey(id, part))
      .then((value) => (value === undefined ? undefined : readPart(value, part)))
      .then(done, (error: unknown) => done(this.#explain(error)));
  }

  /** Deletes entries that nothing needs. If that fails, they stay until the next start, and do no harm. */
  async #clear(range: KeyRange): Promise<void> {
    await this.#db.clear(range).catch(() => {});
  }

  /** Deletes the parts of all snapshots for which `isUnused` is true. Stops at a part that cannot be read. */
  async #clearParts(isUnused: (id: SnapshotId) => boolean): Promise<void> {
    let last: SnapshotId | undefined;
    try {
      for await (const key of this.#db.keys(PARTS)) {
        const { id } = readSnapshotKey(key);
        if (last !== undefined && isSameId(last, id)) continue;
        last = id;
        if (isUnused(id)) await this.#clear(partsOf(id));
      }
    } catch (error) {
      if (damageIn(error) === undefined) throw error;
    }
  }

  close(done: () => void): void {
    Promise.all([this.#writing, this.#clearing])
      .then(() => this.#db.close())
      .then(done, done);
  }

  #explain(error: unknown): Error {
    const { cause, code } = causeOf(error);
    const message = cause instanceof Error ? cause.message : String(cause);
    if (code === 'LEVEL_LOCKED') return new Error(`${this.#directory}: in use by another process`);
    const damaged = cause instanceof DamageError || code === 'LEVEL_CORRUPTION';
    const what = damaged ? 'the quorum storage is damaged' : 'the quorum storage failed';
    return new Error(`${this.#directory}: ${what}: ${message}`, { cause: error });
  }
}

/** Finds LevelDB's own error, which may be the cause of another error. Returns it with its code. */
function causeOf(error: unknown): { readonly cause: unknown; readonly code: string } {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return { cause, code: cause instanceof Error && 'code' in cause ? String(cause.code) : '' };
}

/**
 * Returns the message of an error that says that stored bytes are damaged or unreadable; undefined for any
 * other error.
 */
function damageIn(error: unknown): string | undefined {
  const { cause, code } = causeOf(error);
  if (cause instanceof DamageError) return cause.message;
  const isDamage = code === 'LEVEL_CORRUPTION' || code === 'LEVEL_IO_ERROR';
  return isDamage ? (cause as Error).message : undefined;
}

function put(key: Uint8Array, value: Uint8Array): Operation {
  return { type: 'put', key, value };
}

function partsOf(id: SnapshotId): KeyRange {
  return { gte: partKey(id, 0), lt: partKey(id, 0xffff_ffff) };
}

/** The parts of all snapshots before this one, published or not. */
function partsBelow(id: SnapshotId): KeyRange {
  return { gte: PARTS.gte, lt: partKey({ endOffset: id.endOffset, epoch: 0 }, 0) };
}
