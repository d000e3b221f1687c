/**
 * Goal: Fetch behaves for consumers and followers as in Kafka. Method: direct requests to the replica manager
 * of one leader in a small cluster.
 */
import { ErrorCode } from '@millrace/protocol';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  type FetchOptions,
  fetchFrom,
  fetchRequest,
  partitionsOf,
  type Wanted,
} from '../support/fetching.ts';
import { batchesOf } from '../support/logs.ts';
import { World } from '../support/world.ts';

let world: World;
let topic: Wanted['topicId'];

const leader = () => world.broker(1);
const fetch = (wanted: Partial<Wanted> | readonly Wanted[], options: FetchOptions = {}) =>
  fetchFrom(
    leader().manager,
    fetchRequest(Array.isArray(wanted) ? wanted : [{ topicId: topic, ...wanted }], options),
  );
const only = (fetching: ReturnType<typeof fetch>) => partitionsOf(fetching.response)[0];
const sessionOf = (fetching: ReturnType<typeof fetch>) => fetching.response?.sessionId as number;
const sizeOf = (records: unknown) => (records as Uint8Array[]).reduce((sum, chunk) => sum + chunk.length, 0);

beforeEach(() => {
  world = new World({ brokers: 2 }).start();
  topic = world.controller.createTopic('events', [[1, 2]]);
  world.advance(50);
});

describe('visibility', () => {
  test('a consumer reads up to the high watermark; from there to the log end it gets an empty response, not an error', () => {
    leader().produce(topic, 'a');
    world.advance(50);
    world.network.cut('b1', 'b2');
    leader().produce(topic, 'b');
    const first = only(fetch({ fetchOffset: 0 }));
    expect(first).toMatchObject({ errorCode: 0, highWatermark: 1, lastStableOffset: 1, logStartOffset: 0 });
    expect([...(first!.records as Uint8Array[])].flatMap((chunk) => [...batchesOf(chunk)])).toHaveLength(1);
    expect(only(fetch({ fetchOffset: 1 }))).toMatchObject({ errorCode: 0, records: [] });
    expect(only(fetch({ fetchOffset: 2 }))).toMatchObject({ errorCode: 0, records: [] });
    for (const fetchOffset of [3, Number.MAX_SAFE_INTEGER])
      expect(only(fetch({ fetchOffset }))).toMatchObject({
        errorCode: ErrorCode.OFFSET_OUT_OF_RANGE,
        highWatermark: -1,
      });
  });

  test('only the leader answers; other replicas return NOT_LEADER_OR_FOLLOWER and name the leader', () => {
    const asked = fetchFrom(world.broker(2).manager, fetchRequest([{ topicId: topic }]));
    expect(partitionsOf(asked.response)[0]).toMatchObject({
      errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER,
      currentLeader: { leaderId: 1, leaderEpoch: 0 },
    });
  });

  test('a fetch with an old leader epoch gets FENCED_LEADER_EPOCH, one with a newer epoch gets UNKNOWN_LEADER_EPOCH', () => {
    world.controller.elect(topic, 0, 1);
    world.advance(20);
    expect(only(fetch({ currentLeaderEpoch: 0 }))).toMatchObject({
      errorCode: ErrorCode.FENCED_LEADER_EPOCH,
      currentLeader: { leaderId: 1, leaderEpoch: 1 },
    });
    expect(only(fetch({ currentLeaderEpoch: 1 }))?.errorCode).toBe(0);
    expect(only(fetch({ currentLeaderEpoch: 2 }))?.errorCode).toBe(ErrorCode.UNKNOWN_LEADER_EPOCH);
  });

  test('an unknown topic id gets UNKNOWN_TOPIC_ID; an unknown name or partition gets UNKNOWN_TOPIC_OR_PARTITION', () => {
    const stranger = 'strangerAAAAAAAAAAAAAA' as Wanted['topicId'];
    expect(only(fetch({ topicId: stranger }))?.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_ID);
    expect(only(fetch({ partition: 7 }))?.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    const byName = fetchRequest([{ topicId: topic }], { version: 12 });
    byName.topics[0]!.topic = 'nobody';
    expect(partitionsOf(fetchFrom(leader().manager, byName).response)[0]?.errorCode).toBe(
      ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    );
    byName.topics[0]!.topic = 'events';
    expect(partitionsOf(fetchFrom(leader().manager, byName).response)[0]?.errorCode).toBe(0);
  });

  test('if a request repeats a partition, only its last item counts, and the leader parks and answers only that item', () => {
    leader().produce(topic, 'a');
    world.advance(50);
    const offsetsOf = (sessionEpoch: number, ...offsets: number[]) => {
      const wanted = offsets.map((fetchOffset) => ({ topicId: topic, fetchOffset }));
      return partitionsOf(fetch(wanted, { sessionEpoch }).response).map(({ errorCode, records }) => [
        errorCode,
        sizeOf(records) > 0,
      ]);
    };
    for (const sessionEpoch of [-1, 0]) {
      expect(offsetsOf(sessionEpoch, 9, 0)).toEqual([[ErrorCode.NONE, true]]);
      expect(offsetsOf(sessionEpoch, 0, 9)).toEqual([[ErrorCode.OFFSET_OUT_OF_RANGE, false]]);
    }
    const idle = Array.from({ length: 1000 }, () => ({ topicId: topic, fetchOffset: 1 }));
    const parked = fetch(idle, { maxWaitMs: 500 });
    const [waiting] = [...leader().manager.fetches.parked].filter(({ isFollower }) => !isFollower);
    expect(waiting).toMatchObject({ items: [{ fetchOffset: 1 }], request: { topics: [] } });
    leader().produce(topic, 'b');
    world.advance(50);
    expect(partitionsOf(parked.response)).toHaveLength(1);
  });

  test('a fetch is parked for five minutes at most, even if its reader would wait longer', () => {
    const parked = fetch({ fetchOffset: 0 }, { maxWaitMs: 0x7fffffff });
    world.advance(299_000);
    expect(parked.response).toBeUndefined();
    world.advance(2_000);
    expect(only(parked)).toMatchObject({ errorCode: ErrorCode.NONE, records: [] });
  });

  test('aborted transactions: an empty list for unknown partitions and for successful read_committed fetches, else null', () => {
    const stranger = 'strangerAAAAAAAAAAAAAA' as Wanted['topicId'];
    const aborted = (wanted: Partial<Wanted>, isolationLevel: number) =>
      only(fetch(wanted, { isolationLevel }))?.abortedTransactions;
    leader().produce(topic, 'a');
    world.advance(50);
    for (const fetchOffset of [0, 1]) {
      expect(aborted({ fetchOffset }, 0)).toBeNull();
      expect(aborted({ fetchOffset }, 1)).toEqual([]);
    }
    for (const level of [0, 1]) {
      expect(aborted({ fetchOffset: 9 }, level)).toBeNull();
      expect(aborted({ currentLeaderEpoch: 5 }, level)).toBeNull();
      expect(aborted({ partition: 7 }, level)).toEqual([]);
      expect(aborted({ topicId: stranger }, level)).toEqual([]);
    }
    const epoch = world.controller.image.broker(2)!.epoch;
    const follower = fetch(
      { fetchOffset: 1 },
      { replica: { replicaId: 2, replicaEpoch: epoch }, isolationLevel: 1 },
    );
    expect(only(follower)?.abortedTransactions).toBeNull();
  });

  test('on a failed disk, a fetch gets KAFKA_STORAGE_ERROR; before version 6 it gets NOT_LEADER_OR_FOLLOWER', () => {
    world.partition(1, topic).log.health.offline = 'EIO: a sync failed';
    world.partition(1, topic).noticeOffline();
    const told = (version: number) => {
      const request = fetchRequest([{ topicId: topic }], { version });
      for (const wanted of request.topics) wanted.topic = 'events';
      return partitionsOf(fetchFrom(leader().manager, request).response)[0]?.errorCode;
    };
    for (const version of [4, 5]) expect(told(version)).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER);
    for (const version of [6, 12]) expect(told(version)).toBe(ErrorCode.KAFKA_STORAGE_ERROR);
  });

  test('a reader whose log diverged gets the diverging epoch and its end offset', () => {
    leader().produce(topic, 'a');
    world.advance(50);
    world.controller.elect(topic, 0, 1);
    world.advance(20);
    leader().produce(topic, 'b');
    world.advance(50);
    // Epoch 0 ended at offset 1, so a reader whose record at offset 1 has epoch 0 has diverged.
    expect(only(fetch({ fetchOffset: 2, lastFetchedEpoch: 0 }))).toMatchObject({
      errorCode: 0,
      divergingEpoch: { epoch: 0, endOffset: 1 },
      records: [],
    });
    expect(only(fetch({ fetchOffset: 1, lastFetchedEpoch: 0 }))?.divergingEpoch).toBeUndefined();
  });

  test('fetches from a broker without a replica, or with an old broker epoch, do not move the high watermark', () => {
    world.network.cut('b1', 'b2');
    leader().produce(topic, 'a');
    const epoch = world.controller.image.broker(2)!.epoch;
    const position = { fetchOffset: 1, currentLeaderEpoch: 0 };
    const stranger = fetch(position, { replica: { replicaId: 9, replicaEpoch: 1 } });
    expect(only(stranger)?.errorCode).toBe(ErrorCode.UNKNOWN_LEADER_EPOCH);
    const withoutEpoch = fetch({ fetchOffset: 1 }, { replica: { replicaId: 9, replicaEpoch: 1 } });
    expect(only(withoutEpoch)?.errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER);
    fetch(position, { replica: { replicaId: 2, replicaEpoch: epoch - 1 } });
    fetch(position, { replica: { replicaId: 2, replicaEpoch: -1 } });
    expect(world.partition(1, topic).highWatermark).toBe(0);
    fetch(position, { replica: { replicaId: 2, replicaEpoch: epoch } });
    expect(world.partition(1, topic).highWatermark).toBe(1);
  });
});

describe('limits', () => {
  test('the leader sends the first batch even if it exceeds the limit, and the next only if it fits', () => {
    for (const value of ['a', 'b', 'c']) leader().produce(topic, value.repeat(500));
    world.advance(50);
    expect(sizeOf(only(fetch({ partitionMaxBytes: 1 }))!.records)).toBeGreaterThan(500);
    const two = only(fetch({ partitionMaxBytes: 1300 }))!;
    expect([...(two.records as Uint8Array[])].flatMap((chunk) => [...batchesOf(chunk)])).toHaveLength(2);
  });

  test('maxBytes limits the whole response, and the leader reads the partitions in order', () => {
    const other = world.controller.createTopic('other', [[1, 2]]);
    world.advance(50);
    for (const id of [topic, other]) leader().produce(id, 'x'.repeat(500));
    world.advance(50);
    const both = fetch([{ topicId: topic }, { topicId: other }], { maxBytes: 600 });
    expect(partitionsOf(both.response).map(({ records }) => sizeOf(records) > 0)).toEqual([true, false]);
  });
});

describe('memory', () => {
  test('the remaining memory limits a response, but not the first batch', () => {
    for (const value of ['a', 'b', 'c']) leader().produce(topic, value);
    world.advance(50);
    const all = sizeOf(only(fetch({ fetchOffset: 0 }))!.records);
    const request = fetchRequest([{ topicId: topic }]);
    const limited = fetchFrom(leader().manager, { ...request, memoryBytes: () => 1 });
    expect(sizeOf(only(limited)!.records)).toBe(all / 3);
  });

  test('without memory a consumer waits and gets nothing; a follower gets everything', () => {
    leader().produce(topic, 'a');
    world.advance(50);
    let memoryBytes = 0;
    const ask = (options: FetchOptions) =>
      fetchFrom(leader().manager, {
        ...fetchRequest([{ topicId: topic }], options),
        memoryBytes: () => memoryBytes,
      });
    const waiting = ask({ maxWaitMs: 100 });
    world.advance(99);
    expect(waiting.response).toBeUndefined();
    world.advance(1);
    expect(only(waiting)).toMatchObject({ errorCode: 0, records: [], highWatermark: 1 });
    expect(sizeOf(only(ask({ replica: { replicaId: 2, replicaEpoch: -1 } }))!.records)).toBeGreaterThan(0);
    const served = ask({ maxWaitMs: 100 });
    memoryBytes = 1_000_000;
    world.advance(100);
    expect(sizeOf(only(served)!.records)).toBeGreaterThan(0);
  });
});

describe('long poll', () => {
  test('a fetch waits for data, and wakes once for all appends of a turn', () => {
    const waiting = fetch({ fetchOffset: 0 }, { maxWaitMs: 10_000 });
    world.advance(400);
    expect(waiting.response).toBeUndefined();
    leader().produce(topic, 'a');
    leader().produce(topic, 'b');
    world.advance(60);
    expect(sizeOf(only(waiting)!.records)).toBeGreaterThan(0);
    expect(only(waiting)!.highWatermark).toBe(2);
  });

  test('a fetch gets an empty response when the wait is over', () => {
    const waiting = fetch({ fetchOffset: 0 }, { maxWaitMs: 300 });
    world.advance(299);
    expect(waiting.response).toBeUndefined();
    world.advance(1);
    expect(only(waiting)).toMatchObject({ errorCode: 0, records: [] });
  });

  test('a fetch waits for as many bytes as it asked for', () => {
    const waiting = fetch({ fetchOffset: 0 }, { maxWaitMs: 10_000, minBytes: 1000 });
    leader().produce(topic, 'a'.repeat(400));
    world.advance(60);
    leader().produce(topic, 'b'.repeat(400));
    world.advance(60);
    expect(waiting.response).toBeUndefined();
    leader().produce(topic, 'c'.repeat(400));
    world.advance(60);
    expect(sizeOf(only(waiting)!.records)).toBeGreaterThan(1000);
  });

  test('the leader answers at once if one partition has an error', () => {
    const other = 'strangerAAAAAAAAAAAAAA' as Wanted['topicId'];
    const asked = fetch([{ topicId: topic }, { topicId: other }], { maxWaitMs: 10_000 });
    expect(partitionsOf(asked.response)).toHaveLength(2);
  });

  test('when the leadership ends, the broker answers a parked fetch at once, with the new leader', () => {
    const waiting = fetch({ fetchOffset: 0 }, { maxWaitMs: 10_000 });
    world.controller.elect(topic, 0, 2);
    world.advance(10);
    expect(only(waiting)).toMatchObject({
      errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER,
      currentLeader: { leaderId: 2, leaderEpoch: 1 },
    });
  });

  test('when the topic is deleted, the broker answers a parked fetch at once', () => {
    const waiting = fetch({ fetchOffset: 0 }, { maxWaitMs: 10_000 });
    world.controller.commit([{ type: 'removeTopic', topicId: topic }]);
    world.advance(10);
    expect(only(waiting)?.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_ID);
  });

  test('the next request of a follower ends its parked fetch; the next request of a consumer does not', () => {
    const wanted = [{ topicId: topic, fetchOffset: 0, currentLeaderEpoch: 0 }];
    const consumer = fetchFrom(leader().manager, fetchRequest(wanted, { maxWaitMs: 100 }));
    const replica = { replicaId: 2, replicaEpoch: world.broker(2).manager.brokerEpoch };
    const follower = fetchFrom(leader().manager, fetchRequest(wanted, { maxWaitMs: 100, replica }));
    consumer.nextRequestArrived();
    follower.nextRequestArrived();
    expect(consumer.response).toBeUndefined();
    expect(partitionsOf(follower.response)).toMatchObject([{ errorCode: ErrorCode.NONE, sizeBytes: 0 }]);
    // The fetch has already been answered, so this does nothing.
    follower.nextRequestArrived();
    world.advance(110);
    consumer.nextRequestArrived();
    expect(partitionsOf(consumer.response)).toMatchObject([{ errorCode: ErrorCode.NONE, sizeBytes: 0 }]);
  });

  test('a cancelled fetch gets no answer, and the partition no longer holds it', () => {
    const waiting = fetch({ fetchOffset: 0 }, { maxWaitMs: 1000 });
    const before = world.partition(1, topic).waiters.size;
    waiting.cancel();
    waiting.cancel();
    expect(world.partition(1, topic).waiters.size).toBe(before - 1);
    leader().produce(topic, 'a');
    world.advance(2000);
    expect(waiting.response).toBeUndefined();
  });

  test('the parked fetch of a follower lets it join the ISR as soon as the metadata has the broker epoch of the fetch', () => {
    leader().produce(topic, 'a');
    world.advance(50);
    expect(world.partition(1, topic).highWatermark).toBe(1);
    // A fetch of the restarted broker 2 arrives before the metadata with its registration.
    world.broker(2).kill();
    world.advance(300);
    const next = world.controller.image.offset + 1;
    const waiting = fetch(
      { fetchOffset: 1, currentLeaderEpoch: world.partition(1, topic).leaderEpoch },
      { maxWaitMs: 10_000, replica: { replicaId: 2, replicaEpoch: next } },
    );
    expect(waiting.response).toBeUndefined();
    expect(world.controller.register(2)).toBe(next);
    world.controller.unfence(2);
    world.advance(500);
    expect(world.controller.image.partition(topic, 0)?.isr).toEqual([1, 2]);
  });
});

describe('sessions', () => {
  test('after a full fetch, the responses of a session contain only changes', () => {
    const other = world.controller.createTopic('other', [[1, 2]]);
    world.advance(50);
    const full = fetch([{ topicId: topic }, { topicId: other }], { sessionEpoch: 0 });
    const sessionId = sessionOf(full);
    expect(sessionId).toBeGreaterThan(0);
    expect(partitionsOf(full.response)).toHaveLength(2);
    expect(partitionsOf(fetch([], { sessionId, sessionEpoch: 1 }).response)).toHaveLength(0);
    leader().produce(other, 'a');
    world.advance(50);
    const news = fetch([], { sessionId, sessionEpoch: 2 });
    expect(news.response).toMatchObject({ sessionId, errorCode: 0 });
    expect(news.response?.responses?.map(({ topicId }) => topicId)).toEqual([other]);
    // The reader moves its offset to the end of the log, so the response is empty.
    const moved = fetch([{ topicId: other, fetchOffset: 1 }], { sessionId, sessionEpoch: 3 });
    expect(partitionsOf(moved.response)).toHaveLength(0);
    // The leader no longer reads a forgotten partition.
    leader().produce(other, 'b');
    world.advance(50);
    const without = fetch([], { sessionId, sessionEpoch: 4, forgotten: [{ topicId: other }] });
    expect(partitionsOf(without.response)).toHaveLength(0);
  });

  test('a fetch with an unknown session id, a wrong session epoch or another version is refused as a whole', () => {
    const sessionId = sessionOf(fetch({}, { sessionEpoch: 0 }));
    const refused = (options: FetchOptions) => fetch([], options).response;
    expect(refused({ sessionId: 12345, sessionEpoch: 1 })).toEqual({
      errorCode: ErrorCode.FETCH_SESSION_ID_NOT_FOUND,
      sessionId: 0,
      responses: [],
    });
    expect(refused({ sessionId, sessionEpoch: 2 })?.errorCode).toBe(ErrorCode.INVALID_FETCH_SESSION_EPOCH);
    expect(refused({ sessionId, sessionEpoch: 1, version: 12 })?.errorCode).toBe(
      ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR,
    );
    expect(refused({ sessionId, sessionEpoch: 1 })?.errorCode).toBe(0);
  });

  test('every response of a session repeats the error of a partition', () => {
    const first = fetch([{ topicId: topic }, { topicId: topic, partition: 9 }], { sessionEpoch: 0 });
    const sessionId = sessionOf(first);
    for (const sessionEpoch of [1, 2])
      expect(partitionsOf(fetch([], { sessionId, sessionEpoch }).response)).toMatchObject([
        { partitionIndex: 9, errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION },
      ]);
  });

  test('a follower whose next request always arrives while its fetch is parked learns the high watermark', () => {
    const replica = { replicaId: 2, replicaEpoch: world.broker(2).manager.brokerEpoch };
    const wanted = (fetchOffset: number) => [{ topicId: topic, fetchOffset, currentLeaderEpoch: 0 }];
    const ask = (fetchOffset: number, o: FetchOptions) =>
      fetchFrom(leader().manager, fetchRequest(wanted(fetchOffset), { maxWaitMs: 500, replica, ...o }));
    const first = ask(0, { sessionEpoch: 0, maxWaitMs: 0 });
    const { sessionId } = first.response!;
    leader().produce(topic, 'a');
    world.advance(60);
    const told: number[] = [];
    for (let sessionEpoch = 1; sessionEpoch < 6; sessionEpoch++) {
      const fetching = ask(1, { sessionId: Number(sessionId), sessionEpoch });
      fetching.nextRequestArrived();
      expect(fetching.response?.errorCode).toBe(ErrorCode.NONE);
      for (const { highWatermark } of partitionsOf(fetching.response)) told.push(Number(highWatermark));
    }
    expect(told).toEqual([1]);
  });

  test('closing or emptying a session ends it', () => {
    const a = sessionOf(fetch({}, { sessionEpoch: 0 }));
    expect(fetch({}, { sessionId: a, sessionEpoch: -1 }).response?.sessionId).toBe(0);
    expect(fetch([], { sessionId: a, sessionEpoch: 1 }).response?.errorCode).toBe(
      ErrorCode.FETCH_SESSION_ID_NOT_FOUND,
    );
    const b = sessionOf(fetch({}, { sessionEpoch: 0 }));
    expect(
      fetch([], { sessionId: b, sessionEpoch: 1, forgotten: [{ topicId: topic }] }).response?.sessionId,
    ).toBe(0);
  });
});
