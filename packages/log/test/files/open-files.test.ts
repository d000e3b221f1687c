/** The budget of open files: which file is closed, what is synced first, and a lack of descriptors. */
import { DiskError } from '@millrace/base';
import { MemoryDisk } from '@millrace/base/testing';
import { expect, test } from 'vitest';
import { FAILED_SYNC_FILE } from '../../src/files/failed-sync.ts';
import type { FileHandle } from '../../src/files/file-handle.ts';
import { OpenFiles } from '../../src/files/open-files.ts';

const ONE = new Uint8Array([1]);

/** Counts open files and syncs, fails syncs, and refuses to open more than `descriptors` files. */
class CountingDisk extends MemoryDisk {
  readonly open_ = new Set<object>();
  readonly synced: string[] = [];
  readonly failing = new Set<string>();
  descriptors = Number.POSITIVE_INFINITY;
  opens = 0;

  constructor() {
    super();
    this.makeDirectory('/a');
    this.makeDirectory('/b');
  }

  override open(path: string): ReturnType<MemoryDisk['open']> {
    if (this.open_.size >= this.descriptors) throw new DiskError('EMFILE', `${path}: too many open files`);
    const file = super.open(path);
    this.open_.add(file);
    this.opens++;
    const { sync, syncNow, close } = file;
    const check = (): void => {
      this.synced.push(path);
      if (this.failing.has(path)) throw new DiskError('EIO', `${path}: lost`);
    };
    file.syncNow = () => {
      check();
      syncNow.call(file);
    };
    file.sync = (done) => {
      sync.call(file, () => {
        let failed: DiskError | undefined;
        try {
          check();
        } catch (error) {
          failed = error as DiskError;
        }
        done(failed);
      });
    };
    file.close = () => {
      this.open_.delete(file);
      close.call(file);
    };
    return file;
  }
}

/** Waits until all syncs have ended that begin one after another. */
async function later(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
}

function filesOf(openFilesMax: number): { disk: CountingDisk; files: OpenFiles } {
  const disk = new CountingDisk();
  return { disk, files: new OpenFiles(disk, { openFilesMax }) };
}

function read(handle: FileHandle): number {
  const target = new Uint8Array(1);
  handle.read(0, target);
  return target[0]!;
}

test('opening one file too many closes the clean file that was not used for longest', () => {
  const { disk, files } = filesOf(3);
  let evictions = 0;
  files.onEvicted(() => evictions++);
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => files.handle(`/a/${name}`));
  for (const handle of [a!, b!, c!]) handle.file();
  d!.file(); // gives every file a second chance once, and closes a
  b!.size();
  a!.file(); // c is now the oldest that was not used
  expect([disk.open_.size, files.openCount, evictions]).toEqual([3, 3, 2]);
  const { opens } = disk;
  b!.size();
  expect(disk.opens).toBe(opens);
  c!.size();
  expect(disk.opens).toBe(opens + 1);
});

test('dirty files at the old end do not keep clean files open, and are not synced for them', () => {
  const { disk, files } = filesOf(8);
  const dirty = [0, 1, 2, 3].map((i) => files.handle(`/a/dirty-${i}`));
  for (const handle of dirty) handle.write(0, [ONE]);
  for (let i = 0; i < 50; i++) files.handle(`/b/clean-${i}`).file();
  expect([disk.synced, disk.open_.size]).toEqual([[], 8]);
  expect(dirty.every((handle) => handle.isDirty)).toBe(true);
});

test('if every file is dirty, the oldest is synced before it is closed', () => {
  const { disk, files } = filesOf(1);
  const [a, b, c] = ['a', 'b', 'c'].map((name) => files.handle(`/a/${name}`));
  a!.truncate(1);
  b!.write(0, [ONE]);
  c!.write(0, [ONE]);
  expect(disk.synced).toEqual(['/a/a', '/a/b']);
  disk.losePower();
  expect([a!.size(), b!.size(), c!.size()]).toEqual([1, 1, 0]);
});

test('a file that an earlier process may have left unsynced is synced before it is closed', () => {
  const { disk, files } = filesOf(1);
  const [a, b] = ['a', 'b'].map((name) => files.handle(`/a/${name}`));
  a!.foundUnsynced();
  read(a!);
  read(b!);
  expect(disk.synced).toEqual(['/a/a']);
});

test('while more than half of the files are dirty, the oldest are synced in the background', async () => {
  const { disk, files } = filesOf(10);
  const handles = Array.from({ length: 8 }, (_, i) => files.handle(`/a/${i}`));
  for (const handle of handles) handle.write(0, [ONE]);
  await later();
  expect(disk.synced).toEqual(['/a/0', '/a/1', '/a/2']);
  expect(handles.map((handle) => handle.isDirty).filter(Boolean).length).toBe(5);
});

test('a file that was written during its sync stays dirty', async () => {
  const { files } = filesOf(10);
  const handle = files.handle('/a/a');
  handle.write(0, [ONE]);
  handle.sync(() => {});
  handle.write(1, [ONE]);
  await later();
  expect(handle.isDirty).toBe(true);
  handle.sync(() => {});
  await later();
  expect(handle.isDirty).toBe(false);
});

test('if the sync before a close fails, the log of the file learns of it, and nobody else', () => {
  const { disk, files } = filesOf(1);
  const told: string[] = [];
  for (const log of ['/a', '/b'])
    files.lostWrites.listen(log, {
      lost: ({ code }) => told.push(`${log} lost ${code}`),
      tell: () => told.push(`${log} tell`),
    });
  disk.failing.add('/a/a');
  files.handle('/a/a').write(0, [ONE]);
  expect(read(writtenTo(files.handle('/b/b')))).toBe(1);
  expect(told).toEqual(['/a lost EIO', '/a tell']);
});

test('if a background sync fails, the log of the file learns of it', async () => {
  const { disk, files } = filesOf(2);
  const told: string[] = [];
  files.lostWrites.listen('/a', { lost: ({ code }) => told.push(code), tell: () => told.push('tell') });
  disk.failing.add('/a/a');
  files.handle('/a/a').write(0, [ONE]);
  files.handle('/a/b').write(0, [ONE]);
  await later();
  expect(told).toEqual(['EIO', 'tell']);
});

test('a loss during recovery leaves the file sync-failed, and ends the recovery', () => {
  const { disk, files } = filesOf(1);
  files.lostWrites.watch('/a');
  disk.failing.add('/a/a');
  files.handle('/a/a').write(0, [ONE]);
  files.handle('/b/b').file();
  expect(disk.exists(`/a/${FAILED_SYNC_FILE}`)).toBe(true);
  // Recovery removes the file when it has written the tail of the log again.
  disk.remove(`/a/${FAILED_SYNC_FILE}`);
  expect(() => files.lostWrites.check('/a')).toThrow('lost');
  expect(disk.exists(`/a/${FAILED_SYNC_FILE}`)).toBe(true);
  expect(() => files.lostWrites.check('/b')).not.toThrow();
});

test('the note of a loss needs a descriptor, and gets the one of the lost file', () => {
  const { disk, files } = filesOf(1);
  disk.descriptors = 1;
  disk.failing.add('/a/a');
  files.handle('/a/a').write(0, [ONE]);
  files.handle('/b/b').file();
  expect(disk.exists(`/a/${FAILED_SYNC_FILE}`)).toBe(true);
});

test('without descriptors, files are closed and the opening is tried again', () => {
  const { disk, files } = filesOf(1000);
  disk.descriptors = 20;
  for (let i = 0; i < 100; i++) files.handle(`/a/${i}`).file();
  expect([disk.open_.size <= 20, files.refusedOpens, disk.synced]).toEqual([true, 0, []]);
  for (let i = 0; i < 100; i++) writtenTo(files.handle(`/b/${i}`));
  expect([disk.open_.size <= 20, files.refusedOpens]).toEqual([true, 0]);
  expect(read(files.handle('/b/0'))).toBe(1);
});

test('if no file can be closed, the opening fails with a transient error and is counted', () => {
  const { disk, files } = filesOf(1000);
  disk.descriptors = 0;
  const open = (): unknown => files.handle('/a/a').file();
  expect(open).toThrow(expect.objectContaining({ code: 'EMFILE', isTransient: true }));
  expect(files.refusedOpens).toBe(1);
  disk.descriptors = 1;
  open();
  expect(files.refusedOpens).toBe(1);
});

test('a handle can be read after its file was closed for another one', () => {
  const { files } = filesOf(1);
  const a = writtenTo(files.handle('/a/a'));
  const b = writtenTo(files.handle('/a/b'));
  expect([read(a), read(b), read(a)]).toEqual([1, 1, 1]);
});

function writtenTo(handle: FileHandle): FileHandle {
  handle.write(0, [ONE]);
  return handle;
}
