/**
 * Goal: under min ISR the leader refuses acks=all before and after the append, and commits nothing. Method:
 * one partition of two replicas. The test moves its lease, ISR and follower by hand.
 */
import { ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { LoneReplica, ME, OTHER } from '../support/lone-replica.ts';

test('a batch whose ISR shrinks after the append gets NOT_ENOUGH_REPLICAS_AFTER_APPEND', () => {
  const leader = new LoneReplica();
  leader.hasLease = false;
  const answers = leader.produce(-1);
  leader.otherHasAll();
  leader.decide({ isr: [ME], elr: [OTHER] });
  expect(answers).toEqual([]);
  leader.renewLease();
  expect(answers).toEqual([ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND]);
  expect(leader.partition.log.endOffset).toBe(1);
  // Now the leader refuses batches before it appends them.
  expect(leader.produce(-1)).toEqual([ErrorCode.NOT_ENOUGH_REPLICAS]);
  expect(leader.partition.log.endOffset).toBe(1);
});

test('a batch that is not yet replicated when the ISR becomes too small waits until the ISR has grown', () => {
  const leader = new LoneReplica();
  const answers = leader.produce(-1);
  leader.decide({ isr: [ME], elr: [OTHER] });
  expect(leader.partition.highWatermark).toBe(0);
  expect(answers).toEqual([]);
  leader.otherHasAll();
  leader.decide({ isr: [ME, OTHER], elr: [] });
  expect(answers).toEqual([ErrorCode.NONE]);
});

test('min ISR is at most the number of replicas', () => {
  const leader = new LoneReplica({ minInsyncReplicas: 3 });
  const answers = leader.produce(-1);
  leader.otherHasAll();
  expect(answers).toEqual([ErrorCode.NONE]);
});

test('under min ISR the leader appends batches with acks=1 and does not commit them', () => {
  const leader = new LoneReplica();
  leader.decide({ isr: [ME], elr: [OTHER] });
  expect(leader.produce(1)).toEqual([ErrorCode.NONE]);
  expect(leader.partition.log.endOffset).toBe(1);
  expect(leader.partition.highWatermark).toBe(0);
});
