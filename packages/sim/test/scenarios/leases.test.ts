/**
 * Goal: no deposed controller grants a lease that still holds when its successor fences the broker
 * (docs/leases.md). Method: cut the active controller and a broker off from the other controllers. In one
 * test the active controller asks a majority whether it still leads; in the other test it does not ask, and
 * the checker must fail.
 */
import { expect, test } from 'vitest';
import { zombieLeader } from '../../src/checkers/zombie-leader.ts';
import { between } from '../../src/faults/links.ts';
import { SmallCluster, violationOf } from '../support/small-cluster.ts';

test.each([
  ['asks a majority whether it still leads', true],
  ['does not ask', false],
])('a deposed controller %s before it grants a lease: no lease outlives the fence: %s', (_how, isAsked) => {
  const small = new SmallCluster([zombieLeader], 3, { 'broker.heartbeat.interval.ms': '100' });
  const { cluster, network, leader } = small;
  const { id, name } = leader;
  const deposed = cluster.activeController()!;
  const others = cluster.controllers.filter((node) => node !== deposed).map((node) => node.name);
  if (!isAsked) {
    const { clock } = deposed.life!;
    const confirmLeadership = (done: (leads: boolean) => void) => clock.soon(() => done(true));
    Object.defineProperty(deposed.roles!.controller!.quorum!, 'confirmLeadership', {
      value: confirmLeadership,
    });
  }
  const found = violationOf(() => {
    for (const [from, to] of between([deposed.name, name], others)) network.cut(from, to);
    small.until(() => cluster.image().broker(id)!.fenced);
    small.run(3);
  });
  if (isAsked) expect(found).toBeUndefined();
  else expect(found).toBe(`zombie-leader: ${name} holds a lease, but it is fenced because it was silent`);
});
