import { describe, expect, it } from 'vitest';
import { offlineLogInUse } from '../../src/checkers/offline-log-in-use.ts';
import type { SimNode } from '../../src/cluster/index.ts';
import { SmallCluster, violationOf } from '../support/small-cluster.ts';

/** Takes the log of the replica offline in a turn of the node, as a failed sync does. */
function takeOffline(small: SmallCluster, node: SimNode, o: { readonly isTold: boolean }): void {
  const replica = small.replica(node);
  small.corrupt(node, () => {
    replica.log.health.goOffline('EIO: cannot be synced');
    if (o.isTold) replica.noticeOffline();
  });
}

describe('offline-log-in-use', () => {
  it('sees a leader and a follower that keep their roles after their log went offline', () => {
    for (const isLeader of [true, false]) {
      const small = new SmallCluster([offlineLogInUse]);
      const node = isLeader ? small.leader : small.followers[0]!;
      const does = isLeader ? 'leads' : 'follows';
      expect(violationOf(() => takeOffline(small, node, { isTold: false }))).toBe(
        `offline-log-in-use: ${node.name} still ${does} t-0, but the log is offline`,
      );
    }
  });

  it('accepts a replica that leaves its roles, and a process that stops', () => {
    const small = new SmallCluster([offlineLogInUse]);
    const [first, second] = small.followers as [SimNode, SimNode];
    expect(violationOf(() => takeOffline(small, first, { isTold: true }))).toBeUndefined();
    second.isStopping = true;
    expect(violationOf(() => takeOffline(small, second, { isTold: false }))).toBeUndefined();
  });
});
