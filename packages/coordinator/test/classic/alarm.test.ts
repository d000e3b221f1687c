import { expect, it } from 'vitest';
import { Alarm } from '../../src/classic/alarm.ts';
import { FakeShardPort } from '../../src/testing/index.ts';

function set() {
  const port = new FakeShardPort();
  const rung: number[] = [];
  const alarm = new Alarm(port, () => rung.push(port.now()));
  return { port, rung, alarm };
}

it('rings once, at its time', () => {
  const { port, rung, alarm } = set();
  alarm.set(10);
  expect(alarm.isSet).toBe(true);
  port.advance(50);
  expect([rung, alarm.isSet]).toEqual([[10], false]);
});

it('moves to a later time without another timer, and to an earlier time', () => {
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
