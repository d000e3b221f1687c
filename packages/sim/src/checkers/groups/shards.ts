/** The group coordinator's shards in the processes of the cluster. */
import type { Uuid } from '@millrace/base';
import type { GroupMachine } from '@millrace/coordinator';
import type { SimNode } from '../../cluster/index.ts';

export interface LiveShard {
  readonly node: SimNode;
  /** For example `__consumer_offsets-1`. */
  readonly name: string;
  readonly topicId: Uuid;
  readonly index: number;
  readonly leaderEpoch: number;
  /** Undefined: the shard is being loaded, or the load failed. */
  readonly machine: GroupMachine | undefined;
}

/** The shards of the node's broker; none if no process runs. */
export function* shardsOf(node: SimNode): Generator<LiveShard> {
  const broker = node.roles?.broker;
  if (broker === undefined) return;
  for (const { led, machine } of broker.groups.runtime.partitions) {
    const { topic, topicId, index, leaderEpoch } = led;
    const active = typeof machine === 'number' ? undefined : machine;
    yield { node, name: `${topic}-${index}`, topicId, index, leaderEpoch, machine: active };
  }
}
