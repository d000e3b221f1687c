/**
 * A shard of the group coordinator lives at most as long as the leadership in which it began. Otherwise the
 * shard would answer from a state that another broker changes. In one leader epoch at most one broker has a
 * shard of a partition, so at most one broker decides. A topic that is created again has another id, and its
 * leader epochs begin again.
 */
import type { SimNode } from '../../cluster/index.ts';
import type { StateChecker, StateCheckerKind, StateScope } from '../checker.ts';
import { type LiveShard, shardsOf } from './shards.ts';

const NAME = 'shard-without-leadership';

export const shardWithoutLeadership: StateCheckerKind = {
  name: NAME,
  sentence: 'a shard of the group coordinator exists only while its broker leads the partition in that epoch',
  make: (scope) => new ShardWithoutLeadership(scope),
};

class ShardWithoutLeadership implements StateChecker {
  private readonly scope: StateScope;
  /** The node of the shard, by topic id, partition and leader epoch. */
  private readonly owners = new Map<string, SimNode>();

  constructor(scope: StateScope) {
    this.scope = scope;
  }

  turn(node: SimNode): void {
    for (const shard of shardsOf(node)) this.check(shard);
  }

  private check({ node, name, topicId, index, leaderEpoch }: LiveShard): void {
    const replica = node.roles!.broker!.replicas.partition(topicId, index);
    const led = replica?.leadership?.epoch;
    if (led !== leaderEpoch) {
      const leads = led === undefined ? 'does not lead it' : `leads it in epoch ${led}`;
      this.fail(`${node.name} has a shard of ${name} for leader epoch ${leaderEpoch}, but ${leads}`);
    }
    const key = `${topicId}-${index}@${leaderEpoch}`;
    const owner = this.owners.get(key);
    if (owner === undefined) this.owners.set(key, node);
    else if (owner !== node)
      this.fail(`${owner.name} and ${node.name} both had a shard of ${name} in leader epoch ${leaderEpoch}`);
  }

  private fail(sentence: string): never {
    this.scope.world.fail(NAME, sentence);
  }
}
