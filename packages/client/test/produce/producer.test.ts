/**
 * Goal: every batch ends once with its true outcome, and an idempotent producer's batches stay in order.
 * Method: the test plays brokers that refuse requests, break connections and keep silent.
 */
import { apis, ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { type BatchIdentity, Producer, type ProducerBatch, type ProducerOptions } from '../../src/index.ts';
import type { BrokerEnd } from '../support/memory-net.ts';
import { OTHER_ID, TOPIC_ID, topicOf } from '../support/metadata.ts';
import { PlayedCluster } from '../support/played-cluster.ts';

interface Batch extends ProducerBatch {
  readonly name: string;
}

type Options = ProducerOptions<Batch>;

/** The bytes of a batch in these tests: its name and its identity. */
const bytesOf = ({ name }: Batch, identity: BatchIdentity | undefined): Uint8Array =>
  new TextEncoder().encode(
    identity === undefined ? name : `${name} ${identity.producerId}/${identity.epoch}/${identity.sequence}`,
  );

class Produced {
  readonly seen: string[] = [];
  readonly cluster: PlayedCluster;
  readonly producer: Producer<Batch>;

  /** The leader is broker 4, and a connection to it is ready. */
  constructor(options: Partial<Options> = {}) {
    this.cluster = PlayedCluster.started({ leaderId: 4 }, { changed: () => this.producer?.clusterChanged() });
    this.producer = new Producer<Batch>({
      clock: this.cluster.clock,
      cluster: this.cluster.view,
      encode: bytesOf,
      acks: -1,
      maxInFlight: 5,
      timeoutMs: 500,
      deliveryTimeoutMs: 3_000,
      observer: {
        sent: ({ name }) => this.seen.push(`sent ${name}`),
        retried: ({ name }, error) => this.seen.push(`retried ${name}: ${error}`),
        acknowledged: ({ name }, offset, broker) =>
          this.seen.push(`acknowledged ${name} at ${offset} by ${broker}`),
        failed: ({ name }, error) => this.seen.push(`failed ${name}: ${error}`),
        unknown: ({ name }, error) => this.seen.push(`unknown ${name}: ${error}`),
        sequenceLost: ({ name }) => this.seen.push(`sequence lost before ${name}`),
      },
      ...options,
    });
    this.cluster.view.connectionTo(4);
    this.cluster.opens(4);
  }

  /** An idempotent producer with the id 7. */
  static idempotent(options: Partial<Options> = {}): Produced {
    const produced = new Produced({ idempotence: { bumpsEpoch: true }, ...options });
    produced.send('-');
    const bootstrap = produced.broker(1);
    const id = { errorCode: 0, producerId: 7, producerEpoch: 0 } as never;
    bootstrap.answer(apis.initProducerId, id);
    produced.answers(4, ErrorCode.NONE, 0);
    produced.seen.length = 0;
    return produced;
  }

  broker(port: number): BrokerEnd {
    return this.cluster.net.to(port);
  }

  send(...names: string[]): void {
    for (const name of names) this.producer.enqueue({ name, topic: 'events', partition: 0, recordCount: 1 });
    this.producer.poll();
  }

  /** The events since the last call. */
  get news(): string[] {
    return this.seen.splice(0);
  }

  /** Answers the oldest Produce request. Returns its bytes as text. */
  answers(port: number, errorCode: number, baseOffset = -1, leader = { leaderId: -1, leaderEpoch: -1 }) {
    const partition = { index: 0, errorCode, baseOffset, currentLeader: leader };
    const responses = [{ name: 'events', topicId: TOPIC_ID, partitionResponses: [partition] }];
    const request = this.broker(port).answer(apis.produce, { responses } as never);
    return new TextDecoder().decode(request.topicData[0]!.partitionData[0]!.records!);
  }
}

test('a batch goes to the leader, which acknowledges it', () => {
  const produced = new Produced();
  produced.send('a');
  expect(produced.broker(4).received).toMatchObject([
    { version: apis.produce.maxVersion, request: { acks: -1, timeoutMs: 500 } },
  ]);
  expect(produced.producer.isIdle).toBe(false);
  expect(produced.answers(4, ErrorCode.NONE, 12)).toBe('a');
  expect(produced.news).toEqual(['sent a', 'acknowledged a at 12 by 4']);
  expect(produced.producer.isIdle).toBe(true);
});

test('with acks=0 a batch is acknowledged when the producer has sent it', () => {
  const produced = new Produced({ acks: 0 });
  produced.send('a', 'b');
  expect(produced.broker(4).waiting).toEqual(['Produce', 'Produce']);
  expect(produced.news).toEqual([
    'sent a',
    'acknowledged a at undefined by undefined',
    'sent b',
    'acknowledged b at undefined by undefined',
  ]);
});

test('NOT_LEADER_OR_FOLLOWER that names the new leader: the retry goes there after a pause', () => {
  const produced = new Produced();
  produced.send('a');
  produced.answers(4, ErrorCode.NOT_LEADER_OR_FOLLOWER, -1, { leaderId: 5, leaderEpoch: 1 });
  expect(produced.news).toEqual(['sent a', 'retried a: NOT_LEADER_OR_FOLLOWER']);
  produced.cluster.clock.advance(99);
  expect(produced.cluster.net.ends.some(({ address }) => address.port === 5)).toBe(false);
  produced.cluster.clock.advance(1);
  produced.cluster.opens(5);
  produced.answers(5, ErrorCode.NONE, 3);
  expect(produced.news).toEqual(['sent a', 'acknowledged a at 3 by 5']);
});

test('a leader in a late answer about a deleted topic does not count for the new topic of the name', () => {
  const produced = new Produced();
  produced.send('a');
  produced.cluster.view.topics.learn(topicOf({ leaderId: 4, leaderEpoch: 0, topicId: OTHER_ID }));
  produced.answers(4, ErrorCode.NOT_LEADER_OR_FOLLOWER, -1, { leaderId: 5, leaderEpoch: 6 });
  expect(produced.cluster.view.partition('events', 0)).toEqual({ leaderId: 4, leaderEpoch: 0 });
});

test('NOT_LEADER_OR_FOLLOWER without a leader: the producer asks for metadata', () => {
  const produced = new Produced();
  produced.send('a');
  produced.answers(4, ErrorCode.NOT_LEADER_OR_FOLLOWER);
  produced.cluster.clock.advance(50);
  produced.cluster.tells(1, { leaderId: 6, leaderEpoch: 1 });
  produced.cluster.clock.advance(50);
  produced.cluster.opens(6);
  produced.answers(6, ErrorCode.NONE, 3);
  expect(produced.news.at(-1)).toBe('acknowledged a at 3 by 6');
});

test('an idempotent batch whose answer was lost is sent again unchanged; a duplicate is acknowledged', () => {
  const produced = Produced.idempotent();
  produced.send('a');
  produced.broker(4).breaks();
  produced.cluster.clock.advance(100);
  produced.cluster.opens(4);
  expect(produced.answers(4, ErrorCode.DUPLICATE_SEQUENCE_NUMBER)).toBe('a 7/0/1');
  expect(produced.news).toEqual([
    'sent a',
    'retried a: disconnected',
    'sent a',
    'acknowledged a at undefined by 4',
  ]);
});

test('a refused batch fails at once', () => {
  const produced = new Produced();
  produced.send('a');
  produced.answers(4, ErrorCode.MESSAGE_TOO_LARGE);
  expect(produced.news).toEqual(['sent a', 'failed a: MESSAGE_TOO_LARGE']);
});

test('delivery timeout: a batch that was never sent fails, although the owner does not poll', () => {
  const produced = new Produced();
  produced.broker(4).breaks();
  produced.send('a');
  produced.cluster.clock.advance(2_999);
  expect(produced.news).toEqual([]);
  produced.cluster.clock.advance(101);
  expect(produced.news).toEqual(['failed a: delivery time-out']);
  expect(produced.producer.isIdle).toBe(true);
});

test('delivery timeout: the outcome is unknown when an answer was lost', () => {
  const produced = new Produced();
  produced.send('a');
  produced.broker(4).breaks();
  produced.cluster.clock.advance(3_100);
  expect(produced.news).toEqual(['sent a', 'retried a: disconnected', 'unknown a: disconnected']);
});

test('delivery timeout: a batch fails if every attempt failed before the append', () => {
  const produced = new Produced({ deliveryTimeoutMs: 150 });
  produced.send('a');
  produced.answers(4, ErrorCode.NOT_ENOUGH_REPLICAS);
  produced.cluster.clock.advance(200);
  produced.answers(4, ErrorCode.NOT_ENOUGH_REPLICAS);
  expect(produced.news.at(-1)).toBe('failed a: NOT_ENOUGH_REPLICAS');
});

test('at most maxInFlight requests are in flight; the others follow in order as answers arrive', () => {
  const produced = new Produced({ maxInFlight: 2 });
  produced.send('a', 'b', 'c', 'd');
  expect(produced.broker(4).received).toHaveLength(2);
  expect(produced.producer.waitingCount('events', 0)).toBe(2);
  const order = ['a', 'b', 'c', 'd'].map((_name, offset) => produced.answers(4, ErrorCode.NONE, offset));
  expect(order).toEqual(['a', 'b', 'c', 'd']);
});

test('a batch fails: the producer retries it and the batches behind it in order, with the same sequences', () => {
  const produced = Produced.idempotent();
  produced.send('a', 'b', 'c');
  expect(produced.answers(4, ErrorCode.NOT_ENOUGH_REPLICAS)).toBe('a 7/0/1');
  expect(produced.answers(4, ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)).toBe('b 7/0/2');
  expect(produced.answers(4, ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)).toBe('c 7/0/3');
  produced.cluster.clock.advance(100);
  const again = [4, 5, 6].map((offset) => produced.answers(4, ErrorCode.NONE, offset));
  expect(again).toEqual(['a 7/0/1', 'b 7/0/2', 'c 7/0/3']);
  expect(produced.news.slice(-3)).toEqual([
    'acknowledged a at 4 by 4',
    'acknowledged b at 5 by 4',
    'acknowledged c at 6 by 4',
  ]);
});

test('a connection breaks with several batches in flight: the producer sends them again in order', () => {
  const produced = Produced.idempotent();
  produced.send('a', 'b', 'c');
  produced.broker(4).breaks();
  produced.cluster.clock.advance(100);
  produced.cluster.opens(4);
  const again = [4, 5, 6].map((offset) => produced.answers(4, ErrorCode.NONE, offset));
  expect(again).toEqual(['a 7/0/1', 'b 7/0/2', 'c 7/0/3']);
});

test('a gap before the oldest batch: that batch fails; the next epoch starts when no batch is in flight', () => {
  const produced = Produced.idempotent();
  produced.send('a', 'b');
  produced.answers(4, ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER);
  expect(produced.news.slice(-2)).toEqual([
    'sequence lost before a',
    'failed a: OUT_OF_ORDER_SEQUENCE_NUMBER',
  ]);
  produced.send('c');
  produced.answers(4, ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER);
  produced.cluster.clock.advance(100);
  expect(produced.answers(4, ErrorCode.NONE, 1)).toBe('b 7/1/0');
  expect(produced.answers(4, ErrorCode.NONE, 2)).toBe('c 7/1/1');
});

test('after the producer gives up a batch, it also gives up the later batches that the log may have', () => {
  const produced = Produced.idempotent();
  produced.send('a', 'b');
  produced.answers(4, ErrorCode.MESSAGE_TOO_LARGE);
  produced.answers(4, ErrorCode.NOT_LEADER_OR_FOLLOWER);
  expect(produced.news.slice(-3)).toEqual([
    'failed a: MESSAGE_TOO_LARGE',
    'retried b: NOT_LEADER_OR_FOLLOWER',
    'unknown b: given up with an earlier batch',
  ]);
});

test('an idempotent producer waits for the answers of the former leader', () => {
  const produced = Produced.idempotent();
  produced.send('a');
  produced.cluster.view.hint(TOPIC_ID, 0, 5, 1);
  produced.cluster.view.connectionTo(5);
  produced.cluster.opens(5);
  produced.send('b');
  expect(produced.broker(5).waiting).toEqual([]);
  produced.answers(4, ErrorCode.NONE, 1);
  expect(produced.answers(5, ErrorCode.NONE, 2)).toBe('b 7/0/2');
});

test('an idempotent producer waits for the answers about a deleted topic whose name another topic has', () => {
  const produced = Produced.idempotent();
  produced.send('a');
  produced.cluster.view.topics.learn(topicOf({ leaderId: 4, topicId: OTHER_ID }));
  produced.send('b');
  expect(produced.broker(4).waiting).toEqual(['Produce']);
  produced.answers(4, ErrorCode.UNKNOWN_TOPIC_ID);
  produced.cluster.clock.advance(100);
  expect(produced.broker(4).received.at(-1)!.request).toMatchObject({ topicData: [{ topicId: OTHER_ID }] });
  const order = [0, 1].map((offset) => produced.answers(4, ErrorCode.NONE, offset));
  expect(order).toEqual(['a 7/0/1', 'b 7/0/2']);
});

test('no batch is so far ahead of an open one that the broker could forget the sequences of the open one', () => {
  const produced = Produced.idempotent({ maxInFlight: 100 });
  produced.send('a', 'b', 'c', 'd', 'e', 'f');
  expect(produced.broker(4).received).toHaveLength(5);
  produced.answers(4, ErrorCode.NONE, 1);
  expect(produced.broker(4).received).toHaveLength(5);
});

test('close ends every batch; the outcome of those in flight is unknown', () => {
  const produced = new Produced({ maxInFlight: 1 });
  produced.send('a', 'b');
  produced.producer.close();
  produced.answers(4, ErrorCode.NONE, 1);
  expect(produced.news).toEqual([
    'sent a',
    'unknown a: the producer is closed',
    'failed b: the producer is closed',
  ]);
});

test('a batch after close fails at once', () => {
  const produced = new Produced();
  produced.producer.close();
  produced.send('a');
  expect(produced.news).toEqual(['failed a: the producer is closed']);
  expect(produced.producer.isIdle).toBe(true);
});
