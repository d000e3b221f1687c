import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Prng } from '@millrace/base';
import { crc32c } from '@millrace/protocol';
import { Level } from 'level';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  checksumOf,
  encodePart,
  type LogBatch,
  type RaftStorage,
  type Snapshot,
  type SnapshotId,
  type StorageWrite,
  type StoredState,
} from '../../src/index.ts';
import { LevelStorage } from '../../src/io/index.ts';
import { applyWrites, emptyStored, type Stored, stateOf } from '../../src/testing/index.ts';
import { encodeVoters } from '../../src/wire.ts';

const voters = Uint8Array.from(
  encodeVoters({ clusterId: new Prng(2).uuid(), voters: [{ id: 1, key: 'k', host: 'h', port: 1 }] }),
);

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
const utf8 = (text: string) => new TextEncoder().encode(text);

function batch(
  baseOffset: number,
  epoch: number,
  texts: string[],
  kind: LogBatch['kind'] = 'data',
): LogBatch {
  return { baseOffset, epoch, kind, records: texts.map(utf8) };
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
    start: { endOffset: 0, epoch: 0 },
    snapshot: undefined,
    older: undefined,
    batches: [],
    problems: [],
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
  expect(show(await load(storageAt()))).toMatchObject({
    identity,
    vote: { epoch: 3, votedFor: 2 },
    batches: [
      { baseOffset: 0, epoch: 1, kind: 'voters', records: ['v'] },
      { baseOffset: 1, epoch: 1, kind: 'data', records: ['a', ''] },
      { baseOffset: 3, epoch: 3, kind: 'data', records: ['kept'] },
    ],
  });
});

/** Draws the next writes that a node could make from this state; an empty list if none is possible. */
function draw(random: Prng, { batches, snapshots, start }: Stored, epoch: number): StorageWrite[] {
  const end = (one: LogBatch) => one.baseOffset + one.records.length;
  const last = batches.at(-1);
  const logEnd = last === undefined ? start.endOffset : end(last);
  const newestEnd = snapshots.at(-1)?.manifest.id.endOffset ?? 0;
  const kind = random.below(20);
  if (kind < 4) {
    // The records in a snapshot are committed, so no truncation reaches them.
    const borders = [logEnd, ...batches.map((one) => one.baseOffset).filter((offset) => offset >= newestEnd)];
    return [{ type: 'truncate', offset: borders[random.below(borders.length)]! }];
  }
  if (kind < 8) {
    const held = batches.filter((one) => end(one) > newestEnd);
    const at = held[random.below(Math.max(1, held.length))];
    if (at === undefined) return [];
    const texts = Array.from({ length: 1 + random.below(3) }, (_unused, part) => `${part} of ${epoch}`);
    const writes = snapshotWrites(snapshotOf(end(at), at.epoch, ...texts));
    // A node that is killed, or installs a leader's snapshot, leaves parts that are never published.
    return random.below(3) === 0 ? writes.slice(0, -1) : writes;
  }
  if (kind < 11) {
    const older = snapshots.at(-2);
    return older === undefined ? [] : [{ type: 'trim', start: older.manifest.id }];
  }
  if (kind === 11) {
    const received = snapshotOf(logEnd + 1 + random.below(50), epoch, 'leader', `of ${epoch}`);
    const { manifest } = received;
    return [...snapshotWrites(received).slice(0, -1), { type: 'installSnapshot', manifest }];
  }
  return [{ type: 'append', batches: [batch(logEnd, epoch, Array(1 + random.below(300)).fill('r'))] }];
}

test('behaves like the storage in memory over many random writes and restarts', async () => {
  const random = new Prng(7);
  const twin = emptyStored();
  const seen = new Set<string>();
  let storage = storageAt();
  await load(storage);
  applyWrites(twin, [{ type: 'identity', identity }]);
  await write(storage, { type: 'identity', identity });
  for (let round = 0; round < 200; round++) {
    const writes: StorageWrite[] = [];
    for (let index = 0; index <= random.below(4); index++) {
      const some = draw(random, twin, round);
      applyWrites(twin, some);
      for (const one of some) {
        seen.add(one.type);
        writes.push(one);
      }
    }
    expect(await write(storage, ...writes)).toBeUndefined();
    if (random.below(8) === 0) {
      await close(storage);
      storage = storageAt();
      expect(show(await load(storage))).toEqual(show(stateOf(twin)));
    }
  }
  expect([...seen].sort()).toEqual([
    'append',
    'installSnapshot',
    'publishSnapshot',
    'snapshotPart',
    'trim',
    'truncate',
  ]);
});

/** Three batches, and two snapshots: after the first batch, and after the second. */
async function withTwoSnapshots(storage: RaftStorage): Promise<void> {
  await write(storage, { type: 'identity', identity });
  const batches = [batch(0, 1, ['v'], 'voters'), batch(1, 1, ['a', 'b']), batch(3, 2, ['c', 'd', 'e'])];
  await write(storage, { type: 'append', batches });
  await write(storage, ...snapshotWrites(older), ...snapshotWrites(newer));
  await write(storage, { type: 'trim', start: older.manifest.id });
}

function snapshotOf(endOffset: number, epoch: number, ...texts: string[]): Snapshot {
  const parts = texts.map((text) => encodePart([utf8(text)]));
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  const checksum = checksumOf(parts.map((part) => crc32c(part)));
  return { manifest: { id: { endOffset, epoch }, voters, parts: parts.length, bytes, checksum }, parts };
}

function snapshotWrites({ manifest, parts }: Snapshot): StorageWrite[] {
  const { id } = manifest;
  return [
    ...parts.map((content, part): StorageWrite => ({ type: 'snapshotPart', id, part, content })),
    { type: 'publishSnapshot', manifest },
  ];
}

const older = snapshotOf(1, 1, 'old');
const newer = snapshotOf(3, 1, 'new', 'newer');
const MANIFEST_OF_NEWER = '73000000000000000300000001';
const PART_OF_NEWER = '7000000000000000030000000100000001';
const PART_OF_OLDER = '7000000000000000010000000100000000';

async function tamper(change: (db: Level<string, Uint8Array>) => Promise<void>): Promise<void> {
  const db = new Level<string, Uint8Array>(directory, { keyEncoding: 'hex', valueEncoding: 'view' });
  await db.open();
  await change(db);
  await db.close();
}

async function flip(db: Level<string, Uint8Array>, key: string): Promise<void> {
  const changed = Uint8Array.from((await db.get(key))!);
  changed[changed.length - 1]! ^= 1;
  await db.put(key, changed);
}

/** Moves everything into table files. The types of `level` do not name this method of LevelDB. */
async function compact(db: Level<string, Uint8Array>): Promise<void> {
  await (db as unknown as { compactRange(from: string, to: string): Promise<void> }).compactRange('00', 'ff');
}

/** Flips 200 bytes from the mark on, in each table file that has it. Returns the number of these files. */
function damageTables(mark: Uint8Array): number {
  let places = 0;
  for (const name of readdirSync(directory).filter((file) => file.endsWith('.ldb'))) {
    const bytes = readFileSync(join(directory, name));
    const at = bytes.indexOf(mark);
    if (at === -1) continue;
    places++;
    for (let index = at; index < at + 200; index++) bytes[index]! ^= 0x55;
    writeFileSync(join(directory, name), bytes);
  }
  return places;
}

async function reload(): Promise<StoredState | Error> {
  const storage = storageAt();
  const state = await load(storage);
  await close(storage);
  return state;
}

describe('snapshots', () => {
  beforeEach(async () => {
    const first = storageAt();
    await load(first);
    await withTwoSnapshots(first);
    await close(first);
  });

  test('two snapshots and the log after the older one survive a restart', async () => {
    expect(await reload()).toMatchObject({
      start: { endOffset: 1, epoch: 1 },
      snapshot: newer,
      older: older.manifest,
      batches: [{ baseOffset: 1 }, { baseOffset: 3 }],
      problems: [],
    });
  });

  test('a published snapshot is read part by part; a removed one is not there', async () => {
    const storage = storageAt();
    await load(storage);
    const read = (id: SnapshotId, part: number) =>
      new Promise((done) => storage.readPart(id, part, (content) => done(content)));
    expect(await read(newer.manifest.id, 1)).toEqual(newer.parts[1]);
    await write(storage, { type: 'trim', start: newer.manifest.id });
    await close(storage);
    const again = storageAt();
    await load(again);
    const gone = new Promise((done) => again.readPart(older.manifest.id, 0, (content) => done(content)));
    expect(await gone).toBeUndefined();
  });

  test.each([
    ['the description', MANIFEST_OF_NEWER, 'the checksum of the description of a snapshot does not match'],
    ['a part', PART_OF_NEWER, 'the checksum of part 1 does not match'],
  ])('damage to %s of the newest snapshot: the storage uses the older one', async (_what, key, says) => {
    await tamper((db) => flip(db, key));
    const state = (await reload()) as StoredState;
    expect(state.snapshot).toEqual(older);
    expect(state.batches.map(({ baseOffset }) => baseOffset)).toEqual([1, 3]);
    expect(state.problems).toEqual([`${directory}: snapshot 3-1 is damaged: ${says}`]);
  });

  test('a missing part counts as damage, too', async () => {
    await tamper((db) => db.del(PART_OF_NEWER));
    const { problems } = (await reload()) as StoredState;
    expect(problems).toEqual([`${directory}: snapshot 3-1 is damaged: it has 1 parts instead of 2`]);
  });

  test('a part that LevelDB itself cannot read counts as damage, too', async () => {
    const id = { endOffset: 6, epoch: 2 };
    // Each part fills a block of its own. LevelDB compresses the zeros, so it notices that bytes are flipped.
    const mark = utf8('the part that becomes unreadable');
    const contents = [new Uint8Array(20_000), new Uint8Array(20_000)];
    contents[1]!.set(mark);
    const checksum = checksumOf(contents.map((content) => crc32c(content)));
    const manifest = { id, voters, parts: 2, bytes: 40_000, checksum };
    const storage = storageAt();
    await load(storage);
    await write(storage, ...snapshotWrites({ manifest, parts: contents }));
    await write(storage, { type: 'trim', start: newer.manifest.id });
    await close(storage);
    expect(await reload()).toMatchObject({ snapshot: { manifest }, problems: [] });
    await tamper(compact);
    expect(damageTables(mark)).toBe(1);
    const again = storageAt();
    const state = (await load(again)) as StoredState;
    expect(state.problems).toEqual([expect.stringMatching(/snapshot 6-2 is damaged: Corruption/)]);
    expect([state.snapshot, state.batches.map(({ baseOffset }) => baseOffset)]).toEqual([newer, [3]]);
    // Later snapshots are readable, although the damaged block stays.
    const later = snapshotOf(7, 2, 'later');
    await write(again, { type: 'append', batches: [batch(6, 2, ['f'])] }, ...snapshotWrites(later));
    await write(again, { type: 'trim', start: later.manifest.id });
    await close(again);
    expect(await reload()).toMatchObject({ snapshot: later, problems: [] });
  });

  test('with both snapshots damaged, the node does not start', async () => {
    await tamper(async (db) => {
      await flip(db, PART_OF_NEWER);
      await flip(db, PART_OF_OLDER);
    });
    expect(show(await reload())).toBe(
      `${directory}: the quorum storage is damaged: the log begins at offset 1, and no intact snapshot holds what was before: snapshot 1-1 is damaged: the checksum of part 0 does not match; snapshot 3-1 is damaged: the checksum of part 1 does not match`,
    );
  });

  test('the node does not start if its log ends before the end of a published snapshot', async () => {
    await tamper(async (db) => {
      await db.del('6c0000000000000001');
      await db.del('6c0000000000000003');
    });
    expect(show(await reload())).toContain('the log ends at offset 1, before snapshot 3-1');
  });

  test('a leader’s snapshot replaces the log and all snapshots', async () => {
    const storage = storageAt();
    await load(storage);
    const received = snapshotOf(9, 4, 'leader');
    const { manifest } = received;
    await write(storage, snapshotWrites(received)[0]!, { type: 'installSnapshot', manifest });
    await write(storage, { type: 'append', batches: [batch(9, 4, ['f'])] });
    await close(storage);
    expect(await reload()).toMatchObject({
      start: { endOffset: 9, epoch: 4 },
      snapshot: received,
      older: undefined,
      batches: [{ baseOffset: 9 }],
    });
  });

  test('a kill between a trim and the deletion of the entries that the trim made useless leaves no trace', async () => {
    const useless = ['6c0000000000000001', PART_OF_OLDER];
    const values = new Map<string, Uint8Array>();
    await tamper(async (db) => {
      for (const key of useless) values.set(key, Uint8Array.from((await db.get(key))!));
    });
    const storage = storageAt();
    await load(storage);
    await write(storage, { type: 'trim', start: newer.manifest.id });
    await close(storage);
    await tamper(async (db) => {
      for (const key of useless) {
        expect(await db.get(key)).toBeUndefined();
        await db.put(key, values.get(key)!);
      }
    });
    expect(await reload()).toMatchObject({
      start: newer.manifest.id,
      snapshot: newer,
      older: undefined,
      batches: [{ baseOffset: 3 }],
      problems: [],
    });
    await tamper(async (db) => {
      for (const key of useless) expect(await db.get(key)).toBeUndefined();
    });
  });

  test('a kill between the publication of a snapshot and the trim leaves the older one and its log', async () => {
    const third = snapshotOf(6, 2, 'third');
    const storage = storageAt();
    await load(storage);
    await write(storage, ...snapshotWrites(third));
    await close(storage);
    expect(await reload()).toMatchObject({
      start: older.manifest.id,
      snapshot: third,
      older: older.manifest,
      batches: [{ baseOffset: 1 }, { baseOffset: 3 }],
      problems: [],
    });
    // When the node has published its next snapshot, it does the trim that the kill prevented.
    const fourth = snapshotOf(7, 2, 'fourth');
    const again = storageAt();
    await load(again);
    await write(again, { type: 'append', batches: [batch(6, 2, ['f'])] }, ...snapshotWrites(fourth));
    await write(again, { type: 'trim', start: third.manifest.id });
    await close(again);
    expect(await reload()).toMatchObject({ snapshot: fourth, older: third.manifest, problems: [] });
    await tamper(async (db) => {
      expect(await db.get(MANIFEST_OF_NEWER)).toBeUndefined();
      expect(await db.get(PART_OF_NEWER)).toBeUndefined();
    });
  });

  test('a snapshot replaces the parts of an interrupted loading under the same id, even if it has fewer parts', async () => {
    const interrupted = snapshotOf(9, 4, 'first', 'second', 'third');
    const { manifest, parts } = snapshotOf(9, 4, 'whole');
    const storage = storageAt();
    await load(storage);
    await write(storage, ...snapshotWrites(interrupted).slice(0, -1));
    await write(storage, ...snapshotWrites({ manifest, parts }).slice(0, -1));
    await write(storage, { type: 'installSnapshot', manifest });
    await close(storage);
    expect(await reload()).toMatchObject({ snapshot: { manifest, parts }, problems: [] });
  });

  test('parts that were never published leave no trace', async () => {
    const storage = storageAt();
    await load(storage);
    await write(storage, snapshotWrites(snapshotOf(6, 2, 'half'))[0]!);
    await close(storage);
    expect(await reload()).toMatchObject({ snapshot: newer, problems: [] });
    await tamper(async (db) => {
      for await (const key of db.keys({ gte: '70', lt: '71' }))
        expect(key).not.toMatch(/^700000000000000006/);
    });
  });
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
  const after = async (change: (db: Level<string, Uint8Array>) => Promise<void>) => {
    await tamper(change);
    return String(show(await reload()));
  };
  const key = '6c0000000000000001';
  let kept: Uint8Array = new Uint8Array();
  const flipped = await after(async (db) => {
    kept = Uint8Array.from((await db.get(key))!);
    const changed = kept.slice();
    changed[20]! ^= 1;
    await db.put(key, changed);
  });
  expect(flipped).toBe(
    `${directory}: the quorum storage is damaged: the checksum of the batch at offset 1 does not match`,
  );
  expect(await after((db) => db.put('6c0000000000000003', kept))).toContain('damaged');
  const gap = await after(async (db) => {
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
