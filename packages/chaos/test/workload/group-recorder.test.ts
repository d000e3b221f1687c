import type { GroupOp } from '@millrace/checkers';
import { apis, ErrorCode } from '@millrace/protocol';
import { describe, expect, it } from 'vitest';
import { GroupRecorder } from '../../src/workload/group-recorder.ts';

function recorder() {
  const ops: GroupOp[] = [];
  let us = 0;
  const made = new GroupRecorder({
    client: 'g1',
    group: 'billing',
    topic: 'orders',
    nowUs: () => us++,
    record: (op) => void ops.push(op),
  });
  return { ops, recorder: made };
}

const request = {
  groupId: 'billing',
  memberId: 'm1',
  generationIdOrMemberEpoch: 4,
  groupInstanceId: null,
  topics: [
    { name: 'orders', partitions: [{ partitionIndex: 1, committedOffset: 7, committedMetadata: '' }] },
  ],
};
const answer = (errorCode: number) => ({
  topics: [{ name: 'orders', partitions: [{ partitionIndex: 1, errorCode }] }],
});

describe('GroupRecorder', () => {
  it.each([
    ['ok', ErrorCode.NONE, undefined],
    ['fail', ErrorCode.ILLEGAL_GENERATION, 'ILLEGAL_GENERATION'],
    ['info', ErrorCode.NOT_COORDINATOR, 'NOT_COORDINATOR'],
    ['info', ErrorCode.REQUEST_TIMED_OUT, 'REQUEST_TIMED_OUT'],
  ])('records a commit as %s after the code %i', (outcome, code, error) => {
    const { ops, recorder: it } = recorder();
    it.sent(apis.offsetCommit, 9, request)!(answer(code));
    expect(ops).toEqual([
      {
        ...{ type: 'commit', client: 'g1', group: 'billing', topic: 'orders', topicId: undefined },
        ...{ partition: 1, member: { memberId: 'm1', instanceId: null, epoch: 4 } },
        ...{ offset: 7, metadata: '', invokedUs: 0, endedUs: 1, outcome, error },
      },
    ]);
  });

  it('records a commit without an answer once, when the client ends', () => {
    const { ops, recorder: it } = recorder();
    const taken = it.sent(apis.offsetCommit, 9, request)!;
    it.end();
    taken(answer(ErrorCode.NONE));
    expect(ops).toMatchObject([{ outcome: 'info', error: 'no answer' }]);
  });

  it('records a fetched offset only if its partition has no error', () => {
    const { ops, recorder: it } = recorder();
    const found = (partitionIndex: number, errorCode: number, committedOffset: number) => ({
      ...{ partitionIndex, errorCode, committedOffset, metadata: null },
    });
    const partitions = [found(0, ErrorCode.NONE, -1), found(1, ErrorCode.UNSTABLE_OFFSET_COMMIT, 3)];
    const groups = [
      { groupId: 'billing', errorCode: ErrorCode.NONE, topics: [{ name: 'orders', partitions }] },
    ];
    it.sent(apis.offsetFetch, 8, {})!({ groups });
    expect(ops).toMatchObject([{ type: 'fetch-offset', partition: 0, offset: -1, metadata: '' }]);
  });

  it('records no membership after an error, and none for other requests', () => {
    const { ops, recorder: it } = recorder();
    const sync = { groupId: 'billing', memberId: 'm1', generationId: 4, groupInstanceId: null };
    it.sent(apis.syncGroup, 5, sync)!({ errorCode: ErrorCode.REBALANCE_IN_PROGRESS });
    expect(it.sent(apis.fetch, 12, {})).toBeUndefined();
    expect(ops).toEqual([]);
    it.sent(apis.syncGroup, 5, sync)!({ errorCode: ErrorCode.NONE });
    expect(ops).toMatchObject([{ type: 'membership', protocol: 'classic', memberId: 'm1', epoch: 4 }]);
  });
});
