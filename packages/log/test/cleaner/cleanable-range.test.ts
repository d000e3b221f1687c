/** Which part of a log may be cleaned, and when. */
import { expect, test } from 'vitest';
import {
  type CleanableSegment,
  type CleaningBounds,
  type CleaningLimits,
  cleanableRange,
} from '../../src/cleaner/cleanable-range.ts';
import { NOW } from '../support/logs.ts';

/**
 * Five segments of 100 bytes and 10 offsets; the last one is active. Each is one second younger than the one
 * before it.
 */
const AGES = [5000, 4000, 3000, 2000, 1000];
const SEGMENTS: CleanableSegment[] = AGES.map((ageMs, index) => ({
  baseOffset: index * 10,
  sizeBytes: 100,
  newestTimestamp: () => NOW - ageMs,
  firstTimestamp: () => NOW - ageMs - 500,
}));

function range(
  bounds: Partial<CleaningBounds> = {},
  limits: Partial<CleaningLimits> = {},
  segments = SEGMENTS,
) {
  return cleanableRange(
    segments,
    {
      minCleanableDirtyRatio: 0.5,
      minCompactionLagMs: 0,
      maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
      ...limits,
    },
    {
      cleanedTo: undefined,
      endOffset: 45,
      highWatermark: 45,
      recoveryPoint: 45,
      nowWallMs: NOW,
      ...bounds,
    },
  );
}

test('a log that was never cleaned is dirty up to its active segment', () => {
  expect(range()).toEqual({
    ok: true,
    totalBytes: 400,
    firstDirtyOffset: 0,
    endOffset: 40,
    dirtyBytes: 400,
    dirtyRatio: 1,
    overdueMs: 0,
    isDue: true,
  });
});

test('the dirty share decides', () => {
  expect(range({ cleanedTo: 20 })).toMatchObject({ firstDirtyOffset: 20, dirtyRatio: 0.5, isDue: false });
  expect(range({ cleanedTo: 10 })).toMatchObject({ firstDirtyOffset: 10, dirtyRatio: 0.75, isDue: true });
  expect(range({ cleanedTo: 20 }, { minCleanableDirtyRatio: 0.49 }).isDue).toBe(true);
  expect(range({ cleanedTo: 40 }, { minCleanableDirtyRatio: 0 })).toMatchObject({
    dirtyBytes: 0,
    isDue: false,
  });
});

test('a cleaning that ended within a segment counts the whole segment as dirty', () => {
  expect(range({ cleanedTo: 25 })).toMatchObject({ firstDirtyOffset: 25, dirtyBytes: 200, dirtyRatio: 0.5 });
});

test('nothing at or above the high watermark or the recovery point is cleaned', () => {
  for (const bound of ['highWatermark', 'recoveryPoint'] as const) {
    expect(range({ [bound]: 30 }).endOffset).toBe(30);
    expect(range({ [bound]: 29 }).endOffset).toBe(20);
    expect(range({ [bound]: 5 })).toMatchObject({ endOffset: 0, dirtyBytes: 0, isDue: false });
    expect(range({ [bound]: 5, cleanedTo: 20 })).toMatchObject({
      endOffset: 20,
      dirtyBytes: 0,
      isDue: false,
    });
  }
});

test('a segment with a record younger than min.compaction.lag.ms waits, and so do all later ones', () => {
  expect(range({}, { minCompactionLagMs: 3001 }).endOffset).toBe(20);
  expect(range({}, { minCompactionLagMs: 3000 }).endOffset).toBe(30);
  expect(range({ cleanedTo: 30 }, { minCompactionLagMs: 6000 })).toMatchObject({
    endOffset: 30,
    isDue: false,
  });
});

test('max.compaction.lag.ms makes a log due, however small its dirty part is', () => {
  const limits = { maxCompactionLagMs: 2499, minCleanableDirtyRatio: 1 };
  expect(range({ cleanedTo: 30 }, limits)).toMatchObject({ overdueMs: 1, isDue: true });
  expect(range({ cleanedTo: 30 }, { ...limits, maxCompactionLagMs: 2500 }).isDue).toBe(false);
  expect(range({ cleanedTo: 40 }, limits).isDue).toBe(false);
  // Records without a timestamp do not count.
  const timeless = SEGMENTS.map((one) => ({ ...one, firstTimestamp: () => -1 }));
  expect(range({ cleanedTo: 30 }, limits, timeless).isDue).toBe(false);
});

test('a checkpoint outside of the log counts as none', () => {
  expect(range({ cleanedTo: 5 }, {}, SEGMENTS.slice(1)).firstDirtyOffset).toBe(10);
  expect(range({ cleanedTo: 46 }).firstDirtyOffset).toBe(0);
});
