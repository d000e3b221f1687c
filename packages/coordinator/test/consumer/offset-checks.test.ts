import type { Uuid } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import { describe, expect, it } from 'vitest';
import { assignmentRecord, memberMetadataRecord } from '../../src/consumer/group-records.ts';
import { GroupState } from '../../src/consumer/group-state.ts';
import { type Member, MemberState, newMember } from '../../src/consumer/member.ts';
import { type CommitRequest, checkCommit, checkFetch } from '../../src/consumer/offset-checks.ts';

const TOPIC = 'AAAAAAAAAAAAAAAAAAAAAQ' as Uuid;

/**
 * A member at epoch 7. It has partition 0 since epoch 5 and partition 1 since epoch 7. It must give up
 * partition 2, which it has since epoch 4.
 */
const member: Member = {
  ...newMember('m'),
  memberEpoch: 7,
  previousMemberEpoch: 5,
  state: MemberState.UNREVOKED_PARTITIONS,
  assigned: new Map([
    [
      TOPIC,
      new Map([
        [0, 5],
        [1, 7],
      ]),
    ],
  ]),
  pendingRevocation: new Map([[TOPIC, new Map([[2, 4]])]]),
};
const classic: Member = {
  ...newMember('old'),
  memberEpoch: 7,
  classic: { sessionTimeoutMs: 1000, supportedProtocols: [] },
};

function group(...members: Member[]): GroupState {
  const state = new GroupState();
  for (const one of members) {
    state.replay(memberMetadataRecord('g', one.memberId, one));
    state.replay(assignmentRecord('g', one.memberId, one));
  }
  return state;
}

const both = group(member, classic);

function commit(change: Partial<CommitRequest>, state = both) {
  const request = { memberId: 'm', instanceId: null, memberEpoch: 7, isTransactional: false, version: 9 };
  return checkCommit(state, { ...request, ...change });
}

function errors(memberEpoch: number): number[] {
  const check = commit({ memberEpoch });
  expect(check.errorCode).toBe(ErrorCode.NONE);
  return [0, 1, 2, 3].map((partition) => check.partitionError(TOPIC, partition));
}

const { NONE, STALE_MEMBER_EPOCH: STALE } = ErrorCode;

describe('a commit', () => {
  it('without an epoch is accepted only in a group without members', () => {
    expect(commit({ memberId: '', memberEpoch: -1 }, group()).errorCode).toBe(NONE);
    expect(commit({ memberId: '', memberEpoch: -1 }).errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
  });

  it('of a transaction need not name a member', () => {
    expect(commit({ memberId: '', memberEpoch: -1, isTransactional: true }).errorCode).toBe(NONE);
    expect(commit({ memberId: 'x', memberEpoch: -1, isTransactional: true }).errorCode).toBe(
      ErrorCode.UNKNOWN_MEMBER_ID,
    );
  });

  it('of an unknown member is refused', () => {
    expect(commit({ memberId: 'x' }).errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
  });

  it('below version 9 is refused, unless a classic member or a transaction commits', () => {
    expect(commit({ version: 8 }).errorCode).toBe(ErrorCode.UNSUPPORTED_VERSION);
    expect(commit({ version: 8, memberId: 'old' }).errorCode).toBe(NONE);
    expect(commit({ version: 3, isTransactional: true }).errorCode).toBe(NONE);
  });

  it('in the epoch of the member is accepted for every partition', () => {
    expect(errors(7)).toEqual([NONE, NONE, NONE, NONE]);
  });

  it('in an older epoch is accepted for the partitions that the member has had since that epoch', () => {
    expect(errors(6)).toEqual([NONE, STALE, NONE, STALE]);
    expect(errors(4)).toEqual([STALE, STALE, NONE, STALE]);
    expect(commit({ memberEpoch: 6 }).partitionError(undefined, 0)).toBe(STALE);
  });

  it('in a newer epoch is refused', () => {
    expect(commit({ memberEpoch: 8 }).errorCode).toBe(STALE);
  });

  it('of a classic member in another epoch is refused with ILLEGAL_GENERATION', () => {
    expect(commit({ memberId: 'old', memberEpoch: 8 }).errorCode).toBe(ErrorCode.ILLEGAL_GENERATION);
    const older = commit({ memberId: 'old', memberEpoch: 6 });
    expect(older.partitionError(TOPIC, 0)).toBe(ErrorCode.ILLEGAL_GENERATION);
  });
});

describe('a fetch of offsets', () => {
  it('without member and epoch is accepted', () => {
    expect(checkFetch(both, null, -1)).toBe(NONE);
  });

  it('of an unknown member is refused', () => {
    expect(checkFetch(both, 'x', 7)).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
    expect(checkFetch(both, null, 7)).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
  });

  it('in another epoch than that of the member is refused', () => {
    expect(checkFetch(both, 'm', 7)).toBe(NONE);
    expect(checkFetch(both, 'm', 6)).toBe(STALE);
    expect(checkFetch(both, 'old', 6)).toBe(ErrorCode.ILLEGAL_GENERATION);
  });
});
