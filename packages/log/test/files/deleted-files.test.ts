/** Marks files for a later removal, and unlinks them in the background. */
import { DiskError } from '@millrace/base';
import { MemoryDisk } from '@millrace/base/testing';
import { expect, test } from 'vitest';
import { markDeleted, Unlinker } from '../../src/files/deleted-files.ts';

test('marking renames a file, replaces an earlier one, and ignores a missing one', () => {
  const disk = new MemoryDisk();
  disk.writeFileAtomic('/a/1.log', new Uint8Array([1]));
  disk.writeFileAtomic('/a/1.log.deleted', new Uint8Array([2, 2]));
  expect(markDeleted(disk, '/a/1.log')).toBe('/a/1.log.deleted');
  expect(disk.list('/a')).toEqual(['1.log.deleted']);
  expect(disk.readFile('/a/1.log.deleted')).toEqual(new Uint8Array([1]));
  expect(markDeleted(disk, '/a/1.log')).toBeUndefined();
});

test('marking reports any other error', () => {
  class Failing extends MemoryDisk {
    override rename(from: string): void {
      throw new DiskError('EACCES', `${from}: permission denied`);
    }
  }
  expect(() => markDeleted(new Failing(), '/a/1.log')).toThrow('permission denied');
});

test('files are unlinked one at a time, in order, and later ones join the queue', () => {
  const ends: (() => void)[] = [];
  const begun: string[] = [];
  class Slow extends MemoryDisk {
    override removeInBackground(path: string, done?: () => void): void {
      begun.push(path);
      ends.push(done!);
    }
  }
  const unlinker = new Unlinker(new Slow());
  unlinker.unlink(['/a', '/b']);
  unlinker.unlink(['/c']);
  expect([begun, unlinker.size]).toEqual([['/a'], 2]);
  ends.shift()!();
  expect(begun).toEqual(['/a', '/b']);
  ends.shift()!();
  ends.shift()!();
  expect([begun, unlinker.size]).toEqual([['/a', '/b', '/c'], 0]);
  unlinker.unlink(['/d']);
  expect(begun.at(-1)).toBe('/d');
});
