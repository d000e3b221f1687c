import { describe, expect, it } from 'vitest';
import { replicasDiffer } from '../../src/checkers/replicas-differ.ts';
import type { SimNode } from '../../src/cluster/index.ts';
import { batch, SmallCluster, violationOf } from '../support/small-cluster.ts';

describe('replicas-differ', () => {
  it('sees a changed byte on a disk that counts as intact', () => {
    const small = new SmallCluster([replicasDiffer]);
    small.produce(batch);
    small.produce(batch);
    expect(violationOf(() => small.finish())).toBeUndefined();
    const follower = small.followers[0]!;
    const content = follower.disk.tree.file('/data/t-0/00000000000000000000.log')!;
    content.write(content.length - 1, new Uint8Array([0xff]));
    expect(violationOf(() => small.finish())).toMatch(
      new RegExp(`^replicas-differ: ${follower.name} holds another batch at 1 than was committed`),
    );
    follower.disk.isDamaged = true;
    expect(violationOf(() => small.finish())).toBeUndefined();
  });

  it('if the first replica has deleted batches, takes these batches from another replica', () => {
    const small = new SmallCluster([replicasDiffer]);
    small.produce(batch);
    // Until the checker has looked at the high watermark 2, each log begins there. So the checker reads the
    // batch at 1 from no replica.
    let isHidden = true;
    small.world.watchers.unshift(() => {
      if (!isHidden) return;
      for (const node of small.cluster.brokers) {
        const { highWatermark, log } = small.replica(node);
        if (highWatermark === 2) log.startOffset = 2;
      }
    });
    small.produce(batch);
    isHidden = false;
    small.produce(batch);
    const [first, second] = small.cluster.brokers as [SimNode, SimNode];
    for (const node of [first, second]) small.replica(node).log.startOffset = 0;
    expect(violationOf(() => small.finish())).toBeUndefined();
    const content = second.disk.tree.file('/data/t-0/00000000000000000000.log')!;
    const sizeBytes = content.length / 3;
    content.write(2 * sizeBytes - 1, new Uint8Array([0xff]));
    expect(violationOf(() => small.finish())).toMatch(
      new RegExp(`^replicas-differ: ${second.name} holds another batch at 1 than was committed`),
    );
  });

  it('sees a follower whose high watermark is above that of every leader', () => {
    const small = new SmallCluster([replicasDiffer]);
    small.produce(batch);
    const follower = small.followers[0]!;
    const replica = small.replica(follower);
    const found = violationOf(() =>
      small.corrupt(follower, () => {
        replica.highWatermark += 1;
      }),
    );
    expect(found).toMatch(/^replicas-differ: .* takes 2 for committed before any leader did in t-0/);
  });
});
