/**
 * In one epoch a partition has at most one leader, and so has the quorum. Two leaders would both acknowledge,
 * and the records of one of them would be lost.
 */
import type { NodeId } from '@millrace/base';
import type { Partition } from '@millrace/replication';
import type { SimNode } from '../cluster/index.ts';
import type { StateCheckerKind, StateScope } from './checker.ts';
import { hostedReplicas } from './hosted-replicas.ts';

const NAME = 'two-leaders';

export const twoLeaders: StateCheckerKind = {
  name: NAME,
  sentence: 'in one epoch at most one broker leads a partition, and one controller the quorum',
  make: (scope) => new TwoLeaders(scope),
};

class TwoLeaders {
  private readonly scope: StateScope;
  private readonly seen = new Map<Partition, NonNullable<Partition['leadership']>>();
  private readonly ofPartitions = new Map<string, NodeId>();
  private readonly ofQuorum = new Map<number, NodeId>();

  constructor(scope: StateScope) {
    this.scope = scope;
  }

  turn(node: SimNode): void {
    for (const replica of hostedReplicas(node)) {
      const { leadership } = replica;
      if (leadership === undefined || this.seen.get(replica) === leadership) continue;
      this.seen.set(replica, leadership);
      const { topicId, topic, index, leaderEpoch } = replica;
      this.note(this.ofPartitions, `${topicId}-${index}@${leaderEpoch}`, node.id, () => `${topic}-${index}`);
    }
    const raft = node.roles?.controller?.quorum?.node;
    if (raft?.role === 'leader') this.note(this.ofQuorum, raft.epoch, node.id, () => 'the quorum');
  }

  private note<K>(leaders: Map<K, NodeId>, key: K, id: NodeId, what: () => string): void {
    const known = leaders.get(key);
    if (known === id) return;
    if (known !== undefined)
      this.scope.world.fail(NAME, `nodes ${known} and ${id} both led ${what()} in one epoch (${key})`);
    leaders.set(key, id);
  }
}
