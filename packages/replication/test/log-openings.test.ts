/** The queue of the logs that a broker opens at start. Method: a directory whose openings end by hand. */
import { type DiskError, Timers, type Uuid } from '@millrace/base';
import { ManualClock, ManualJobs, MemoryLogger } from '@millrace/base/testing';
import type { LogDirectory, Opened, PartitionLog } from '@millrace/log';
import { expect, test } from 'vitest';
import { CREATIONS_PER_TURN, LogOpenings } from '../src/log-openings.ts';
import type { ReplicaName } from '../src/replica-table.ts';
import { TurnBudget } from '../src/turn-budget.ts';

const TOPIC = 'orders'.padEnd(22, 'A') as Uuid;
const OPENED = { ok: true, value: {} as PartitionLog } as const;

class Trial {
  readonly clock = new ManualClock();
  readonly logger = new MemoryLogger();
  /** The openings that have begun and not ended, by index of the partition. */
  readonly begun = new Map<number, (opened: Opened<PartitionLog>) => void>();
  readonly turns: (() => void)[] = [];
  readonly opened: number[] = [];
  dones = 0;
  readonly openings: LogOpenings;

  constructor(o: { opensAtOnce: boolean }) {
    const directory = {
      startOpening: (_: string, index: number, __: unknown, done: (opened: Opened<PartitionLog>) => void) => {
        if (o.opensAtOnce) done(OPENED);
        else this.begun.set(index, done);
      },
      cancelOpening: (_: string, index: number) => this.begun.delete(index),
    } as unknown as LogDirectory;
    this.openings = new LogOpenings({
      directory,
      jobs: new ManualJobs(),
      budget: new TurnBudget(1_000, () => {}),
      timers: new Timers(this.clock),
      logger: this.logger,
      later: (callback) => this.turns.push(callback),
    });
  }

  openAll(count: number): void {
    const names = Array.from({ length: count }, (_, index) => nameOf(index));
    this.openings.openAll(
      names,
      { settings: { log: {} } as never, nowWallMs: 0 },
      ({ index }) => this.opened.push(index),
      () => this.dones++,
    );
  }

  end(index: number, opened: Opened<PartitionLog> = OPENED): void {
    const done = this.begun.get(index)!;
    this.begun.delete(index);
    done(opened);
  }
}

const nameOf = (index: number): ReplicaName => ({ topicId: TOPIC, topic: 'orders', index });

test('without logs, all are open at once', () => {
  const trial = new Trial({ opensAtOnce: true });
  trial.openAll(0);
  expect([trial.dones, trial.logger.events]).toEqual([1, []]);
});

test('one turn begins eight short openings, and the next turn begins the next ones', () => {
  const trial = new Trial({ opensAtOnce: true });
  trial.openAll(20);
  expect(trial.opened).toHaveLength(8);
  expect([trial.openings.remaining, trial.dones]).toEqual([12, 0]);
  trial.turns.shift()!();
  expect(trial.opened).toHaveLength(16);
  trial.turns.shift()!();
  expect(trial.opened).toEqual(Array.from({ length: 20 }, (_, index) => index));
  expect([trial.openings.remaining, trial.dones, trial.turns.length]).toEqual([0, 1, 0]);
});

test('four long openings run at a time, and each end begins the next one', () => {
  const trial = new Trial({ opensAtOnce: false });
  trial.openAll(6);
  expect([...trial.begun.keys()]).toEqual([0, 1, 2, 3]);
  trial.end(2);
  expect([...trial.begun.keys()]).toEqual([0, 1, 3, 4]);
  expect(trial.openings.has(nameOf(4))).toBe(true);
  expect(trial.openings.has(nameOf(5))).toBe(false);
  for (const index of [0, 1, 3, 4]) trial.end(index);
  expect([trial.openings.remaining, trial.dones]).toEqual([1, 0]);
  trial.end(5, { ok: false, error: new Error('EIO') as DiskError });
  expect([trial.openings.remaining, trial.dones]).toEqual([0, 1]);
});

test('the broker tells the share of its open logs every few seconds', () => {
  const trial = new Trial({ opensAtOnce: false });
  trial.openAll(6);
  for (const index of [0, 1, 2, 3, 4, 5]) {
    trial.clock.advance(2_000);
    trial.end(index);
  }
  const told = trial.logger.events.filter(({ event }) => event === 'logs-opening').map(({ facts }) => facts);
  expect(told).toEqual([{ open: 3, total: 6 }]);
  expect(trial.logger.events.at(-1)).toMatchObject({
    event: 'logs-opened',
    facts: { total: 6, tookMs: 12_000 },
  });
});

test('after the end no opening begins, and nothing is called', () => {
  const trial = new Trial({ opensAtOnce: false });
  trial.openAll(6);
  const ends = [...trial.begun.values()];
  trial.openings.close();
  expect([trial.begun.size, trial.openings.remaining]).toEqual([0, 0]);
  expect(ends).toHaveLength(4);
  trial.openings.open(nameOf(9), { settings: { log: {} } as never, nowWallMs: 0 }, () =>
    trial.opened.push(9),
  );
  expect([trial.opened, trial.dones, trial.begun.size]).toEqual([[], 0, 0]);
});

test('the openings of a topic end when the topic is deleted', () => {
  const trial = new Trial({ opensAtOnce: false });
  const how = { settings: { log: {} } as never, nowWallMs: 0 };
  for (const index of [0, 1]) trial.openings.open(nameOf(index), how, () => {});
  expect(trial.openings.cancel(nameOf(1))).toBe(true);
  expect([...trial.begun.keys()]).toEqual([0]);
  expect(trial.openings.cancelTopic(TOPIC)).toBe(true);
  expect(trial.openings.cancelTopic(TOPIC)).toBe(false);
  expect(trial.openings.remaining).toBe(0);
});

function creating(count: number): Trial {
  const trial = new Trial({ opensAtOnce: true });
  for (let index = 0; index < CREATIONS_PER_TURN; index++) expect(trial.openings.mayCreate()).toBe(true);
  expect(trial.openings.mayCreate()).toBe(false);
  const how = { settings: { log: {} } as never, nowWallMs: 0 };
  for (let index = 0; index < count; index++)
    trial.openings.createLater(nameOf(index), how, ({ index: opened }) => trial.opened.push(opened));
  return trial;
}

/** Runs the callbacks of the next turn. Callbacks that they add belong to the turn after it. */
function nextTurn({ turns }: Trial): void {
  for (const callback of turns.splice(0)) callback();
}

test('a turn creates a limited number of logs, and the next turns create the others', () => {
  const trial = creating(CREATIONS_PER_TURN + 1);
  expect([trial.openings.has(nameOf(0)), trial.openings.remaining]).toEqual([true, CREATIONS_PER_TURN + 1]);
  nextTurn(trial);
  expect(trial.opened).toHaveLength(CREATIONS_PER_TURN);
  expect(trial.openings.mayCreate()).toBe(false);
  nextTurn(trial);
  expect(trial.opened).toEqual(Array.from({ length: CREATIONS_PER_TURN + 1 }, (_, index) => index));
  nextTurn(trial);
  expect([trial.openings.remaining, trial.turns]).toEqual([0, []]);
  expect(trial.openings.mayCreate()).toBe(true);
});

test('a log that waits for its creation is not created if its topic is deleted, or the broker loses its role', () => {
  const trial = creating(3);
  expect(trial.openings.cancel(nameOf(1))).toBe(true);
  expect([0, 1, 2].map((index) => trial.openings.has(nameOf(index)))).toEqual([true, false, true]);
  trial.openings.cancelAll();
  nextTurn(trial);
  nextTurn(trial);
  expect([trial.opened, trial.openings.remaining, trial.turns]).toEqual([[], 0, []]);
});

test('after the start, too, a turn begins eight openings of existing logs, and four run at a time', () => {
  for (const opensAtOnce of [true, false]) {
    const trial = new Trial({ opensAtOnce });
    const how = { settings: { log: {} } as never, nowWallMs: 0 };
    const opened = ({ index }: ReplicaName) => trial.opened.push(index);
    for (let index = 0; index < 20; index++)
      if (trial.openings.mayOpen()) trial.openings.open(nameOf(index), how, opened);
      else trial.openings.openLater(nameOf(index), how, opened);
    if (opensAtOnce) {
      expect(trial.opened).toHaveLength(8);
      nextTurn(trial);
      expect(trial.opened).toHaveLength(16);
      nextTurn(trial);
    } else {
      nextTurn(trial);
      expect([...trial.begun.keys()]).toEqual([0, 1, 2, 3]);
      for (let turn = 0; turn < 20; turn++) {
        // While the most openings run, no turn looks for more.
        expect(trial.turns).toEqual([]);
        const [first] = trial.begun.keys();
        trial.end(first!);
        nextTurn(trial);
        nextTurn(trial);
      }
    }
    expect(trial.opened).toEqual(Array.from({ length: 20 }, (_, index) => index));
    nextTurn(trial);
    expect([trial.openings.remaining, trial.turns]).toEqual([0, []]);
  }
});
