import { describe, expect, it } from 'vitest';
import { damagedBatch } from '../../src/anomalies/damaged-batch.ts';
import { History } from '../../src/history.ts';
import { itFires, judge } from '../support/histories.ts';

describe('damaged-batch', () => {
  const history = new History();
  history.damaged({ client: 'q1', topic: 't', topicId: undefined, partition: 0, offset: 5 });
  itFires(damagedBatch, [[], { history }], [[]], /damaged batch at 5 of t-0/);

  it('accepts a damaged batch after a fault has misdirected a write', () => {
    expect(judge(damagedBatch, [], { history, mayServeDamage: true })).toBeUndefined();
  });
});
