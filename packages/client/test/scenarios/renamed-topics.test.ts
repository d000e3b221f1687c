/**
 * Goal: a topic that is deleted and created again under its name is another topic: no position of the old one
 * counts in the new one.
 */
import type { Uuid } from '@millrace/base';
import { apis, consumerProtocolAssignment } from '@millrace/protocol';
import { describe, expect, test } from 'vitest';
import { batchAt } from '../support/batches.ts';
import { Consumed } from '../support/consumed.ts';
import { OTHER_ID, TOPIC_ID, topicOf } from '../support/metadata.ts';

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

  test("a member of a classic group continues at the group's committed offset in the new topic", () => {
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

  /** A member of a consumer group that has read one record; then another topic gets the name. */
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

  test('the position in an assigned topic is committed also while old metadata give its name to another', () => {
    const consumed = renamed();
    consumed.clock.advance(1_000);
    expect(consumed.commits().offset).toBe(6);
  });

  describe('a coordinator that knows only names answers after another topic got the name', () => {
    const NAMES = { [apis.offsetFetch.key]: 9 };

    test('the offset of the old topic does not count as committed for the new one', () => {
      const consumed = new Consumed({ autoStore: false }, NAMES);
      consumed.joins();
      renames(consumed);
      consumed.offset(5);
      consumed.offset(-1);
      begins(consumed, 0);
      consumed.consumer.store({ topic: 'events', topicId: OTHER_ID, partition: 0 }, 5);
      consumed.clock.advance(1_000);
      expect(consumed.waiting).toEqual(['OffsetCommit']);
    });

    test('in a consumer group, an offset from an earlier assignment does not move the commit back', () => {
      const protocol = {
        name: 'consumer',
        subscription: { topics: ['events'] },
        serverAssignor: null,
      } as const;
      const consumed = new Consumed({ protocol, autoStore: false }, NAMES);
      const topicPartitions = [{ topicId: TOPIC_ID, partitions: [0] }];
      const answer = { memberEpoch: 1, heartbeatIntervalMs: 5_000, assignment: { topicPartitions } };
      consumed.answer(apis.consumerGroupHeartbeat, answer as never);
      renames(consumed);
      consumed.offset(5);
      consumed.clock.advance(0);
      consumed.answer(apis.consumerGroupHeartbeat, answer as never);
      consumed.cluster.view.topics.learn(topicOf(), true);
      consumed.consumer.clusterChanged();
      consumed.consumer.store({ topic: 'events', topicId: TOPIC_ID, partition: 0 }, 3);
      consumed.clock.advance(1_000);
      expect(consumed.waiting).toEqual([]);
    });
  });

  test('the coordinator answers before the client knows the topic: the member asks again when another has the name', () => {
    const consumed = new Consumed();
    const learns = (topicId: Uuid) => {
      consumed.cluster.view.topics.learn({ ...topicOf({ topicId }), name: 'late' });
      consumed.consumer.clusterChanged();
    };
    consumed.joining(1);
    const assignedPartitions = [{ topic: 'late', partitions: [0] }];
    const assignment = consumerProtocolAssignment.encode(1, { assignedPartitions });
    consumed.answer(apis.syncGroup, { errorCode: 0, assignment });
    const committed = { committedOffset: 5, committedLeaderEpoch: 0, metadata: '' };
    const topics = [{ name: 'late', partitions: [{ partitionIndex: 0, errorCode: 0, ...committed }] }];
    consumed.answer(apis.offsetFetch, { groups: [{ groupId: 'g', errorCode: 0, topics }] } as never);
    learns(TOPIC_ID);
    expect(consumed.broker(4).waiting).toEqual(['Fetch']);
    learns(OTHER_ID);
    expect(consumed.waiting).toEqual(['OffsetFetch']);
  });

  test('reading of the new topic does not begin at the committed offset of the old one', () => {
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
