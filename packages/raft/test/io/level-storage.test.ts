import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Prng } from '@millrace/base';
import { Level } from 'level';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { LogBatch, RaftStorage, StorageWrite, StoredState } from '../../src/index.ts';
import { LevelStorage } from '../../src/io/index.ts';
import { applyWrites, emptyStored } from '../../src/testing/index.ts';

let root: string;
let directory: string;
let open: LevelStorage[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'millrace-raft-'));
  directory = join(root, 'quorum');
  open = [];
});
afterEach(async () => {
  for (const storage of open) await close(storage);
  rmSync(root, { recursive: true });
});

function storageAt(path = directory): LevelStorage {
  const storage = new LevelStorage(path);
  open.push(storage);
  return storage;
}
const load = (storage: RaftStorage) => new Promise<StoredState | Error>((done) => storage.load(done));
const write = (storage: RaftStorage, ...writes: StorageWrite[]) =>
  new Promise<Error | undefined>((done) => storage.write(writes, done));
const close = (storage: RaftStorage) => new Promise<void>((done) => storage.close(done));
const identity = new Prng(1).uuid();

function batch(
  baseOffset: number,
  epoch: number,
  texts: string[],
  kind: LogBatch['kind'] = 'data',
): LogBatch {
  return { baseOffset, epoch, kind, records: texts.map((text) => new TextEncoder().encode(text)) };
}
function show(state: StoredState | Error): unknown {
  if (state instanceof Error) return state.message;
  const batches = state.batches.map((b) => ({
    ...b,
    records: b.records.map((r) => new TextDecoder().decode(r)),
  }));
  return { ...state, batches };
}

test('a new storage is empty and has no identity', async () => {
  expect(await load(storageAt())).toEqual({
    identity: undefined,
    vote: { epoch: 0, votedFor: -1 },
    batches: [],
  });
});

test('identity, vote, log and truncation survive a restart', async () => {
  const first = storageAt();
  await load(first);
  await write(first, { type: 'identity', identity });
  await write(
    first,
    { type: 'vote', vote: { epoch: 3, votedFor: 2 } },
    {
      type: 'append',
      batches: [batch(0, 1, ['v'], 'voters'), batch(1, 1, ['a', '']), batch(3, 2, ['lost'])],
    },
  );
  await write(first, { type: 'truncate', offset: 3 }, { type: 'append', batches: [batch(3, 3, ['kept'])] });
  await close(first);
  expect(show(await load(storageAt()))).toEqual({
    identity,
    vote: { epoch: 3, votedFor: 2 },
    batches: [
      { baseOffset: 0, epoch: 1, kind: 'voters', records: ['v'] },
      { baseOffset: 1, epoch: 1, kind: 'data', records: ['a', ''] },
      { baseOffset: 3, epoch: 3, kind: 'data', records: ['kept'] },
    ],
  });
});

test('behaves like the storage in memory over many random writes and restarts', async () => {
  const random = new Prng(7);
  const twin = emptyStored();
  let storage = storageAt();
  await load(storage);
  applyWrites(twin, [{ type: 'identity', identity }]);
  await write(storage, { type: 'identity', identity });
  for (let round = 0; round < 120; round++) {
    const writes: StorageWrite[] = [];
    const draft = { ...twin, batches: [...twin.batches] };
    for (let index = 0; index <= random.below(4); index++) {
      const last = draft.batches.at(-1);
      const end = last === undefined ? 0 : last.baseOffset + last.records.length;
      const cutAt = draft.batches[random.below(draft.batches.length + 1)]?.baseOffset ?? end;
      const one: StorageWrite =
        random.below(4) === 0
          ? { type: 'truncate', offset: cutAt }
          : { type: 'append', batches: [batch(end, round, Array(1 + random.below(300)).fill('r'))] };
      applyWrites(draft, [one]);
      writes.push(one);
    }
    applyWrites(twin, writes);
    expect(await write(storage, ...writes)).toBeUndefined();
    if (random.below(12) === 0) {
      await close(storage);
      storage = storageAt();
      expect(show(await load(storage))).toEqual(show(twin));
    }
  }
});

test('a corrupt value, a batch under a wrong key and a gap cause a clear error', async () => {
  const first = storageAt();
  await load(first);
  await write(
    first,
    { type: 'identity', identity },
    { type: 'append', batches: [batch(0, 1, ['a']), batch(1, 1, ['b'])] },
  );
  await close(first);
  const tamper = async (change: (db: Level<string, Uint8Array>) => Promise<void>) => {
    const db = new Level<string, Uint8Array>(directory, { keyEncoding: 'hex', valueEncoding: 'view' });
    await db.open();
    await change(db);
    await db.close();
    const storage = storageAt();
    const message = String(show(await load(storage)));
    await close(storage);
    return message;
  };
  const key = '6c0000000000000001';
  let kept: Uint8Array = new Uint8Array();
  const flipped = await tamper(async (db) => {
    kept = Uint8Array.from((await db.get(key))!);
    const changed = kept.slice();
    changed[20]! ^= 1;
    await db.put(key, changed);
  });
  expect(flipped).toBe(
    `${directory}: the quorum storage is damaged: the checksum of the batch at offset 1 does not match`,
  );
  expect(await tamper((db) => db.put('6c0000000000000003', kept))).toContain('damaged');
  const gap = await tamper(async (db) => {
    await db.del('6c0000000000000003');
    await db.put(key, kept);
    await db.del('6c0000000000000000');
  });
  expect(gap).toContain('offsets 0 to 0 are missing');
});

test('a damaged table file is an error, not an empty log', async () => {
  const first = storageAt();
  await load(first);
  const big = 'x'.repeat(100_000);
  await write(first, { type: 'identity', identity });
  for (let offset = 0; offset < 60; offset++)
    await write(first, { type: 'append', batches: [batch(offset, 1, [big + offset])] });
  await close(first);
  const reopened = storageAt();
  await load(reopened);
  await close(reopened);
  for (const name of readdirSync(directory).filter(
    (file) => file.endsWith('.ldb') || file.endsWith('.log'),
  )) {
    const bytes = readFileSync(join(directory, name));
    for (let at = 40; at < bytes.length; at += 97) bytes[at]! ^= 0x55;
    writeFileSync(join(directory, name), bytes);
  }
  const state = await load(storageAt());
  expect(state).toBeInstanceOf(Error);
  expect(String(state)).toContain(directory);
});

test('a storage that is open cannot be opened again', async () => {
  await load(storageAt());
  expect(show(await load(new LevelStorage(directory)))).toBe(`${directory}: in use by another process`);
});
