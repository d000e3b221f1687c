/**
 * Goal: while a shard loads, requests wait in their order, but not for too long, and not too many of them.
 */
import { Timers } from '@millrace/base';
import { ManualClock } from '@millrace/base/testing';
import { ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { LOAD_WAIT_MS, LoadQueue, WAITING_REQUESTS_MAX } from '../../src/runtime/load-queue.ts';
import { OwnTurns } from '../../src/runtime/own-turns.ts';

const LOADING = ErrorCode.COORDINATOR_LOAD_IN_PROGRESS;

class Host {
  readonly clock = new ManualClock();
  found: string | ErrorCode = LOADING;
  /** What each request got, in the order of the answers. */
  readonly served: string[] = [];
  readonly queue: LoadQueue<string>;

  constructor() {
    const timers = new Timers(this.clock);
    this.queue = new LoadQueue<string>({ timers, ownTurns: new OwnTurns(timers), find: () => this.found });
  }

  add(...names: string[]): void {
    for (const name of names) this.queue.add((found) => this.served.push(`${name} ${found}`));
  }

  /** The load ends. */
  loaded(found: string | ErrorCode): void {
    this.found = found;
    this.queue.release();
  }
}

test('a loaded machine, or the lack of one, answers within the call', () => {
  const host = new Host();
  host.found = 'machine';
  host.add('a');
  host.found = ErrorCode.NOT_COORDINATOR;
  host.add('b');
  expect(host.served).toEqual(['a machine', `b ${ErrorCode.NOT_COORDINATOR}`]);
});

test('requests wait for the load, and get the machine in their order, in a later turn', () => {
  const host = new Host();
  host.add('a', 'b');
  host.clock.advance(LOAD_WAIT_MS - 1);
  host.loaded('machine');
  expect(host.served).toEqual([]);
  // A later request does not overtake the two.
  host.add('c');
  host.clock.advance(2);
  expect(host.served).toEqual(['a machine', 'b machine', 'c machine']);
  expect(host.queue.size).toBe(0);
  host.add('d');
  expect(host.served.at(-1)).toBe('d machine');
});

test('a failed load refuses the waiting requests with its error', () => {
  const host = new Host();
  host.add('a');
  host.loaded(ErrorCode.NOT_COORDINATOR);
  host.clock.advance(1);
  expect(host.served).toEqual([`a ${ErrorCode.NOT_COORDINATOR}`]);
});

test('each request waits for half a second at most, counted from its own arrival', () => {
  const host = new Host();
  host.add('a');
  host.clock.advance(300);
  host.add('b');
  host.clock.advance(LOAD_WAIT_MS - 301);
  expect(host.served).toEqual([]);
  host.clock.advance(1);
  expect(host.served).toEqual([`a ${LOADING}`]);
  host.clock.advance(299);
  expect(host.served).toHaveLength(1);
  host.clock.advance(1);
  expect(host.served).toEqual([`a ${LOADING}`, `b ${LOADING}`]);
});

test('a request that finds too many requests before it is refused at once', () => {
  const host = new Host();
  for (let i = 0; i < WAITING_REQUESTS_MAX; i++) host.add(`${i}`);
  host.add('last');
  expect(host.served).toEqual([`last ${LOADING}`]);
  host.loaded('machine');
  host.clock.advance(100);
  expect(host.served).toHaveLength(WAITING_REQUESTS_MAX + 1);
});

test('one turn serves a few requests', () => {
  const host = new Host();
  for (let i = 0; i < 120; i++) host.add(`${i}`);
  host.loaded('machine');
  const counts = new Set<number>();
  while (host.queue.size > 0) {
    host.clock.advance(1);
    counts.add(host.served.length);
  }
  expect([...counts].filter((count) => count > 0)).toEqual([50, 100, 120]);
});

test('if a request makes the shard load again, the rest of the requests wait for the next load', () => {
  const host = new Host();
  host.queue.add((found) => {
    host.served.push(`a ${found}`);
    host.found = LOADING;
  });
  host.add('b');
  host.loaded('first');
  host.clock.advance(10);
  expect(host.served).toEqual(['a first']);
  host.loaded('second');
  host.clock.advance(10);
  expect(host.served).toEqual(['a first', 'b second']);
  host.found = LOADING;
  host.add('c');
  host.clock.advance(LOAD_WAIT_MS);
  expect(host.served.at(-1)).toBe(`c ${LOADING}`);
});

test('if the shard loads again after the time of a request has passed, the request is refused', () => {
  const clock = new ManualClock();
  const turns: (() => void)[] = [];
  // The slices of other shards run first.
  const after = (_: number, slice: () => void) => {
    turns.push(slice);
    return () => {};
  };
  const ownTurns = { after } as never;
  let found: string | ErrorCode = LOADING;
  const served: string[] = [];
  const queue = new LoadQueue<string>({ timers: new Timers(clock), ownTurns, find: () => found });
  queue.add((one) => served.push(`a ${one}`));
  found = 'machine';
  queue.release();
  clock.advance(LOAD_WAIT_MS);
  found = LOADING;
  turns.shift()!();
  clock.advance(1);
  expect(served).toEqual([`a ${LOADING}`]);
});

test('the end of the leadership refuses every request at once, and nothing happens afterwards', () => {
  const host = new Host();
  host.add('a', 'b');
  host.queue.release();
  host.queue.refuse(ErrorCode.NOT_COORDINATOR);
  expect(host.served).toEqual([`a ${ErrorCode.NOT_COORDINATOR}`, `b ${ErrorCode.NOT_COORDINATOR}`]);
  host.clock.advance(10_000);
  expect(host.served).toHaveLength(2);
});
