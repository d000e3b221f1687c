/**
 * Goal: a group becomes classic when its last KIP-848 member leaves, and the rebalance that this causes
 * happens even if the coordinator dies before the other members join again. Otherwise nobody would read the
 * partitions of the member that left.
 */
import { consumerProtocolAssignment, decodeGroupRecord, ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { assignment, showAssignment } from '../support/classic-client.ts';
import { MachineHost } from '../support/machine-host.ts';

/**
 * The member `memberId` uses the classic protocol and owns words-0. The member with words-1 used KIP-848, and
 * has left just now.
 */
function downgraded(): { h: MachineHost; memberId: string; generation: number } {
  const h = new MachineHost();
  const { memberId, generation } = h.stableGroup('g', assignment({ words: [0, 1] }));
  const joined = h.consumerHeartbeat('g', 'm', 0)!;
  const epoch = joined.memberEpoch!;
  expect(h.heartbeat('g', memberId, generation)).toBe(ErrorCode.REBALANCE_IN_PROGRESS);
  expect(h.join('g', memberId)).toMatchObject([{ errorCode: ErrorCode.NONE, generationId: epoch }]);
  h.sync('g', memberId, epoch);
  expect(h.consumerHeartbeat('g', 'm', epoch)?.assignment?.topicPartitions).toMatchObject([
    { partitions: [1] },
  ]);
  h.consumerHeartbeat('g', 'm', -1);
  expect(h.listed()).toEqual(['g classic PreparingRebalance']);
  return { h, memberId, generation: epoch + 1 };
}

const causes = (h: MachineHost) => h.machine.rebalances('g').map(({ cause }) => cause);

/** The last record of the group. */
function lastValue(h: MachineHost) {
  const { key, value } = h.port.decisions.at(-1)!.at(-1)!;
  const record = decodeGroupRecord(key, value);
  if (record?.name !== 'groupMetadata' || record.value === null) throw new Error('no record of the group');
  return record.value;
}

test('the next coordinator begins the rebalance again, and the rest of the group gets every partition', () => {
  const { h: before, memberId, generation } = downgraded();
  const h = before.failedOver();
  expect(h.listed()).toEqual(['g classic PreparingRebalance']);
  expect(causes(h)).toEqual(['rebalance-unfinished']);
  expect(h.heartbeat('g', memberId, lastValue(before).generation)).toBe(ErrorCode.REBALANCE_IN_PROGRESS);
  const [joined] = h.join('g', memberId);
  expect(joined).toMatchObject({ errorCode: ErrorCode.NONE, leader: memberId, generationId: generation });
  h.sync('g', memberId, generation, [{ memberId, assignment: assignment({ words: [0, 1] }) }]);
  expect(h.listed()).toEqual(['g classic Stable']);
});

test('each further coordinator begins the rebalance again until a generation has its assignments', () => {
  const { h: first, memberId, generation } = downgraded();
  const second = first.failedOver();
  second.join('g', memberId);
  expect(second.listed()).toEqual(['g classic CompletingRebalance']);
  const third = second.failedOver();
  expect(third.listed()).toEqual(['g classic PreparingRebalance']);
  third.join('g', memberId);
  third.sync('g', memberId, generation, [{ memberId, assignment: assignment({ words: [0, 1] }) }]);
  const fourth = third.failedOver();
  expect([fourth.listed(), causes(fourth)]).toEqual([['g classic Stable'], []]);
  expect(fourth.heartbeat('g', memberId, generation)).toBe(ErrorCode.NONE);
  expect(lastValue(third).leader).toBe(memberId);
});

test('the record has no leader, and gives each member its target assignment', () => {
  const { h, memberId } = downgraded();
  const { leader, members } = lastValue(h);
  expect([leader, members.map((member) => member.memberId)]).toEqual([null, [memberId]]);
  expect(consumerProtocolAssignment.decode(members[0]!.assignment).userData).toBe(null);
  expect(showAssignment(members[0]!.assignment)).toBe('words:0');
});

test('the group is empty if no member joins again', () => {
  const h = downgraded().h.failedOver();
  h.port.advance(10_001);
  expect(h.listed()).toEqual(['g classic Empty']);
  const next = h.failedOver();
  expect([next.listed(), causes(next)]).toEqual([['g classic Empty'], []]);
});

test('a member of the KIP-848 protocol may join while the rebalance is under way', () => {
  const { h: before, memberId } = downgraded();
  const h = before.failedOver();
  const { memberEpoch } = h.consumerHeartbeat('g', 'n', 0)!;
  expect(h.listed()).toEqual(['g consumer Reconciling']);
  expect(h.join('g', memberId)).toMatchObject([{ generationId: memberEpoch }]);
});
