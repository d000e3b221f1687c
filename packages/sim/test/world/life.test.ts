/**
 * Goal: an error of a process becomes a violation, a pause keeps the order of events, and a call that blocks
 * makes the rest of its turn late. Method: code that throws or blocks in a turn; events at the moment when a
 * pause ends.
 */
import { InvariantError } from '@millrace/base';
import { Violation } from '@millrace/checkers';
import { describe, expect, it } from 'vitest';
import { CrashSignal, Host, type Life, MILLISECOND, SECOND, World } from '../../src/world/index.ts';

describe('no-exception', () => {
  /** Runs `act` in a process `b4`, a millisecond or two after its start. Returns the violation. */
  function thrownBy(act: (life: Life) => void): Violation | undefined {
    const world = new World(1);
    const life = new Host(world, 'b4').boot();
    life.clock.setTimer(1, () => act(life));
    try {
      world.runUntil(SECOND);
    } catch (error) {
      if (error instanceof Violation) return error;
      throw error;
    }
    return undefined;
  }

  it('sees an error in a callback, names the process, and keeps the error', () => {
    const planted = new TypeError('planted');
    const throws = () => {
      throw planted;
    };
    for (const act of [throws, ({ clock }: Life) => clock.soon(throws)]) {
      const found = thrownBy(act);
      expect(found?.message).toBe('no-exception: b4 threw TypeError: planted');
      expect(found?.cause).toBe(planted);
    }
    expect(thrownBy(() => {})).toBeUndefined();
  });

  it('reports a broken invariant as such, and passes on the violation of another checker', () => {
    const broken = thrownBy(() => {
      throw new InvariantError('planted');
    });
    expect(broken?.message).toBe('broken-invariant: b4 threw InvariantError: planted');
    const endless = thrownBy(({ clock }) => {
      const again = () => clock.soon(again);
      again();
    });
    expect(endless?.message).toMatch(/^broken-invariant: b4 threw InvariantError: .*the turn never ends/);
    const other = thrownBy(({ world }) => world.fail('lost-write', 'planted'));
    expect(other?.message).toBe('lost-write: planted');
  });

  it('accepts the signal of a crash only from a dead process', () => {
    const crash = (life: Life, isDead: boolean) => {
      if (isDead) life.die('process');
      throw new CrashSignal('planted');
    };
    expect(thrownBy((life) => crash(life, true))).toBeUndefined();
    expect(thrownBy((life) => crash(life, false))?.message).toBe(
      'no-exception: b4 threw CrashSignal: planted',
    );
  });
});

describe('a pause', () => {
  /** Pauses a process until 20 us. Returns the order in which its events have run. */
  function orderOf(schedule: (life: Life, ran: (name: string) => () => void) => void): string[] {
    const world = new World(1);
    const life = new Host(world, 'b4').boot();
    const order: string[] = [];
    life.pause();
    world.after(20, () => life.resume());
    schedule(life, (name) => () => void order.push(name));
    world.runUntil(SECOND);
    return order;
  }

  it('lets no event that arrives at its end run before the events that waited', () => {
    const order = orderOf((life, ran) => {
      life.arrives(5, ran('in the pause'));
      life.arrives(6, ran('later in the pause'));
      life.arrives(20, ran('when it ends'));
    });
    expect(order).toEqual(['in the pause', 'later in the pause', 'when it ends']);
  });

  it('keeps the order when a waiting event causes another event, or pauses the process again', () => {
    const order = orderOf((life, ran) => {
      life.arrives(5, () => {
        ran('first')();
        life.arrives(0, ran('caused by the first'));
        life.pause();
        life.world.after(7, () => life.resume());
      });
      life.arrives(6, ran('second'));
      life.arrives(20, ran('third'));
    });
    expect(order).toEqual(['first', 'second', 'third', 'caused by the first']);
  });

  it('runs every event once, and none of a process that died meanwhile', () => {
    let died: Life | undefined;
    const order = orderOf((life, ran) => {
      for (const name of ['a', 'b']) life.arrives(3, ran(name));
      life.arrives(4, () => life.die('process'));
      life.arrives(5, ran('after its death'));
      died = life;
    });
    expect(order).toEqual(['a', 'b']);
    expect(died?.isAlive).toBe(false);
  });
});

describe('a turn that blocks', () => {
  function machine() {
    const world = new World(1);
    const life = new Host(world, 'b4').boot();
    const told: string[] = [];
    const tell = (what: string) => told.push(`${what} at ${life.clock.monotonicMs()}`);
    return { world, life, told, tell };
  }

  it('moves the clock of its process, and delays its later effects and other events', () => {
    const { world, life, told, tell } = machine();
    life.clock.setTimer(5, () => tell('timer'));
    life.arrives(20 * MILLISECOND, () => tell('later event'));
    life.turn('io', () => {
      tell('begin');
      life.block(10 * MILLISECOND);
      tell('end');
      world.after(0, () => told.push(`effect at ${world.nowUs / MILLISECOND}`));
    });
    world.watchers.push(() => told.push('turn over'));
    expect(world.nowUs).toBe(0);
    world.runUntil(SECOND);
    expect(told).toEqual([
      'begin at 0',
      'end at 10',
      'effect at 10',
      'timer at 10',
      'turn over',
      'later event at 20',
      'turn over',
    ]);
  });

  it('runs nothing more when the process dies meanwhile', () => {
    const { world, life, told, tell } = machine();
    life.clock.setTimer(5, () => tell('timer'));
    life.turn('io', () => life.block(10 * MILLISECOND));
    world.after(7 * MILLISECOND, () => life.die('process'));
    world.runUntil(SECOND);
    expect(told).toEqual([]);
  });

  it('stays blocked when the process pauses and resumes meanwhile', () => {
    const { world, life, told, tell } = machine();
    life.arrives(MILLISECOND, () => tell('event'));
    life.turn('io', () => life.block(10 * MILLISECOND));
    world.after(2 * MILLISECOND, () => life.pause());
    world.after(5 * MILLISECOND, () => life.resume());
    world.runUntil(SECOND);
    expect(told).toEqual(['event at 10']);
  });
});
