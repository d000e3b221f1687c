/** Goal: an error of a process becomes a violation. Method: code that throws in a turn. */
import { InvariantError } from '@millrace/base';
import { Violation } from '@millrace/checkers';
import { describe, expect, it } from 'vitest';
import { CrashSignal, Host, type Life, SECOND, World } from '../../src/world/index.ts';

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

  it('passes on a broken invariant and the violation of another checker', () => {
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
