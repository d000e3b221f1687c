/**
 * Goal: `FreeSpace` notices a shortage before the disk is full. It notices the end of the shortage by itself.
 */
import { Timers } from '@millrace/base';
import { ManualClock, MemoryLogger } from '@millrace/base/testing';
import { expect, test } from 'vitest';
import { FreeSpace } from '../src/free-space.ts';

const MIN_FREE = 1000;

class Guarded {
  readonly clock = new ManualClock();
  readonly logger = new MemoryLogger();
  usableBytes: number | undefined = 1_000_000;
  minFreeBytes = MIN_FREE;
  measurements = 0;
  readonly space = new FreeSpace({
    directory: '/data',
    timers: new Timers(this.clock),
    logger: this.logger,
    minFreeBytes: () => this.minFreeBytes,
    usableBytes: () => {
      this.measurements++;
      return this.usableBytes;
    },
  });

  get events(): string[] {
    return this.logger.events.map(({ event }) => event);
  }
}

test('a look that finds less than min.free.bytes begins a shortage, with a reason for the operator', () => {
  const guarded = new Guarded();
  guarded.space.look();
  expect(guarded.space.shortage).toBeUndefined();
  guarded.usableBytes = MIN_FREE;
  guarded.space.look();
  expect(guarded.space.shortage).toBeUndefined();
  guarded.usableBytes = MIN_FREE - 1;
  guarded.space.look();
  expect(guarded.space.shortage).toBe('/data has 999 bytes free, less than min.free.bytes (1000)');
  expect(guarded.events).toEqual(['disk-space-low']);
});

test('`FreeSpace` counts the bytes of appends, and measures again when they may have used up the room', () => {
  const guarded = new Guarded();
  guarded.usableBytes = 5000;
  guarded.space.look();
  guarded.space.used(3999);
  expect(guarded.measurements).toBe(1);
  guarded.usableBytes = 400;
  guarded.space.used(2);
  expect(guarded.measurements).toBe(2);
  expect(guarded.space.shortage).toBeDefined();
  // Coordinators lack room now, too. So appends cause no more measurements. Only the passing of time does.
  guarded.space.used(10_000);
  expect(guarded.measurements).toBe(2);
});

test('a shortage ends by itself within a second, but only when a tenth more than min.free.bytes is free', () => {
  const guarded = new Guarded();
  guarded.usableBytes = 0;
  guarded.space.look();
  guarded.usableBytes = MIN_FREE + 99;
  guarded.clock.advance(1000);
  expect(guarded.space.shortage).toBe(
    '/data has 1099 bytes free, less than min.free.bytes (1000) plus a tenth',
  );
  guarded.usableBytes = MIN_FREE + 100;
  guarded.clock.advance(1000);
  expect(guarded.space.shortage).toBeUndefined();
  expect(guarded.events).toEqual(['disk-space-low', 'disk-space-critical', 'disk-space-recovered']);
  const { measurements } = guarded;
  guarded.clock.advance(60_000);
  expect(guarded.measurements).toBe(measurements);
});

test('the limit for records of coordinators is half of min.free.bytes', () => {
  const guarded = new Guarded();
  guarded.usableBytes = MIN_FREE - 1;
  guarded.space.look();
  expect(guarded.space.shortage).toBeDefined();
  expect(guarded.space.coordinatorShortage).toBeUndefined();
  // Appends of coordinators count, too, so that coordinators stop in time.
  guarded.space.used(499);
  expect(guarded.measurements).toBe(1);
  guarded.usableBytes = 499;
  guarded.space.used(1);
  expect(guarded.measurements).toBe(2);
  expect(guarded.space.coordinatorShortage).toBe(
    '/data has 499 bytes free, less than half of min.free.bytes (1000)',
  );
  expect(guarded.events).toEqual(['disk-space-low', 'disk-space-critical']);
  guarded.usableBytes = 549;
  guarded.clock.advance(1000);
  expect(guarded.space.coordinatorShortage).toBe(
    '/data has 549 bytes free, less than half of min.free.bytes (1000) plus a tenth',
  );
  guarded.usableBytes = 550;
  guarded.clock.advance(1000);
  expect(guarded.space.coordinatorShortage).toBeUndefined();
  expect(guarded.space.shortage).toBeDefined();
  expect(guarded.events).toEqual(['disk-space-low', 'disk-space-critical']);
});

test('failed appends cause at most one measurement in 100 ms, and a later failure causes the next one', () => {
  const guarded = new Guarded();
  guarded.space.look();
  guarded.clock.advance(200);
  for (let i = 0; i < 1000; i++) guarded.space.appendFailed();
  expect(guarded.measurements).toBe(2);
  // The last measurement found room. After that measurement, another program filled the disk.
  guarded.usableBytes = 0;
  guarded.space.appendFailed();
  expect(guarded.space.shortage).toBeUndefined();
  guarded.clock.advance(100);
  guarded.space.appendFailed();
  expect(guarded.measurements).toBe(3);
  expect(guarded.space.shortage).toBeDefined();
});

test('each look reads min.free.bytes again, because requests may change it', () => {
  const guarded = new Guarded();
  guarded.usableBytes = 5000;
  guarded.space.look();
  guarded.minFreeBytes = 6000;
  guarded.space.look();
  expect(guarded.space.shortage).toBeDefined();
  guarded.minFreeBytes = 0;
  guarded.clock.advance(1000);
  expect(guarded.space.shortage).toBeUndefined();
});

test('with min.free.bytes=0 there is no shortage, even on a full disk', () => {
  const guarded = new Guarded();
  guarded.minFreeBytes = 0;
  guarded.usableBytes = 0;
  guarded.space.look();
  guarded.space.used(1);
  expect(guarded.space.shortage).toBeUndefined();
});

test('temporary files have room if they leave half of min.free.bytes', () => {
  const guarded = new Guarded();
  guarded.minFreeBytes = 1000;
  guarded.usableBytes = 700;
  expect(guarded.space.lackFor(200)).toBeUndefined();
  expect(guarded.space.lackFor(201)).toMatch(/700 bytes free, less than 201 for a copy/);
  guarded.usableBytes = undefined;
  expect(guarded.space.lackFor(201)).toBeUndefined();
});

test('if the file system does not answer, no shortage begins or ends', () => {
  const guarded = new Guarded();
  guarded.usableBytes = undefined;
  guarded.space.look();
  expect(guarded.space.shortage).toBeUndefined();
  guarded.usableBytes = 0;
  guarded.space.look();
  guarded.usableBytes = undefined;
  guarded.clock.advance(5000);
  expect(guarded.space.shortage).toBeDefined();
});
