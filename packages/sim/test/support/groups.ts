/** Small clusters with groups. The topic of the committed offsets has one partition. */
import type { GroupProtocol } from '@millrace/client';
import type { Group } from '@millrace/coordinator';
import type { StateCheckerKind } from '../../src/checkers/checker.ts';
import { shardsOf } from '../../src/checkers/groups/shards.ts';
import { Committer, MemberProcess } from '../../src/clients/index.ts';
import type { SimNode } from '../../src/cluster/index.ts';
import { SmallCluster } from './small-cluster.ts';

const SETTINGS = {
  'offsets.topic.num.partitions': '1',
  'group.min.session.timeout.ms': '500',
  'group.initial.rebalance.delay.ms': '100',
};

export interface SmallGroups {
  readonly small: SmallCluster;
  readonly committer: Committer;
  /**
   * The broker that has the shard (the coordinator's state) of the groups. If none has it: the first broker.
   */
  coordinator(): SimNode;
  /** The coordinator's replica of the only partition of the committed offsets. */
  replica(): NonNullable<ReturnType<SmallCluster['cluster']['replica']>>;
}

/** A cluster with a simple group `g`: one committer, and no members. Returns after its first commit. */
export function withGroups(kinds: readonly StateCheckerKind[]): SmallGroups {
  const small = new SmallCluster(kinds, 1, SETTINGS);
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

const PROTOCOLS: Readonly<Record<'classic' | 'consumer', GroupProtocol>> = {
  classic: { name: 'classic', topics: ['t'], assignor: 'range', sessionTimeoutMs: 1_000, heartbeatMs: 200 },
  consumer: { name: 'consumer', subscription: { topics: ['t'] }, serverAssignor: null },
};

export interface SmallMembers {
  readonly small: SmallCluster;
  /** The broker that has the shard of the group. If none has it: the broker that had it last. */
  coordinator(): SimNode;
  /** The group at its coordinator. */
  group(): Group;
}

/** A cluster with a group `m` of two static members. Returns when one of them reads the only partition. */
export function withMembers(
  kinds: readonly StateCheckerKind[],
  protocol: 'classic' | 'consumer',
): SmallMembers {
  const small = new SmallCluster(kinds, 1, SETTINGS);
  const members = ['m1', 'm2'].map(
    (name) =>
      new MemberProcess(
        small.machine(name),
        {
          group: 'm',
          protocol: PROTOCOLS[protocol],
          isMixed: false,
          instanceId: name,
          rebalanceTimeoutMs: 1_000,
          autoCommitMs: 300,
          requestTimeoutMs: 2_000,
        },
        (error) => small.world.fail('member-failed', error),
      ),
  );
  for (const member of members) member.start();
  small.until(() => members.some(({ assignment }) => assignment.length > 0));
  small.run(3);
  const shards = () => small.cluster.brokers.flatMap((node) => [...shardsOf(node)]);
  let last = shards()[0]!.node;
  const coordinator = () => {
    last = shards()[0]?.node ?? last;
    return last;
  };
  return {
    small,
    coordinator,
    group: () => new Map(shards()[0]!.machine!.all).get('m')!,
  };
}
