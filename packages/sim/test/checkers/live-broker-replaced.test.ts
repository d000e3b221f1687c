import { describe, expect, it } from 'vitest';
import { liveBrokerReplaced } from '../../src/checkers/live-broker-replaced.ts';
import { controllerOf, SmallCluster, violationOf } from '../support/small-cluster.ts';

/** Starts a second process with the id of the leader on a copy of its disk. */
function cloneLeader(small: SmallCluster): void {
  const { leader, cluster } = small;
  const clone = cluster.addStandIn(leader, 's1');
  clone.disk.tree = leader.disk.tree.copy();
  clone.start();
}

describe('live-broker-replaced', () => {
  it.each([true, false])('sees that a process takes the id of a live broker: %s', (takes) => {
    const small = new SmallCluster([liveBrokerReplaced]);
    if (takes) controllerOf(small.cluster.controllers[0]!).sessions.hasOpenStream = () => false;
    const found = violationOf(() => {
      cloneLeader(small);
      small.run(2);
    });
    if (takes) expect(found).toMatch(/^live-broker-replaced: c1 registers another process as broker \d/);
    else expect(found).toBeUndefined();
  });

  it('also sees that an id is taken after a failover, once the broker has contacted the new controller', () => {
    const small = new SmallCluster([liveBrokerReplaced], 3);
    const { cluster } = small;
    const first = cluster.activeController()!;
    first.kill('process');
    small.until(() => ![undefined, first].includes(cluster.activeController()));
    small.run(2);
    const { sessions } = controllerOf(cluster.activeController()!);
    const hasOpenStream = sessions.hasOpenStream.bind(sessions);
    let questions = 0;
    // Only the first answer is wrong. The later answers are right, so the controller refuses the first broker
    // when it tries to take its id back.
    sessions.hasOpenStream = (id) => questions++ > 0 && hasOpenStream(id);
    const found = violationOf(() => {
      cloneLeader(small);
      small.run(2);
    });
    expect(found).toMatch(/^live-broker-replaced: c\d registers another process as broker \d/);
  });

  it('a controller that resumes late and extends a session has had no contact with the broker', () => {
    const small = new SmallCluster([liveBrokerReplaced]);
    const { leader, cluster } = small;
    const controller = cluster.controllers[0]!;
    const { sessions } = controllerOf(controller);
    leader.kill('process');
    small.run(0.01);
    const before = sessions.expiresAt(leader.id)!;
    controller.life!.pause();
    small.run(0.8);
    controller.life!.resume();
    small.run(0.01);
    expect(sessions.expiresAt(leader.id)).toBeGreaterThan(before);
    leader.start();
    small.until(() => leader.isReady);
  });

  it.each(['process', 'power'] as const)('allows that a broker restarts after its death: %s', (death) => {
    const small = new SmallCluster([liveBrokerReplaced]);
    const { leader } = small;
    leader.kill(death);
    small.run(death === 'power' ? 2 : 0.01);
    leader.start();
    small.until(() => leader.isReady);
  });

  it('allows that a broker restarts after a clean stop, or during a failover', () => {
    const small = new SmallCluster([liveBrokerReplaced], 3);
    const { leader, cluster } = small;
    leader.stop();
    small.until(() => !leader.isUp);
    leader.start();
    small.until(() => leader.isReady);
    for (const node of [cluster.activeController()!, leader]) node.kill('process');
    leader.start();
    small.until(() => leader.isReady);
  });
});
