/**
 * Goal: each fault of single connections does what its sentence says, and ends. Method: strike it at a
 * running cluster with three brokers, a few times.
 */
import { Prng } from '@millrace/base';
import { describe, expect, it } from 'vitest';
import { connectionFaults } from '../../src/faults/connection-faults.ts';
import { type FaultContext, faultKinds } from '../../src/faults/index.ts';
import { SECOND } from '../../src/world/index.ts';
import { SmallCluster } from '../support/small-cluster.ts';

const INCIDENT_SECONDS = 10;

/** Strikes at every machine, ends the incident, and returns the strikes. */
function strike(small: SmallCluster, name: string, parameters: Readonly<Record<string, string | number>>) {
  const { world, network, cluster, atlas } = small;
  const kind = connectionFaults.find((one) => one.name === name)!;
  const context: FaultContext = {
    world,
    network,
    cluster,
    atlas,
    operator: undefined as never,
    clientHosts: [],
    untilUs: world.nowUs + INCIDENT_SECONDS * SECOND,
    random: new Prng(1),
  };
  const strikes = cluster.nodes.map((_node, machine) => kind.strike(context, { machine, ...parameters }));
  small.run(INCIDENT_SECONDS);
  network.healAll();
  small.until(
    () => cluster.brokers.every(({ id }) => cluster.image().isActive(id)) && small.state.isr.length === 3,
  );
  return strikes;
}

describe('the faults of single connections', () => {
  it('are faults that runs draw', () => {
    for (const kind of connectionFaults) expect(faultKinds).toContain(kind);
  });

  it('stall-connection stalls one connection of a machine, until its time is over', () => {
    const small = new SmallCluster([]);
    const stalled = () =>
      small.cluster.nodes
        .flatMap(({ name }) => small.network.openedBy(name))
        .filter(({ requests, answers }) => requests.isStalled || answers.isStalled).length;
    let most = 0;
    small.world.watchers.push(() => {
      most = Math.max(most, stalled());
    });
    const strikes = strike(small, 'stall-connection', { connection: 1, direction: 'both', lastsMs: 500 });
    const last = strikes.at(-1)!;
    const [from, to] = /^both of (b\d) to (\w\d), for 0.50 s$/.exec(last.says)!.slice(1);
    expect(last.touches.map(({ name }) => name).sort()).toEqual([from, to].sort());
    expect(last.lastsUs).toBe(0.5 * SECOND);
    expect(most).toBeGreaterThan(0);
    expect(stalled()).toBe(0);
  });

  it('late-requests brings requests to the server after their connection has broken', () => {
    const small = new SmallCluster([]);
    strike(small, 'late-requests', { times: 6, gatherMs: 600, lateMs: 800 });
    expect(small.world.counts.get('late bytes of a broken connection arrived')).toBeGreaterThan(2);
  });

  it('late-calls brings the next calls of a method to their server after the retries', () => {
    const small = new SmallCluster([]);
    const { world, cluster } = small;
    const method = 'controller.alter-partition';
    world.after(SECOND, () => small.followers[0]!.kill('process'));
    world.after(1.1 * SECOND, () => cluster.nodes.find(({ isUp }) => !isUp)!.start());
    strike(small, 'late-calls', { method, late: 'request', times: 1, gatherMs: 100, lateMs: 2_000 });
    expect(world.counts.get('late bytes of a broken connection arrived')).toBeGreaterThan(0);
  });

  it('reorder-connections delays the connections of a machine, until its time is over', () => {
    const small = new SmallCluster([]);
    let longest = 0;
    small.world.watchers.push(() => {
      for (const { name } of small.cluster.nodes)
        for (const { requests } of small.network.openedBy(name))
          longest = Math.max(longest, requests.delayUs);
    });
    strike(small, 'reorder-connections', { delayMs: 40, lastsMs: 2_000 });
    expect(longest).toBeGreaterThan(10_000);
    expect(longest).toBeLessThanOrEqual(40_000);
    for (const { name } of small.cluster.nodes)
      for (const { requests, answers } of small.network.openedBy(name))
        expect([requests.delayUs, answers.delayUs]).toEqual([0, 0]);
  });

  it.each(['before', 'during', 'after'])('cancel-calls cancels calls %s their handling', (when) => {
    const small = new SmallCluster([]);
    strike(small, 'cancel-calls', { oneIn: 3, when, kind: 'timeout', afterMs: 30, lastsMs: 5_000 });
    expect(small.world.counts.get(`call cancelled ${when} handling`)).toBeGreaterThan(5);
  });
});
