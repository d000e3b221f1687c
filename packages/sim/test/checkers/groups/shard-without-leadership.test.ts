import { describe, expect, it } from 'vitest';
import type { StateScope } from '../../../src/checkers/checker.ts';
import { shardWithoutLeadership } from '../../../src/checkers/groups/shard-without-leadership.ts';
import { shardsOf } from '../../../src/checkers/groups/shards.ts';
import type { SimNode } from '../../../src/cluster/index.ts';
import { World } from '../../../src/world/index.ts';
import { withGroups } from '../../support/groups.ts';
import { violationOf } from '../../support/small-cluster.ts';

/** A broker that leads partition 0 of the topic, and has the shard of this partition. */
function brokerWith(name: string, topicId: string, leaderEpoch = 0): SimNode {
  const led = { topic: '__consumer_offsets', topicId, index: 0, leaderEpoch };
  const runtime = { partitions: [{ led, machine: 0 }] };
  const replicas = { partition: () => ({ leadership: { epoch: leaderEpoch } }) };
  return { name, roles: { broker: { groups: { runtime }, replicas } } } as unknown as SimNode;
}

/** Shows these brokers to the checker, one after the other. Returns the violation, or undefined. */
function seeing(...brokers: readonly SimNode[]): string | undefined {
  const checker = shardWithoutLeadership.make({ world: new World(1) } as StateScope);
  return violationOf(() => {
    for (const broker of brokers) checker.turn!(broker);
  });
}

describe('shard-without-leadership', () => {
  it('sees two brokers with a shard of one partition in one leader epoch', () => {
    expect(seeing(brokerWith('b1', 'A'), brokerWith('b2', 'A'))).toBe(
      'shard-without-leadership: b1 and b2 both had a shard of __consumer_offsets-0 in leader epoch 0',
    );
    expect(seeing(brokerWith('b1', 'A'), brokerWith('b2', 'A', 1))).toBeUndefined();
  });

  it('accepts that another broker has the shard of a topic that was created again', () => {
    expect(seeing(brokerWith('b1', 'A'), brokerWith('b2', 'B'))).toBeUndefined();
  });

  it('accepts that a coordinator moves', () => {
    const { small, coordinator } = withGroups([shardWithoutLeadership]);
    const old = coordinator();
    expect(violationOf(() => old.kill('process'))).toBeUndefined();
    small.until(() => coordinator() !== old);
    small.run(1);
    expect([...shardsOf(coordinator())].map(({ machine }) => machine)).toEqual([expect.anything()]);
  });

  it('sees a shard whose leadership has ended', () => {
    const { small, coordinator, replica } = withGroups([shardWithoutLeadership]);
    const end = () => small.corrupt(coordinator(), () => (replica().leadership = undefined));
    expect(violationOf(end)).toMatch(
      /^shard-without-leadership: b. has a shard of __consumer_offsets-0 for leader epoch 0, but does not lead it/,
    );
  });
});
