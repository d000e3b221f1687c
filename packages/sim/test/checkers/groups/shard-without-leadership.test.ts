import { describe, expect, it } from 'vitest';
import { shardWithoutLeadership } from '../../../src/checkers/groups/shard-without-leadership.ts';
import { shardsOf } from '../../../src/checkers/groups/shards.ts';
import { withGroups } from '../../support/groups.ts';
import { violationOf } from '../../support/small-cluster.ts';

describe('shard-without-leadership', () => {
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
