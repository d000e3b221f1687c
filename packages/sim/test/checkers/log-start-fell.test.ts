import { describe, expect, it } from 'vitest';
import { logStartFell } from '../../src/checkers/log-start-fell.ts';
import type { SimNode } from '../../src/cluster/index.ts';
import { SECOND } from '../../src/world/index.ts';
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

const forget = (node: SimNode) => () => node.disk.tree.remove(CHECKPOINT);

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

  it('accepts a restart with the checkpoint, and a restart without it soon after the log start offset rose', () => {
    const small = setUp();
    const [first, second] = small.followers as [SimNode, SimNode];
    expect(violationOf(() => restart(small, first))).toBeUndefined();
    expect(violationOf(() => restart(small, second, forget(second)))).toBeUndefined();
  });

  it('sees that a process had time to write its checkpoint and did not write it', () => {
    const small = setUp();
    const [first, second] = small.followers as [SimNode, SimNode];
    small.run(2);
    expect(violationOf(() => restart(small, first, forget(first)))).toBe(
      `log-start-fell: ${first.name} opens t-0 at 0, but the log began at 2 when its process last had time to write the checkpoint`,
    );
    // A follower would later take the log start offset of its leader, but it must already open with this
    // offset.
    expect(violationOf(() => restart(small, second))).toBeUndefined();
  });

  it('sees that a clean stop did not write the checkpoint', () => {
    const small = setUp();
    const [follower] = small.followers as [SimNode];
    const stop = () => {
      follower.stop();
      small.until(() => !follower.isUp);
      forget(follower)();
      follower.start();
      small.until(() => follower.isReady);
    };
    expect(violationOf(stop)).toMatch(/opens t-0 at 0, but the log began at 2/);
  });

  it.each<readonly [string, (small: SmallCluster, node: SimNode) => void]>([
    [
      'a power loss',
      (small, node) => {
        small.run(3);
        node.kill('power');
      },
    ],
    [
      'a power loss after the end of the process',
      (small, node) => {
        small.run(3);
        node.kill('process');
        node.kill('power');
      },
    ],
    [
      'a pause',
      (small, node) => {
        const { life } = node;
        life!.pause();
        small.run(3);
        life!.resume();
      },
    ],
    [
      'a full disk',
      (small, node) => {
        node.disk.setFull(true);
        small.run(3);
      },
    ],
    [
      'late timers',
      (small, node) => {
        node.host.timersLateUs = 5 * SECOND;
        small.run(3);
      },
    ],
    [
      'a blocked call',
      (small, node) => {
        small.corrupt(node, () => node.life!.block(3 * SECOND));
        small.run(2);
      },
    ],
  ])('accepts that %s left no checkpoint', (_name, disturb) => {
    const small = setUp();
    const [follower] = small.followers as [SimNode];
    const act = () => {
      disturb(small, follower);
      follower.kill('process');
      follower.disk.setFull(false);
      follower.host.timersLateUs = 0;
      forget(follower)();
      follower.start();
      small.until(() => follower.isReady);
    };
    expect(violationOf(act)).toBeUndefined();
  });

  it('sees that a process ignores its checkpoint', () => {
    const small = setUp();
    const [follower] = small.followers as [SimNode];
    const ignore = () => {
      follower.kill('process');
      follower.start();
      small.world.watchers.unshift(() => {
        const replica = small.replica(follower);
        if (replica !== undefined) replica.log.startOffset = 0;
      });
      small.run(3);
    };
    expect(violationOf(ignore)).toBe(
      `log-start-fell: ${follower.name} opens t-0 at 0, but its checkpoint had 2`,
    );
  });
});
