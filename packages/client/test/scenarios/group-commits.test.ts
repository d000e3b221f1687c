import { apis, ErrorCode } from '@millrace/protocol';
import { describe, expect, test } from 'vitest';
import type { GroupConsumerOptions } from '../../src/index.ts';
import { batchAt } from '../support/batches.ts';
import { CLASSIC, Consumed } from '../support/consumed.ts';
import { OTHER_ID, TOPIC_ID, topicOf } from '../support/metadata.ts';

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

  test('a commit by hand reports its error, and the next commit has the offset that failed', () => {
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

  test('the log loses its end: the consumer commits an offset before the last committed one', () => {
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
  /** A consumer with a commit of offset 6 under way, 10 ms before its next heartbeat. */
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

  test('a partition is revoked before a commit of its offset begins: the caller of the commit learns of it', () => {
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

  test('another topic gets the name before a commit begins: the caller of the commit learns of it', () => {
    const { consumed, ends } = waiting(SLOW);
    consumed.fetches({ records: batchAt(6, 0, 'b') });
    consumed.consumer.commit((error) => ends.push(error));
    consumed.cluster.view.topics.learn(topicOf({ topicId: OTHER_ID }));
    consumed.consumer.clusterChanged();
    consumed.commits();
    expect(ends).toEqual([undefined, 'another topic has the name']);
  });

  test('another topic gets the name, and a revocation ends the commit: the caller of the commit learns of it', () => {
    const { consumed, ends } = waiting(SLOW);
    consumed.commits(LOADING);
    consumed.clock.advance(10);
    consumed.cluster.view.topics.learn(topicOf({ topicId: OTHER_ID }));
    consumed.consumer.clusterChanged();
    consumed.answer(apis.heartbeat, { errorCode: ErrorCode.REBALANCE_IN_PROGRESS });
    expect(ends).toEqual(['another topic has the name']);
  });

  test('a commit for a revocation replaces it: the older offset is not sent again', () => {
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
