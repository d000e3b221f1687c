/**
 * Goal: after a flush, a power loss removes neither the partition's folder nor the names of its files.
 * Method: a disk that notes which folders were synced.
 */
import { MemoryDisk } from '@millrace/base/testing';
import { expect, test } from 'vitest';
import { append, batch, openLog } from '../support/logs.ts';

class NotingDisk extends MemoryDisk {
  readonly synced: string[] = [];
  override syncFolder(directory: string, done: () => void): void {
    this.synced.push(directory);
    done();
  }
}

test('only the first flush syncs the names of the files and of the folder itself', () => {
  const disk = new NotingDisk((callback) => callback());
  const log = openLog({ disk, directory: '/logs/orders-0' });
  append(log, batch(1));
  disk.synced.length = 0;
  log.flush(() => {});
  expect(disk.synced).toEqual(['/logs/orders-0', '/logs']);
  append(log, batch(1));
  log.flush(() => {});
  expect(disk.synced).toHaveLength(2);
});
