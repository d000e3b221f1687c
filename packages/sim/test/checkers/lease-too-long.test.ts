import { describe, expect, it } from 'vitest';
import { leaseTooLong, longestLeaseMs } from '../../src/checkers/lease-too-long.ts';
import { between } from '../../src/faults/links.ts';
import { controllerOf, SmallCluster, violationOf } from '../support/small-cluster.ts';

const SESSION_MS = 1_500;

/** Renews the lease of a follower, as an answered heartbeat would. */
function renew(small: SmallCluster, leaseMs: number): void {
  const [follower] = small.followers;
  const { replicas } = follower!.roles!.broker!;
  const validUntilMs = follower!.life!.clock.monotonicMs() + leaseMs;
  small.corrupt(follower!, () => replicas.setLease({ brokerEpoch: replicas.brokerEpoch, validUntilMs }));
}

describe('lease-too-long', () => {
  it('accepts the leases of a cluster that works and changes its controller', () => {
    const small = new SmallCluster([leaseTooLong], 3);
    const found = violationOf(() => {
      small.cluster.activeController()!.kill('process');
      small.run(10);
    });
    expect(found).toBeUndefined();
  });

  it('sees a lease that is a few milliseconds too long', () => {
    const small = new SmallCluster([leaseTooLong]);
    const longest = longestLeaseMs(SESSION_MS);
    expect(longest).toBe(1_496);
    expect(violationOf(() => renew(small, longest + 2))).toMatch(
      /^lease-too-long: .* gets a lease that lasts .* longer than 1.496 s$/,
    );
  });

  it.each([
    ['sees a lease longer than the session timeout of', 1_000, 1_500, /b\d gets a lease .* longer than 1 s$/],
    ['accepts the longest lease of', 1_500, 1_000, undefined],
  ])(
    '%s a broker whose id a second process has, with another session timeout',
    (_what, own, other, expected) => {
      const small = new SmallCluster([leaseTooLong]);
      const controller = small.cluster.controllers[0]!;
      const [follower] = small.followers;
      const { id, name } = follower!;
      const image = () => small.cluster.image();
      follower!.set({ 'broker.session.timeout.ms': String(own) });
      follower!.kill('process');
      follower!.start();
      small.until(() => follower!.isReady);
      for (const [from, to] of between([name], [controller.name])) small.network.cut(from, to);
      small.until(() => image().broker(id)!.fenced);
      const registration = image().broker(id)!;
      const second = {
        ...registration,
        brokerId: id,
        incarnationId: small.world.random.uuid(),
        clusterId: '',
        listeners: [...registration.listeners],
        previousBrokerEpoch: -1,
        logDirs: [],
        sessionTimeoutMs: other,
      };
      small.corrupt(controller, () =>
        controllerOf(controller).register(second, controller.life!.clock.monotonicMs(), () => {}),
      );
      small.until(() => image().broker(id)!.sessionTimeoutMs === other);
      const found = violationOf(() => renew(small, Math.min(own + 100, longestLeaseMs(SESSION_MS))));
      if (expected === undefined) expect(found).toBeUndefined();
      else expect(found).toMatch(expected);
    },
  );

  it('sees a lease that begins at the answer to a heartbeat, so that it may last longer than the session', () => {
    const small = new SmallCluster([leaseTooLong], 1, { 'broker.heartbeat.interval.ms': '400' });
    const { sessions } = controllerOf(small.cluster.controllers[0]!);
    const found = violationOf(() => {
      const [follower] = small.followers;
      const { clock } = small.cluster.controllers[0]!.life!;
      // Waits until the follower's last heartbeat reached the controller at least 100 ms ago.
      small.until(() => sessions.expiresAt(follower!.id)! <= clock.monotonicMs() + SESSION_MS - 100);
      renew(small, longestLeaseMs(SESSION_MS));
    });
    expect(found).toMatch(/^lease-too-long: .* but its session at c1 may end before$/);
  });

  it.each([
    ['sees a lease that outlasts the session at the successor of', true],
    ['if the successor has ended, compares no lease with the session at', false],
  ])('%s a controller that does not know that it is deposed', (_what, successorRuns) => {
    const small = new SmallCluster([leaseTooLong], 3, { 'broker.session.timeout.ms': '9000' });
    const { cluster, network } = small;
    const deposed = cluster.activeController()!;
    const { activeEpoch } = controllerOf(deposed);
    const [follower] = small.followers;
    const machines = (nodes: readonly { readonly name: string }[]) => nodes.map(({ name }) => name);
    const others = cluster.nodes.filter((node) => node !== deposed);
    for (const [from, to] of between([deposed.name], machines(others))) network.cut(from, to);
    for (const [from, to] of between([follower!.name], machines(cluster.controllers))) network.cut(from, to);
    const found = violationOf(() => {
      small.until(() => {
        const next = cluster.activeController()!;
        return next !== deposed && controllerOf(next).isActive;
      });
      small.run(0.05);
      expect(controllerOf(deposed).activeEpoch).toBe(activeEpoch);
      // The successor has committed no metadata.
      expect(cluster.image().epoch).toBeLessThanOrEqual(activeEpoch!);
      if (!successorRuns) cluster.activeController()!.kill('process');
      expect(cluster.activeController() === deposed).toBe(!successorRuns);
      renew(small, longestLeaseMs(9_000));
    });
    if (successorRuns) expect(found).toMatch(/^lease-too-long: .* but its session at c. may end before$/);
    else expect(found).toBeUndefined();
  });

  it.each([
    ['the process that may hold a lease of the earlier controller', false],
    ['a later process, whose registration is not committed', true],
  ])('judges a new controller that soon ends the session of %s', (_what, isLaterProcess) => {
    const small = new SmallCluster([leaseTooLong], 3);
    const first = small.cluster.activeController()!;
    const [follower] = small.followers;
    const found = violationOf(() => {
      first.kill('process');
      small.until(() => {
        const next = small.cluster.activeController();
        return next !== undefined && next !== first && controllerOf(next).isActive;
      });
      const next = small.cluster.activeController()!;
      const facts = { brokerId: follower!.id, reason: 'silent', epoch: controllerOf(next).activeEpoch };
      small.corrupt(next, () => {});
      if (isLaterProcess) {
        const registered = controllerOf(next).head.broker(follower!.id)!;
        const head = { broker: () => ({ ...registered, epoch: registered.epoch + 1 }) };
        Object.defineProperty(controllerOf(next), 'head', { value: head });
      }
      for (const watch of small.world.logWatchers) watch(next.life!, 'broker-session-ended', facts);
    });
    if (isLaterProcess) expect(found).toBeUndefined();
    else expect(found).toMatch(/^lease-too-long: c. ends the session of broker . .* after it became active/);
  });
});
