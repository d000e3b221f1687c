import { apis, ErrorCode } from '@millrace/protocol';
import { expect, it } from 'vitest';
import { GroupRecorder } from '../../src/clients/group-recorder.ts';
import { SmallCluster } from '../support/small-cluster.ts';

const commit = {
  groupId: 'g',
  memberId: 'm',
  generationIdOrMemberEpoch: 3,
  topics: [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: 5, committedMetadata: 'a' }] }],
};

function recorded(answer: (taken: (response: unknown) => void, die: () => void) => void) {
  const small = new SmallCluster([]);
  const env = small.machine('k1');
  const recorder = new GroupRecorder(env, () => undefined);
  const taken = recorder.sent(apis.offsetCommit, 9, commit)!;
  answer(taken, () => env.life.die('process'));
  return small.history.ops.filter(({ type }) => type === 'commit');
}

const answered = (errorCode: number) => ({ topics: [{ name: 't', partitions: [{ errorCode }] }] });

it.each([
  [ErrorCode.NONE, 'ok', undefined],
  [ErrorCode.ILLEGAL_GENERATION, 'fail', 'ILLEGAL_GENERATION'],
  // The coordinator may have written the commit before the answer.
  [ErrorCode.NOT_COORDINATOR, 'info', 'NOT_COORDINATOR'],
  [ErrorCode.COORDINATOR_NOT_AVAILABLE, 'info', 'COORDINATOR_NOT_AVAILABLE'],
])('records a commit that was answered %s as %s', (errorCode, outcome, error) => {
  const ops = recorded((taken) => taken(answered(errorCode)));
  const member = { memberId: 'm', epoch: 3, instanceId: null };
  expect(ops).toEqual([expect.objectContaining({ type: 'commit', offset: 5, member, outcome, error })]);
});

it('records the commit of a process that dies before the answer, once', () => {
  const ops = recorded((taken, die) => {
    die();
    taken(answered(ErrorCode.NONE));
  });
  expect(ops).toEqual([expect.objectContaining({ type: 'commit', outcome: 'info', error: 'no answer' })]);
});
