/** Goal: a fault that reading found does no harm by itself. Method: a small cluster that works, that one fault, and nothing else. */
import { Prng } from '@millrace/base';
import { expect, test } from 'vitest';
import { checkerKinds } from '../../src/checkers/index.ts';
import { duplicateId } from '../../src/faults/duplicate-id.ts';
import type { FaultContext } from '../../src/faults/index.ts';
import { MILLISECOND, SECOND } from '../../src/world/index.ts';
import { SmallCluster } from '../checkers/support.ts';

function contextOf({ world, network, cluster, atlas }: SmallCluster): FaultContext {
  const untilUs = world.nowUs + 60 * SECOND;
  return { world, network, cluster, atlas, operator: undefined as never, clientHosts: [], untilUs };
}

test('a second process with the id of a healthy broker is refused, and its death fences nobody', () => {
  const small = new SmallCluster(checkerKinds, 3);
  const { world, cluster } = small;
  const epochs = () => cluster.brokers.map(({ id }) => cluster.image().broker(id)!.epoch);
  const before = epochs();
  for (let seed = 1; seed <= 10; seed++) {
    duplicateId.strike(contextOf(small), new Prng(seed));
    small.run(4);
  }
  expect(world.counts.get('duplicate-id refused')).toBeGreaterThan(10);
  expect(world.counts.get('duplicate-id accepted')).toBeUndefined();
  expect(world.counts.get('log broker-fenced')).toBeUndefined();
  expect(world.counts.get('log control-stream-lost')).toBeUndefined();
  expect(epochs()).toEqual(before);
});

test('an active controller whose ticks are always late fences the dead within two sessions', () => {
  const small = new SmallCluster(checkerKinds);
  const { cluster } = small;
  const [controller] = cluster.controllers;
  controller!.host.timersLateUs = 250 * MILLISECOND;
  small.run(3);
  const { leader } = small;
  // Frozen: no stream breaks, it is only silent.
  leader.life!.pause();
  small.run(2 * 1.5 + 1);
  expect(cluster.image().isAlive(leader.id)).toBe(false);
});
