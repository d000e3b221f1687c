/**
 * Goal: a leader without a lease acknowledges nothing until it has a lease again. Method: one partition. The
 * test moves its lease, ISR and follower by hand, in orders that are rare in a real cluster.
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

test('acks=1 waits for a lease too, and needs no follower', () => {
  const leader = new LoneReplica();
  leader.hasLease = false;
  const answers = leader.produce(1);
  leader.decide({ isr: [ME], elr: [OTHER] });
  expect(answers).toEqual([]);
  leader.renewLease();
  expect(answers).toEqual([ErrorCode.NONE]);
});
