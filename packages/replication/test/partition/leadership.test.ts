/**
 * Goal: a leader without a lease acknowledges nothing. With a lease again, it acknowledges only batches with
 * enough replicas. Method: one partition. The test moves its lease, ISR and follower by hand, in orders that
 * are rare in a real cluster.
 */
import { ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { LoneReplica, ME, OTHER } from '../support/lone-replica.ts';

test('a batch replicated without a lease is acknowledged when there is a lease again', () => {
  const leader = new LoneReplica();
  leader.hasLease = false;
  const answers = leader.produce(-1);
  leader.otherHasAll();
  expect(leader.partition.highWatermark).toBe(1);
  expect(answers).toEqual([]);
  leader.renewLease();
  expect(answers).toEqual([ErrorCode.NONE]);
});

test('if the ISR is too small by then, the producer gets NOT_ENOUGH_REPLICAS_AFTER_APPEND', () => {
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

test('a batch not yet replicated when the ISR becomes too small waits for another member', () => {
  const leader = new LoneReplica();
  const answers = leader.produce(-1);
  leader.decide({ isr: [ME], elr: [OTHER] });
  expect(leader.partition.highWatermark).toBe(0);
  expect(answers).toEqual([]);
  leader.otherHasAll();
  leader.decide({ isr: [ME, OTHER], elr: [] });
  expect(answers).toEqual([ErrorCode.NONE]);
});

test('acks=1 waits for a lease too, and needs no follower', () => {
  const leader = new LoneReplica();
  leader.hasLease = false;
  const answers = leader.produce(1);
  leader.decide({ isr: [ME], elr: [OTHER] });
  expect(answers).toEqual([]);
  leader.renewLease();
  expect(answers).toEqual([ErrorCode.NONE]);
});
