import { describe, expect, it } from 'vitest';
import { twoLeaders } from '../../src/checkers/two-leaders.ts';
import { SmallCluster, violationOf } from '../support/small-cluster.ts';

describe('two-leaders', () => {
  it('sees a second leader of a partition in the same epoch', () => {
    const small = new SmallCluster([twoLeaders]);
    const { leadership } = small.replica(small.leader);
    const follower = small.followers[0]!;
    const lead = () => small.corrupt(follower, () => (small.replica(follower).leadership = leadership));
    expect(violationOf(lead)).toMatch(/^two-leaders: nodes . and . both led t-0 in one epoch/);
  });

  it('sees a second leader of the quorum in the same epoch', () => {
    const small = new SmallCluster([twoLeaders], 3);
    const other = small.cluster.controllers.find((node) => node !== small.cluster.activeController())!;
    const lead = () => small.corrupt(other, () => (other.roles!.controller!.quorum!.node.role = 'leader'));
    expect(violationOf(lead)).toMatch(/^two-leaders: .* both led the quorum/);
  });
});
