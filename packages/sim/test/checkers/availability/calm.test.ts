/** Goal: `Calm` knows which processes no fault touches, and since when. */
import { expect, it } from 'vitest';
import { Calm } from '../../../src/checkers/availability/calm.ts';
import { SECOND } from '../../../src/world/index.ts';
import { SmallCluster } from '../../support/small-cluster.ts';

function calmIn(controllers: number) {
  const small = new SmallCluster([], controllers);
  const calm = new Calm(small.cluster, small.touched);
  calm.look();
  return { small, calm };
}

it('the calm of a process begins at the end of the last fault that touches it', () => {
  const { small, calm } = calmIn(1);
  const { leader, touched, world } = small;
  expect(calm.sinceUs(leader)).toBe(world.nowUs);
  touched.note({ says: '', touches: [leader], lastsUs: SECOND });
  small.run(1);
  calm.look();
  expect(calm.sinceUs(leader)).toBeUndefined();
  small.run(1);
  calm.look();
  expect(calm.sinceUs(leader)).toBe(world.nowUs);
});

it('the calm of two processes begins at the end of the last cut between them', () => {
  const { small, calm } = calmIn(1);
  const { cluster, network, world } = small;
  const [a, b, c] = cluster.brokers.slice(-3) as [never, never, never];
  const names = cluster.brokers.map(({ name }) => name);
  network.cut(names[0]!, names[1]!);
  small.run(1);
  calm.look();
  expect(calm.togetherSinceUs([a, b])).toBeUndefined();
  expect(calm.togetherSinceUs([a, c])).toBeLessThan(world.nowUs);
  network.heal(names[0]!, names[1]!);
  small.run(1);
  calm.look();
  expect(calm.togetherSinceUs([a, b])).toBe(world.nowUs);
});

it('has a quorum while no fault touches the active controller and a majority of the controllers', () => {
  const { small, calm } = calmIn(3);
  const { cluster, touched } = small;
  expect(calm.quorum).toEqual(cluster.controllers);
  const active = cluster.activeController()!;
  touched.note({ says: '', touches: [active], lastsUs: SECOND });
  small.run(0.1);
  calm.look();
  expect(calm.quorum).toBeUndefined();
  small.run(2);
  calm.look();
  expect(calm.quorum).toEqual(cluster.controllers);
});

it('has a quorum even while links are cut, if the members of a majority reach each other', () => {
  const { small, calm } = calmIn(5);
  const { cluster, network } = small;
  const active = cluster.activeController()!;
  const [a, b, c, d] = cluster.controllers.filter((node) => node !== active);
  const cut = (from: typeof a, to: typeof a) => {
    network.cut(from!.name, to!.name);
    small.run(0.01);
    calm.look();
  };
  const quorumIs = (...nodes: unknown[]) =>
    expect(calm.quorum).toEqual(cluster.controllers.filter((node) => nodes.includes(node)));
  quorumIs(active, a, b, c, d);
  cut(a, b);
  // The quorum has only one of a and b, because they do not reach each other.
  quorumIs(active, a, c, d);
  cut(c, d);
  quorumIs(active, a, c);
  // Now the active controller reaches only one of a and c.
  cut(active, a);
  quorumIs(active, b, c);
  cut(active, b);
  expect(calm.quorum).toBeUndefined();
});

it('a controller with another disk counts as touched for ever, and a broker with another disk does not', () => {
  const { small, calm } = calmIn(3);
  const { cluster, followers } = small;
  const controller = cluster.controllers.find((node) => node !== cluster.activeController())!;
  const victims = [controller, followers[0]!];
  for (const node of victims) {
    node.kill('power');
    node.disk.wipe();
    node.start();
  }
  small.run(30);
  calm.look();
  expect(victims.map((node) => calm.sinceUs(node) !== undefined)).toEqual([false, true]);
});
