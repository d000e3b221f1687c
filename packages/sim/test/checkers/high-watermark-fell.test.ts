import { describe, expect, it } from 'vitest';
import { highWatermarkFell } from '../../src/checkers/high-watermark-fell.ts';
import type { SimNode } from '../../src/cluster/index.ts';
import { batch, SmallCluster, violationOf } from '../support/small-cluster.ts';

describe('high-watermark-fell', () => {
  it('sees a high watermark that falls, except on a broker with a damaged disk', () => {
    const small = new SmallCluster([highWatermarkFell]);
    small.produce(batch);
    const [first, second] = small.followers as [SimNode, SimNode];
    second.disk.isDamaged = true;
    const fall = (node: SimNode) => () => small.corrupt(node, () => (small.replica(node).highWatermark = 0));
    expect(violationOf(fall(second))).toBeUndefined();
    expect(violationOf(fall(first))).toMatch(/^high-watermark-fell: .* of t-0 fell from 1 to 0/);
  });

  it('sees a high watermark outside of the log', () => {
    const small = new SmallCluster([highWatermarkFell]);
    const rise = () => small.corrupt(small.leader, () => (small.replica(small.leader).highWatermark = 5));
    expect(violationOf(rise)).toMatch(/^high-watermark-fell: .* lies outside of its log 0..0/);
  });
});
