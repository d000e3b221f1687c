/** What `syncFiles` does if it finds no descriptor, and which error it reports. */
import { DiskError } from '@millrace/base';
import { MemoryDisk } from '@millrace/base/testing';
import { expect, test } from 'vitest';
import { syncFiles } from '../../src/files/sync-files.ts';

class FullTable extends MemoryDisk {
  opensLeft = Number.POSITIVE_INFINITY;
  openFiles = 0;

  override open(path: string) {
    if (this.opensLeft-- <= 0) throw new DiskError('EMFILE', `${path}: too many open files`);
    const file = super.open(path);
    const close = file.close.bind(file);
    this.openFiles++;
    file.close = () => {
      this.openFiles--;
      close();
    };
    return file;
  }
}

test('a file that cannot be opened: the call throws, keeps no file open, and does not call back', () => {
  const disk = new FullTable((callback) => callback());
  disk.makeDirectory('/data');
  disk.opensLeft = 1;
  let calls = 0;
  const sync = () => syncFiles(disk, '/data', ['a', 'b'], () => calls++);
  expect(sync).toThrow('too many open files');
  expect([disk.openFiles, calls]).toEqual([0, 0]);
  disk.opensLeft = 9;
  sync();
  expect([disk.openFiles, calls]).toEqual([0, 1]);
});

test('a lost write counts more than a folder that could not be opened', () => {
  for (const [file, folder, reported] of [
    ['EIO', 'EMFILE', 'EIO'],
    ['EMFILE', 'EIO', 'EIO'],
    ['ENOSPC', 'EIO', 'ENOSPC'],
    ['EMFILE', undefined, 'EMFILE'],
  ] as const) {
    class Failing extends MemoryDisk {
      override open(path: string): ReturnType<MemoryDisk['open']> {
        return { ...super.open(path), sync: (done) => done(new DiskError(file, path)), close: () => {} };
      }
      override syncFolder(path: string, done: (error?: DiskError) => void): void {
        done(folder && new DiskError(folder, path));
      }
    }
    const disk = new Failing();
    disk.makeDirectory('/data');
    const codes: (string | undefined)[] = [];
    syncFiles(disk, '/data', ['a'], (error) => codes.push(error?.code));
    expect(codes).toEqual([reported]);
  }
});
