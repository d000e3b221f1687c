/** Goal: many deadlines need only one timer of the clock. Method: a clock that counts its timers. */
import { expect, test } from 'vitest';
import { Timers } from '../src/index.ts';
import { ManualClock } from '../src/testing/index.ts';

class CountingClock extends ManualClock {
  armed = 0;

  override setTimer(delayMs: number, callback: () => void) {
    this.armed++;
    return super.setTimer(delayMs, callback);
  }
}

test('deadlines fire at their times, in order; a cancelled deadline does not fire', () => {
  const clock = new CountingClock();
  const timers = new Timers(clock);
  const fired: string[] = [];
  timers.after(30, () => fired.push(`late at ${timers.now()}`));
  timers.after(10, () => fired.push(`early at ${timers.now()}`));
  timers.cancel(timers.after(20, () => fired.push('cancelled')));
  clock.advance(100);
  expect(fired).toEqual(['early at 10', 'late at 30']);
});

test('a thousand deadlines that are cancelled in time set at most two timers of the clock', () => {
  const clock = new CountingClock();
  const timers = new Timers(clock);
  for (let i = 0; i < 1_000; i++) {
    timers.cancel(timers.after(500, () => expect.unreachable()));
    if (i === 0) clock.advance(1);
  }
  clock.advance(1_000);
  expect(clock.armed).toBeLessThanOrEqual(2);
});

test('after stop, no deadline fires, and no callback runs at the end of the turn', () => {
  const clock = new CountingClock();
  const timers = new Timers(clock);
  timers.after(10, () => expect.unreachable());
  timers.soon(() => expect.unreachable());
  timers.stop();
  timers.after(5, () => expect.unreachable());
  clock.advance(100);
});
