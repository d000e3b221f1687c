/**
 * Goal: a fault cancels single calls before, during and after their handling; the other calls of the channel
 * work. Method: one channel to a server that answers after 5 ms, and a rule for the method `cancelled`.
 */
import { describe, expect, it } from 'vitest';
import type { Cancellation } from '../../src/net/index.ts';
import { MILLISECOND, SECOND } from '../../src/world/index.ts';
import { TwoMachines } from '../support/two-machines.ts';

describe('a cancelled call', () => {
  function outcome(when: Cancellation['when'], afterUs: number): { handled: string[]; ended: string[] } {
    const machines = new TwoMachines();
    const { world, server } = machines;
    const handled: string[] = [];
    const ended: string[] = [];
    machines.serve({
      call: (method, body, reply) => {
        handled.push(method);
        const answer = body.slice();
        server.clock.setTimer(5, () => reply(answer));
      },
      stream: () => ({ message() {}, closed() {} }),
    });
    machines.network.cancelledCalls.add({
      from: 'p7',
      untilUs: SECOND,
      draw: (method) => (method === 'cancelled' ? { when, afterUs, kind: 'timeout' } : undefined),
    });
    const channel = machines.channel();
    for (const method of ['kept', 'cancelled', 'kept'])
      channel.call(method, new Uint8Array(1), 900, (answer) => {
        ended.push(`${method}: ${answer instanceof Error ? `${answer.kind} ${answer.message}` : 'answered'}`);
      });
    world.runUntil(2 * SECOND);
    expect(machines.network.openedBy('p7')).toHaveLength(1);
    expect(world.counts.get(`call cancelled ${when} handling`)).toBe(1);
    return { handled, ended };
  }

  it('never reaches the server if it is cancelled before its handling', () => {
    const { handled, ended } = outcome('before', 20 * MILLISECOND);
    expect(handled).toEqual(['kept', 'kept']);
    expect(ended).toEqual(['kept: answered', 'kept: answered', 'cancelled: timeout cancelled']);
  });

  it('is handled if it is cancelled during its handling, but its caller never gets the late answer', () => {
    for (const afterMs of [1, 20]) {
      const { handled, ended } = outcome('during', afterMs * MILLISECOND);
      expect(handled).toEqual(['kept', 'cancelled', 'kept']);
      expect(ended.filter((line) => line.startsWith('cancelled'))).toEqual(['cancelled: timeout cancelled']);
      expect(ended.filter((line) => line === 'kept: answered')).toHaveLength(2);
    }
  });

  it('gets an error in place of its answer if it is cancelled after its handling', () => {
    const { handled, ended } = outcome('after', 0);
    expect(handled).toEqual(['kept', 'cancelled', 'kept']);
    expect(ended.toSorted()).toEqual(['cancelled: timeout cancelled', 'kept: answered', 'kept: answered']);
  });

  it('is not cancelled after the end of the rule', () => {
    const machines = new TwoMachines();
    machines.serve({
      call: (_method, body, reply) => reply(body),
      stream: () => ({ message() {}, closed() {} }),
    });
    const draw = () => ({ when: 'after', afterUs: 0, kind: 'unavailable' }) as const;
    machines.network.cancelledCalls.add({ from: 'p7', untilUs: 10 * MILLISECOND, draw });
    let answers = 0;
    machines.at(20, () =>
      machines.channel().call('m', new Uint8Array(1), 900, (answer) => {
        if (!(answer instanceof Error)) answers++;
      }),
    );
    machines.world.runUntil(SECOND);
    expect(answers).toBe(1);
  });
});
