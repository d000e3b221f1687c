/**
 * A shard is the coordinator's state of the groups of one partition. A shard ends at the latest with the
 * leadership in which it began. Otherwise the shard would answer from an old state, which another broker has
 * changed since. In one leader epoch at most one broker has a shard of a partition, so at most one broker
 * decides. If a topic is created again, it has another id, and its leader epochs begin from the start. So the
 * checker tells the two topics apart by their ids.
 */
import type { LeaderEpoch, Uuid } from '@millrace/base';
import type { SimNode } from '../../cluster/index.ts';
import type { StateChecker, StateCheckerKind, StateScope } from '../checker.ts';

const NAME = 'shard-without-leadership';

export const shardWithoutLeadership: StateCheckerKind = {
  name: NAME,
  sentence: 'a shard of the group coordinator exists only while its broker leads the partition in that epoch',
  make: (scope) => new ShardWithoutLeadership(scope),
};

/** A broker's leadership of a partition, as the coordinator knows it. */
interface Led {
  readonly topic: string;
  readonly topicId: Uuid;
  readonly index: number;
  readonly leaderEpoch: LeaderEpoch;
}

class ShardWithoutLeadership implements StateChecker {
  private readonly scope: StateScope;
  /** By topic id, partition and leader epoch: the node that had the shard. */
  private readonly owners = new Map<string, SimNode>();
  /** The leaderships whose node is in `owners`. */
  private readonly noted = new WeakSet<Led>();

  constructor(scope: StateScope) {
    this.scope = scope;
  }

  turn(node: SimNode): void {
    const broker = node.roles?.broker;
    if (broker === undefined) return;
    for (const { led } of broker.groups.runtime.partitions) {
      this.check(node, broker.replicas.partition(led.topicId, led.index)?.leadership?.epoch, led);
      if (this.noted.has(led)) continue;
      this.noted.add(led);
      this.noteOwner(node, led);
    }
  }

  private check(node: SimNode, epoch: LeaderEpoch | undefined, led: Led): void {
    if (epoch === led.leaderEpoch) return;
    const leads = epoch === undefined ? 'does not lead it' : `leads it in epoch ${epoch}`;
    this.fail(`${node.name} has a shard of ${nameOf(led)} for leader epoch ${led.leaderEpoch}, but ${leads}`);
  }

  private noteOwner(node: SimNode, led: Led): void {
    const { topicId, index, leaderEpoch } = led;
    const key = `${topicId}-${index}@${leaderEpoch}`;
    const owner = this.owners.get(key);
    if (owner === undefined) this.owners.set(key, node);
    else if (owner !== node)
      this.fail(
        `${owner.name} and ${node.name} both had a shard of ${nameOf(led)} in leader epoch ${leaderEpoch}`,
      );
  }

  private fail(sentence: string): never {
    this.scope.world.fail(NAME, sentence);
  }
}

function nameOf({ topic, index }: Led): string {
  return `${topic}-${index}`;
}
