/**
 * In one leader epoch a partition has at most one leader. In one quorum epoch the quorum has at most one
 * leader. Two leaders would both acknowledge records, and the records of one of them would be lost.
 */
import type { SimNode } from '../cluster/index.ts';
import type { StateChecker, StateCheckerKind, StateScope } from './checker.ts';
import type { HostedReplica } from './replica-walk.ts';

const NAME = 'two-leaders';

export const twoLeaders: StateCheckerKind = {
  name: NAME,
  sentence:
    'at most one broker leads a partition in one leader epoch, and at most one controller leads the quorum in one quorum epoch',
  make: (scope) => new TwoLeaders(scope),
};

class TwoLeaders implements StateChecker {
  private readonly scope: StateScope;
  /** By partition and leader epoch, the machine that led. Two processes can have the same broker id. */
  private readonly ofPartitions = new Map<string, string>();
  private readonly ofQuorum = new Map<number, string>();

  constructor(scope: StateScope) {
    this.scope = scope;
  }

  replicaMoved({ node, replica, before }: HostedReplica): void {
    const { topicId, topic, index, leadership, leaderEpoch } = replica;
    if (leadership === undefined) return;
    if (leadership === before.leadership && leaderEpoch === before.leaderEpoch) return;
    this.note(this.ofPartitions, `${topicId}-${index}@${leaderEpoch}`, node.name, () => `${topic}-${index}`);
  }

  turn(node: SimNode): void {
    const raft = node.roles?.controller?.quorum?.node;
    if (raft?.role === 'leader') this.note(this.ofQuorum, raft.epoch, node.name, () => 'the quorum');
  }

  private note<K>(leaders: Map<K, string>, key: K, name: string, what: () => string): void {
    const known = leaders.get(key);
    if (known === name) return;
    if (known !== undefined)
      this.scope.world.fail(NAME, `${known} and ${name} both led ${what()} in one epoch (${key})`);
    leaders.set(key, name);
  }
}
