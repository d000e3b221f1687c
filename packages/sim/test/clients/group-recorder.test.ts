import {
  apis,
  consumerProtocolAssignment,
  consumerProtocolSubscription,
  ErrorCode,
} from '@millrace/protocol';
import { describe, expect, it } from 'vitest';
import { GroupRecorder } from '../../src/clients/group-recorder.ts';
import { SmallCluster, violationOf } from '../support/small-cluster.ts';

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

const answered = (errorCode: number) => ({
  topics: [{ name: 't', partitions: [{ partitionIndex: 0, errorCode }] }],
});

it.each([
  [ErrorCode.NONE, 'ok', undefined],
  [ErrorCode.ILLEGAL_GENERATION, 'fail', 'ILLEGAL_GENERATION'],
  // The coordinator may have written the commit before it answered with one of these errors.
  [ErrorCode.NOT_COORDINATOR, 'info', 'NOT_COORDINATOR'],
  [ErrorCode.COORDINATOR_NOT_AVAILABLE, 'info', 'COORDINATOR_NOT_AVAILABLE'],
])('records a commit that was answered %s as %s', (errorCode, outcome, error) => {
  const ops = recorded((taken) => taken(answered(errorCode)));
  const member = { memberId: 'm', epoch: 3, instanceId: null };
  expect(ops).toEqual([expect.objectContaining({ type: 'commit', offset: 5, member, outcome, error })]);
});

it('records the commit of a process only once, if the process dies before the answer', () => {
  const ops = recorded((taken, die) => {
    die();
    taken(answered(ErrorCode.NONE));
  });
  expect(ops).toEqual([expect.objectContaining({ type: 'commit', outcome: 'info', error: 'no answer' })]);
});

describe('answers-are-complete', () => {
  const id = 'AAAAAAAAAAAAAAAAAAAAAQ';
  const two = [{ name: 't', topicId: id, partitionIndexes: [0, 1] }];
  const found = { committedOffset: 5, committedLeaderEpoch: -1, metadata: '', errorCode: 0 };
  const fetched = (...indexes: number[]) => [
    { name: 't', topicId: id, partitions: indexes.map((partitionIndex) => ({ partitionIndex, ...found })) },
  ];

  /**
   * A client fetches the offsets of t-0 and t-1, or of all topics if `topics` is null, and gets this answer.
   * Returns the violation. If there is none, returns the number of recorded offsets.
   */
  function fetching(version: number, answer: unknown, topics: typeof two | null = two) {
    const small = new SmallCluster([]);
    const recorder = new GroupRecorder(small.machine('k1'), () => 't');
    const request = { groupId: 'g', topics, groups: [{ groupId: 'g', topics }] };
    const violation = violationOf(() => recorder.sent(apis.offsetFetch, version, request)!(answer));
    return violation ?? small.history.ops.filter(({ type }) => type === 'fetch-offset').length;
  }

  /** The answer with these topics, in the form of the version. */
  const answerOf = (version: number, topics: unknown[], errorCode = 0) =>
    version < 8 ? { topics, errorCode } : { groups: [{ groupId: 'g', topics, errorCode }] };

  const LACKS = 'answers-are-complete: k1 got an answer about committed offsets';

  it.each([1, 7, 8, 9])(
    'sees a partition that a fetch of version %i asked for and did not get',
    (version) => {
      expect(fetching(version, answerOf(version, fetched(0, 1)))).toBe(2);
      expect(fetching(version, answerOf(version, fetched(1)))).toBe(`${LACKS} without t-0`);
      expect(fetching(version, answerOf(version, []))).toBe(`${LACKS} without t-0, t-1`);
      expect(fetching(version, answerOf(version, fetched(0, 1, 2)))).toBe(
        `${LACKS} with t-2 unasked or twice`,
      );
      expect(fetching(version, answerOf(version, fetched(0, 1, 1)))).toBe(
        `${LACKS} with t-1 unasked or twice`,
      );
    },
  );

  it('names the topic by its id from version 10 on', () => {
    expect(fetching(10, answerOf(10, fetched(0)))).toBe(`${LACKS} without ${id}-1`);
  });

  it('sees an answer without the group', () => {
    expect(fetching(9, { groups: [] })).toBe(`${LACKS} without g`);
  });

  it('accepts an error of the whole group, and accepts any partitions when the fetch asks for all topics', () => {
    for (const version of [2, 9]) {
      expect(fetching(version, answerOf(version, [], ErrorCode.NOT_COORDINATOR))).toBe(0);
      expect(fetching(version, answerOf(version, fetched(3)), null)).toBe(1);
    }
  });

  it('sees that an answer lacks a partition of a commit', () => {
    const nothing = () => recorded((taken) => taken({ topics: [] }));
    expect(violationOf(nothing)).toBe(`${LACKS} without t-0`);
  });

  it('finds the partitions of a commit in an answer with another order', () => {
    const small = new SmallCluster([]);
    const recorder = new GroupRecorder(small.machine('k1'), () => undefined);
    const partitions = [0, 1].map((partitionIndex) => ({ partitionIndex, committedOffset: 5 }));
    const taken = recorder.sent(apis.offsetCommit, 9, { groupId: 'g', topics: [{ name: 't', partitions }] })!;
    const answers = [1, 0].map((partitionIndex) => ({
      partitionIndex,
      errorCode: partitionIndex === 0 ? ErrorCode.NONE : ErrorCode.OFFSET_METADATA_TOO_LARGE,
    }));
    taken({ topics: [{ name: 't', partitions: answers }] });
    const ops = small.history.ops.filter((op) => op.type === 'commit');
    expect(ops.map(({ partition, outcome }) => [partition, outcome])).toEqual([
      [0, 'ok'],
      [1, 'fail'],
    ]);
  });
});

describe('the partitions that a leader withholds', () => {
  const claim = (memberId: string, groupInstanceId: string | null, partitions: number[]) => ({
    memberId,
    groupInstanceId,
    metadata: consumerProtocolSubscription.encode(1, {
      topics: ['t'],
      userData: null,
      ownedPartitions: [{ topic: 't', partitions }],
      generationId: -1,
    }),
  });
  const members = [claim('m1', 's1', [0, 1, 2]), claim('m2', null, [2, 3])];
  const joined = { errorCode: 0, memberId: 'm1', generationId: 4, members };
  const given = (partitions: number[]) => ({
    memberId: 'm2',
    assignment: consumerProtocolAssignment.encode(1, { assignedPartitions: [{ topic: 't', partitions }] }),
  });

  /**
   * The leader of a group gets this answer to JoinGroup, and then assigns t-0 and t-4 in this generation.
   * Returns what the recorder reported about the assignment.
   */
  function withheld(answer: unknown, generationId = 4) {
    const found: unknown[] = [];
    const recorder = new GroupRecorder(new SmallCluster([]).machine('j1'), () => 't', {
      assigning: (...facts) => found.push(facts),
    });
    recorder.sent(apis.joinGroup, 9, {})!(answer);
    recorder.sent(apis.syncGroup, 5, { memberId: 'm1', generationId, assignments: [given([0]), given([4])] });
    return found;
  }

  it('are recorded with the members that claim to own them', () => {
    const owners = [
      ['t-1', ['s1']],
      ['t-2', ['s1', null]],
      ['t-3', [null]],
    ] as const;
    expect(withheld(joined)).toEqual([['m1', 4, new Map<string, unknown>(owners)]]);
  });

  it('are none if the leader has no answer to JoinGroup in this generation', () => {
    expect(withheld(joined, 5)).toEqual([['m1', 5, new Map()]]);
    for (const answer of [undefined, { ...joined, errorCode: 27 }, { ...joined, members: [] }])
      expect(withheld(answer)).toEqual([['m1', 4, new Map()]]);
  });
});

it('shows a membership in a mixed group as one of KIP-848 without partitions', () => {
  const small = new SmallCluster([]);
  const recorder = new GroupRecorder(small.machine('h1'), () => 't', {}, true);
  const classic = { groupId: 'mixed', memberId: 'm1', generationId: 4, assignments: [] };
  recorder.sent(apis.syncGroup, 5, classic)!({ errorCode: 0, assignment: new Uint8Array(0) });
  const beat = { groupId: 'mixed', memberId: 'm2', memberEpoch: 0 };
  const topicPartitions = [{ topicId: 'AAAAAAAAAAAAAAAAAAAAZA', partitions: [0] }];
  const answer = { errorCode: 0, memberId: 'm2', memberEpoch: 5, assignment: { topicPartitions } };
  recorder.sent(apis.consumerGroupHeartbeat, 1, beat)!(answer);
  const ops = small.history.ops.filter((op) => op.type === 'membership');
  expect(ops.map(({ protocol, memberId, epoch, assigned }) => [protocol, memberId, epoch, assigned])).toEqual(
    [
      ['consumer', 'm1', 4, undefined],
      ['consumer', 'm2', 5, undefined],
    ],
  );
});
