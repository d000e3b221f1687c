/**
 * Goal: the cleaner chooses the right log, at the right time, and within its limits. Method: stand-ins for
 * replicas and their logs, and a manual clock.
 */
import { Timers } from '@millrace/base';
import { ManualClock, ManualJobs, MemoryLogger } from '@millrace/base/testing';
import {
  type CleanableRange,
  type CleaningFailure,
  type CleaningPorts,
  type CleaningResult,
  cleanerJobs,
  type LogDirectory,
  type PartitionLog,
} from '@millrace/log';
import { Metrics } from '@millrace/metrics';
import { compressionCodecs } from '@millrace/protocol/io';
import { expect, test } from 'vitest';
import type { CleanerConfig, Partition } from '../src/index.ts';
import { LogCleaner } from '../src/log-cleaner.ts';
import { replicationConfig } from '../src/testing/index.ts';
import { logConfig } from './support/settings.ts';

const BACKOFF_MS = 15_000;
const UNLINK_MS = 60_000;
const CLEANED = { ok: true, cleanedTo: 9, bytesRead: 40, bytesWritten: 10, recordsDropped: 3 } as const;

interface Running {
  readonly ports: CleaningPorts;
  readonly done: (result: CleaningResult) => void;
}

/** A replica with a dirty log. */
class StandIn {
  readonly index: number;
  readonly looks: number[] = [];
  isClosed = false;
  isOffline = false;
  readonly highWatermark = 7;
  readonly damage: string[] = [];
  readonly corruption = { reason: undefined, found: (damage: string) => this.damage.push(damage) };
  range: CleanableRange | CleaningFailure;
  running: Running | undefined;
  cleanings = 0;
  readonly log: Partition['log'];

  constructor(clock: ManualClock, index: number, dirtyRatio: number) {
    this.index = index;
    this.range = rangeOf(dirtyRatio);
    const standIn = this;
    this.log = {
      config: { ...logConfig, isCompacted: true, fileDeleteDelayMs: UNLINK_MS },
      offline: undefined,
      uncleanable: undefined,
      hasExpired: false,
      cleanable(highWatermark: number) {
        expect(highWatermark).toBe(7);
        standIn.looks.push(clock.monotonicMs());
        return standIn.range;
      },
      clean(range: CleanableRange, ports: CleaningPorts, _now: number, done: Running['done']) {
        expect(range).toBe(standIn.range);
        standIn.cleanings++;
        standIn.running = { ports, done };
      },
      stopCleaning() {
        standIn.end(undefined);
      },
    } as unknown as Partition['log'];
  }

  noticeOffline(): void {}

  facts() {
    return { topic: 'table', partition: this.index, leaderEpoch: 0 };
  }

  /** Ends the running cleaning. */
  end(result: CleaningResult, dirtyRatio = 0): void {
    const { done } = this.running!;
    this.running = undefined;
    if (result?.ok === false && !result.isTransient) Object.assign(this.log, { uncleanable: result.reason });
    this.range = rangeOf(dirtyRatio);
    done(result);
  }
}

function rangeOf(dirtyRatio: number): CleanableRange {
  const isDue = dirtyRatio > 0.5;
  const bytes = { dirtyBytes: dirtyRatio * 1000, totalBytes: 1000, dirtyRatio };
  return { ok: true, firstDirtyOffset: 2, endOffset: 9, ...bytes, overdueMs: 0, isDue };
}

function setUp(dirtyRatios: readonly number[], settings: Partial<CleanerConfig> = {}) {
  const clock = new ManualClock();
  const timers = new Timers(clock);
  const logger = new MemoryLogger();
  const metrics = new Metrics();
  const list = dirtyRatios.map((dirtyRatio, index) => new StandIn(clock, index, dirtyRatio));
  const unlinked: string[] = [];
  const removing: PartitionLog[] = [];
  const state = { settings: { ...replicationConfig().cleaner, ...settings } };
  const room = {
    lack: undefined as string | undefined,
    coordinatorShortage: undefined as string | undefined,
  };
  new LogCleaner({
    clock,
    timers,
    logger,
    metrics,
    logDirectory: {
      unlink: (paths: readonly string[]) => unlinked.push(...paths),
    } as unknown as LogDirectory,
    jobs: new ManualJobs(),
    kinds: cleanerJobs(compressionCodecs),
    room: Object.assign(room, { lackFor: () => room.lack, used: () => {} }),
    settings: () => state.settings,
    replicas: () => list as unknown as Partition[],
    removeExpired: (log) => removing.push(log),
  });
  const isRunning = (): boolean[] => list.map(({ running }) => running !== undefined);
  const valuesOf = (name: Parameters<Metrics['values']>[0]): number[] =>
    (metrics.values(name) ?? []).map(({ value }) => value);
  return { clock, timers, logger, list, unlinked, removing, state, room, isRunning, valuesOf };
}

test('the cleaner begins with the dirtiest log after the backoff, and continues with the next at once', () => {
  const { clock, list, isRunning, valuesOf } = setUp([0.6, 0.9, 0.4, 0.7]);
  clock.advance(BACKOFF_MS - 1);
  expect(isRunning()).toEqual([false, false, false, false]);
  clock.advance(2);
  expect(isRunning()).toEqual([false, true, false, false]);
  expect(valuesOf('millrace_dirty_ratio_max')).toEqual([0.9]);
  clock.advance(60_000);
  expect(isRunning()).toEqual([false, true, false, false]);
  list[1]!.end(CLEANED);
  clock.advance(3);
  expect(isRunning()).toEqual([false, false, false, true]);
  list[3]!.end(CLEANED);
  clock.advance(3);
  list[0]!.end(CLEANED);
  clock.advance(3);
  // The third log is not dirty enough. The next look comes after the backoff.
  const looks = list[2]!.looks.length;
  clock.advance(BACKOFF_MS - 3);
  expect(list[2]!.looks.length).toBe(looks);
  clock.advance(3);
  expect(list[2]!.looks.length).toBe(looks + 1);
  expect(list.map(({ cleanings }) => cleanings)).toEqual([1, 1, 0, 1]);
  expect(valuesOf('millrace_cleanings_total')).toEqual([3, 0, 0]);
  expect(valuesOf('millrace_cleaner_read_bytes_total')).toEqual([120]);
  expect(valuesOf('millrace_cleaner_dropped_records_total')).toEqual([9]);
});

test('the event `log-cleaned` says how long the cleaning took', () => {
  const { clock, list, logger } = setUp([0.9]);
  clock.advance(BACKOFF_MS);
  expect(list[0]!.cleanings).toBe(1);
  clock.advance(1234);
  list[0]!.end(CLEANED);
  expect(logger.events.map(({ event, facts }) => [event, facts])).toEqual([
    [
      'log-cleaned',
      {
        ...list[0]!.facts(),
        from: 2,
        to: 9,
        bytesRead: 40,
        bytesWritten: 10,
        recordsDropped: 3,
        durationMs: 1234,
      },
    ],
  ]);
});

test('without a backoff, the cleaner still waits after a look that finds nothing to do, and before a retry', () => {
  const { clock, list, isRunning, removing } = setUp([0.1, 0.9], { backoffMs: 0 });
  clock.advance(60);
  expect(isRunning()).toEqual([false, true]);
  list[1]!.end({ ok: false, reason: 'the disk is full', isTransient: true, damage: undefined }, 0.9);
  expect(removing).toEqual([list[1]!.log]);
  clock.advance(30);
  expect(isRunning()).toEqual([false, false]);
  clock.advance(1000);
  expect(isRunning()).toEqual([false, true]);
  list[1]!.end(CLEANED);
  const looks = list[0]!.looks.length;
  clock.advance(1000);
  expect(list[0]!.looks.length - looks).toBeLessThanOrEqual(21);
});

test('a log with expired segments is cleaned when retention has removed them; the others are cleaned meanwhile', () => {
  const { clock, list, isRunning, removing } = setUp([0.9, 0.6]);
  Object.assign(list[0]!.log, { hasExpired: true });
  clock.advance(BACKOFF_MS + 2);
  expect(isRunning()).toEqual([false, true]);
  expect(removing).toEqual([list[0]!.log]);
  list[1]!.end(CLEANED);
  clock.advance(3);
  expect(isRunning()).toEqual([false, false]);
  Object.assign(list[0]!.log, { hasExpired: false });
  clock.advance(BACKOFF_MS);
  expect(isRunning()).toEqual([true, false]);
});

test('while expired segments cannot be removed, the cleaner asks for their removal once in each backoff', () => {
  const { clock, list, removing } = setUp([0.9, 0.6]);
  const [stuck, other] = list as [StandIn, StandIn];
  Object.assign(stuck.log, { hasExpired: true });
  clock.advance(BACKOFF_MS + 2);
  for (let cleanings = 1; cleanings <= 100; cleanings++) {
    expect(other.cleanings).toBe(cleanings);
    other.end(CLEANED, 0.6);
    clock.advance(3);
  }
  expect(removing.filter((log) => log === stuck.log)).toHaveLength(1);
  clock.advance(BACKOFF_MS);
  other.end(CLEANED);
  clock.advance(3);
  expect(removing.filter((log) => log === stuck.log)).toHaveLength(2);
});

test('log.cleaner.threads limits the cleanings at a time, and divides the memory', () => {
  const { clock, list, state, isRunning } = setUp([0.6, 0.9, 0.7], {
    cleaningsMax: 2,
    dedupeBufferBytes: 100_000,
    ioBufferBytes: 9000,
  });
  clock.advance(BACKOFF_MS + 5);
  expect(isRunning()).toEqual([false, true, true]);
  expect(list[1]!.running!.ports).toMatchObject({
    map: { bytesMax: 50_000, loadFactor: 0.9 },
    chunkBytes: 4500,
  });
  state.settings = { ...state.settings, cleaningsMax: 3 };
  clock.advance(BACKOFF_MS + 5);
  expect(isRunning()).toEqual([true, true, true]);
});

test('the offset map of a cleaning is smaller than 2 GiB, and the cleaner warns once if the share of the memory is larger', () => {
  const { clock, list, state, logger, isRunning } = setUp([0.9], { dedupeBufferBytes: 2 ** 34 });
  const cleanOne = (): number => {
    clock.advance(BACKOFF_MS + 5);
    expect(isRunning()).toEqual([true]);
    const { bytesMax } = list[0]!.running!.ports.map;
    list[0]!.end(CLEANED, 0.9);
    return bytesMax;
  };
  expect([cleanOne(), cleanOne()]).toEqual([2 ** 31 - 1, 2 ** 31 - 1]);
  state.settings = { ...state.settings, dedupeBufferBytes: 2 ** 31 - 1 };
  expect(cleanOne()).toBe(2 ** 31 - 1);
  const warnings = logger.events.filter(({ event }) => event === 'cleaner-memory-limited');
  expect(warnings.map(({ facts }) => facts)).toEqual([
    { dedupeBufferBytes: 2 ** 34, cleaningsMax: 1, bytesPerCleaning: 2 ** 31 - 1 },
  ]);
});

test('without the cleaner or without threads, no log is cleaned', () => {
  for (const settings of [{ isEnabled: false }, { cleaningsMax: 0 }]) {
    const { clock, isRunning } = setUp([0.9], settings);
    clock.advance(10 * BACKOFF_MS);
    expect(isRunning()).toEqual([false]);
  }
});

test('a round over thousands of replicas takes many turns, and each turn looks at few of them', () => {
  const { clock, list } = setUp(Array(3000).fill(0.1));
  clock.advance(BACKOFF_MS + 100);
  const perTurn = new Map<number, number>();
  for (const at of list.flatMap(({ looks }) => looks)) perTurn.set(at, (perTurn.get(at) ?? 0) + 1);
  expect([perTurn.size, Math.max(...perTurn.values())]).toEqual([60, 50]);
});

test('an error that may pass delays the log; the others are cleaned meanwhile', () => {
  const { clock, list, logger, isRunning, valuesOf } = setUp([0.9, 0.6]);
  clock.advance(BACKOFF_MS + 2);
  list[0]!.end({ ok: false, reason: 'ENOSPC', isTransient: true, damage: undefined }, 0.9);
  clock.advance(5);
  expect(isRunning()).toEqual([false, true]);
  list[1]!.end(CLEANED);
  clock.advance(BACKOFF_MS - 10);
  expect(isRunning()).toEqual([false, false]);
  clock.advance(BACKOFF_MS);
  expect(isRunning()).toEqual([true, false]);
  expect(logger.events.map(({ event, level }) => [event, level])).toEqual([
    ['log-cleaning-failed', 'warn'],
    ['log-cleaned', 'info'],
  ]);
  expect(valuesOf('millrace_uncleanable_partitions')).toEqual([0]);
});

test('an uncleanable log gets no further attempt, and its damage is reported; the others are cleaned', () => {
  const { clock, list, logger, isRunning, valuesOf } = setUp([0.9, 0.6]);
  clock.advance(BACKOFF_MS + 2);
  list[0]!.end(
    { ok: false, reason: 'a wrong checksum', isTransient: false, damage: 'a wrong checksum' },
    0.9,
  );
  clock.advance(5);
  expect(isRunning()).toEqual([false, true]);
  list[1]!.end(CLEANED);
  clock.advance(10 * BACKOFF_MS);
  expect(list[0]!.cleanings).toBe(1);
  expect(list[0]!.damage).toEqual(['a wrong checksum']);
  expect(logger.events[0]).toMatchObject({ event: 'log-uncleanable', level: 'error' });
  expect(valuesOf('millrace_uncleanable_partitions')).toEqual([1]);
  expect(valuesOf('millrace_cleanings_total')).toEqual([1, 0, 1]);
});

test('if the look at a log fails, the cleaner reports this once, and skips the log', () => {
  const { clock, list, isRunning, logger } = setUp([0.9, 0.6]);
  list[0]!.range = { ok: false, reason: 'EMFILE', isTransient: true, damage: undefined };
  clock.advance(BACKOFF_MS + 10);
  expect(isRunning()).toEqual([false, true]);
  expect(logger.events.map(({ event }) => event)).toEqual(['log-cleaning-failed']);
});

test('all cleanings together keep within log.cleaner.io.max.bytes.per.second', () => {
  const { clock, list, state } = setUp([0.9, 0.8], { cleaningsMax: 2, bytesPerSecondMax: 1000 });
  clock.advance(BACKOFF_MS + 5);
  let bytes = 0;
  for (const { running } of list) {
    const next = (): void => {
      bytes += 50;
      running!.ports.pause(50, next);
    };
    next();
  }
  clock.advance(10_000);
  expect(bytes).toBeGreaterThan(9_800);
  expect(bytes).toBeLessThanOrEqual(10_100);
  state.settings = { ...state.settings, bytesPerSecondMax: Number.MAX_VALUE };
  bytes = 0;
  clock.advance(1000);
  // Without a limit, each cleaning still waits for a later turn before it continues.
  expect(bytes).toBeGreaterThan(80_000);
  expect(bytes).toBeLessThanOrEqual(2 * 50 * 1000);
});

test('a raised limit of bytes per second ends a long pause within a second', () => {
  const { clock, list, state } = setUp([0.9], { bytesPerSecondMax: 1 });
  clock.advance(BACKOFF_MS + 5);
  let pauses = 0;
  list[0]!.running!.ports.pause(1_000_000, () => pauses++);
  clock.advance(60_000);
  expect(pauses).toBe(0);
  state.settings = { ...state.settings, bytesPerSecondMax: 10_000_000 };
  clock.advance(1000);
  expect(pauses).toBe(1);
  // By now the limit has allowed all earlier bytes.
  list[0]!.running!.ports.pause(10_000, () => pauses++);
  clock.advance(1);
  expect(pauses).toBe(2);
});

test('a cleaning begins only if the disk has room for a copy, and ends when even coordinators lack room', () => {
  const { clock, list, room, isRunning, logger, valuesOf } = setUp([0.9]);
  room.lack = '/data has 5 bytes free';
  clock.advance(BACKOFF_MS + 5);
  expect(isRunning()).toEqual([false]);
  room.lack = undefined;
  clock.advance(2 * BACKOFF_MS);
  expect(isRunning()).toEqual([true]);
  room.coordinatorShortage = '/data has 3 bytes free';
  let isContinued = false;
  list[0]!.running!.ports.pause(10, () => {
    isContinued = true;
  });
  clock.advance(1000);
  expect([isRunning(), isContinued]).toEqual([[false], false]);
  expect(valuesOf('millrace_cleanings_total')).toEqual([0, 1, 0]);
  expect(logger.events).toMatchObject([
    { event: 'log-cleaning-failed', facts: { reason: '/data has 5 bytes free' } },
    { event: 'log-cleaning-failed', facts: { reason: '/data has 3 bytes free' } },
  ]);
});

test('the cleaner unlinks the files of replaced segments after file.delete.delay.ms', () => {
  const { clock, list, unlinked } = setUp([0.9]);
  clock.advance(BACKOFF_MS + 2);
  list[0]!.running!.ports.replaced(['/data/table-0/0.log.deleted']);
  clock.advance(UNLINK_MS - 1);
  expect(unlinked).toEqual([]);
  clock.advance(1);
  expect(unlinked).toEqual(['/data/table-0/0.log.deleted']);
});

test('the cleaner skips closed, offline and corrupt replicas, and logs that are not compacted', () => {
  const { clock, list } = setUp([0.9, 0.9, 0.9, 0.9]);
  list[0]!.isClosed = true;
  Object.assign(list[1]!.log, { offline: 'EIO' });
  Object.assign(list[2]!.corruption, { reason: 'zeros' });
  Object.assign(list[3]!.log, { config: logConfig });
  clock.advance(2 * BACKOFF_MS);
  expect(list.flatMap(({ looks }) => looks)).toEqual([]);
});
