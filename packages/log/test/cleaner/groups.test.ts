/** Groups of segments: all segments in order, and no group larger than a segment may be. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type GroupedSegment, groupSegments } from '../../src/cleaner/groups.ts';
import { GROUP_SEGMENTS_MAX, RELATIVE_OFFSET_MAX } from '../../src/limits.ts';

function segment(baseOffset: number, sizeBytes: number, o: Partial<GroupedSegment> = {}): GroupedSegment {
  return { baseOffset, sizeBytes, offsetIndexBytes: 8, timeIndexBytes: 12, hasTransactionIndex: false, ...o };
}

const LIMITS = { segmentBytes: 100, segmentIndexBytes: 40 };

function basesOf(segments: GroupedSegment[], endOffset = 1000): number[][] {
  return groupSegments(segments, endOffset, LIMITS).map((group) => group.map(({ baseOffset }) => baseOffset));
}

test('neighbours share a group as long as they fit into one segment', () => {
  expect(
    basesOf([segment(0, 60), segment(10, 40), segment(20, 1), segment(30, 200), segment(40, 1)]),
  ).toEqual([[0, 10], [20], [30], [40]]);
});

test('the indexes must fit, too', () => {
  expect(basesOf([0, 10, 20, 30, 40].map((base) => segment(base, 1)))).toEqual([
    [0, 10, 20],
    [30, 40],
  ]);
});

test('the offsets of a group fit into its index', () => {
  const far = RELATIVE_OFFSET_MAX;
  expect(basesOf([segment(0, 1), segment(10, 1)], far + 1)).toEqual([[0, 10]]);
  expect(basesOf([segment(0, 1), segment(10, 1)], far + 2)).toEqual([[0], [10]]);
});

test('a group of many small segments is bounded, because one turn renames all their files', () => {
  const one = (_: unknown, index: number) => segment(index, 1, { offsetIndexBytes: 0, timeIndexBytes: 0 });
  const segments = Array.from({ length: 2 * GROUP_SEGMENTS_MAX + 1 }, one);
  const groups = groupSegments(segments, 1000, { ...LIMITS, segmentBytes: 1_000_000 });
  expect(groups.map(({ length }) => length)).toEqual([GROUP_SEGMENTS_MAX, GROUP_SEGMENTS_MAX, 1]);
});

test('a segment with an index of aborted transactions stays alone', () => {
  const segments = [0, 10, 20, 30].map((base) => segment(base, 1, { hasTransactionIndex: base === 10 }));
  expect(basesOf(segments)).toEqual([[0], [10], [20, 30]]);
});

test('every segment is in one group, in order', () => {
  const sizes = fc.array(fc.nat(120), { maxLength: 12 });
  fc.assert(
    fc.property(sizes, (all) => {
      const segments = all.map((sizeBytes, index) => segment(index * 10, sizeBytes));
      const groups = groupSegments(segments, 1000, LIMITS);
      expect(groups.flat()).toEqual(segments);
      for (const group of groups)
        if (group.length > 1)
          expect(group.reduce((sum, one) => sum + one.sizeBytes, 0)).toBeLessThanOrEqual(100);
    }),
  );
});
