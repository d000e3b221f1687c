/**
 * Goal: commits and fetches of offsets succeed although the coordinator moves or still loads, and they name
 * topics by id.
 */
import type { Uuid } from '@millrace/base';
import { apis, ErrorCode } from '@millrace/protocol';
import { describe, expect, test } from 'vitest';
import { type CommitOptions, GroupOffsets, type GroupOffsetsOptions } from '../../src/index.ts';
import { OTHER_ID, TOPIC_ID } from '../support/metadata.ts';
import { PlayedGroup } from '../support/played-group.ts';

class Called extends PlayedGroup {
  readonly ends: unknown[] = [];
  readonly offsets: GroupOffsets;

  constructor(options: Partial<GroupOffsetsOptions> = {}) {
    super();
    const { clock, coordinator } = this;
    this.offsets = new GroupOffsets({
      clock,
      groupId: 'g',
      coordinator,
      timeoutMs: 1_000,
      topicId: (topic) => (topic === 'events' ? TOPIC_ID : undefined),
      ...options,
    });
  }

  commit(options: CommitOptions = {}): () => void {
    const offset = { topic: 'events', partition: 0, offset: 7, leaderEpoch: 3, metadata: '' };
    return this.offsets.commit([offset], (error, failed) => this.ends.push([error, failed.length]), options);
  }

  committed(errorCode: number, port = 9) {
    const topics = [{ topicId: TOPIC_ID, partitions: [{ partitionIndex: 0, errorCode }] }];
    return this.answer(apis.offsetCommit, { topics }, port);
  }
}

test('a commit names the topic by id, so that it never counts for another topic of that name', () => {
  const called = new Called();
  called.commit();
  called.found();
  expect(called.broker().received[0]?.version).toBe(10);
  expect(called.committed(ErrorCode.NONE)).toMatchObject({
    memberId: '',
    generationIdOrMemberEpoch: -1,
    topics: [{ topicId: TOPIC_ID, partitions: [{ committedOffset: 7, committedLeaderEpoch: 3 }] }],
  });
  expect(called.ends).toEqual([[undefined, 0]]);
});

test('the client does not know the id of the topic: the commit has the name', () => {
  const called = new Called({ topicId: () => undefined as Uuid | undefined });
  called.commit();
  called.found();
  expect(called.broker().received[0]).toMatchObject({
    version: 9,
    request: { topics: [{ name: 'events' }] },
  });
});

describe('another topic gets the name before the retry of a commit', () => {
  /**
   * The first attempt of the commit named the old topic by name (version 9) or by id (version 10). The
   * coordinator still loads, so the commit needs a retry.
   */
  function renamed(version: number) {
    let topicId = TOPIC_ID;
    const called = new Called({ topicId: () => topicId });
    called.commit();
    called.finds({ errorCode: 0, nodeId: 9, host: 'b9', port: 9 });
    called.broker().open();
    called.broker().answerVersions({ [apis.offsetCommit.key]: version });
    const partitions = [{ partitionIndex: 0, errorCode: ErrorCode.COORDINATOR_LOAD_IN_PROGRESS }];
    called.answer(apis.offsetCommit, { topics: [{ name: 'events', topicId: TOPIC_ID, partitions }] });
    topicId = OTHER_ID;
    called.clock.advance(100);
    return called;
  }

  test('the retry has the id of the old topic', () => {
    const called = renamed(10);
    expect(called.committed(ErrorCode.UNKNOWN_TOPIC_ID)).toMatchObject({ topics: [{ topicId: TOPIC_ID }] });
    expect(called.ends).toEqual([['UNKNOWN_TOPIC_ID', 1]]);
  });

  test('a coordinator that knows only names gets no retry', () => {
    const called = renamed(9);
    expect([called.broker().waiting, called.ends]).toEqual([[], [['UNKNOWN_TOPIC_ID', 1]]]);
  });
});

test('another topic gets the name between the attempts of a fetch: the answer is about the old one', () => {
  let topicId = TOPIC_ID;
  const called = new Called({ topicId: () => topicId });
  called.offsets.fetch([{ topic: 'events', partition: 0 }], (offsets) => called.ends.push(offsets));
  called.found();
  const partition = { partitionIndex: 0, committedOffset: 7, committedLeaderEpoch: 3, metadata: 'x' };
  const fetched = (errorCode: number) => {
    const topics = [{ topicId: TOPIC_ID, partitions: [{ ...partition, errorCode }] }];
    return called.answer(apis.offsetFetch, { groups: [{ groupId: 'g', errorCode: 0, topics }] } as never);
  };
  fetched(ErrorCode.UNSTABLE_OFFSET_COMMIT);
  topicId = OTHER_ID;
  called.clock.advance(100);
  expect(fetched(ErrorCode.NONE)).toMatchObject({ groups: [{ topics: [{ topicId: TOPIC_ID }] }] });
  expect(called.ends).toMatchObject([[{ topic: 'events', topicId: TOPIC_ID, offset: 7 }]]);
});

test('NOT_COORDINATOR: the commit goes to the new coordinator', () => {
  const called = new Called();
  called.commit();
  called.found();
  called.committed(ErrorCode.NOT_COORDINATOR);
  called.clock.advance(100);
  called.found(8);
  called.committed(ErrorCode.NONE, 8);
  expect(called.ends).toEqual([[undefined, 0]]);
});

test('COORDINATOR_LOAD_IN_PROGRESS: the same coordinator gets the commit again, until the time is over', () => {
  const called = new Called();
  called.commit();
  called.found();
  for (let i = 0; i < 9; i++) {
    called.committed(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS);
    called.clock.advance(100);
  }
  expect(called.ends).toEqual([]);
  called.clock.advance(100);
  expect(called.ends).toEqual([['COORDINATOR_LOAD_IN_PROGRESS within 1000 ms', 1]]);
  called.committed(ErrorCode.NONE);
  expect(called.ends).toHaveLength(1);
});

test('a member of a consumer group commits again under its newest epoch', () => {
  let epoch = 4;
  const called = new Called();
  called.commit({ committer: () => ({ memberId: 'm', epoch, instanceId: null }) });
  called.found();
  expect(called.committed(ErrorCode.STALE_MEMBER_EPOCH).generationIdOrMemberEpoch).toBe(4);
  epoch = 5;
  called.clock.advance(100);
  expect(called.committed(ErrorCode.NONE).generationIdOrMemberEpoch).toBe(5);
  expect(called.ends).toEqual([[undefined, 0]]);
});

test('the membership ends while a commit waits: no retry goes out', () => {
  let isMember = true;
  const called = new Called();
  const identity = { memberId: 'm', epoch: 4, instanceId: null };
  called.commit({ committer: () => (isMember ? identity : undefined) });
  called.found();
  called.committed(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS);
  isMember = false;
  called.clock.advance(100);
  expect(called.broker().waiting).toEqual([]);
  expect(called.ends).toEqual([['the membership has ended', 1]]);
});

test('a commit that its owner ends is not sent again', () => {
  const called = new Called();
  const stop = called.commit();
  called.found();
  called.committed(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS);
  stop();
  called.clock.advance(2_000);
  expect([called.broker().waiting, called.ends]).toEqual([[], []]);
});

test('a refusal of one partition is final, and the call names the partition', () => {
  const called = new Called();
  called.commit();
  called.found();
  called.committed(ErrorCode.OFFSET_METADATA_TOO_LARGE);
  expect(called.ends).toEqual([['OFFSET_METADATA_TOO_LARGE', 1]]);
});

test('a fetch returns the partitions with an offset, and waits for an open transaction', () => {
  const called = new Called();
  const places = [0, 1].map((partition) => ({ topic: 'events', partition }));
  called.offsets.fetch(places, (offsets, error) => called.ends.push(offsets ?? error));
  called.found();
  const told = (partitions: object[]) =>
    called.answer(apis.offsetFetch, {
      groups: [{ groupId: 'g', errorCode: 0, topics: [{ topicId: TOPIC_ID, partitions }] }],
    } as never);
  const request = told([{ partitionIndex: 0, errorCode: ErrorCode.UNSTABLE_OFFSET_COMMIT }]);
  expect(request).toMatchObject({ requireStable: true, groups: [{ groupId: 'g', memberId: null }] });
  called.clock.advance(100);
  told([
    { partitionIndex: 0, errorCode: 0, committedOffset: 7, committedLeaderEpoch: 3, metadata: 'x' },
    { partitionIndex: 1, errorCode: 0, committedOffset: -1, committedLeaderEpoch: -1, metadata: '' },
  ]);
  const place = { topic: 'events', topicId: TOPIC_ID, partition: 0 };
  const found = { ...place, offset: 7, leaderEpoch: 3, metadata: 'x' };
  expect(called.ends).toEqual([[found]]);
});

test('a fetch of all offsets gets topic names; an old broker answers without a list of groups', () => {
  const called = new Called();
  called.offsets.fetch(null, (offsets) => called.ends.push(offsets));
  called.finds({ errorCode: 0, nodeId: 9, host: 'b9', port: 9 });
  called.broker().open();
  called.broker().answerVersions({ [apis.offsetFetch.key]: 7 });
  const partitions = [{ partitionIndex: 2, committedOffset: 5, committedLeaderEpoch: -1, metadata: null }];
  const topics = [{ name: 'old', partitions: partitions.map((one) => ({ ...one, errorCode: 0 })) }];
  expect(called.answer(apis.offsetFetch, { errorCode: 0, topics } as never)).toMatchObject({ topics: null });
  const found = { topic: 'old', partition: 2, offset: 5, leaderEpoch: -1, metadata: '' };
  expect(called.ends).toEqual([[found]]);
});

test('a deletion names the partitions that it did not delete', () => {
  const called = new Called();
  called.offsets.delete([{ topic: 'events', partition: 0 }], (error, failed) =>
    called.ends.push([error, ...failed]),
  );
  called.found();
  const partitions = [{ partitionIndex: 0, errorCode: ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC }];
  called.answer(apis.offsetDelete, { errorCode: 0, topics: [{ name: 'events', partitions }] });
  const errorCode = ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC;
  expect(called.ends).toEqual([['GROUP_SUBSCRIBED_TO_TOPIC', { topic: 'events', partition: 0, errorCode }]]);
});

test('after close, no call calls back', () => {
  const called = new Called();
  called.commit();
  called.found();
  called.offsets.close();
  called.committed(ErrorCode.NONE);
  called.clock.advance(2_000);
  expect(called.ends).toEqual([]);
});
