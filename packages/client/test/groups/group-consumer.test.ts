/**
 * Goal: a consumer in a group reads each record at least once: it starts at the committed offset, and
 * commits before it gives up a partition. Method: a coordinator and a leader (broker 4) played by hand.
 */
import type { Uuid } from '@millrace/base';
import { Prng } from '@millrace/base';
import { apis, consumerProtocolAssignment, ErrorCode } from '@millrace/protocol';
import { describe, expect, test } from 'vitest';
import { GroupConsumer, type GroupConsumerOptions } from '../../src/index.ts';
import { batchAt } from '../support/batches.ts';
import { OTHER_ID, TOPIC_ID, topicOf } from '../support/metadata.ts';
import { PlayedGroup } from '../support/played-group.ts';

const CLASSIC = {
  name: 'classic',
  topics: ['events'],
  assignor: 'range',
  sessionTimeoutMs: 10_000,
  heartbeatMs: 3_000,
} as const;

class Consumed extends PlayedGroup {
  readonly seen: string[] = [];
  readonly consumer: GroupConsumer;

  constructor(options: Partial<GroupConsumerOptions> = {}) {
    super();
    this.consumer = new GroupConsumer({
      clock: this.clock,
      random: new Prng(1),
      cluster: this.cluster.view,
      open: this.open,
      groupId: 'g',
      protocol: CLASSIC,
      rebalanceTimeoutMs: 20_000,
      reset: 'earliest',
      autoCommitMs: 1_000,
      requestTimeoutMs: 2_000,
      usesSessions: false,
      sendsEpochs: true,
      validatesPositions: false,
      maxWaitMs: 500,
      maxBytes: 1_000,
      observer: {
        records: (position, { fetchOffset }) =>
          this.seen.push(
            `records ${position.topic}-${position.partition} ${fetchOffset} to ${position.offset}`,
          ),
        assigned: (starts) =>
          this.seen.push(
            `assigned ${starts.map(({ topic, partition, start }) => `${topic}-${partition} at ${start}`)}`,
          ),
        revoked: (places, isLost) => this.seen.push(`${isLost ? 'lost' : 'revoked'} ${places.length}`),
        committed: (offsets, error) =>
          this.seen.push(`committed ${offsets.map(({ offset }) => offset)} ${error ?? ''}`.trim()),
        notFetched: (places, error) =>
          this.seen.push(`not fetched ${places.map(({ partition }) => partition)} ${error}`),
        failed: (error, place) => this.seen.push(`failed ${place?.partition ?? 'all'} ${error}`),
      },
      ...options,
    });
    this.consumer.start();
    this.found();
    this.cluster.view.connectionTo(4);
    this.cluster.opens(4);
  }

  /** A consumer that owns partition 0, committed at 5, with a Fetch under way. */
  static reading(options: Partial<GroupConsumerOptions> = {}): Consumed {
    const consumed = new Consumed(options);
    consumed.joins();
    consumed.offset(5);
    consumed.seen.length = 0;
    return consumed;
  }

  get news(): string[] {
    return this.seen.splice(0);
  }

  get waiting(): string[] {
    return this.broker().waiting;
  }

  joins(generationId = 1, partitions = [0]): void {
    this.joining(generationId);
    this.syncs(partitions);
  }

  /** Answers JoinGroup. */
  joining(generationId: number): void {
    this.answer(apis.joinGroup, { generationId, leader: 'other', memberId: 'me', members: [] } as never);
  }

  /** Answers SyncGroup. */
  syncs(partitions: number[]): void {
    const assignedPartitions = [{ topic: 'events', partitions }];
    const assignment = consumerProtocolAssignment.encode(1, { assignedPartitions });
    this.answer(apis.syncGroup, { errorCode: ErrorCode.NONE, assignment });
  }

  /** Answers OffsetFetch; -1: no offset is committed. */
  offset(committedOffset: number, errorCode = 0, topicId: Uuid = TOPIC_ID) {
    const partitions = [
      { partitionIndex: 0, errorCode: 0, committedOffset, committedLeaderEpoch: 0, metadata: '' },
    ];
    const topics = [{ topicId, partitions }];
    return this.answer(apis.offsetFetch, { groups: [{ groupId: 'g', errorCode, topics }] } as never);
  }

  commits(errorCode: number = ErrorCode.NONE) {
    const topics = [{ topicId: TOPIC_ID, partitions: [{ partitionIndex: 0, errorCode }] }];
    const request = this.answer(apis.offsetCommit, { topics });
    const { generationIdOrMemberEpoch, memberId } = request;
    const offset = request.topics[0]?.partitions[0]?.committedOffset;
    return { generationIdOrMemberEpoch, memberId, offset };
  }

  fetches(told: object) {
    const partition = { partitionIndex: 0, errorCode: 0, highWatermark: 100, records: null, ...told };
    const responses = [{ topic: 'events', topicId: TOPIC_ID as Uuid, partitions: [partition] }];
    const request = this.broker(4).answer(apis.fetch, { errorCode: 0, sessionId: 0, responses } as never);
    return request.topics[0]!.partitions[0]!;
  }
}

test('reading begins at the committed offset; the position is committed at the interval, once', () => {
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
  ] as const)('reading begins at the %s one', (reset, timestamp) => {
    const consumed = new Consumed({ reset });
    consumed.joins();
    consumed.offset(-1);
    const partitions = [{ partitionIndex: 0, errorCode: 0, offset: 3 }];
    const topics = [{ name: 'events', partitions }];
    const asked = consumed.broker(4).answer(apis.listOffsets, { topics } as never);
    expect(asked.topics[0]?.partitions[0]?.timestamp).toBe(timestamp);
    expect(consumed.fetches({})).toMatchObject({ fetchOffset: 3 });
  });

  test('with `fail` the owner learns of it', () => {
    const consumed = new Consumed({ reset: 'fail' });
    consumed.joins();
    consumed.offset(-1);
    expect(consumed.news).toEqual(['failed 0 no committed offset', 'assigned ']);
  });
});

test('the log does not have the committed offset: reading begins at the end that `reset` names', () => {
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

test('nobody may fetch the offsets: the partition has failed, and the consumer does not ask again', () => {
  const consumed = new Consumed();
  consumed.joins();
  consumed.offset(-1, ErrorCode.TOPIC_AUTHORIZATION_FAILED);
  expect(consumed.news).toEqual(['failed 0 TOPIC_AUTHORIZATION_FAILED']);
  consumed.clock.advance(1_000);
  expect([consumed.waiting, consumed.broker(4).waiting]).toEqual([[], []]);
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

  test('a late committed offset of a partition that has left does not count when the partition returns', () => {
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

describe('an owner that stores offsets itself', () => {
  test('the commit has what the owner stored, not what was fetched', () => {
    const consumed = Consumed.reading({ autoStore: false });
    consumed.fetches({ records: batchAt(5, 0, 'a', 'b', 'c') });
    consumed.clock.advance(1_000);
    expect(consumed.waiting).toEqual([]);
    consumed.consumer.store({ topic: 'events', partition: 0 }, 6);
    consumed.clock.advance(1_000);
    expect(consumed.commits().offset).toBe(6);
  });

  test('a commit by hand reports its error; what failed is committed at the next one', () => {
    const consumed = Consumed.reading({ autoStore: false });
    const ends: unknown[] = [];
    consumed.consumer.store({ topic: 'events', partition: 0 }, 6);
    consumed.consumer.commit((error) => ends.push(error));
    consumed.commits(ErrorCode.OFFSET_METADATA_TOO_LARGE);
    consumed.consumer.commit((error) => ends.push(error));
    consumed.commits();
    consumed.consumer.commit((error) => ends.push(error));
    expect(ends).toEqual(['events-0: OFFSET_METADATA_TOO_LARGE', undefined, undefined]);
  });

  test('an offset from an earlier assignment does not move the commit back', () => {
    const consumed = Consumed.reading({ autoStore: false });
    consumed.clock.advance(3_000);
    consumed.answer(apis.heartbeat, { errorCode: ErrorCode.ILLEGAL_GENERATION });
    consumed.joins(2);
    // Another member has committed meanwhile.
    consumed.offset(9);
    consumed.consumer.store({ topic: 'events', topicId: TOPIC_ID, partition: 0 }, 7);
    consumed.clock.advance(1_000);
    expect(consumed.waiting).toEqual([]);
  });

  test('the log loses its end: an offset before the committed one is committed', () => {
    const consumed = Consumed.reading({ autoStore: false });
    consumed.fetches({ errorCode: ErrorCode.OFFSET_OUT_OF_RANGE });
    const topics = [{ name: 'events', partitions: [{ partitionIndex: 0, errorCode: 0, offset: 2 }] }];
    consumed.broker(4).answer(apis.listOffsets, { topics } as never);
    consumed.consumer.store({ topic: 'events', topicId: TOPIC_ID, partition: 0 }, 3);
    consumed.clock.advance(1_000);
    expect(consumed.commits().offset).toBe(3);
  });

  test('an offset of a partition that the consumer does not own is not stored', () => {
    const consumed = Consumed.reading();
    consumed.consumer.store({ topic: 'events', partition: 1 }, 6);
    consumed.clock.advance(1_000);
    expect(consumed.waiting).toEqual([]);
  });
});

describe('a commit that waits for its retry', () => {
  /** A consumer whose commit of offset 6 the coordinator could not take yet. */
  function waiting(options: Partial<GroupConsumerOptions> = {}) {
    const consumed = Consumed.reading({ autoCommitMs: 100_000, ...options });
    const ends: unknown[] = [];
    consumed.fetches({ records: batchAt(5, 0, 'a') });
    consumed.consumer.commit((error) => ends.push(error));
    consumed.clock.advance(2_990);
    return { consumed, ends };
  }

  const LOADING = ErrorCode.COORDINATOR_LOAD_IN_PROGRESS;
  const SLOW = { requestTimeoutMs: 10_000 };

  test('the next commit begins when this one has ended', () => {
    const { consumed, ends } = waiting(SLOW);
    consumed.fetches({ records: batchAt(6, 0, 'b') });
    consumed.consumer.commit((error) => ends.push(error));
    expect(consumed.waiting).toEqual(['OffsetCommit']);
    expect(consumed.commits(LOADING).offset).toBe(6);
    consumed.clock.advance(100);
    consumed.answer(apis.heartbeat, { errorCode: ErrorCode.NONE });
    expect([consumed.commits().offset, ends]).toEqual([6, [undefined]]);
    expect([consumed.commits().offset, ends]).toEqual([7, [undefined, undefined]]);
    expect(consumed.waiting).toEqual([]);
  });

  test('the partition of an offset goes away before the commit of the offset begins: its caller learns of it', () => {
    const { consumed, ends } = waiting(SLOW);
    consumed.commits(LOADING);
    consumed.clock.advance(10);
    consumed.answer(apis.heartbeat, { errorCode: ErrorCode.REBALANCE_IN_PROGRESS });
    consumed.consumer.commit((error) => ends.push(error));
    consumed.commits(ErrorCode.OFFSET_METADATA_TOO_LARGE);
    const failed = 'events-0: OFFSET_METADATA_TOO_LARGE';
    expect(ends).toEqual([failed, 'other members may own the partitions']);
    expect(consumed.waiting).toEqual(['JoinGroup']);
  });

  test('another topic gets the name before the commit begins: its caller learns of it', () => {
    const { consumed, ends } = waiting(SLOW);
    consumed.fetches({ records: batchAt(6, 0, 'b') });
    consumed.consumer.commit((error) => ends.push(error));
    consumed.cluster.view.topics.learn(topicOf({ topicId: OTHER_ID }));
    consumed.consumer.clusterChanged();
    consumed.commits();
    expect(ends).toEqual([undefined, 'another topic has the name']);
  });

  test('a revocation replaces it: the older offset is not sent again', () => {
    const { consumed, ends } = waiting(SLOW);
    consumed.fetches({ records: batchAt(6, 0, 'b') });
    consumed.commits(LOADING);
    consumed.clock.advance(10);
    consumed.answer(apis.heartbeat, { errorCode: ErrorCode.REBALANCE_IN_PROGRESS });
    expect([consumed.commits().offset, ends]).toEqual([7, [undefined]]);
    consumed.clock.advance(100);
    expect(consumed.waiting).toEqual(['JoinGroup']);
  });

  test.each([ErrorCode.ILLEGAL_GENERATION, ErrorCode.UNKNOWN_MEMBER_ID])(
    'the group continues without the member (%d): nobody commits',
    (errorCode) => {
      const { consumed, ends } = waiting(SLOW);
      consumed.commits(LOADING);
      consumed.clock.advance(10);
      consumed.answer(apis.heartbeat, { errorCode });
      expect(ends).toEqual(['other members may own the partitions']);
      consumed.clock.advance(100);
      expect(consumed.waiting).toEqual(['JoinGroup']);
    },
  );

  test('a member of a consumer group is fenced during a revocation: its owner learns of it once', () => {
    const subscription = { topics: ['events'] };
    const consumed = new Consumed({ protocol: { name: 'consumer', subscription, serverAssignor: null } });
    const beats = (told: object) => consumed.answer(apis.consumerGroupHeartbeat, told as never);
    const assigned = (partitions: number[]) => ({
      memberEpoch: 1,
      heartbeatIntervalMs: 500,
      assignment: { topicPartitions: partitions.length === 0 ? [] : [{ topicId: TOPIC_ID, partitions }] },
    });
    beats(assigned([0]));
    consumed.offset(5);
    consumed.clock.advance(0);
    beats(assigned([0]));
    consumed.fetches({ records: batchAt(5, 0, 'a') });
    consumed.clock.advance(500);
    beats(assigned([]));
    consumed.clock.advance(500);
    consumed.commits(LOADING);
    consumed.seen.length = 0;
    beats({ errorCode: ErrorCode.FENCED_MEMBER_EPOCH });
    expect(consumed.news).toEqual(['committed 6 other members may own the partitions', 'lost 1']);
    consumed.clock.advance(100);
    expect(consumed.waiting).toEqual(['ConsumerGroupHeartbeat']);
  });

  test('a member loses its membership while it gives up a partition: it joins once', () => {
    const protocol = { ...CLASSIC, assignor: 'cooperative-sticky' } as const;
    const consumed = new Consumed({ ...SLOW, protocol, autoCommitMs: 100_000 });
    consumed.joins(1, [0, 1]);
    consumed.offset(5);
    consumed.fetches({ records: batchAt(5, 0, 'a') });
    consumed.clock.advance(3_000);
    consumed.answer(apis.heartbeat, { errorCode: ErrorCode.REBALANCE_IN_PROGRESS });
    consumed.joins(2, [1]);
    consumed.clock.advance(2_990);
    consumed.commits(LOADING);
    consumed.clock.advance(10);
    consumed.answer(apis.heartbeat, { errorCode: ErrorCode.UNKNOWN_MEMBER_ID });
    expect(consumed.waiting).toEqual(['JoinGroup']);
  });

  test('the group rebalances, and the member keeps its partition: the retry has the old generation', () => {
    const { consumed } = waiting({ ...SLOW, protocol: { ...CLASSIC, assignor: 'cooperative-sticky' } });
    consumed.clock.advance(10);
    consumed.commits(LOADING);
    consumed.answer(apis.heartbeat, { errorCode: ErrorCode.REBALANCE_IN_PROGRESS });
    consumed.joins(2);
    consumed.clock.advance(100);
    expect(consumed.commits()).toMatchObject({ generationIdOrMemberEpoch: 1 });
  });
});

describe('another topic gets the name of the one that the consumer reads', () => {
  function renames(consumed: Consumed): void {
    consumed.cluster.view.topics.learn(topicOf({ topicId: OTHER_ID }));
    consumed.consumer.clusterChanged();
  }

  /** Answers ListOffsets. */
  function begins(consumed: Consumed, offset: number): void {
    const partitions = [{ partitionIndex: 0, errorCode: 0, offset }];
    consumed.broker(4).answer(apis.listOffsets, { topics: [{ name: 'events', partitions }] } as never);
  }

  /** Answers OffsetFetch for the new topic. */
  function continues(consumed: Consumed, offset: number): void {
    expect(consumed.broker().received[0]?.request).toMatchObject({
      groups: [{ topics: [{ topicId: OTHER_ID }] }],
    });
    consumed.offset(offset, 0, OTHER_ID);
  }

  test('the position in the old topic is not committed for the new one', () => {
    const consumed = Consumed.reading();
    consumed.fetches({ records: batchAt(5, 0, 'a') });
    renames(consumed);
    consumed.consumer.store({ topic: 'events', topicId: TOPIC_ID, partition: 0 }, 7);
    consumed.clock.advance(1_000);
    expect(consumed.waiting).toEqual(['OffsetFetch']);
  });

  test('a member of a classic group continues where the group is in the new topic', () => {
    const consumed = Consumed.reading();
    renames(consumed);
    expect(consumed.news).toEqual([]);
    continues(consumed, 3);
    expect(consumed.news).toEqual(['assigned events-0 at 3']);
    consumed.fetches({});
    const request = consumed.broker(4).received[0]?.request;
    expect(request).toMatchObject({ topics: [{ topicId: OTHER_ID, partitions: [{ fetchOffset: 3 }] }] });
  });

  test('a position in the new topic is committed, also if the old topic had the same one', () => {
    const consumed = Consumed.reading();
    consumed.fetches({ records: batchAt(5, 0, 'a') });
    consumed.clock.advance(1_000);
    consumed.commits();
    renames(consumed);
    continues(consumed, -1);
    consumed.broker(4).received.shift();
    begins(consumed, 0);
    consumed.consumer.store({ topic: 'events', topicId: OTHER_ID, partition: 0 }, 6);
    consumed.clock.advance(1_000);
    const request = consumed.broker().received[0]?.request;
    const partitions = [{ committedOffset: 6 }];
    expect(request).toMatchObject({ topics: [{ topicId: OTHER_ID, partitions }] });
  });

  test('a member of a consumer group reads the new topic when the coordinator assigns it, and not before', () => {
    const subscription = { topics: ['events'] };
    const consumed = new Consumed({ protocol: { name: 'consumer', subscription, serverAssignor: null } });
    const beats = (topicId: Uuid) =>
      consumed.answer(apis.consumerGroupHeartbeat, {
        memberEpoch: 1,
        heartbeatIntervalMs: 500,
        assignment: { topicPartitions: [{ topicId, partitions: [0] }] },
      } as never);
    beats(TOPIC_ID);
    consumed.offset(5);
    consumed.clock.advance(0);
    beats(TOPIC_ID);
    renames(consumed);
    consumed.fetches({ records: batchAt(5, 0, 'a') });
    consumed.clock.advance(400);
    consumed.consumer.store({ topic: 'events', topicId: OTHER_ID, partition: 0 }, 3);
    expect(consumed.broker(4).waiting).toEqual([]);
    expect(consumed.news).toEqual(['assigned events-0 at 5']);
    consumed.clock.advance(100);
    beats(OTHER_ID);
    expect(consumed.news).toEqual(['revoked 1']);
    expect(consumed.waiting).toEqual(['OffsetFetch', 'ConsumerGroupHeartbeat']);
    consumed.offset(-1);
    expect(consumed.broker(4).waiting).toEqual(['ListOffsets']);
  });

  /** A member of a consumer group whose topic has lost its name after one record. */
  function renamed(): Consumed {
    const subscription = { topics: ['events'] };
    const consumed = new Consumed({ protocol: { name: 'consumer', subscription, serverAssignor: null } });
    const answer = {
      memberEpoch: 1,
      heartbeatIntervalMs: 5_000,
      assignment: { topicPartitions: [{ topicId: TOPIC_ID, partitions: [0] }] },
    };
    consumed.answer(apis.consumerGroupHeartbeat, answer as never);
    consumed.offset(5);
    consumed.clock.advance(0);
    consumed.answer(apis.consumerGroupHeartbeat, answer as never);
    consumed.fetches({ records: batchAt(5, 0, 'a') });
    renames(consumed);
    return consumed;
  }

  test('old metadata take the name from the assigned topic for a while: reading continues where it was', () => {
    const consumed = renamed();
    // The answer may have records of either topic.
    consumed.fetches({ records: batchAt(6, 0, 'b') });
    expect(consumed.broker(4).waiting).toEqual([]);
    consumed.cluster.view.topics.learn(topicOf(), true);
    consumed.consumer.clusterChanged();
    expect(consumed.fetches({ records: batchAt(6, 0, 'b') })).toMatchObject({ fetchOffset: 6 });
    consumed.clock.advance(1_000);
    expect(consumed.commits().offset).toBe(7);
  });

  test('the position in an assigned topic is committed also while old metadata give its name away', () => {
    const consumed = renamed();
    consumed.clock.advance(1_000);
    expect(consumed.commits().offset).toBe(6);
  });

  test('the committed offset of the old topic is no start in the new one', () => {
    const consumed = new Consumed();
    consumed.joins();
    renames(consumed);
    consumed.offset(5);
    continues(consumed, -1);
    begins(consumed, 0);
    expect(consumed.broker(4).waiting).toEqual(['Fetch']);
    const request = consumed.broker(4).received[0]?.request;
    expect(request).toMatchObject({ topics: [{ topicId: OTHER_ID, partitions: [{ fetchOffset: 0 }] }] });
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

  test('a coordinator that does not answer cannot keep it for longer than the timeout', () => {
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

  test('a second call waits for the end of the first one', () => {
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

  test('without `commitsOnRevoke` it leaves and commits nothing', () => {
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
