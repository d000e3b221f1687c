import { ManualClock } from '@millrace/base/testing';
import { expect, test } from 'vitest';
import { SnapshotSchedule } from '../src/snapshot-schedule.ts';

/** A schedule whose snapshots begin at once, unless `isBusy`. */
function scheduled(config: { maxBytes: number; intervalMs: number }) {
  const clock = new ManualClock();
  const taken: number[] = [];
  const state = { isBusy: false };
  const schedule = new SnapshotSchedule(clock, { ...config, partBytes: 1 }, () => {
    if (state.isBusy) return;
    taken.push(clock.monotonicMs());
    schedule.taken();
  });
  const commit = (bytes: number) =>
    schedule.committed([{ baseOffset: 0, epoch: 1, records: [new Uint8Array(bytes)] }]);
  return { clock, taken, schedule, commit, state, start: clock.monotonicMs() };
}

test('a snapshot is due after so many bytes', () => {
  const { taken, commit, schedule } = scheduled({ maxBytes: 100, intervalMs: 0 });
  commit(60);
  expect([taken.length, schedule.bytesSince]).toEqual([0, 60]);
  commit(40);
  expect([taken.length, schedule.bytesSince]).toEqual([1, 0]);
});

test('a snapshot is due when the last one is old, but only if there are records since', () => {
  const { clock, taken, commit, start } = scheduled({ maxBytes: 100, intervalMs: 1000 });
  clock.advance(5000);
  expect(taken).toEqual([]);
  commit(1);
  expect(taken).toEqual([start + 5000]);
  clock.advance(300);
  commit(1);
  clock.advance(10_000);
  expect(taken).toEqual([start + 5000, start + 6000]);
});

test('a snapshot that is due while another one is written begins after it', () => {
  const { taken, commit, schedule, state } = scheduled({ maxBytes: 100, intervalMs: 0 });
  state.isBusy = true;
  commit(150);
  expect(taken).toHaveLength(0);
  state.isBusy = false;
  schedule.check();
  expect(taken).toHaveLength(1);
});

test('no timer is left after `stop`', () => {
  const { clock, taken, commit, schedule } = scheduled({ maxBytes: 100, intervalMs: 1000 });
  commit(1);
  schedule.stop();
  clock.advance(5000);
  expect(taken).toEqual([]);
});
