/** When a group commit starts a flush, and what it does after a flush that failed. */
import { DiskError } from '@millrace/base';
import type { PartitionLog } from '@millrace/log';
import { expect, test } from 'vitest';
import { DeviceSync } from '../../src/partition/device-sync.ts';

function setUp() {
  const calls: string[] = [];
  const flushes: ((error?: DiskError) => void)[] = [];
  const waiting: (() => void)[] = [];
  const log = { offline: undefined as string | undefined, flush: (done: () => void) => flushes.push(done) };
  const ports = {
    soon: (callback: () => void) => callback(),
    after: (delayMs: number, callback: () => void) => {
      calls.push(`after ${delayMs}`);
      waiting.push(callback);
      return () => {};
    },
  };
  const sync = new DeviceSync(log as unknown as PartitionLog, {
    ports,
    synced: () => calls.push('synced'),
    failed: ({ code }) => calls.push(`failed ${code}`),
  });
  return { calls, flushes, waiting, log, sync };
}

test('a flush that found no descriptor is tried again later, and nothing counts as synced meanwhile', () => {
  const { calls, flushes, waiting, sync } = setUp();
  sync.request();
  flushes.shift()!(new DiskError('EMFILE', 'too many open files'));
  sync.request();
  expect([calls, flushes.length]).toEqual([['after 500'], 0]);
  waiting.shift()!();
  flushes.shift()!();
  expect(calls).toEqual(['after 500', 'synced']);
});

test('a flush that took the log offline is not tried again', () => {
  const { calls, flushes, log, sync } = setUp();
  sync.request();
  log.offline = 'EIO: lost';
  flushes.shift()!(new DiskError('EIO', 'lost'));
  expect(calls).toEqual(['failed EIO']);
});

test('after a stop, no flush is tried again', () => {
  const { flushes, waiting, sync } = setUp();
  sync.request();
  flushes.shift()!(new DiskError('EMFILE', 'too many open files'));
  sync.stop();
  waiting.shift()!();
  expect(flushes.length).toBe(0);
});
