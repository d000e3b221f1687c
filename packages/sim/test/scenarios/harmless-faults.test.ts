/**
 * Goal: some faults do no harm if no other fault strikes. Method: a small healthy cluster, and only one
 * fault.
 */
import { Prng } from '@millrace/base';
import { expect, test } from 'vitest';
import { checkerKinds } from '../../src/checkers/index.ts';
import { duplicateId } from '../../src/faults/duplicate-id.ts';
import { drawValues, type FaultContext } from '../../src/faults/index.ts';
import { MILLISECOND, SECOND } from '../../src/world/index.ts';
import { SmallCluster } from '../support/small-cluster.ts';

function contextOf({ world, network, cluster, atlas }: SmallCluster, random: Prng): FaultContext {
  const untilUs = world.nowUs + 60 * SECOND;
  return { world, network, cluster, atlas, operator: undefined as never, clientHosts: [], untilUs, random };
}

test('the controller refuses a second process with the id of a healthy broker, and the death of this process fences no broker', () => {
  const small = new SmallCluster(checkerKinds, 3);
  const { world, cluster } = small;
  const epochs = () => cluster.brokers.map(({ id }) => cluster.image().broker(id)!.epoch);
  const before = epochs();
  for (let seed = 1; seed <= 10; seed++) {
    const random = new Prng(seed);
    duplicateId.strike(contextOf(small, random), drawValues(duplicateId.parameters, random));
    small.run(4);
  }
  expect(world.counts.get('duplicate-id refused')).toBeGreaterThan(10);
  expect(world.counts.get('duplicate-id accepted')).toBeUndefined();
  expect(world.counts.get('log broker-fenced')).toBeUndefined();
  expect(world.counts.get('log control-stream-lost')).toBeUndefined();
  expect(epochs()).toEqual(before);
});

test('an active controller whose ticks are always late fences a dead broker within two sessions', () => {
  const small = new SmallCluster(checkerKinds);
  const { cluster } = small;
  const [controller] = cluster.controllers;
  controller!.host.timersLateUs = 250 * MILLISECOND;
  small.run(3);
  const { leader } = small;
  // Freezes the leader. So it sends no heartbeats, but its control stream does not break.
  leader.life!.pause();
  small.run(2 * 1.5 + 1);
  expect(cluster.image().isAlive(leader.id)).toBe(false);
});

/** A client that only keeps a connection to the node. */
function guestOf(small: SmallCluster, index: number): { isConnected: boolean } {
  const guest = { isConnected: false };
  const { network, cluster } = small;
  const { life } = small.machine('g1');
  network.netOf(life).connect(cluster.bootstrap[index]!, {
    opened: () => {
      guest.isConnected = true;
    },
    data: () => {},
    drained: () => {},
    closed: () => {
      guest.isConnected = false;
    },
  });
  return guest;
}

test('a broker whose heartbeats are answered late closes stream after stream and keeps its clients', () => {
  const small = new SmallCluster(checkerKinds);
  const { world, network, cluster, leader } = small;
  const [controller] = cluster.controllers;
  const guest = guestOf(small, cluster.brokers.indexOf(leader));
  small.run(1);
  // The answers take longer than the broker waits: 1 s for an answer, and at most 750 ms for the first answer
  // on a new stream.
  network.slow(controller!.name, leader.name, { delayUs: 1_100 * MILLISECOND });
  for (let passed = 0; passed < 8; passed += 0.05) {
    small.run(0.05);
    expect(cluster.image().isAlive(leader.id)).toBe(true);
  }
  network.slow(controller!.name, leader.name, undefined);
  small.run(2);
  expect(world.counts.get('log broker-stream-left')).toBeGreaterThan(5);
  expect(world.counts.get('log broker-fenced')).toBeUndefined();
  expect(guest.isConnected).toBe(true);
  expect(small.leader).toBe(leader);
});

test('the controller fences a killed broker after the grace, even if the broker left a stream before', () => {
  const small = new SmallCluster(checkerKinds);
  const { world, network, cluster, leader } = small;
  const [controller] = cluster.controllers;
  network.slow(controller!.name, leader.name, { delayUs: 1_100 * MILLISECOND });
  small.until(() => world.counts.get('log broker-stream-left') !== undefined);
  network.slow(controller!.name, leader.name, undefined);
  small.run(2);
  leader.kill('process');
  small.run(0.2);
  expect(cluster.image().isAlive(leader.id)).toBe(false);
});
