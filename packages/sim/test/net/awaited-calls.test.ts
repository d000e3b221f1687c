/**
 * Goal: a fault can act on a connection just before the next call of a method, so that this call is late.
 * Method: the connection stalls and breaks at the call `m`, and the caller repeats `m`.
 */
import { expect, test } from 'vitest';
import { MILLISECOND, SECOND } from '../../src/world/index.ts';
import { TwoMachines } from '../support/two-machines.ts';

test('the awaited call arrives after its retry, and a later call of the method is not awaited', () => {
  const machines = new TwoMachines();
  const { network, world } = machines;
  const handled: string[] = [];
  machines.serve({
    call: (method, body, reply) => {
      handled.push(`${method}${body[0]} at ${Math.round(world.nowUs / MILLISECOND)} ms`);
      reply(body);
    },
    stream: () => ({ message() {}, closed() {} }),
  });
  network.awaitedCalls.next({
    method: 'm',
    untilUs: SECOND,
    leaves: (connection) => {
      connection.stall(connection.requests);
      world.after(10 * MILLISECOND, () => connection.breakLate());
      world.after(500 * MILLISECOND, () => connection.flow());
    },
  });
  const channel = machines.channel();
  const answers: string[] = [];
  const call = (method: string, copy: number) =>
    channel.call(method, Uint8Array.of(copy), 5_000, (answer) => {
      answers.push(`${method}${copy} ${answer instanceof Error ? answer.kind : 'answered'}`);
    });
  machines.at(1, () => call('other', 1));
  machines.at(2, () => call('m', 1));
  machines.at(200, () => call('m', 2));
  world.runUntil(SECOND);
  expect(handled).toEqual(['other1 at 1 ms', 'm2 at 200 ms', 'm1 at 502 ms']);
  expect(answers).toEqual(['other1 answered', 'm1 unavailable', 'm2 answered']);
});

test('a wait ends at `untilUs`', () => {
  const machines = new TwoMachines();
  machines.serve({
    call: (_method, body, reply) => reply(body),
    stream: () => ({ message() {}, closed() {} }),
  });
  let left = 0;
  machines.network.awaitedCalls.next({ method: 'm', untilUs: 10 * MILLISECOND, leaves: () => left++ });
  machines.at(20, () => machines.channel().call('m', new Uint8Array(1), 100, () => {}));
  machines.world.runUntil(SECOND);
  expect(left).toBe(0);
});
