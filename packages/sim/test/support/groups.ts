/** A small cluster with a simple group `g`. Its offsets have one partition. */
import type { StateCheckerKind } from '../../src/checkers/checker.ts';
import { shardsOf } from '../../src/checkers/groups/shards.ts';
import { Committer } from '../../src/clients/index.ts';
import type { SimNode } from '../../src/cluster/index.ts';
import { SmallCluster } from './small-cluster.ts';

export interface SmallGroups {
  readonly small: SmallCluster;
  readonly committer: Committer;
  /** The broker with the shard. */
  coordinator(): SimNode;
  /** The coordinator's replica of the partition of the offsets. */
  replica(): NonNullable<ReturnType<SmallCluster['cluster']['replica']>>;
}

/** Returns when the group has committed. */
export function withGroups(kinds: readonly StateCheckerKind[]): SmallGroups {
  const small = new SmallCluster(kinds, 1, { 'offsets.topic.num.partitions': '1' });
  const committer = new Committer(small.machine('g1'), {
    group: 'g',
    topics: () => ['t'],
    paceMs: () => 50,
    commitVersion: 9,
    fetchVersion: 9,
    findVersion: 4,
    requestTimeoutMs: 2_000,
  });
  committer.start();
  small.until(() => committer.lastCommitUs >= 0);
  const coordinator = () =>
    small.cluster.brokers.find((node) => [...shardsOf(node)].length > 0) ?? small.cluster.brokers[0]!;
  const replica = () => {
    const { topicId, index } = [...shardsOf(coordinator())][0]!;
    return small.cluster.replica(coordinator(), topicId, index)!;
  };
  return { small, committer, coordinator, replica };
}
