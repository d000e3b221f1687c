/**
 * Goal: the world detects a run that does not end. Method: events and processes that repeat without end.
 */
import { describe, expect, it } from 'vitest';
import { Host, type Life, SECOND, World } from '../../src/world/index.ts';
import { violationOf } from '../support/small-cluster.ts';

describe('no-livelock', () => {
  const STANDS_STILL = 'no-livelock: time stands still: the same events repeat without end';

  it('sees an event that repeats itself at the same moment for ever', () => {
    const world = new World(1);
    const again = () => void world.after(0, again);
    again();
    expect(violationOf(() => world.runUntil(SECOND))).toBe(STANDS_STILL);
    expect(world.nowUs).toBe(0);
  });

  it('sees two processes that answer each other without delay', () => {
    const world = new World(1);
    const [one, other] = ['b4', 'b5'].map((name) => new Host(world, name).boot()) as [Life, Life];
    const ping = () => other.arrives(0, pong);
    const pong = () => one.arrives(0, ping);
    one.arrives(7, ping);
    expect(violationOf(() => world.runUntil(SECOND))).toBe(STANDS_STILL);
    expect(world.nowUs).toBe(7);
  });

  it('accepts more events than the limit for one moment, if time passes between some of them', () => {
    const world = new World(1);
    let left = 300_000;
    const again = () => {
      if (left-- > 0) world.after(left % 1_000 === 0 ? 1 : 0, again);
    };
    again();
    expect(violationOf(() => world.runUntil(SECOND))).toBeUndefined();
    expect(left).toBe(-1);
  });

  it('sees a run that does not end although time passes', () => {
    const world = new World(1);
    // Sets the counter of events, because running so many events would take a while.
    world.events = 20_000_000 - 1;
    const again = () => void world.after(1, again);
    again();
    expect(violationOf(() => world.runUntil(1))).toBeUndefined();
    expect(violationOf(() => world.runUntil(2))).toBe('no-livelock: the run has more than 20000000 events');
  });
});
