/** Kafka's rules for the removal of old segments, and a comparison with a naive twin for random logs. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type ExpiredSegments,
  expiredSegments,
  type LogBounds,
  type RetainedSegment,
  type RetentionLimits,
} from '../../src/segment/expired-segments.ts';

const NO_LIMITS: RetentionLimits = { deletesOldRecords: true, retentionMs: -1, retentionBytes: -1 };

interface Made {
  readonly baseOffset: number;
  readonly sizeBytes: number;
  readonly newest: number | bigint;
}

const segment = ({ newest, ...rest }: Made): RetainedSegment => ({ ...rest, newestTimestamp: () => newest });

/**
 * One segment of ten offsets and 100 bytes for each of these newest timestamps. The log ends where the last
 * segment ends.
 */
function segments(...newest: (number | bigint)[]): RetainedSegment[] {
  return newest.map((one, index) => segment({ baseOffset: index * 10, sizeBytes: 100, newest: one }));
}

function counts(
  list: readonly RetainedSegment[],
  limits: Partial<RetentionLimits>,
  bounds: Partial<LogBounds> = {},
): number[] {
  const endOffset = list.length * 10;
  const { byStart, bySize, byTime, count } = expiredSegments(
    list,
    { ...NO_LIMITS, ...limits },
    { startOffset: 0, endOffset, highWatermark: endOffset, nowWallMs: 1000, ...bounds },
  );
  expect(count).toBe(byStart + bySize + byTime);
  return [byStart, bySize, byTime];
}

test('time: the oldest segments expire, as long as their newest records are older than retention.ms', () => {
  expect(counts(segments(100, 200, 800, 100), { retentionMs: 500 })).toEqual([0, 0, 2]);
  expect(counts(segments(500, 499), { retentionMs: 500 })).toEqual([0, 0, 0]);
  expect(counts(segments(499, 500), { retentionMs: 500 })).toEqual([0, 0, 1]);
  expect(counts(segments(0), { retentionMs: -1 })).toEqual([0, 0, 0]);
  // A client may write nanoseconds: such a segment never expires, as in Kafka.
  expect(counts(segments(2n ** 62n), { retentionMs: 0 })).toEqual([0, 0, 0]);
});

test('time: the active segment expires, too, unless it is empty', () => {
  expect(counts(segments(100, 100), { retentionMs: 500 })).toEqual([0, 0, 2]);
  const empty = segment({ baseOffset: 10, sizeBytes: 0, newest: 0 });
  const list = [...segments(100), empty];
  expect(counts(list, { retentionMs: 500 }, { endOffset: 10, highWatermark: 10 })).toEqual([0, 0, 1]);
});

test('size: a segment expires if the rest of the log still has retention.bytes', () => {
  expect(counts(segments(0, 0, 0, 0), { retentionBytes: 200 })).toEqual([0, 2, 0]);
  expect(counts(segments(0, 0, 0, 0), { retentionBytes: 201 })).toEqual([0, 1, 0]);
  expect(counts(segments(0, 0), { retentionBytes: 0 })).toEqual([0, 2, 0]);
  expect(counts(segments(0, 0), { retentionBytes: 1000 })).toEqual([0, 0, 0]);
});

test('start offset: segments wholly below it expire, and the size counts the others only', () => {
  expect(counts(segments(0, 0, 0), {}, { startOffset: 19 })).toEqual([1, 0, 0]);
  expect(counts(segments(0, 0, 0), {}, { startOffset: 20 })).toEqual([2, 0, 0]);
  expect(counts(segments(0, 0, 0), {}, { startOffset: 30 })).toEqual([2, 0, 0]);
  expect(counts(segments(0, 0, 0, 0), { retentionBytes: 200 }, { startOffset: 10 })).toEqual([1, 1, 0]);
});

test('no limit removes a segment that holds an offset at or above the high watermark', () => {
  const limits = { retentionMs: 0, retentionBytes: 0 };
  expect(counts(segments(0, 0, 0), limits, { highWatermark: 19 })).toEqual([0, 1, 0]);
  expect(counts(segments(0, 0, 0), limits, { highWatermark: 20 })).toEqual([0, 2, 0]);
  expect(counts(segments(0, 0, 0), limits, { highWatermark: 29 })).toEqual([0, 2, 0]);
  expect(counts(segments(0, 0, 0), limits, { highWatermark: 0 })).toEqual([0, 0, 0]);
});

test('a compact-only topic loses segments by the log start offset only', () => {
  const limits = { deletesOldRecords: false, retentionMs: 0, retentionBytes: 0 };
  expect(counts(segments(0, 0, 0), limits, { startOffset: 10 })).toEqual([1, 0, 0]);
});

test('retention reads the timestamps of no more than one segment that stays', () => {
  const read: number[] = [];
  const list = [100, 900, 100].map((newest, index) => ({
    baseOffset: index * 10,
    sizeBytes: 100,
    newestTimestamp: () => {
      read.push(index);
      return newest;
    },
  }));
  counts(list, { retentionMs: 500 });
  expect(read).toEqual([0, 1]);
  read.length = 0;
  counts(list, { retentionBytes: 300 });
  expect(read).toEqual([]);
});

/** Kafka's procedure, literally: three passes, each of which removes the oldest segment while it may. */
function naive(made: readonly Made[], limits: RetentionLimits, bounds: LogBounds): ExpiredSegments {
  const left = [...made];
  const size = () => left.reduce((sum, one) => sum + one.sizeBytes, 0);
  const pass = (mayGo: (first: Made) => boolean): number => {
    let removed = 0;
    while (left.length > 0) {
      const [first, second] = left as [Made, Made | undefined];
      const holdsUpTo = second === undefined ? bounds.endOffset : second.baseOffset;
      if (second === undefined && first.sizeBytes === 0) break;
      if (holdsUpTo > bounds.highWatermark) break;
      if (!mayGo(first)) break;
      left.shift();
      removed++;
    }
    return removed;
  };
  const byStart = pass(() => left.length > 1 && left[1]!.baseOffset <= bounds.startOffset);
  let bySize = 0;
  let byTime = 0;
  if (limits.deletesOldRecords) {
    if (limits.retentionBytes >= 0)
      bySize = pass((first) => size() - first.sizeBytes >= limits.retentionBytes);
    if (limits.retentionMs >= 0)
      byTime = pass((first) => Number(first.newest) < bounds.nowWallMs - limits.retentionMs);
  }
  return { byStart, bySize, byTime, count: byStart + bySize + byTime, hasMore: false };
}

const log = fc
  .array(fc.record({ offsets: fc.nat(3), sizeBytes: fc.nat(3), newest: fc.integer({ min: -1, max: 10 }) }), {
    minLength: 1,
    maxLength: 8,
  })
  .map((parts) => {
    let baseOffset = 0;
    const made: Made[] = parts.map(({ offsets, sizeBytes, newest }) => {
      const one = { baseOffset, sizeBytes: offsets === 0 ? 0 : sizeBytes + 1, newest };
      baseOffset += offsets;
      return one;
    });
    return { made, endOffset: baseOffset };
  });

test('the rule takes the same segments as its naive twin, and never an offset at or above the high watermark', () => {
  fc.assert(
    fc.property(
      log,
      fc.record({
        deletesOldRecords: fc.boolean(),
        retentionMs: fc.integer({ min: -1, max: 10 }),
        retentionBytes: fc.integer({ min: -1, max: 30 }),
      }),
      fc.nat(24),
      fc.nat(24),
      fc.integer({ min: 0, max: 12 }),
      ({ made, endOffset }, limits, start, mark, nowWallMs) => {
        const highWatermark = Math.min(mark, endOffset);
        const bounds = { startOffset: Math.min(start, highWatermark), endOffset, highWatermark, nowWallMs };
        const expired = expiredSegments(made.map(segment), limits, bounds);
        expect(expired).toEqual(naive(made, limits, bounds));
        expect(made[expired.count]?.baseOffset ?? endOffset).toBeLessThanOrEqual(
          Math.max(highWatermark, made[0]!.baseOffset),
        );
      },
    ),
    { numRuns: 2000 },
  );
});
