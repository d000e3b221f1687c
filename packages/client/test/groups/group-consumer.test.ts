import { apis, ErrorCode } from '@millrace/protocol';
import { describe, expect, test } from 'vitest';
import { batchAt } from '../support/batches.ts';
import { CLASSIC, Consumed } from '../support/consumed.ts';
import { TOPIC_ID } from '../support/metadata.ts';

test('reading begins at the committed offset; after the interval, the consumer commits its position once', () => {
  const consumed = new Consumed();
  consumed.joins();
  expect(consumed.news).toEqual([]);
  expect(consumed.offset(5)).toMatchObject({ groups: [{ memberId: 'me', memberEpoch: 1 }] });
  expect(consumed.fetches({ records: batchAt(5, 0, 'a', 'b') })).toMatchObject({ fetchOffset: 5 });
  expect(consumed.news).toEqual(['assigned events-0 at 5', 'records events-0 5 to 7']);
  consumed.clock.advance(1_000);
  expect(consumed.commits()).toEqual({ generationIdOrMemberEpoch: 1, memberId: 'me', offset: 7 });
  expect(consumed.news).toEqual(['committed 7']);
  consumed.clock.advance(1_000);
  expect(consumed.waiting).toEqual([]);
});

describe('without a committed offset', () => {
  test.each([
    ['earliest', -2],
    ['latest', -1],
  ] as const)('reading begins at the %s offset', (reset, timestamp) => {
    const consumed = new Consumed({ reset });
    consumed.joins();
    consumed.offset(-1);
    const partitions = [{ partitionIndex: 0, errorCode: 0, offset: 3 }];
    const topics = [{ name: 'events', partitions }];
    const asked = consumed.broker(4).answer(apis.listOffsets, { topics } as never);
    expect(asked.topics[0]?.partitions[0]?.timestamp).toBe(timestamp);
    expect(consumed.fetches({})).toMatchObject({ fetchOffset: 3 });
  });

  test('with reset `fail`, the owner learns that there is no committed offset', () => {
    const consumed = new Consumed({ reset: 'fail' });
    consumed.joins();
    consumed.offset(-1);
    expect(consumed.news).toEqual(['failed 0 no committed offset', 'assigned ']);
  });
});

test('the log does not have the committed offset: reading begins where `reset` says', () => {
  const consumed = Consumed.reading({ reset: 'latest' });
  consumed.fetches({ errorCode: ErrorCode.OFFSET_OUT_OF_RANGE });
  const topics = [{ name: 'events', partitions: [{ partitionIndex: 0, errorCode: 0, offset: 2 }] }];
  const asked = consumed.broker(4).answer(apis.listOffsets, { topics } as never);
  expect(asked.topics[0]?.partitions[0]?.timestamp).toBe(-1);
});

test('offsets cannot be fetched now: the consumer asks again, and reads nothing before', () => {
  const consumed = new Consumed();
  consumed.joins();
  consumed.offset(-1, ErrorCode.COORDINATOR_LOAD_IN_PROGRESS);
  consumed.clock.advance(100);
  consumed.offset(-1, ErrorCode.UNKNOWN_MEMBER_ID);
  expect(consumed.news).toEqual(['not fetched 0 UNKNOWN_MEMBER_ID']);
  expect(consumed.broker(4).waiting).toEqual([]);
  consumed.clock.advance(100);
  consumed.offset(5);
  expect(consumed.news).toEqual(['assigned events-0 at 5']);
});

test('the coordinator answers UNKNOWN_SERVER_ERROR to a fetch of offsets: the consumer asks again', () => {
  const consumed = new Consumed();
  consumed.joins();
  consumed.offset(-1, ErrorCode.UNKNOWN_SERVER_ERROR);
  expect(consumed.news).toEqual(['not fetched 0 UNKNOWN_SERVER_ERROR']);
  consumed.clock.advance(100);
  consumed.offset(5);
  expect(consumed.news).toEqual(['assigned events-0 at 5']);
});

test('the client must not fetch the offsets: the partition fails, and the consumer does not ask again', () => {
  const consumed = new Consumed();
  consumed.joins();
  consumed.offset(-1, ErrorCode.TOPIC_AUTHORIZATION_FAILED);
  expect(consumed.news).toEqual(['failed 0 TOPIC_AUTHORIZATION_FAILED']);
  consumed.clock.advance(1_000);
  expect([consumed.waiting, consumed.broker(4).waiting]).toEqual([[], []]);
});

test('the client must not read one of two partitions: the consumer reads the other one', () => {
  const consumed = new Consumed();
  consumed.joins(1, [0, 1]);
  const committed = { committedOffset: 5, committedLeaderEpoch: 0, metadata: '' };
  const partitions = [
    { ...committed, partitionIndex: 0, errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED },
    { ...committed, partitionIndex: 1, errorCode: 0 },
  ];
  const topics = [{ topicId: TOPIC_ID, partitions }];
  consumed.answer(apis.offsetFetch, { groups: [{ groupId: 'g', errorCode: 0, topics }] } as never);
  expect(consumed.news).toEqual(['failed 0 TOPIC_AUTHORIZATION_FAILED', 'assigned events-1 at 5']);
  expect(consumed.consumer.assignment).toMatchObject([{ partition: 1 }]);
});

describe('a rebalance', () => {
  test('the consumer stops reading, commits, and only then joins', () => {
    const consumed = Consumed.reading();
    consumed.fetches({ records: batchAt(5, 0, 'a') });
    consumed.clock.advance(3_000);
    consumed.fetches({ records: batchAt(6, 0, 'b') });
    consumed.commits();
    consumed.seen.length = 0;
    consumed.answer(apis.heartbeat, { errorCode: ErrorCode.REBALANCE_IN_PROGRESS });
    expect(consumed.waiting).toEqual(['OffsetCommit']);
    consumed.fetches({ records: batchAt(7, 0, 'c') });
    expect(consumed.commits().offset).toBe(7);
    expect(consumed.news).toEqual(['committed 7', 'revoked 1']);
    expect(consumed.waiting).toEqual(['JoinGroup']);
  });

  test('a partition is revoked before its committed offset is known: the late answer changes nothing', () => {
    const consumed = new Consumed({ requestTimeoutMs: 5_000 });
    consumed.joins();
    consumed.clock.advance(3_000);
    consumed.offset(5, ErrorCode.COORDINATOR_LOAD_IN_PROGRESS);
    consumed.answer(apis.heartbeat, { errorCode: ErrorCode.UNKNOWN_MEMBER_ID });
    expect(consumed.news).toEqual(['lost 1']);
    consumed.clock.advance(100);
    expect(consumed.waiting).toEqual(['JoinGroup', 'OffsetFetch']);
    consumed.broker().received.shift();
    expect([consumed.news, consumed.broker(4).waiting]).toEqual([[], []]);
  });

  test('a committed offset that arrives after the revocation does not count when the member gets the partition again', () => {
    const protocol = { ...CLASSIC, assignor: 'cooperative-sticky' } as const;
    const consumed = new Consumed({ protocol, autoStore: false, requestTimeoutMs: 60_000 });
    consumed.joins(1, [0, 1]);
    consumed.clock.advance(2_950);
    consumed.offset(5, ErrorCode.COORDINATOR_LOAD_IN_PROGRESS);
    consumed.clock.advance(50);
    consumed.answer(apis.heartbeat, { errorCode: ErrorCode.REBALANCE_IN_PROGRESS });
    consumed.joining(2);
    consumed.clock.advance(50);
    expect(consumed.waiting).toEqual(['SyncGroup', 'OffsetFetch']);
    consumed.syncs([1]);
    consumed.offset(5);
    consumed.joins(3, [0, 1]);
    // The offset has expired meanwhile.
    consumed.offset(-1);
    expect(consumed.news).toEqual([
      'revoked 1',
      'assigned events-1 at earliest',
      'assigned events-0 at earliest',
    ]);
    consumed.consumer.store({ topic: 'events', partition: 0 }, 5);
    consumed.clock.advance(1_000);
    expect(consumed.commits().offset).toBe(5);
  });

  test('the group continues without the member: it drops its positions, and commits nothing', () => {
    const consumed = Consumed.reading({ autoCommitMs: 100_000 });
    consumed.fetches({ records: batchAt(5, 0, 'a') });
    consumed.clock.advance(3_000);
    consumed.answer(apis.heartbeat, { errorCode: ErrorCode.ILLEGAL_GENERATION });
    expect(consumed.news).toEqual(['records events-0 5 to 6', 'lost 1']);
    consumed.joins(2);
    consumed.offset(5);
    consumed.fetches({});
    expect(consumed.fetches({})).toMatchObject({ fetchOffset: 5 });
  });
});

describe('closing', () => {
  test('the consumer commits, leaves, and closes', () => {
    const consumed = Consumed.reading();
    consumed.fetches({ records: batchAt(5, 0, 'a') });
    let ends = 0;
    consumed.consumer.close(() => ends++);
    consumed.commits();
    expect(consumed.waiting).toEqual(['LeaveGroup']);
    consumed.answer(apis.leaveGroup, { errorCode: 0, members: [] });
    expect(ends).toBe(1);
    consumed.clock.advance(60_000);
    expect(consumed.waiting).toEqual([]);
  });

  test('if the coordinator does not answer, close ends after the timeout', () => {
    const consumed = Consumed.reading();
    consumed.fetches({ records: batchAt(5, 0, 'a') });
    let ends = 0;
    consumed.consumer.close(() => ends++);
    consumed.clock.advance(1_999);
    expect(ends).toBe(0);
    consumed.clock.advance(1);
    expect(ends).toBe(1);
  });

  test('a coordinator that cannot take the commit still learns that the member leaves', () => {
    const consumed = Consumed.reading();
    consumed.fetches({ records: batchAt(5, 0, 'a') });
    consumed.consumer.close(() => {});
    consumed.commits(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS);
    consumed.clock.advance(1_000);
    expect(consumed.waiting).toContain('LeaveGroup');
  });

  test('a second call of close waits for the end of the first call', () => {
    const consumed = Consumed.reading();
    const ends: string[] = [];
    consumed.consumer.close(() => ends.push('first'));
    consumed.consumer.close(() => ends.push('second'));
    expect(ends).toEqual([]);
    consumed.answer(apis.leaveGroup, { errorCode: 0, members: [] });
    consumed.consumer.close(() => ends.push('third'));
    consumed.clock.advance(0);
    expect(ends).toEqual(['first', 'second', 'third']);
  });

  test('a commit after the end sends nothing, and its caller learns that the consumer is closed', () => {
    const consumed = Consumed.reading({ commitsOnRevoke: false });
    consumed.fetches({ records: batchAt(5, 0, 'a') });
    consumed.consumer.close(() => {});
    consumed.answer(apis.leaveGroup, { errorCode: 0, members: [] });
    const ends: unknown[] = [];
    consumed.consumer.commit((error) => ends.push(error));
    consumed.clock.advance(0);
    expect(ends).toEqual(['the consumer is closed']);
    consumed.clock.advance(60_000);
    expect(consumed.waiting).toEqual([]);
  });

  test('a rebalance during the last commit: the member leaves and does not join again', () => {
    const consumed = Consumed.reading({ autoCommitMs: 100_000 });
    consumed.fetches({ records: batchAt(5, 0, 'a') });
    consumed.clock.advance(3_000);
    consumed.consumer.close(() => {});
    consumed.answer(apis.heartbeat, { errorCode: ErrorCode.REBALANCE_IN_PROGRESS });
    expect(consumed.waiting).toEqual(['OffsetCommit']);
    consumed.commits();
    expect(consumed.waiting).toEqual(['LeaveGroup']);
  });

  test('without `commitsOnRevoke`, the consumer leaves and commits nothing', () => {
    const consumed = Consumed.reading({ commitsOnRevoke: false });
    consumed.fetches({ records: batchAt(5, 0, 'a') });
    consumed.consumer.close(() => {});
    expect(consumed.waiting).toEqual(['LeaveGroup']);
  });
});

test('a paused consumer fetches nothing, and stays in the group', () => {
  const consumed = Consumed.reading();
  consumed.consumer.pause();
  consumed.fetches({});
  expect(consumed.broker(4).waiting).toEqual([]);
  consumed.clock.advance(3_000);
  consumed.answer(apis.heartbeat, { errorCode: ErrorCode.NONE });
  consumed.consumer.resume();
  expect(consumed.broker(4).waiting).toEqual(['Fetch']);
});

test('a member that fails reads nothing more', () => {
  const consumed = Consumed.reading();
  consumed.clock.advance(3_000);
  consumed.answer(apis.heartbeat, { errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED });
  expect(consumed.news).toEqual(['lost 1', 'failed all GROUP_AUTHORIZATION_FAILED']);
  expect(consumed.consumer.assignment).toEqual([]);
});

test('a consumer group (KIP-848): the view learns the topics of a pattern by id', () => {
  const subscription = { regex: 'ev.*' };
  const consumed = new Consumed({ protocol: { name: 'consumer', subscription, serverAssignor: 'range' } });
  expect(consumed.consumer.wantedTopics).toEqual([]);
  const topicPartitions = [{ topicId: 'AAAAAAAAAAAAAAAAAAAAAw', partitions: [0] }];
  const answer = { memberEpoch: 1, heartbeatIntervalMs: 5_000, assignment: { topicPartitions } };
  const joined = consumed.answer(apis.consumerGroupHeartbeat, answer as never);
  expect(joined).toMatchObject({ serverAssignor: 'range', subscribedTopicRegex: 'ev.*' });
  expect(consumed.consumer.wantedIds).toEqual(['AAAAAAAAAAAAAAAAAAAAAw']);
});
