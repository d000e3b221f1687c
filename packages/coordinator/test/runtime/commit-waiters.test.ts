/** Goal: a callback is called when its decision is committed, or at its deadline. */

import { Timers } from '@millrace/base';
import { ManualClock } from '@millrace/base/testing';
import { ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { CommitWaiters } from '../../src/runtime/commit-waiters.ts';
import { nameOf } from '../support/counter-machine.ts';

function setUp() {
  const clock = new ManualClock();
  const waiters = new CommitWaiters(new Timers(clock), 100);
  const heard: string[] = [];
  const wait = (write: number) => waiters.wait(write, (code) => heard.push(`${write} ${nameOf(code)}`));
  return { clock, waiters, heard, wait };
}

test('a commit runs the callbacks of its decision and of earlier ones, in the order of the decisions', () => {
  const { waiters, heard, wait } = setUp();
  for (const write of [3, 1, 2, 1]) wait(write);
  waiters.committed(2);
  expect(heard).toEqual(['1 NONE', '1 NONE', '2 NONE']);
  expect(waiters.size).toBe(1);
});

test('at its deadline a callback gets COORDINATOR_NOT_AVAILABLE, and no call later', () => {
  const { clock, waiters, heard, wait } = setUp();
  wait(1);
  clock.advance(60);
  wait(1);
  clock.advance(40);
  expect(heard).toEqual(['1 COORDINATOR_NOT_AVAILABLE']);
  waiters.committed(1);
  clock.advance(1000);
  expect(heard).toEqual(['1 COORDINATOR_NOT_AVAILABLE', '1 NONE']);
  expect(waiters.size).toBe(0);
});

test('callbacks that have timed out do not stay in memory', () => {
  const { clock, waiters, wait } = setUp();
  for (let i = 0; i < 10_000; i++) {
    wait(1);
    clock.advance(1);
  }
  expect(waiters.size).toBe(99);
  expect((waiters as unknown as { parked: { size: number } }).parked.size).toBeLessThan(1200);
});

test('if a callback ends the shard, every other callback still gets exactly one call', () => {
  const { waiters, heard, wait } = setUp();
  waiters.wait(1, () => waiters.end(() => ErrorCode.NOT_COORDINATOR));
  wait(1);
  wait(2);
  waiters.committed(1);
  expect(heard.sort()).toEqual(['1 NOT_COORDINATOR', '2 NOT_COORDINATOR']);
});
