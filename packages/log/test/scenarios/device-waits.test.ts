/**
 * Goal: rolls, flushes, new leader epochs and changes of topics do not make the event loop wait for the
 * device. If each roll waited, a hundred partitions that roll at once could block the event loop for longer
 * than the broker's session timeout. Method: a disk that counts the waits.
 */
import type { Uuid } from '@millrace/base';
import { MemoryDisk } from '@millrace/base/testing';
import { expect, test } from 'vitest';
import { append, batch, config, NOW, openDirectory, openLog } from '../support/logs.ts';

/** A disk whose syncs in the background end only in `finishSyncs`, which also ends those that follow. */
function slowDisk(): { disk: MemoryDisk; finishSyncs: () => void } {
  const waiting: (() => void)[] = [];
  const disk = new MemoryDisk((callback) => waiting.push(callback));
  const finishSyncs = (): void => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) next();
  };
  return { disk, finishSyncs };
}

test('rolls, flushes and new leader epochs of a hundred partitions at once do not wait for the device', () => {
  const { disk, finishSyncs } = slowDisk();
  const one = batch(1).length;
  const logs = Array.from({ length: 100 }, (_unused, index) =>
    openLog({
      disk,
      directory: `/logs/orders-${index}`,
      config: config({ segmentBytes: 2 * one, flushMessages: 1 }),
    }),
  );
  disk.deviceWaits = 0;
  const flushed: number[] = [];
  for (const log of logs) {
    for (let i = 0; i < 5; i++) append(log, batch(1), 3);
    log.assignLeaderEpoch(4, log.endOffset);
    log.flush((error) => {
      expect(error).toBeUndefined();
      flushed.push(log.recoveryPoint);
    });
  }
  expect(disk.deviceWaits).toBe(0);
  expect(flushed).toEqual([]);
  finishSyncs();
  expect(flushed).toHaveLength(100);
  expect(disk.deviceWaits).toBe(0);
  expect(new Set(flushed)).toEqual(new Set([5]));
  expect(logs.map((log) => log.segmentCount)).toEqual(logs.map(() => 3));
});

test('creating, deleting and recreating a topic does not wait for the device', () => {
  const { disk, finishSyncs } = slowDisk();
  const logs = openDirectory(disk);
  const make = (topicId: Uuid) => {
    for (let index = 0; index < 100; index++)
      append(logs.openLog('orders', index, { topicId, config: config(), nowWallMs: NOW }), batch(1), 3);
    logs.tick(NOW, [{ topic: 'orders', partition: 1, offset: 1 }]);
  };
  disk.deviceWaits = 0;
  make('aaaaaaaaaaaaaaaaaaaaaA' as Uuid);
  for (let index = 0; index < 100; index++) logs.deleteLog('orders', index);
  // The device gets the new checkpoint files, which have no entries for the deleted logs.
  finishSyncs();
  make('bbbbbbbbbbbbbbbbbbbbbA' as Uuid);
  logs.tick(NOW);
  expect(disk.deviceWaits).toBe(0);
});
