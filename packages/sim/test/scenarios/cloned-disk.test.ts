/**
 * Goal: a second process with the id of a broker, on a copy of its disk or on an empty disk, serves while the
 * first process is away. While the first process runs, the second one changes nothing. Method: a small
 * healthy cluster, all checkers, and only this fault.
 */
import { Prng } from '@millrace/base';
import { describe, expect, test } from 'vitest';
import { checkerKinds } from '../../src/checkers/index.ts';
import { liveBrokerReplaced } from '../../src/checkers/live-broker-replaced.ts';
import { clonedDisk } from '../../src/faults/cloned-disk.ts';
import { MILLISECOND, SECOND } from '../../src/world/index.ts';
import { batch, controllerOf, SmallCluster } from '../support/small-cluster.ts';

/**
 * A cluster, and a function that starts a second process with the id of the first broker for 12 s.
 * `registrations`: the broker epochs that this id has had since the start of that process.
 */
function cloned(original: 'runs' | 'cut-off' | 'frozen', disk = 'copy', kinds = checkerKinds) {
  const small = new SmallCluster(kinds, 1);
  const { world, network, cluster, atlas, touched } = small;
  world.watchers.push(() => atlas.watch());
  for (const node of cluster.nodes)
    node.onEnded = () => world.after(100 * MILLISECOND, () => node.startIfDown());
  small.produce(batch);
  const node = cluster.brokers[0]!;
  const before = cluster.image().broker(node.id)!.epoch;
  const registrations = new Set<number>();
  const strike = () => {
    const context = {
      ...{ world, network, cluster, atlas, operator: undefined as never, clientHosts: [] },
      untilUs: world.nowUs + 60 * SECOND,
      random: new Prng(1),
    };
    const victim = { who: 'any', pick: 0 };
    const struck = clonedDisk.strike(context, { victim, disk, original, lastsMs: 12_000 })!;
    touched.note(struck);
    world.watchers.push(() => registrations.add(cluster.image().broker(node.id)!.epoch));
  };
  return { small, node, before, registrations, strike };
}

/** Lets a process that names a log directory of a live broker replace the broker. */
function acceptEveryCopy({ cluster }: SmallCluster): void {
  for (const node of cluster.controllers) controllerOf(node).sessions.hasOpenStream = () => false;
}

describe('while the first process runs', () => {
  test('the controller refuses the second one, and the first one keeps its registration', () => {
    const { small, before, registrations, strike } = cloned('runs');
    strike();
    small.run(11);
    expect([...registrations]).toEqual([before]);
    const { counts } = small.world;
    expect(counts.get('log registration-refused')).toBe(1);
    expect(counts.get('log broker-registration-lost')).toBeUndefined();
    expect(counts.get('log broker-fenced')).toBeUndefined();
  });

  test('if the controller accepts the second one, the two processes replace each other again and again', () => {
    const kinds = checkerKinds.filter((kind) => kind !== liveBrokerReplaced);
    const { small, registrations, strike } = cloned('runs', 'copy', kinds);
    acceptEveryCopy(small);
    strike();
    small.run(11);
    expect(registrations.size).toBeGreaterThan(10);
    expect(small.world.counts.get('log broker-registration-lost')).toBeGreaterThan(10);
  });
});

describe.each(['cut-off', 'frozen'] as const)('while the first process is %s', (original) => {
  test.each(['copy', 'empty'])('the second one serves from its disk: %s', (disk) => {
    const { small, node, before, registrations, strike } = cloned(original, disk);
    const { cluster, atlas, world } = small;
    strike();
    const [standIn] = cluster.standIns;
    small.until(() => small.state.isr.length === 3 && cluster.node(node.id) === standIn);
    expect(standIn!.isReady).toBe(true);
    // The first process comes back, and finds its id taken by a live process.
    small.run(4);
    expect(cluster.node(node.id)).toBe(standIn);
    expect([...registrations].filter((epoch) => epoch !== before).length).toBe(1);
    expect(atlas.isRecovering(node.id)).toBe(true);
    small.until(() => cluster.standIns.length === 0);
    expect([standIn!.isUp, node.isUp]).toEqual([false, false]);
    expect(world.counts.get('cloned-disk served')).toBe(1);
    small.until(() => small.state.isr.length === 3 && cluster.node(node.id) === node && node.isReady);
    expect(atlas.isRecovering(node.id)).toBe(false);
    small.produce(batch);
    small.finish();
  });
});
