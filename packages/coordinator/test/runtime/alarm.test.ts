import { describe, expect, it } from 'vitest';
import { Alarm, GRACE_MS, LATE_MS } from '../../src/runtime/alarm.ts';
import { FakeShardPort } from '../../src/testing/index.ts';
import { PausedPort } from '../support/paused-port.ts';

function set() {
  const port = new FakeShardPort();
  const rung: number[] = [];
  const alarm = new Alarm(port, () => rung.push(port.now()));
  return { port, rung, alarm };
}

it('rings once, at its deadline', () => {
  const { port, rung, alarm } = set();
  alarm.set(10);
  expect(alarm.isSet).toBe(true);
  port.advance(50);
  expect([rung, alarm.isSet]).toEqual([[10], false]);
});

it('moves to a later or an earlier time, and never has more than one timer', () => {
  const { port, rung, alarm } = set();
  alarm.set(10);
  port.advance(5);
  alarm.set(10);
  expect(port.timerCount).toBe(1);
  port.advance(9);
  expect(rung).toEqual([]);
  port.advance(10);
  expect(rung).toEqual([15]);
  alarm.set(100);
  alarm.set(1);
  expect(port.timerCount).toBe(1);
  port.advance(1);
  expect(rung).toEqual([15, 25]);
});

it('does not ring when it is cleared', () => {
  const { port, rung, alarm } = set();
  alarm.set(10);
  alarm.clear();
  expect(port.timerCount).toBe(0);
  port.advance(50);
  expect(rung).toEqual([]);
});

it('may be set while it rings', () => {
  const port = new FakeShardPort();
  const rung: number[] = [];
  const alarm: Alarm = new Alarm(port, () => {
    rung.push(port.now());
    if (rung.length < 3) alarm.set(10);
  });
  alarm.set(10);
  port.advance(100);
  expect(rung).toEqual([10, 20, 30]);
});

describe('after the process stood still', () => {
  function paused(delayMs: number) {
    const port = new PausedPort();
    const rung: number[] = [];
    const alarm = new Alarm(port, () => rung.push(port.now()));
    alarm.set(delayMs);
    return { port, rung, alarm };
  }

  it('rings at once if the timer is late by no more than LATE_MS', () => {
    const { port, rung } = paused(100);
    port.pause(100 + LATE_MS);
    expect(rung).toEqual([100 + LATE_MS]);
  });

  it('waits for a grace period, in which a caller can still move the deadline', () => {
    const { port, rung, alarm } = paused(100);
    port.pause(5_000);
    port.run(GRACE_MS - 1);
    expect([rung, alarm.isSet]).toEqual([[], true]);
    alarm.set(2_000);
    port.run(1_999);
    expect(rung).toEqual([]);
    port.run(1);
    expect(rung).toEqual([5_000 + GRACE_MS - 1 + 2_000]);
  });

  it('rings after the grace period if the deadline does not move', () => {
    const { port, rung } = paused(100);
    port.pause(5_000);
    port.run(2 * GRACE_MS);
    expect(rung).toEqual([5_000 + GRACE_MS]);
  });

  it('waits for the grace period if only the timer of an earlier deadline is late', () => {
    const { port, rung, alarm } = paused(100);
    port.run(50);
    alarm.set(4_900);
    port.pause(4_900);
    expect(rung).toEqual([]);
    port.run(GRACE_MS);
    expect(rung).toEqual([4_950 + GRACE_MS]);
  });

  it('waits for the grace period if the deadline comes right after the pause', () => {
    const { port, rung, alarm } = paused(100);
    alarm.set(5_001);
    port.pause(5_000);
    port.run(GRACE_MS);
    expect(rung).toEqual([5_000 + GRACE_MS]);
  });

  it('a deadline far after one pause still gets its grace period after the next pause', () => {
    const { port, rung, alarm } = paused(100);
    alarm.set(20_000);
    port.pause(5_000);
    port.run(14_000);
    port.pause(5_000);
    expect([rung, alarm.isSet]).toEqual([[], true]);
    port.run(GRACE_MS);
    expect(rung).toEqual([24_000 + GRACE_MS]);
  });

  it('waits for only one grace period for each deadline', () => {
    const { port, rung } = paused(100);
    port.pause(5_000);
    port.pause(5_000);
    expect(rung).toEqual([10_000]);
  });
});
