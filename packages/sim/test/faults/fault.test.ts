/** Goal: a fault finds the victim that the plan of the run names, and ends when its incident ends. */
import { Prng } from '@millrace/base';
import { expect, test } from 'vitest';
import { endAfter, type FaultContext, victim, victimOf } from '../../src/faults/fault.ts';
import { MILLISECOND, SECOND } from '../../src/world/index.ts';
import { SmallCluster } from '../support/small-cluster.ts';

function contextOf({ world, network, cluster, atlas }: SmallCluster): FaultContext {
  const untilUs = world.nowUs + SECOND;
  const random = new Prng(1);
  return { world, network, cluster, atlas, operator: undefined as never, clientHosts: [], untilUs, random };
}

test('a victim is the active controller, the leader, or any node; if the fault cannot use this node, it takes another one', () => {
  const small = new SmallCluster([]);
  const context = contextOf(small);
  const { cluster, leader } = small;
  const [controller] = cluster.controllers;
  expect(victimOf(context, { who: 'active-controller', pick: 3 })).toBe(controller);
  expect(victimOf(context, { who: 'leader', pick: 3 })).toBe(leader);
  expect(victimOf(context, { who: 'any', pick: 5 })).toBe(cluster.nodes[1]);
  const other = victimOf(context, { who: 'leader', pick: 3 }, (node) => node !== leader);
  expect(other).not.toBe(leader);
  expect(victimOf(context, { who: 'leader', pick: 3 }, () => false)).toBeUndefined();
});

test.each([
  [{ who: 'any', pick: 0 }, true],
  [{ who: 'nobody', pick: 0 }, false],
  [{ who: 'any' }, false],
  [{ who: 'any', pick: -1 }, false],
  [{ who: 'any', pick: 0, name: 'b4' }, false],
  ['any', false],
  [null, false],
])('victim %j', (value, allowed) => {
  expect(victim().isAllowed(value)).toBe(allowed);
});

test('an effect ends after its duration, at the latest with its incident', () => {
  const small = new SmallCluster([]);
  const { world } = small;
  const context = contextOf(small);
  const began = world.nowUs;
  const ends: number[] = [];
  expect(endAfter(context, 250, () => ends.push(world.nowUs - began))).toBe(250 * MILLISECOND);
  expect(endAfter(context, 8_000, () => ends.push(world.nowUs - began))).toBe(SECOND);
  small.run(10);
  expect(ends).toEqual([250 * MILLISECOND, SECOND]);
});
