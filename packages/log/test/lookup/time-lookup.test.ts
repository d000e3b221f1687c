/**
 * Goal: a lookup by time does not block the event loop, however many segments the log has. Method: a log that
 * was just opened knows no timestamp of its segments; a disk counts the files that each turn opens.
 */
import { MemoryDisk } from '@millrace/base/testing';
import type { Timestamp } from '@millrace/protocol';
import { expect, test } from 'vitest';
import type { PartitionLog } from '../../src/index.ts';
import { append, batch, NOW, openLog } from '../support/logs.ts';

const SEGMENTS = 200;
/** A turn's work, and the segments that it may look at. */
const TURN_WORK = 1_048_576;
const LOOKS_MAX = 22;

/** Segment i has one record with timestamp NOW + i. */
function opened(): { readonly log: PartitionLog; readonly looks: () => number } {
  const disk = new MemoryDisk();
  const o = { disk, config: { segmentBytes: batch(1, { timestamps: [NOW] }).length } };
  const first = openLog(o);
  for (let i = 0; i < SEGMENTS; i++) append(first, batch(1, { timestamps: [NOW + i] }));
  first.close({ clean: true });
  const log = openLog({ ...o, cleanShutdown: true });
  let looks = 0;
  for (const segment of (log as unknown as { segments: { list: object[] } }).segments.list) {
    const { largestTimestamp } = segment as { largestTimestamp: () => unknown };
    Object.assign(segment, {
      largestTimestamp: () => {
        if (!(segment as { knowsLargestTimestamp: boolean }).knowsLargestTimestamp) looks++;
        return largestTimestamp.call(segment);
      },
    });
  }
  return {
    log,
    looks: () => {
      const count = looks;
      looks = 0;
      return count;
    },
  };
}

test('a lookup by time looks at few segments in one turn', () => {
  const { log, looks } = opened();
  const byTurn: number[] = [];
  let behind: { nextOffset: number; timestamp: Timestamp } | undefined;
  for (;;) {
    const found = log.times.find(NOW + SEGMENTS - 5, { work: TURN_WORK }, behind);
    byTurn.push(looks());
    if (found !== undefined && 'nextOffset' in found && !('batch' in found)) {
      behind = found;
      continue;
    }
    expect(found).toMatchObject({ offset: SEGMENTS - 5 });
    break;
  }
  expect(Math.max(...byTurn)).toBeLessThan(LOOKS_MAX);
  expect(byTurn.length).toBeGreaterThan(8);
});

test('a lookup of the largest timestamp looks at few segments in one turn, and ends even if later turns have no work to spend', () => {
  const { log, looks } = opened();
  const byTurn: number[] = [];
  let found: unknown;
  for (let work = TURN_WORK; typeof found !== 'number'; work = byTurn.length > 4 ? 0 : TURN_WORK) {
    found = log.times.largest({ work });
    byTurn.push(looks());
  }
  expect(found).toBe(NOW + SEGMENTS - 1);
  expect(Math.max(...byTurn)).toBeLessThan(LOOKS_MAX);
  // Without work to spend, each turn looks at one segment.
  expect(new Set(byTurn.slice(6))).toEqual(new Set([1]));
});
