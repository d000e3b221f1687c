import type { DeleteRecordsOp } from '@millrace/checkers';
import { describe, expect, it } from 'vitest';
import { batch, SmallCluster } from '../support/small-cluster.ts';

function deletion(small: SmallCluster, offset: number): DeleteRecordsOp {
  const isDeletion = (op: { readonly type: string }) => op.type === 'delete-records';
  small.admin.deleteRecords({ topic: 't', partition: 0, offset });
  small.until(() => small.history.ops.some(isDeletion));
  return small.history.ops.find(isDeletion) as DeleteRecordsOp;
}

describe('deleteRecords', () => {
  it('has the outcome `fail` if the leader refuses the only attempt', () => {
    const small = new SmallCluster([]);
    small.produce(batch);
    const { outcome, error } = deletion(small, 9);
    expect([outcome, error]).toEqual(['fail', 'OFFSET_OUT_OF_RANGE']);
    const other = new SmallCluster([]);
    other.produce(batch);
    expect(deletion(other, 1).outcome).toBe('ok');
  });

  it('does not have the outcome `fail` if an earlier attempt may have reached a leader', () => {
    const small = new SmallCluster([]);
    small.produce(batch);
    small.leader.kill('process');
    const { outcome, error } = deletion(small, 9);
    expect([outcome, error]).toEqual(['info', 'OFFSET_OUT_OF_RANGE']);
  });
});
