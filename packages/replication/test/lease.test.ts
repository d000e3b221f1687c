/**
 * Goal: a leader acknowledges nothing while it may have been replaced, and when it may again, only what still
 * has enough replicas. Method: one partition whose lease, ISR and follower are moved by hand, in the order
 * that a real cluster rarely finds.
 */
import { ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { LoneReplica, ME, OTHER } from './support/lone-replica.ts';

test('a batch that is replicated while there is no lease is acknowledged when there is one again', () => {
  const leader = new LoneReplica();
  leader.hasLease = false;
  const answers = leader.produce(-1);
  leader.otherHasAll();
  expect(leader.partition.highWatermark).toBe(1);
  expect(answers).toEqual([]);
  leader.renewLease();
  expect(answers).toEqual([ErrorCode.NONE]);
});

test('if the ISR has become too small by then, it is told so: the batch is in the log, the promise is not kept', () => {
  const leader = new LoneReplica();
  leader.hasLease = false;
  const answers = leader.produce(-1);
  leader.otherHasAll();
  leader.decide({ isr: [ME], elr: [OTHER] });
  expect(answers).toEqual([]);
  leader.renewLease();
  expect(answers).toEqual([ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND]);
  expect(leader.partition.log.endOffset).toBe(1);
  // What comes now is refused before it is appended.
  expect(leader.produce(-1)).toEqual([ErrorCode.NOT_ENOUGH_REPLICAS]);
  expect(leader.partition.log.endOffset).toBe(1);
});

test('a batch that is not replicated when the ISR becomes too small waits for another member', () => {
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
