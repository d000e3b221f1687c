/** Goal: if a file cannot be opened because too many are open, `syncFiles` leaves no other file open. */
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
