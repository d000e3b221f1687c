import { describe, expect, it } from 'vitest';
import { logStartFell } from '../../src/checkers/log-start-fell.ts';
import type { SimNode } from '../../src/cluster/index.ts';
import { batch, SmallCluster, violationOf } from '../support/small-cluster.ts';

const CHECKPOINT = '/data/log-start-offset-checkpoint';

function setUp(): SmallCluster {
  const small = new SmallCluster([logStartFell], 1, {
    'replica.high.watermark.checkpoint.interval.ms': '100',
  });
  for (let i = 0; i < 3; i++) small.produce(batch);
  small.corrupt(small.leader, () => small.replica(small.leader).log.advanceStartOffset(2));
  small.until(() => small.cluster.brokers.every((node) => small.replica(node).log.startOffset === 2));
  small.run(1);
  return small;
}

function restart(small: SmallCluster, node: SimNode, whileDown: () => void = () => {}): void {
  node.kill('process');
  whileDown();
  node.start();
  small.until(() => node.isReady);
}

describe('log-start-fell', () => {
  it('sees that an open log begins lower than before', () => {
    const small = setUp();
    const { leader } = small;
    const fall = () =>
      small.corrupt(leader, () => {
        small.replica(leader).log.startOffset = 1;
      });
    expect(violationOf(fall)).toBe(
      `log-start-fell: at ${leader.name} the log start offset of t-0 fell from 2 to 1`,
    );
    const damaged = setUp();
    damaged.leader.disk.isDamaged = true;
    expect(
      violationOf(() =>
        damaged.corrupt(damaged.leader, () => {
          damaged.replica(damaged.leader).log.startOffset = 1;
        }),
      ),
    ).toBeUndefined();
  });

  it('accepts a restart with the checkpoint, and a restart without one', () => {
    const small = setUp();
    const [first, second] = small.followers as [SimNode, SimNode];
    expect(violationOf(() => restart(small, first))).toBeUndefined();
    expect(
      violationOf(() => restart(small, second, () => second.disk.tree.remove(CHECKPOINT))),
    ).toBeUndefined();
  });

  it('sees that a process ignores its checkpoint', () => {
    const small = setUp();
    const [follower] = small.followers as [SimNode];
    const forget = () => {
      follower.kill('process');
      follower.start();
      small.world.watchers.unshift(() => {
        const replica = small.replica(follower);
        if (replica !== undefined) replica.log.startOffset = 0;
      });
      small.run(3);
    };
    expect(violationOf(forget)).toBe(
      `log-start-fell: ${follower.name} opens t-0 at 0, but its checkpoint had 2`,
    );
  });
});
