import { Timers } from '@millrace/base';
import { ManualClock } from '@millrace/base/testing';
import { expect, test } from 'vitest';
import { OwnTurns } from '../../src/runtime/own-turns.ts';

function ownTurns() {
  const clock = new ManualClock();
  const ran: string[] = [];
  const turns = new OwnTurns(new Timers(clock));
  const add = (name: string, delayMs: number) => turns.after(delayMs, () => ran.push(name));
  /** The slices that ran in each of the next `count` milliseconds. */
  const next = (count: number) =>
    Array.from({ length: count }, () => {
      clock.advance(1);
      return ran.splice(0).join(' ');
    });
  return { clock, ran, turns, add, next };
}

test('each turn runs at most one slice, in the order in which the slices become due', () => {
  const { add, next } = ownTurns();
  add('a', 2);
  add('b', 2);
  add('c', 3);
  add('d', 1);
  expect(next(6)).toEqual(['d', 'a', 'b', 'c', '', '']);
});

test('the slices of several long tasks alternate', () => {
  const { turns, ran, next } = ownTurns();
  const work = (name: string, slices: number) => {
    ran.push(name);
    if (slices > 1) turns.after(1, () => work(name, slices - 1));
  };
  turns.after(1, () => work('a', 3));
  turns.after(1, () => work('b', 3));
  turns.after(1, () => work('c', 1));
  const all = next(9);
  for (const turn of all) expect(turn.length).toBeLessThan(2);
  expect(all.slice(0, 3).sort()).toEqual(['a', 'b', 'c']);
  expect(all.join('')).toHaveLength(7);
  expect(all.slice(7)).toEqual(['', '']);
});

test('a slice without a delay runs at once, but only if no slice has run in this turn', () => {
  const { add, ran, next } = ownTurns();
  add('a', 0);
  add('b', 0);
  expect(ran.splice(0)).toEqual(['a']);
  expect(next(3)).toEqual(['b', '', '']);
});

test('a cancelled slice takes no turn', () => {
  const { clock, ran, add, next } = ownTurns();
  const cancelA = add('a', 1);
  add('b', 1);
  const cancelC = add('c', 1);
  add('d', 1);
  cancelA();
  clock.advance(1);
  expect(ran.splice(0)).toEqual(['b']);
  cancelC();
  expect(next(3)).toEqual(['d', '', '']);
});
