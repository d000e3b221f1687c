/** Recovery completes a swap of the cleaner, and its syncs may fail. */
import { DiskError } from '@millrace/base';
import { MemoryDisk } from '@millrace/base/testing';
import { expect, test } from 'vitest';
import { append, batch, DIRECTORY, openLog } from '../support/logs.ts';

/** A log of two batches whose only segment waits to be put in its place. */
function swapping(): MemoryDisk {
  const disk = new MemoryDisk();
  const log = openLog({ disk });
  append(log, batch(2));
  log.close({ clean: false });
  const path = `${DIRECTORY}/00000000000000000000.log`;
  disk.rename(path, `${path}.swap`);
  return disk;
}

test('recovery completes an interrupted swap', () => {
  const disk = swapping();
  expect(openLog({ disk }).endOffset).toBe(2);
  expect(disk.list(DIRECTORY).filter((name) => name.endsWith('.swap'))).toEqual([]);
});

test('if a sync of the names fails, recovery notes the failed sync', () => {
  const disk = swapping();
  const sync = disk.syncDirectory.bind(disk);
  disk.syncDirectory = (path) => {
    throw new DiskError('EIO', `${path}: input/output error`);
  };
  expect(() => openLog({ disk })).toThrow('input/output error');
  expect(disk.exists(`${DIRECTORY}/sync-failed`)).toBe(true);
  disk.syncDirectory = sync;
  expect(openLog({ disk }).endOffset).toBe(2);
  expect(disk.exists(`${DIRECTORY}/sync-failed`)).toBe(false);
});
