/**
 * Goal: a consumer reads every record once, in order, through changes of the leader and of the log. Method:
 * brokers played by hand.
 */
import { apis, ErrorCode } from '@millrace/protocol';
import { describe, expect, test } from 'vitest';
import { Consumer, type ConsumerOptions } from '../../src/index.ts';
import { batchAt, joined } from '../support/batches.ts';
import type { BrokerEnd } from '../support/memory-net.ts';
import { OTHER_ID, TOPIC_ID, topicOf } from '../support/metadata.ts';
import { PlayedCluster } from '../support/played-cluster.ts';

class Consumed {
  readonly seen: string[] = [];
  readonly cluster: PlayedCluster;
  readonly consumer: Consumer;

  /** The leader is broker 4, in epoch 0, and a connection to it is ready. */
  constructor(options: Partial<ConsumerOptions> = {}) {
    const changed = () => this.consumer?.clusterChanged();
    this.cluster = PlayedCluster.started({ leaderId: 4 }, { changed });
    this.consumer = new Consumer({
      clock: this.cluster.clock,
      cluster: this.cluster.view,
      topics: () => ['events'],
      start: 'earliest',
      usesSessions: false,
      sendsEpochs: true,
      validatesPositions: true,
      maxWaitMs: 500,
      maxBytes: 1_000,
      observer: {
        records: (_position, { bytes, fetchOffset, highWatermark, brokerId }) =>
          this.seen.push(
            `${bytes.length} bytes from ${fetchOffset} by ${brokerId}, committed to ${highWatermark}`,
          ),
        assigned: (_position, offset, reason) => this.seen.push(`${reason} ${offset}`),
        damaged: (_position, baseOffset) => this.seen.push(`damaged ${baseOffset}`),
        failed: (_position, error) => this.seen.push(`failed ${error}`),
      },
      ...options,
    });
    this.consumer.clusterChanged();
    this.cluster.opens(4);
  }

  /** A consumer at position 10 with a Fetch in flight. */
  static at10(options: Partial<ConsumerOptions> = {}): Consumed {
    const consumed = new Consumed(options);
    consumed.lists(4, 10);
    consumed.seen.length = 0;
    return consumed;
  }

  broker(port: number): BrokerEnd {
    return this.cluster.net.to(port);
  }

  get offset(): number | undefined {
    return this.consumer.positions.get('events-0')?.offset;
  }

  /** The events since the last call. */
  get news(): string[] {
    return this.seen.splice(0);
  }

  lists(port: number, offset: number, errorCode: number = ErrorCode.NONE) {
    const partitions = [{ partitionIndex: 0, errorCode, offset }];
    const answer = { topics: [{ name: 'events', partitions }] } as never;
    return this.broker(port).answer(apis.listOffsets, answer).topics[0]!.partitions[0]!;
  }

  validates(port: number, leaderEpoch: number, endOffset: number) {
    const partitions = [{ partition: 0, errorCode: 0, leaderEpoch, endOffset }];
    const answer = { topics: [{ topic: 'events', partitions }] } as never;
    return this.broker(port).answer(apis.offsetForLeaderEpoch, answer).topics[0]!.partitions[0]!;
  }

  /** Answers the oldest Fetch. Returns the request, with the fields of its partition. */
  fetches(port: number, told: object, sessionId = 0) {
    const partition = { partitionIndex: 0, errorCode: 0, highWatermark: 100, records: null, ...told };
    const responses = [{ topic: 'events', topicId: TOPIC_ID, partitions: [partition] }];
    const request = this.broker(port).answer(apis.fetch, { errorCode: 0, sessionId, responses } as never);
    const { topicId } = request.topics[0]!;
    return { ...request, topicId, ...request.topics[0]!.partitions[0]! };
  }
}

test('the consumer starts at the earliest offset, and continues after the records', () => {
  const consumed = new Consumed();
  expect(consumed.lists(4, 10)).toMatchObject({ timestamp: -2 });
  const records = joined(batchAt(10, 0, 'a', 'b'), batchAt(12, 0, 'c'));
  expect(consumed.fetches(4, { records })).toMatchObject({ fetchOffset: 10, currentLeaderEpoch: 0 });
  expect(consumed.news).toEqual(['earliest 10', `${records.length} bytes from 10 by 4, committed to 100`]);
  expect(consumed.offset).toBe(13);
});

test('start `latest`: the consumer asks for the end of the log', () => {
  const consumed = new Consumed({ start: 'latest' });
  expect(consumed.lists(4, 10)).toMatchObject({ timestamp: -1 });
  expect(consumed.news).toEqual(['latest 10']);
});

test('one Fetch is in flight for a leader, however often the cluster changes', () => {
  const consumed = Consumed.at10();
  consumed.consumer.clusterChanged();
  expect(consumed.broker(4).waiting).toEqual(['Fetch']);
  consumed.fetches(4, {});
  expect(consumed.broker(4).waiting).toEqual(['Fetch']);
});

test('ListOffsets fails: the consumer asks again after a pause', () => {
  const consumed = new Consumed();
  consumed.lists(4, -1, ErrorCode.OFFSET_NOT_AVAILABLE);
  consumed.cluster.clock.advance(99);
  expect(consumed.broker(4).waiting).toEqual([]);
  consumed.cluster.clock.advance(1);
  consumed.lists(4, 10);
  expect(consumed.offset).toBe(10);
});

test('the leader changes: the consumer validates its position at the new leader, then fetches there', () => {
  const consumed = Consumed.at10();
  consumed.fetches(4, { records: batchAt(10, 0, 'a') });
  consumed.validates(4, 0, 11);
  const currentLeader = { leaderId: 5, leaderEpoch: 1 };
  consumed.fetches(4, { errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER, currentLeader });
  consumed.cluster.clock.advance(100);
  consumed.cluster.opens(5);
  expect(consumed.validates(5, 0, 11)).toMatchObject({ currentLeaderEpoch: 1, leaderEpoch: 0 });
  expect(consumed.fetches(5, { records: batchAt(11, 1, 'b') })).toMatchObject({
    fetchOffset: 11,
    currentLeaderEpoch: 1,
    lastFetchedEpoch: 0,
  });
  expect(consumed.offset).toBe(12);
});

test('an error that names no leader: the consumer finds the leader in new metadata', () => {
  const consumed = Consumed.at10();
  consumed.fetches(4, { errorCode: ErrorCode.FENCED_LEADER_EPOCH });
  consumed.cluster.clock.advance(50);
  consumed.cluster.tells(1, { leaderId: 6, leaderEpoch: 2 });
  consumed.cluster.clock.advance(50);
  consumed.cluster.opens(6);
  expect(consumed.fetches(6, {})).toMatchObject({ fetchOffset: 10, currentLeaderEpoch: 2 });
});

test('out of range: the consumer continues at the earliest offset, also if it started at the latest', () => {
  const consumed = Consumed.at10({ start: 'latest' });
  consumed.fetches(4, { errorCode: ErrorCode.OFFSET_OUT_OF_RANGE });
  expect(consumed.offset).toBeUndefined();
  expect(consumed.lists(4, 50)).toMatchObject({ timestamp: -2 });
  expect(consumed.news).toEqual(['out-of-range 50']);
  expect(consumed.fetches(4, {})).toMatchObject({ fetchOffset: 50 });
});

test('out of range: the next fetch names no epoch, because the log may not know the last one', () => {
  const consumed = Consumed.at10();
  consumed.fetches(4, { records: batchAt(10, 3, 'a') });
  consumed.validates(4, 3, 11);
  consumed.fetches(4, { errorCode: ErrorCode.OFFSET_OUT_OF_RANGE });
  consumed.lists(4, 0);
  expect(consumed.fetches(4, {})).toMatchObject({ fetchOffset: 0, lastFetchedEpoch: -1 });
});

test('truncation: the log of the new leader ends earlier, and the consumer goes back', () => {
  const consumed = Consumed.at10();
  consumed.fetches(4, { records: batchAt(10, 3, 'a', 'b', 'c') });
  consumed.validates(4, 2, 11);
  expect(consumed.news.at(-1)).toBe('truncated 11');
  expect(consumed.fetches(4, {})).toMatchObject({ fetchOffset: 11, lastFetchedEpoch: 2 });
});

test('a diverging epoch in an answer: the consumer validates its position again', () => {
  const consumed = Consumed.at10();
  consumed.fetches(4, { records: batchAt(10, 3, 'a', 'b', 'c') });
  consumed.validates(4, 3, 13);
  consumed.fetches(4, { divergingEpoch: { epoch: 2, endOffset: 12 } });
  expect(consumed.offset).toBe(13);
  consumed.cluster.clock.advance(100);
  consumed.validates(4, 2, 12);
  expect(consumed.offset).toBe(12);
});

test('a consumer that does not validate fetches from a new leader at once', () => {
  const consumed = Consumed.at10({ validatesPositions: false, sendsEpochs: false });
  consumed.fetches(4, { records: batchAt(10, 3, 'a') });
  expect(consumed.fetches(4, {})).toMatchObject({ currentLeaderEpoch: -1, lastFetchedEpoch: -1 });
});

test('the late answer of an earlier leader does not move a position that the next leader has moved', () => {
  const consumed = Consumed.at10({ validatesPositions: false });
  consumed.cluster.view.hint(TOPIC_ID, 0, 5, 1);
  consumed.consumer.clusterChanged();
  consumed.cluster.opens(5);
  consumed.fetches(5, { records: batchAt(10, 1, 'a', 'b') });
  consumed.fetches(4, { records: batchAt(10, 0, 'x') });
  expect(consumed.offset).toBe(12);
  expect(consumed.news).toHaveLength(1);
});

test('a damaged batch is fetched again after a pause; the batches before it count', () => {
  const consumed = Consumed.at10({ validatesPositions: false });
  const damaged = batchAt(11, 0, 'b');
  damaged[damaged.length - 1]! ^= 1;
  const first = batchAt(10, 0, 'a');
  consumed.fetches(4, { records: joined(first, damaged) });
  expect(consumed.news).toEqual(['damaged 11', `${first.length} bytes from 10 by 4, committed to 100`]);
  expect(consumed.broker(4).waiting).toEqual([]);
  consumed.cluster.clock.advance(100);
  expect(consumed.fetches(4, {})).toMatchObject({ fetchOffset: 11 });
});

test('the owner throws when it gets records: it gets them again', () => {
  let calls = 0;
  const records = () => {
    if (++calls === 1) throw new Error('no');
  };
  const consumed = Consumed.at10({ validatesPositions: false, observer: { records } });
  expect(() => consumed.fetches(4, { records: batchAt(10, 3, 'a') })).toThrow('no');
  expect(consumed.consumer.positions.get('events-0')).toMatchObject({ offset: 10, lastEpoch: -1 });
  consumed.consumer.clusterChanged();
  expect(consumed.fetches(4, { records: batchAt(10, 3, 'a') })).toMatchObject({ fetchOffset: 10 });
  expect([calls, consumed.offset]).toEqual([2, 11]);
});

test('a fetch session continues under its id; after a session error or a lost connection, another starts', () => {
  const consumed = Consumed.at10({ usesSessions: true });
  expect(consumed.fetches(4, {}, 77)).toMatchObject({ sessionId: 0, sessionEpoch: 0 });
  expect(consumed.fetches(4, {}, 77)).toMatchObject({ sessionId: 77, sessionEpoch: 1 });
  const lost = { errorCode: ErrorCode.FETCH_SESSION_ID_NOT_FOUND, sessionId: 0, responses: [] };
  expect(consumed.broker(4).answer(apis.fetch, lost as never)).toMatchObject({ sessionEpoch: 2 });
  consumed.cluster.clock.advance(100);
  expect(consumed.fetches(4, {}, 78)).toMatchObject({ sessionId: 0, sessionEpoch: 0 });
  consumed.broker(4).breaks();
  consumed.cluster.clock.advance(100);
  consumed.cluster.opens(4);
  expect(consumed.fetches(4, {}, 79)).toMatchObject({ sessionId: 0, sessionEpoch: 0 });
});

test('a new topic of the same name starts another session, because the old one has the old topic', () => {
  const consumed = Consumed.at10({ usesSessions: true });
  consumed.fetches(4, {}, 77);
  consumed.cluster.view.refresh();
  consumed.cluster.clock.advance(50);
  consumed.cluster.tells(1, { leaderId: 4, topicId: OTHER_ID });
  consumed.fetches(4, {}, 77);
  consumed.lists(4, 0);
  expect(consumed.fetches(4, {}, 77)).toMatchObject({ sessionId: 77, sessionEpoch: 0, topicId: OTHER_ID });
});

test('a fatal error stops the partition', () => {
  const consumed = Consumed.at10();
  consumed.fetches(4, { errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED });
  expect(consumed.news).toEqual(['failed TOPIC_AUTHORIZATION_FAILED']);
  consumed.cluster.clock.advance(1_000);
  expect(consumed.broker(4).waiting).toEqual([]);
});

test('after close the consumer ignores answers', () => {
  const consumed = Consumed.at10();
  consumed.consumer.close();
  consumed.fetches(4, { records: batchAt(10, 0, 'a') });
  expect(consumed.news).toEqual([]);
  expect(consumed.broker(4).waiting).toEqual([]);
});

test('the owner closes the consumer when it gets records: the consumer ignores the rest of the answer', () => {
  let calls = 0;
  const closes = () => {
    calls++;
    consumed.consumer.close();
  };
  const consumed: Consumed = Consumed.at10({ observer: { records: closes } });
  const topic = topicOf();
  const second = { ...topic.partitions[0]!, partitionIndex: 1 };
  consumed.cluster.view.topics.learn({ ...topic, partitions: [...topic.partitions, second] });
  consumed.fetches(4, {});
  consumed.broker(4).answer(apis.listOffsets, {
    topics: [{ name: 'events', partitions: [{ partitionIndex: 1, errorCode: 0, offset: 10 }] }],
  } as never);
  consumed.fetches(4, {});
  const records = batchAt(10, 0, 'a');
  const partitions = [0, 1].map((partitionIndex) => ({ partitionIndex, errorCode: 0, records }));
  const responses = [{ topic: 'events', topicId: TOPIC_ID, partitions }];
  consumed.broker(4).answer(apis.fetch, { errorCode: 0, sessionId: 0, responses } as never);
  expect(calls).toBe(1);
});

describe('a topic that was deleted and created again under its name', () => {
  /** The metadata name another id, with broker 4 as the leader. */
  function createdAgain(consumed: Consumed): void {
    consumed.cluster.view.topics.learn(topicOf({ leaderId: 4, leaderEpoch: 0, topicId: OTHER_ID }));
    consumed.consumer.clusterChanged();
  }

  test('the consumer reads the new topic from the start', () => {
    const consumed = Consumed.at10();
    consumed.fetches(4, { records: batchAt(10, 3, 'a') });
    createdAgain(consumed);
    consumed.validates(4, 3, 11);
    expect(consumed.lists(4, 0)).toMatchObject({ timestamp: -2 });
    expect(consumed.news.at(-1)).toBe('earliest 0');
    expect(consumed.fetches(4, {})).toMatchObject({
      topicId: OTHER_ID,
      fetchOffset: 0,
      lastFetchedEpoch: -1,
    });
  });

  test('late answers about the old topic change nothing', () => {
    const listing = new Consumed();
    createdAgain(listing);
    listing.lists(4, 10);
    expect(listing.offset).toBeUndefined();
    listing.lists(4, 0);
    expect(listing.news).toEqual(['earliest 0']);
    const fetching = Consumed.at10();
    createdAgain(fetching);
    fetching.fetches(4, { records: batchAt(10, 3, 'a') });
    expect(fetching.news).toEqual([]);
    fetching.lists(4, 0);
    expect(fetching.news).toEqual(['earliest 0']);
  });

  test('the consumer forgets the partitions that the new topic does not have', () => {
    const consumed = Consumed.at10();
    const { partitions, ...topic } = topicOf({ topicId: OTHER_ID });
    const first = { ...partitions[0]!, partitionIndex: 1 };
    consumed.cluster.view.topics.learn({ ...topic, topicId: TOPIC_ID, partitions: [first] });
    consumed.consumer.clusterChanged();
    expect([...consumed.consumer.positions.keys()]).toEqual(['events-0', 'events-1']);
    createdAgain(consumed);
    expect([...consumed.consumer.positions.keys()]).toEqual(['events-0']);
  });
});

describe('a list of partitions', () => {
  function reading(...starts: (readonly [number, number | 'earliest' | 'latest'])[]) {
    const list = starts.map(([partition, start]) => ({ topic: 'events', partition, start, leaderEpoch: 0 }));
    return { list, consumed: new Consumed({ partitions: () => list, outOfRange: 'fail' }) };
  }

  test('reading begins at the offset of the list, after a validation of its leader epoch', () => {
    const { consumed } = reading([0, 7]);
    expect(consumed.validates(4, 0, 9)).toMatchObject({ leaderEpoch: 0 });
    expect(consumed.fetches(4, {})).toMatchObject({ fetchOffset: 7, lastFetchedEpoch: 0 });
  });

  test('a partition that leaves the list: its late records are ignored, and its position is forgotten', () => {
    const { list, consumed } = reading([0, 7]);
    consumed.validates(4, 0, 9);
    list.pop();
    consumed.consumer.clusterChanged();
    consumed.fetches(4, { records: batchAt(7, 0, 'a') });
    expect([consumed.news, consumed.consumer.positions.size]).toEqual([[], 0]);
    expect(consumed.broker(4).waiting).toEqual([]);
  });

  test('another topic has the name: the offset of the list does not count for that topic', () => {
    const { consumed } = reading([0, 7]);
    consumed.cluster.view.topics.learn(topicOf({ topicId: OTHER_ID, leaderEpoch: 0 }));
    consumed.consumer.clusterChanged();
    expect(consumed.offset).toBeUndefined();
  });

  test('outOfRange `fail`: the consumer stops reading', () => {
    const { consumed } = reading([0, 7]);
    consumed.validates(4, 0, 9);
    consumed.fetches(4, { errorCode: ErrorCode.OFFSET_OUT_OF_RANGE });
    expect(consumed.news).toEqual(['failed OFFSET_OUT_OF_RANGE']);
    expect(consumed.broker(4).waiting).toEqual([]);
  });
});
