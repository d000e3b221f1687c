/** The producer snapshot files of a log: which are on the device, and which one replaces removed segments. */
import type { DiskError } from '@millrace/base';
import { MemoryDisk } from '@millrace/base/testing';
import { expect, test } from 'vitest';
import { ProducerStates } from '../../src/producers/producer-states.ts';
import { Snapshots } from '../../src/producers/snapshots.ts';

const FOLDER = '/log';

function snapshotsAt(...offsets: number[]): { disk: MemoryDisk; snapshots: Snapshots } {
  const disk = new MemoryDisk();
  disk.makeDirectory(FOLDER);
  disk.syncDirectory('/');
  const snapshots = new Snapshots(disk, FOLDER, []);
  for (const offset of offsets) snapshots.write(offset, new ProducerStates());
  return { disk, snapshots };
}

const synced = (sync: (done: (error?: DiskError) => void) => void) => new Promise((done) => sync(done));

test('a flush takes each written snapshot once, and the device then has it', async () => {
  const { disk, snapshots } = snapshotsAt(10, 20);
  const files = snapshots.takeUnsynced();
  expect(files.length).toBe(2);
  expect(snapshots.takeUnsynced()).toEqual([]);
  for (const file of files) await synced((done) => file.sync(done));
  disk.syncDirectory(FOLDER);
  disk.losePower();
  const names = disk.list(FOLDER);
  expect(new Snapshots(disk, FOLDER, names).newest(100)?.offset).toBe(20);
});

test('a snapshot that is removed before its sync does not come back', async () => {
  const { disk, snapshots } = snapshotsAt(10, 20);
  const files = snapshots.takeUnsynced();
  snapshots.removeWhere(() => true);
  const [first, second] = files;
  await synced((done) => first!.sync(done));
  second!.syncNow();
  expect(disk.list(FOLDER)).toEqual([]);
  snapshots.write(30, new ProducerStates());
  snapshots.markDeletedBelow(40);
  expect(snapshots.takeUnsynced()).toEqual([]);
});

test('the oldest snapshot from an offset on is unchanged until it is written again or removed', () => {
  const { snapshots } = snapshotsAt(10, 20);
  expect(snapshots.oldestFrom(21)).toBeUndefined();
  const found = snapshots.oldestFrom(11)!;
  expect(found.name).toBe('00000000000000000020.snapshot');
  snapshots.write(30, new ProducerStates());
  expect(found.isUnchanged()).toBe(true);
  snapshots.write(20, new ProducerStates());
  expect(found.isUnchanged()).toBe(false);
  const again = snapshots.oldestFrom(11)!;
  snapshots.removeWhere((offset) => offset === 20);
  expect(again.isUnchanged()).toBe(false);
});
