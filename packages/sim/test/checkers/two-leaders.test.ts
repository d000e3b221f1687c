import { describe, expect, it } from 'vitest';
import { twoLeaders } from '../../src/checkers/two-leaders.ts';
import { SmallCluster, violationOf } from '../support/small-cluster.ts';

describe('two-leaders', () => {
  it('sees a second leader of a partition in the same epoch', () => {
    const small = new SmallCluster([twoLeaders]);
    const { leadership } = small.replica(small.leader);
    const follower = small.followers[0]!;
    const lead = () => small.corrupt(follower, () => (small.replica(follower).leadership = leadership));
    expect(violationOf(lead)).toMatch(/^two-leaders: b. and b. both led t-0 in one epoch/);
  });

  it('sees a second leader with the same broker id', () => {
    const small = new SmallCluster([twoLeaders]);
    const { leader } = small;
    const { leadership, leaderEpoch } = small.replica(leader);
    leader.life!.pause();
    const standIn = small.cluster.addStandIn(leader, 's1');
    standIn.disk.tree = leader.disk.tree.copy();
    standIn.start();
    small.until(() => small.cluster.node(leader.id) === standIn && small.replica(standIn) !== undefined);
    const replica = small.replica(standIn);
    const lead = () => small.corrupt(standIn, () => Object.assign(replica, { leadership, leaderEpoch }));
    expect(violationOf(lead)).toMatch(/^two-leaders: b. and s1 both led t-0 in one epoch/);
  });

  it('sees a second leader of the quorum in the same epoch', () => {
    const small = new SmallCluster([twoLeaders], 3);
    const other = small.cluster.controllers.find((node) => node !== small.cluster.activeController())!;
    const lead = () => small.corrupt(other, () => (other.roles!.controller!.quorum!.node.role = 'leader'));
    expect(violationOf(lead)).toMatch(/^two-leaders: .* both led the quorum/);
  });
});
