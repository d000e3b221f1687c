/**
 * Goal: a leader without a lease acknowledges nothing until it has a lease again. A leader whose log failed
 * acknowledges nothing. No dead replica delays an acknowledgement for ever. Method: one partition. The test
 * moves its lease, ISR, followers, disk and clock by hand, in orders that are rare in a real cluster.
 */
import { DiskError } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { LoneReplica, ME, OTHER, THIRD } from '../support/lone-replica.ts';

test('if the leader has no lease when the ISR has a batch, it acknowledges the batch with its next lease', () => {
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

test('a replica outside the ISR that dies holds the high watermark back for the lag time only', () => {
  const leader = new LoneReplica();
  leader.decide({ replicas: [ME, OTHER, THIRD], isr: [ME, OTHER], leader: ME });
  leader.hasAll(THIRD);
  leader.answer(ErrorCode.OPERATION_NOT_ATTEMPTED);
  const answers = leader.produce(-1);
  leader.otherHasAll();
  expect([leader.partition.highWatermark, answers]).toEqual([0, []]);
  leader.nowMs = 30_001;
  leader.partition.leadership!.checkLag();
  expect([leader.partition.highWatermark, answers]).toEqual([1, [ErrorCode.NONE]]);
});

test('a leader acknowledges nothing after the sync of a full segment failed', () => {
  const leader = new LoneReplica();
  const { partition, disk, clock } = leader;
  partition.log.setConfig({ ...partition.log.config, segmentBytes: 100 });
  leader.produce(-1);
  leader.otherHasAll();
  disk.syncFolder = (path, done) => clock.soon(() => done(new DiskError('EIO', path)));
  const answers = leader.produce(-1);
  expect([partition.log.segmentCount, answers]).toEqual([2, []]);
  clock.advance(1);
  expect(answers).toEqual([ErrorCode.KAFKA_STORAGE_ERROR]);
  expect([partition.isOffline, partition.leadership, partition.highWatermark]).toEqual([true, undefined, 1]);
  expect(leader.proposals.map(({ kind }) => kind)).toEqual(['storage-failed']);
});

test('a smaller ISR counts when it arrives with the metadata, not when the controller answers', () => {
  const leader = new LoneReplica({ minInsyncReplicas: 1 });
  const { partition } = leader;
  leader.produce(-1);
  leader.otherHasAll();
  const answers = leader.produce(-1);
  leader.nowMs = 30_001;
  partition.leadership!.checkLag();
  expect(leader.proposals.map(({ kind }) => kind)).toEqual(['shrink']);
  // The controller raised min.insync.replicas, and then decided. The leader knows neither change yet.
  const before = leader.state;
  leader.state = { ...before, isr: [ME], elr: [OTHER], partitionEpoch: before.partitionEpoch + 1 };
  expect(leader.answer(ErrorCode.NONE)).toBe(true);
  partition.leadership!.checkLag();
  expect([partition.highWatermark, answers, leader.proposals]).toEqual([1, [], []]);
  leader.configure({ minInsyncReplicas: 2 });
  partition.assign(leader.state);
  expect([partition.isr, partition.highWatermark, answers]).toEqual([[ME], 1, []]);
  leader.configure({ minInsyncReplicas: 1 });
  expect([partition.highWatermark, answers]).toEqual([2, [ErrorCode.NONE]]);
});
