/**
 * Goal: the worker never waits for the event loop while there are chunks, but the line holds few of them, and
 * handles every answer in the order of the log.
 */
import type { JobKind } from '@millrace/base';
import { ManualJobs } from '@millrace/base/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { JobLine } from '../../src/cleaner/job-line.ts';

interface Chunk {
  readonly bytes: Uint8Array;
}

const kind: JobKind<number, string> = {
  name: 'test',
  run: (bytes, parameters) => ({ value: `job of ${parameters}`, bytes }),
};

/** A line of `count` chunks, each with its number as its byte. */
function setUp(count: number) {
  const jobs = new ManualJobs();
  const events: string[] = [];
  /** Reads that the throttle allows later. */
  const paused: (() => void)[] = [];
  const waiting: (() => void)[] = [];
  /** The end of the handling of an answer. */
  const handling: (() => void)[] = [];
  let reads = 0;
  const line: JobLine<Chunk, number, string> = new JobLine<Chunk, number, string>(
    {
      kind,
      read: () => (reads < count ? { bytes: Uint8Array.of(reads++) } : undefined),
      parameters: ({ bytes }) => {
        events.push(`starts ${bytes[0]}`);
        return bytes[0]!;
      },
      handle: (_chunk, value, bytes, next) => {
        events.push(`handles ${bytes[0]} (${value})`);
        handling.push(next);
      },
      ended: () => void events.push('ended'),
    },
    {
      jobs,
      pause: (next) => void paused.push(next),
      wait: (next) => void waiting.push(next),
      guarded: (step) => step(),
      failed: (reason) => void events.push(`failed: ${reason}`),
    },
  );
  const next = (queue: (() => void)[]): void => queue.shift()?.();
  return {
    line,
    jobs,
    events,
    read: () => next(paused),
    retry: () => next(waiting),
    handled: () => next(handling),
    answer: () => jobs.waiting.length > 0 && jobs.finishOne(),
    readsOf: () => reads,
    queues: { paused, waiting, handling },
  };
}

test('the next job starts when the answer arrives, before the line handles the answer', () => {
  const { line, events, read, answer } = setUp(3);
  line.read();
  expect(events).toEqual(['starts 0']);
  read();
  expect(events).toEqual(['starts 0']);
  answer();
  expect(events).toEqual(['starts 0', 'starts 1', 'handles 0 (job of 0)']);
});

test('while an answer is handled, the line holds one more answer and one more chunk', () => {
  const { line, jobs, events, read, answer, handled, readsOf } = setUp(9);
  line.read();
  read();
  answer();
  read();
  answer();
  for (let i = 0; i < 5; i++) read();
  expect([readsOf(), jobs.waiting.length]).toEqual([3, 0]);
  expect(events).toEqual(['starts 0', 'starts 1', 'handles 0 (job of 0)']);
  handled();
  expect(events.slice(3)).toEqual(['starts 2', 'handles 1 (job of 1)']);
});

test('every answer is handled once, in order, and then the line ends, whatever happens first', () => {
  fc.assert(
    fc.property(fc.nat(6), fc.array(fc.nat(4), { maxLength: 60 }), (count, choices) => {
      const { line, jobs, events, read, retry, answer, handled, queues } = setUp(count);
      const fillOrDrain = (): void => {
        jobs.isFull = !jobs.isFull;
      };
      const steps = [read, retry, answer, handled, fillOrDrain];
      line.read();
      for (const choice of choices) {
        steps[choice]!();
        expect(jobs.waiting.length).toBeLessThanOrEqual(1);
        expect(queues.handling.length).toBeLessThanOrEqual(1);
      }
      jobs.isFull = false;
      for (let i = 0; i < 10 * (count + 1); i++) for (const step of steps.slice(0, 4)) step();
      const numbers = Array.from({ length: count }, (_, index) => index);
      expect(events.filter((event) => event.startsWith('starts'))).toEqual(
        numbers.map((number) => `starts ${number}`),
      );
      expect(events.filter((event) => !event.startsWith('starts'))).toEqual([
        ...numbers.map((number) => `handles ${number} (job of ${number})`),
        'ended',
      ]);
    }),
  );
});

test('a line that is stopped calls nothing, and cancels its job', () => {
  for (const steps of [0, 1, 2, 3, 4]) {
    const { line, jobs, events, read, retry, answer, handled } = setUp(5);
    line.read();
    for (const step of [read, answer, read, answer].slice(0, steps)) step();
    const before = [...events];
    line.stop();
    expect(jobs.waiting).toEqual([]);
    for (let i = 0; i < 10; i++) for (const step of [read, retry, answer, handled]) step();
    expect(events).toEqual(before);
  }
});

test('a failed job ends in its reason', () => {
  const { line, jobs, events } = setUp(2);
  line.read();
  jobs.failOne('the worker died');
  expect(events).toEqual(['starts 0', 'failed: the worker died']);
});

test('a pause that stops the line ends it, although an answer has just come', () => {
  const jobs = new ManualJobs();
  const handled: number[] = [];
  const paused: (() => void)[] = [];
  let reads = 0;
  let stops = false;
  const line: JobLine<Chunk, number, string> = new JobLine<Chunk, number, string>(
    {
      kind,
      read: () => ({ bytes: Uint8Array.of(reads++) }),
      parameters: ({ bytes }) => bytes[0]!,
      handle: (_chunk, _value, bytes) => void handled.push(bytes[0]!),
      ended: () => {},
    },
    {
      jobs,
      pause: (next) => {
        if (stops) line.stop();
        else paused.push(next);
      },
      wait: () => {},
      guarded: (step) => step(),
      failed: () => {},
    },
  );
  line.read();
  paused.shift()!();
  stops = true;
  jobs.finishOne();
  expect(handled).toEqual([]);
});
