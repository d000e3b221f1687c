/** Goal: retention does little in each turn, and at the right times. Method: stand-ins for replicas. */
import { Timers } from '@millrace/base';
import { ManualClock } from '@millrace/base/testing';
import type { ExpireResult, LogDirectory, RemovedSegment } from '@millrace/log';
import { Metrics } from '@millrace/metrics';
import { expect, test } from 'vitest';
import type { Partition } from '../src/index.ts';
import { Retention } from '../src/retention.ts';
import { logConfig } from './support/settings.ts';

const DELAY_MS = 30_000;
const INTERVAL_MS = 300_000;
const UNLINK_MS = 60_000;
const SYNC_MS = 7;

/** A replica with some expired segments. Each removal takes a millisecond. */
class StandIn {
  readonly looks: number[] = [];
  isClosed = false;
  isOffline = false;
  readonly highWatermark = 7;
  readonly damage: string[] = [];
  readonly corruption = { found: (damage: string) => this.damage.push(damage) };
  readonly log: Partition['log'];
  result: ExpireResult = { isRaised: false, isRolled: false, hasMore: false };

  constructor(clock: ManualClock, segments: number, removing: { now: number; max: number }) {
    let left = segments;
    const { looks } = this;
    const standIn = this;
    this.log = {
      config: { ...logConfig, fileDeleteDelayMs: UNLINK_MS },
      get hasExpired() {
        return left > 0;
      },
      expire(highWatermark: number) {
        expect(highWatermark).toBe(7);
        looks.push(clock.monotonicMs());
        return standIn.result;
      },
      flush(done: () => void) {
        clock.setTimer(SYNC_MS, done);
      },
      removeNext(done: (removed: RemovedSegment | undefined) => void) {
        if (left === 0) return done(undefined);
        removing.now++;
        removing.max = Math.max(removing.max, removing.now);
        clock.setTimer(1, () => {
          removing.now--;
          left--;
          done({ baseOffset: left, sizeBytes: 10, paths: [`/data/${left}.log.deleted`] });
        });
      },
    } as unknown as Partition['log'];
  }

  noticeOffline(): void {}
}

function setUp(replicas: number, segments = 0) {
  const clock = new ManualClock();
  const removing = { now: 0, max: 0 };
  const list = Array.from({ length: replicas }, () => new StandIn(clock, segments, removing));
  const unlinked: [number, string][] = [];
  const logDirectory = {
    unlink(paths: readonly string[]) {
      for (const path of paths) unlinked.push([clock.monotonicMs(), path]);
    },
  } as unknown as LogDirectory;
  const config = { retentionInitialDelayMs: DELAY_MS, retentionCheckIntervalMs: INTERVAL_MS };
  const metrics = new Metrics();
  const timers = new Timers(clock);
  const options = { clock, logDirectory, config };
  const retention = new Retention(options, timers, () => list as unknown as Partition[], metrics);
  return { retention, clock, list, removing, unlinked, metrics, timers };
}

test('the first look comes after the initial delay, and then one each interval', () => {
  const { clock, list } = setUp(1);
  clock.advance(DELAY_MS - 1);
  expect(list[0]!.looks).toEqual([]);
  clock.advance(1 + 2 * INTERVAL_MS);
  expect(list[0]!.looks).toEqual([DELAY_MS, DELAY_MS + INTERVAL_MS, DELAY_MS + 2 * INTERVAL_MS]);
});

test('a round over thousands of replicas takes many turns, and each turn looks at few of them', () => {
  const { clock, list } = setUp(3000);
  clock.advance(DELAY_MS + 1000);
  const looks = list.flatMap((replica) => replica.looks);
  expect(looks).toHaveLength(3000);
  const perTurn = new Map<number, number>();
  for (const at of looks) perTurn.set(at, (perTurn.get(at) ?? 0) + 1);
  expect(Math.max(...perTurn.values())).toBe(50);
});

test('a look that raises a log start offset ends the turn; after a look that began a segment, the next look waits for the sync', () => {
  const { clock, list } = setUp(5);
  const raised: ExpireResult = { isRaised: true, isRolled: false, hasMore: false };
  list[0]!.result = raised;
  list[1]!.result = { ...raised, isRolled: true };
  list[2]!.result = { ...raised, isRaised: false, failure: { damage: undefined } };
  clock.advance(DELAY_MS + 100);
  const afterSync = DELAY_MS + 1 + SYNC_MS + 1;
  expect(list.map(({ looks }) => looks)).toEqual(
    [DELAY_MS, DELAY_MS + 1, afterSync, afterSync + 1, afterSync + 1].map((at) => [at]),
  );
});

test('a log with more expired segments than one look judges gets another look in the next turn', () => {
  const { clock, list } = setUp(2);
  const { looks } = list[0]!;
  list[0]!.result = { isRaised: true, isRolled: false, hasMore: true };
  clock.advance(DELAY_MS + 2);
  expect([looks.length, list[1]!.looks.length]).toEqual([3, 0]);
  list[0]!.result = { isRaised: false, isRolled: false, hasMore: false };
  clock.advance(1);
  expect([looks.length, list[1]!.looks.length]).toEqual([4, 1]);
});

test('retention removes one segment at a time among all replicas, and unlinks its files after the delay', () => {
  const { retention, clock, removing, unlinked } = setUp(20, 3);
  clock.advance(DELAY_MS + 100);
  expect(retention.removedSegments).toBe(60);
  expect(removing).toEqual({ now: 0, max: 1 });
  expect(unlinked).toEqual([]);
  clock.advance(UNLINK_MS);
  expect(unlinked).toHaveLength(60);
  expect(Math.min(...unlinked.map(([at]) => at))).toBe(DELAY_MS + 1 + UNLINK_MS);
  expect(retention.removedSegments).toBe(0);
});

test('retention skips a closed or offline replica, and reports damage to the replica that has it', () => {
  const { clock, list } = setUp(3);
  list[0]!.isClosed = true;
  list[1]!.isOffline = true;
  list[2]!.result = { ...list[2]!.result, failure: { damage: 'a batch is cut' } };
  clock.advance(DELAY_MS);
  expect(list.map(({ looks }) => looks.length)).toEqual([0, 0, 1]);
  expect(list[2]!.damage).toEqual(['a batch is cut']);
});

test('the metrics count removed segments and their bytes', () => {
  const { clock, metrics } = setUp(2, 3);
  clock.advance(DELAY_MS + 100);
  expect(metrics.values('millrace_removed_segments_total')).toMatchObject([{ value: 6 }]);
  expect(metrics.values('millrace_removed_segment_bytes_total')).toMatchObject([{ value: 60 }]);
});

test('retention does nothing after its timers have stopped', () => {
  const { clock, list, timers, unlinked } = setUp(1, 3);
  clock.advance(DELAY_MS + 1);
  timers.stop();
  clock.advance(2 * INTERVAL_MS);
  expect([list[0]!.looks.length, unlinked]).toEqual([1, []]);
});
