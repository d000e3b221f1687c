/**
 * Goal: the real disk keeps the promises of the `Disk` seam. Method: real files; a replaced system call makes
 * the writes short.
 */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiskError } from '@millrace/base';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { NodeDisk, writeAll } from '../../src/io/disk.ts';

let directory: string;
const disk = new NodeDisk();
beforeEach(() => {
  directory = fs.mkdtempSync(join(tmpdir(), 'millrace-disk-'));
});
afterEach(() => {
  vi.restoreAllMocks();
  fs.rmSync(directory, { recursive: true });
});

const bytes = (text: string) => new TextEncoder().encode(text);
const textOf = (path: string) => fs.readFileSync(path, 'utf8');

test('written chunks are read back, at any position, up to the end of the file', () => {
  const file = disk.open(join(directory, 'a'));
  file.write(0, [bytes('hello '), new Uint8Array(0), bytes('world')]);
  file.write(6, [bytes('there')]);
  const target = new Uint8Array(20);
  expect(file.read(4, target)).toBe(7);
  expect(new TextDecoder().decode(target.subarray(0, 7))).toBe('o there');
  expect(file.read(100, target)).toBe(0);
  expect(file.size()).toBe(11);
  file.truncate(5);
  expect(file.size()).toBe(5);
  file.truncate(7);
  expect(textOf(file.path)).toBe('hello\0\0');
  file.close();
  file.close();
});

test('if a write has more chunks than one system call takes, the disk still writes all of them', () => {
  const file = disk.open(join(directory, 'many'));
  const chunks = Array.from({ length: 5000 }, (_unused, index) => bytes(`${index};`));
  file.write(0, chunks);
  expect(textOf(file.path)).toBe(chunks.map((chunk) => new TextDecoder().decode(chunk)).join(''));
  file.close();
});

test('after a short write, further writes bring the rest, in order and once', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 9 })),
      fc.array(fc.integer({ min: 1, max: 7 })),
      (chunks, cuts) => {
        const written = new Map<number, number>();
        let turn = 0;
        const take = (given: readonly Uint8Array[], position: number) => {
          const flat = given.flatMap((chunk) => [...chunk]);
          const count = Math.min(flat.length, cuts.length === 0 ? flat.length : cuts[turn++ % cuts.length]!);
          for (let i = 0; i < count; i++) {
            expect(written.has(position + i)).toBe(false);
            written.set(position + i, flat[i]!);
          }
          return count;
        };
        writeAll(-1, 10, chunks, {
          write: (_descriptor, chunk, position) => take([chunk], position),
          writev: (_descriptor, given, position) => take(given, position),
        });
        const expected = chunks.flatMap((chunk) => [...chunk]);
        expect(expected.map((_byte, index) => written.get(10 + index))).toEqual(expected);
      },
    ),
  );
});

test('a write to a full device throws a DiskError that names path and reason', () => {
  const file = disk.open(join(directory, 'full'));
  vi.spyOn(fs, 'writeSync').mockImplementation(() => {
    throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
  });
  expect(() => file.write(0, [bytes('x')])).toThrow(
    new DiskError('ENOSPC', `${file.path}: no space left on the device`),
  );
  file.close();
});

test('errors of the system become DiskErrors; errors of wrong calls do not', () => {
  expect(() => disk.open(join(directory, 'no', 'folder'))).toThrow(DiskError);
  const file = disk.open(join(directory, 'closed'));
  file.close();
  expect(() => file.size()).toThrow(DiskError);
  expect(() => disk.space(undefined as unknown as string)).toThrow(TypeError);
});

test('sync: callers during a running fdatasync share the next one; `close` waits until the fdatasync has ended', async () => {
  const calls: ((error: null) => void)[] = [];
  vi.spyOn(fs, 'fdatasync').mockImplementation((_descriptor, done) => void calls.push(done as never));
  const closed = vi.spyOn(fs, 'closeSync');
  const file = disk.open(join(directory, 'sync'));
  const done: string[] = [];
  file.sync(() => done.push('first'));
  file.sync(() => done.push('second'));
  file.sync(() => done.push('third'));
  expect(calls).toHaveLength(1);
  calls[0]!(null);
  expect(done).toEqual(['first']);
  expect(calls).toHaveLength(2);
  file.close();
  expect(closed).not.toHaveBeenCalled();
  calls[1]!(null);
  expect(done).toEqual(['first', 'second', 'third']);
  expect(closed).toHaveBeenCalledTimes(1);
});

test('sync calls back in a turn of its own, with the error if there is one', async () => {
  const file = disk.open(join(directory, 'real'));
  file.write(0, [bytes('x')]);
  let turnOver = false;
  const result = new Promise<DiskError | undefined>((resolve) =>
    file.sync((error) => {
      expect(turnOver).toBe(true);
      resolve(error);
    }),
  );
  turnOver = true;
  expect(await result).toBeUndefined();
  vi.spyOn(fs, 'fdatasync').mockImplementation((_descriptor, done) =>
    setImmediate(done, Object.assign(new Error('EIO'), { code: 'EIO' })),
  );
  expect(await new Promise((resolve) => file.sync(resolve))).toEqual(
    new DiskError('EIO', `${file.path}: input/output error`),
  );
  file.close();
});

test('a folder removed in the background is gone soon; a missing folder is not an error', async () => {
  const folder = join(directory, 'deleted');
  disk.makeDirectory(folder);
  disk.open(join(folder, 'a')).close();
  disk.removeInBackground(folder);
  await new Promise<void>((resolve) => disk.removeInBackground(join(directory, 'never'), resolve));
  await expect.poll(() => disk.exists(folder)).toBe(false);
  disk.makeDirectory(folder);
  await new Promise<void>((resolve) => disk.removeInBackground(folder, resolve));
  expect(disk.exists(folder)).toBe(false);
});

test('a file has the time of its last write', () => {
  const file = disk.open(join(directory, 'f'));
  file.write(0, [new Uint8Array(3)]);
  expect(Math.abs(Date.now() - file.modifiedMs())).toBeLessThan(60_000);
  const old = new Date(1_600_000_000_000);
  fs.utimesSync(file.path, old, old);
  expect(file.modifiedMs()).toBe(1_600_000_000_000);
  file.close();
});

test('the disk lists, makes, renames and removes folders; a missing folder is not an error where the seam says so', () => {
  const folder = join(directory, 'x', 'y');
  expect(disk.makeDirectory(folder)).toBe(true);
  expect(disk.makeDirectory(folder)).toBe(false);
  disk.open(join(folder, 'b')).close();
  disk.open(join(folder, 'a')).close();
  expect(disk.list(folder)).toEqual(['a', 'b']);
  expect(disk.list(join(directory, 'none'))).toEqual([]);
  disk.rename(join(folder, 'a'), join(folder, 'b'));
  expect(disk.list(folder)).toEqual(['b']);
  disk.syncDirectory(folder);
  disk.remove(join(directory, 'x'));
  disk.remove(join(directory, 'x'));
  expect(disk.exists(folder)).toBe(false);
  expect(disk.readFile(join(directory, 'none'))).toBeUndefined();
  const { totalBytes, usableBytes } = disk.space(directory);
  expect(usableBytes).toBeGreaterThan(0);
  expect(totalBytes).toBeGreaterThanOrEqual(usableBytes);
  expect(() => disk.space(join(directory, 'none'))).toThrow(DiskError);
});

test('the space is counted in units of frsize, which may be smaller than bsize', () => {
  const told = { bsize: 1 << 20, frsize: 4096, blocks: 1000, bfree: 300, bavail: 200 };
  vi.spyOn(fs, 'statfsSync').mockReturnValue(told as unknown as ReturnType<typeof fs.statfsSync>);
  expect(disk.space(directory)).toEqual({ totalBytes: 4_096_000, usableBytes: 819_200 });
  const { frsize: _unknown, ...old } = { ...told, bsize: 4096 };
  vi.spyOn(fs, 'statfsSync').mockReturnValue(old as unknown as ReturnType<typeof fs.statfsSync>);
  expect(disk.space(directory)).toEqual({ totalBytes: 4_096_000, usableBytes: 819_200 });
});

test('the space of a file system beyond 2^53 bytes is the largest safe integer', () => {
  const blocks = 9.2e18 / 4096;
  const huge = { bsize: 4096, frsize: 4096, blocks, bfree: blocks, bavail: blocks };
  vi.spyOn(fs, 'statfsSync').mockReturnValue(huge as unknown as ReturnType<typeof fs.statfsSync>);
  const { MAX_SAFE_INTEGER } = Number;
  expect(disk.space(directory)).toEqual({ totalBytes: MAX_SAFE_INTEGER, usableBytes: MAX_SAFE_INTEGER });
});

test('syncFolder: callers during a running sync share the next one; a missing folder is an error', async () => {
  const fsync = vi.spyOn(fs, 'fsync');
  const told: (string | undefined)[] = [];
  const sync = (name: string, folder = directory) =>
    disk.syncFolder(folder, (error) => told.push(error === undefined ? name : error.code));
  for (const name of ['a', 'b', 'c']) sync(name);
  expect(told).toEqual([]);
  await expect.poll(() => told).toEqual(['a', 'b', 'c']);
  expect(fsync).toHaveBeenCalledTimes(2);
  sync('d', join(directory, 'none'));
  await expect.poll(() => told.at(-1)).toBe('ENOENT');
});

test('an atomic write replaces the whole file and leaves no other file', () => {
  const path = join(directory, 'checkpoint');
  disk.writeFileAtomic(path, bytes('a long first content'));
  disk.writeFileAtomic(path, bytes('second'));
  expect(textOf(path)).toBe('second');
  expect(disk.list(directory)).toEqual(['checkpoint']);
});
