import { expect, it } from 'vitest';
import { memoryGrows } from '../../src/checkers/memory-grows.ts';
import type { SimNode } from '../../src/cluster/index.ts';
import { MILLISECOND } from '../../src/world/index.ts';
import { SmallCluster, violationOf } from '../support/small-cluster.ts';

/** Makes the broker report these numbers from now on. */
function holds(node: SimNode, more: object): void {
  const broker = node.roles!.broker!;
  const holdings = broker.holdings.bind(broker);
  Object.defineProperty(broker, 'holdings', { value: () => ({ ...holdings(), ...more }) });
}

it('accepts a cluster in peace', () => {
  const small = new SmallCluster([memoryGrows], 3);
  small.world.tell('world', 'in-sync');
  small.run(5);
  expect(violationOf(() => small.finish())).toBeUndefined();
});

it.each([
  ['parked fetches', { parkedFetches: 50 }, 50],
  ['waiters of one partition', { fetchWaiters: 50 }, 50],
  ['calls to the controller', { controllerCalls: 1 }, 1],
  ['deletions of records that wait', { waitingDeletions: 1 }, 1],
  ['deadlines', { deadlines: 200 }, 200],
  ['deadlines', { deadlines: 200, removedSegments: 100 }, 200],
])('sees that a broker holds too many %s at the end', (name, more, count) => {
  const small = new SmallCluster([memoryGrows]);
  holds(small.leader, more);
  small.world.tell('world', 'in-sync');
  small.run(5);
  const found = violationOf(() => small.finish());
  expect(found).toMatch(new RegExp(`^memory-grows: b. holds ${count} ${name} in peace`));
});

it('expects a deadline for each removed segment', () => {
  const small = new SmallCluster([memoryGrows]);
  holds(small.leader, { deadlines: 200, removedSegments: 200 });
  small.world.tell('world', 'in-sync');
  small.run(5);
  expect(violationOf(() => small.finish())).toBeUndefined();
});

it.each([
  ['shorter than a session timeout', 3, undefined],
  ['longer than a session timeout', 5, /holds 1 member ids without a member in peace/],
])('judges a member id without a member in a peace that is %s', (_length, seconds, expected) => {
  const small = new SmallCluster([memoryGrows]);
  holds(small.leader, { pendingMembers: 1 });
  small.world.tell('world', 'in-sync');
  small.run(seconds);
  const found = violationOf(() => small.finish());
  if (expected === undefined) expect(found).toBeUndefined();
  else expect(found).toMatch(expected);
});

it('sees too many ISR changes at the end of a peace, when the next fault strikes', () => {
  const small = new SmallCluster([memoryGrows]);
  holds(small.leader, { isrChanges: 3 });
  small.world.tell('world', 'in-sync');
  small.run(5);
  small.world.tell('world', 'fault 0: crash', { what: 'c1' });
  expect(violationOf(() => small.run(1))).toBe(
    `memory-grows: ${small.leader.name} holds 3 ISR changes that wait in peace, and never fewer than 1`,
  );
});

it('accepts a call that is open at the first look in each 50 ms, and at no later look', () => {
  const small = new SmallCluster([memoryGrows]);
  const { world, leader } = small;
  const broker = leader.roles!.broker!;
  const holdings = broker.holdings.bind(broker);
  let lookedUs = 0;
  const value = () => {
    const controllerCalls = world.nowUs - lookedUs >= 50 * MILLISECOND ? 1 : 0;
    lookedUs = world.nowUs;
    return { ...holdings(), controllerCalls };
  };
  Object.defineProperty(broker, 'holdings', { value });
  world.tell('world', 'in-sync');
  small.run(5);
  expect(violationOf(() => small.finish())).toBeUndefined();
});
