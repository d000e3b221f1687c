import { describe, expect, it } from 'vitest';
import { checkerKinds } from '../../src/checkers/index.ts';
import { batch, SmallCluster, violationOf } from '../support/small-cluster.ts';

describe('all checkers', () => {
  it('have unique names, and accept a healthy cluster that loses a leader', () => {
    expect(new Set(checkerKinds.map(({ name }) => name)).size).toBe(checkerKinds.length);
    const found = violationOf(() => {
      const small = new SmallCluster(checkerKinds, 3);
      for (let i = 0; i < 3; i++) small.produce(batch);
      const first = small.leader;
      first.kill('process');
      small.until(() => small.state.leader >= 0 && small.leader !== first);
      first.start();
      small.until(() => small.state.isr.length === 3);
      small.run(1);
      for (let i = 0; i < 3; i++) small.produce(batch);
      small.createTopic('u');
      small.finish();
    });
    expect(found).toBeUndefined();
  });
});
