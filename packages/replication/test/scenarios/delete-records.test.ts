/**
 * Goal: a leader answers DeleteRecords only when no live replica has the records. It deletes no
 * uncommitted record. Method: whole replica managers with a toy controller and a manual clock.
 */
import type { Uuid } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import type { RecordsDeleted } from '../../src/index.ts';
import { valuesBelow } from '../support/logs.ts';
import { Answer, type TestBroker, World } from '../support/world.ts';

const ALL = [[1, 2, 3]];
const HIGH_WATERMARK = -1;

function setUp(o: { configs?: Record<string, string>; replicas?: number[][] } = {}) {
  const world = new World().start();
  const topic = world.controller.createTopic('events', o.replicas ?? ALL, o.configs);
  world.advance(100);
  return { world, topic };
}

function produce(world: World, topic: Uuid, ...values: string[]): void {
  for (const value of values) world.broker(1).produce(topic, value);
  world.advance(700);
}

function remove(broker: TestBroker, topicId: Uuid, offset: number, timeoutMs = 5000): Answer<RecordsDeleted> {
  const answer = new Answer<RecordsDeleted>();
  broker.manager.deletions.delete(
    { clientId: 'admin', timeoutMs, partitions: [{ topicId, partition: 0, offset }] },
    ([result]) => answer.set(result!),
  );
  return answer;
}

const startsOf = (world: World, topic: Uuid): number[] =>
  [1, 2, 3].map((id) => world.partition(id, topic).log.startOffset);

test('the leader answers when every live replica has raised its log start offset', () => {
  const { world, topic } = setUp();
  produce(world, topic, 'a', 'b', 'c');
  const answer = remove(world.broker(1), topic, 2);
  expect(answer.value).toBeUndefined();
  expect(startsOf(world, topic)).toEqual([2, 0, 0]);
  world.advance(1500);
  expect(answer.value).toEqual({ errorCode: ErrorCode.NONE, lowWatermark: 2 });
  expect(startsOf(world, topic)).toEqual([2, 2, 2]);
  for (const id of [1, 2, 3]) expect(valuesBelow(world.partition(id, topic))).toEqual(['c']);
});

test('the leader logs what a client deletes, and nothing if it deletes nothing', () => {
  const { world, topic } = setUp();
  produce(world, topic, 'a', 'b', 'c');
  for (const offset of [2, 1, 9]) remove(world.broker(1), topic, offset);
  world.advance(1500);
  expect(world.logger.events.filter(({ event }) => event === 'records-deleted')).toEqual([
    {
      level: 'info',
      event: 'records-deleted',
      facts: expect.objectContaining({ topic: 'events', partition: 0, from: 0, to: 2, clientId: 'admin' }),
    },
  ]);
});

test('offset -1 deletes up to the high watermark, and no further', () => {
  const { world, topic } = setUp({ configs: { 'min.insync.replicas': '3' } });
  produce(world, topic, 'a', 'b');
  world.broker(3).kill();
  world.advance(500);
  world.broker(1).produce(topic, 'uncommitted', { acks: 1 });
  world.advance(500);
  const answer = remove(world.broker(1), topic, HIGH_WATERMARK);
  world.advance(1500);
  expect(answer.value).toEqual({ errorCode: ErrorCode.NONE, lowWatermark: 2 });
  expect(world.partition(1, topic).log.endOffset).toBe(3);
  expect(remove(world.broker(1), topic, 3).value?.errorCode).toBe(ErrorCode.OFFSET_OUT_OF_RANGE);
  world.broker(3).start();
  world.advance(3000);
  for (const id of [1, 2, 3]) expect(valuesBelow(world.partition(id, topic))).toEqual(['uncommitted']);
});

test('an offset at or below the log start changes nothing, and the answer has the low watermark', () => {
  const { world, topic } = setUp();
  produce(world, topic, 'a', 'b', 'c');
  remove(world.broker(1), topic, 2);
  world.advance(1500);
  for (const offset of [0, 1, 2])
    expect(remove(world.broker(1), topic, offset).value).toEqual({ errorCode: 0, lowWatermark: 2 });
  expect(startsOf(world, topic)).toEqual([2, 2, 2]);
});

test('the broker refuses: not the leader, unknown topic, offset beyond the high watermark, offset -2, compacted topic', () => {
  const { world, topic } = setUp();
  const compacted = world.controller.createTopic('compacted', ALL, { 'cleanup.policy': 'compact' });
  const both = world.controller.createTopic('both', ALL, { 'cleanup.policy': 'compact,delete' });
  world.advance(100);
  produce(world, topic, 'a');
  const codeOf = (id: number, topicId: Uuid, offset: number) =>
    remove(world.broker(id), topicId, offset).value?.errorCode;
  expect(codeOf(2, topic, 0)).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER);
  expect(codeOf(1, 'unknownAAAAAAAAAAAAAAA' as Uuid, 0)).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  expect(codeOf(1, topic, 2)).toBe(ErrorCode.OFFSET_OUT_OF_RANGE);
  expect(codeOf(1, topic, -2)).toBe(ErrorCode.OFFSET_OUT_OF_RANGE);
  expect(codeOf(1, compacted, 0)).toBe(ErrorCode.POLICY_VIOLATION);
  expect(codeOf(1, both, 0)).toBe(ErrorCode.NONE);
  expect(startsOf(world, topic)).toEqual([0, 0, 0]);
});

test('a follower that cannot be reached delays the answer until the timeout; the leader has deleted the records', () => {
  const { world, topic } = setUp();
  produce(world, topic, 'a', 'b', 'c');
  world.network.cut('b1', 'b3');
  world.advance(10);
  const answer = remove(world.broker(1), topic, 2, 700);
  world.advance(699);
  expect(answer.value).toBeUndefined();
  world.advance(1);
  expect(answer.value).toEqual({ errorCode: ErrorCode.REQUEST_TIMED_OUT, lowWatermark: 0 });
  expect(startsOf(world, topic)).toEqual([2, 2, 0]);
  world.network.heal('b1', 'b3');
  world.advance(40_000);
  expect(startsOf(world, topic)).toEqual([2, 2, 2]);
});

test('a follower that dies does not delay the answer, because the controller fences it', () => {
  const { world, topic } = setUp();
  produce(world, topic, 'a', 'b', 'c');
  world.broker(3).kill();
  const answer = remove(world.broker(1), topic, 2);
  world.advance(1500);
  expect(answer.value).toEqual({ errorCode: ErrorCode.NONE, lowWatermark: 2 });
  world.broker(3).start();
  world.advance(5000);
  expect(startsOf(world, topic)).toEqual([2, 2, 2]);
});

test('a leader that loses its leadership answers a waiting deletion with NOT_LEADER_OR_FOLLOWER', () => {
  const { world, topic } = setUp();
  produce(world, topic, 'a', 'b');
  world.network.cut('b1', 'b3');
  const answer = remove(world.broker(1), topic, 1);
  world.controller.elect(topic, 0, 2);
  world.advance(50);
  expect(answer.value).toEqual({ errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER, lowWatermark: -1 });
});

test('a leader without a lease does not answer, because its successor may still have the records', () => {
  const { world, topic } = setUp({ replicas: [[1]] });
  produce(world, topic, 'a', 'b');
  world.broker(1).cutController();
  world.advance(3500);
  const answer = remove(world.broker(1), topic, 1, 60_000);
  world.advance(1000);
  expect(answer.value).toBeUndefined();
  world.broker(1).rejoin();
  world.advance(5000);
  // The controller had fenced the broker, so the leadership ended.
  expect(answer.value).toEqual({ errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER, lowWatermark: -1 });
});

test('a leader without a lease answers when it gets a lease again', () => {
  const { world, topic } = setUp({ replicas: [[1]] });
  produce(world, topic, 'a', 'b');
  const brokerEpoch = world.controller.image.broker(1)!.epoch;
  world.broker(1).manager.setLease({ brokerEpoch, validUntilMs: 0 });
  const answer = remove(world.broker(1), topic, 1, 60_000);
  expect(answer.value).toBeUndefined();
  expect(world.partition(1, topic).log.startOffset).toBe(1);
  world.advance(1000);
  expect(answer.value).toEqual({ errorCode: ErrorCode.NONE, lowWatermark: 1 });
});

test.each([
  ['a fresh follower', []],
  ['a follower that lags', ['a', 'b']],
])('%s takes the batch that spans the log start of its leader, and joins the ISR', (_name, first) => {
  const { world, topic } = setUp();
  for (const value of first) world.broker(1).produce(topic, value);
  world.advance(700);
  world.broker(3).kill();
  world.advance(500);
  const base = first.length;
  const batch = Array.from({ length: 20 }, (_, index) => `batch-${index}`);
  world.broker(1).produce(topic, batch);
  world.broker(1).produce(topic, ['c', 'd']);
  world.advance(700);
  const start = base + 10;
  const answer = remove(world.broker(1), topic, start);
  world.advance(1500);
  expect(answer.value).toEqual({ errorCode: ErrorCode.NONE, lowWatermark: start });
  const agrees = (): void => {
    for (const id of [1, 2, 3]) {
      const { log, highWatermark, isr } = world.partition(id, topic);
      expect([log.startOffset, log.endOffset, highWatermark]).toEqual([start, base + 22, base + 22]);
      expect(log.epochs.entries).toEqual(world.partition(1, topic).log.epochs.entries);
      // The first batch begins below the log start offset.
      expect(valuesBelow(world.partition(id, topic))).toEqual([...batch, 'c', 'd']);
      expect([...isr].sort()).toEqual([1, 2, 3]);
    }
  };
  world.broker(3).start();
  for (let ms = 0; ms < 5000; ms += 10) {
    world.advance(10);
    const replica = world.broker(3).manager.partition(topic, 0);
    if (replica !== undefined) expect(replica.highWatermark).toBeGreaterThanOrEqual(replica.log.startOffset);
  }
  agrees();
  world.broker(3).kill();
  world.advance(500);
  world.broker(3).start();
  world.advance(5000);
  agrees();
  expect(world.logger.events.filter(({ event }) => event === 'follower-append-failed')).toEqual([]);
});

test('a follower reports a start offset that it raised itself, so a deletion below that offset need not wait', () => {
  const { world, topic } = setUp();
  produce(world, topic, 'a', 'b', 'c');
  for (const id of [1, 2, 3]) world.partition(id, topic).log.advanceStartOffset(2);
  world.advance(1500);
  expect(remove(world.broker(1), topic, 1).value).toEqual({ errorCode: ErrorCode.NONE, lowWatermark: 2 });
});

test('a request for several partitions gets one answer, in the order of the request; a cancelled request gets none', () => {
  const { world, topic } = setUp();
  produce(world, topic, 'a', 'b');
  const answers: (readonly RecordsDeleted[])[] = [];
  const partitions = [
    { topicId: topic, partition: 9, offset: 1 },
    { topicId: topic, partition: 0, offset: 1 },
  ];
  const { deletions } = world.broker(1).manager;
  deletions.delete({ clientId: 'admin', timeoutMs: 5000, partitions }, (results) => answers.push(results));
  const cancel = deletions.delete({ clientId: 'admin', timeoutMs: 5000, partitions }, () => answers.push([]));
  cancel!();
  world.advance(10_000);
  expect(answers).toEqual([
    [
      { errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, lowWatermark: -1 },
      { errorCode: ErrorCode.NONE, lowWatermark: 1 },
    ],
  ]);
  expect(world.partition(1, topic).leadership?.deletions.size).toBe(0);
  deletions.delete({ clientId: 'admin', timeoutMs: 5000, partitions: [] }, (results) =>
    answers.push(results),
  );
  expect(answers.at(-1)).toEqual([]);
});

test('beyond the limit, a deletion does not wait, and its client asks again after REQUEST_TIMED_OUT', () => {
  const world = new World({ config: { maxParkedDeletions: 2 } }).start();
  const topic = world.controller.createTopic('events', ALL);
  world.advance(100);
  produce(world, topic, 'a', 'b', 'c');
  const { deletions } = world.broker(1).manager;
  const cancel = deletions.delete(
    { clientId: 'admin', timeoutMs: 5000, partitions: [{ topicId: topic, partition: 0, offset: 1 }] },
    () => {},
  );
  const second = remove(world.broker(1), topic, 2);
  expect(deletions.parked).toBe(2);
  const third = remove(world.broker(1), topic, 3);
  expect(third.value).toEqual({ errorCode: ErrorCode.REQUEST_TIMED_OUT, lowWatermark: 0 });
  expect(world.partition(1, topic).log.startOffset).toBe(3);
  cancel!();
  expect(deletions.parked).toBe(1);
  const again = remove(world.broker(1), topic, 3);
  expect(deletions.parked).toBe(2);
  world.advance(1500);
  expect([second.value, again.value]).toEqual([
    { errorCode: ErrorCode.NONE, lowWatermark: 3 },
    { errorCode: ErrorCode.NONE, lowWatermark: 3 },
  ]);
  expect(deletions.parked).toBe(0);
});

const PARTITIONS = 100;

/**
 * Produces one record to each of many partitions. Returns, among others, the `partitions` of a request that
 * deletes all these records.
 */
function many(replicas: readonly number[]) {
  const world = new World().start();
  const topicId = world.controller.createTopic(
    'events',
    Array.from({ length: PARTITIONS }, () => [...replicas]),
  );
  world.advance(200);
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => ({
    topicId,
    partition,
    offset: 1,
  }));
  for (const { partition } of partitions) world.broker(1).produce(topicId, 'a', { partition });
  world.advance(1500);
  const startedOnes = () =>
    partitions.filter(({ partition }) => world.partition(1, topicId, partition).log.startOffset === 1).length;
  return { world, topicId, partitions, startedOnes };
}

test('the deletions of a large request, or of several requests, run in slices: no turn exceeds its work budget', () => {
  const { world, partitions, startedOnes } = many([1]);
  const { manager, clock } = world.broker(1);
  const answers: (readonly RecordsDeleted[])[] = [];
  clock.run(() => {
    manager.deletions.delete({ clientId: 'admin', timeoutMs: 5000, partitions }, (results) =>
      answers.push(results),
    );
    manager.deletions.delete(
      { clientId: 'admin', timeoutMs: 5000, partitions: partitions.slice(0, 9) },
      (results) => answers.push(results),
    );
  });
  const perTurn = startedOnes();
  expect(perTurn).toBeGreaterThan(5);
  expect(perTurn).toBeLessThan(50);
  // The callbacks of `Clock.soon` run in this turn, so they must not begin more deletions.
  world.clock.settle();
  expect(startedOnes()).toBe(perTurn);
  expect(answers).toEqual([]);
  world.advance(50);
  expect(answers.map((results) => results.length).sort((a, b) => b - a)).toEqual([PARTITIONS, 9]);
  expect(answers.flat().every(({ errorCode }) => errorCode === ErrorCode.NONE)).toBe(true);
  expect(startedOnes()).toBe(PARTITIONS);
});

test('no slice follows when the client is gone; with a timeout of 0, every deletion still begins', () => {
  const gone = many([1]);
  const first = gone.world.broker(1);
  first.clock.run(() => {
    const cancel = first.manager.deletions.delete(
      { clientId: 'admin', timeoutMs: 5000, partitions: gone.partitions },
      () => {
        throw new Error('nobody waits');
      },
    );
    cancel!();
  });
  gone.world.clock.settle();
  expect(gone.startedOnes()).toBeLessThan(50);

  const { world, partitions, startedOnes } = many([1, 2]);
  const { manager, clock } = world.broker(1);
  let results: readonly RecordsDeleted[] = [];
  clock.run(() =>
    manager.deletions.delete({ clientId: 'admin', timeoutMs: 0, partitions }, (all) => (results = all)),
  );
  world.advance(20);
  expect(results).toHaveLength(PARTITIONS);
  expect(results.every(({ errorCode }) => errorCode === ErrorCode.REQUEST_TIMED_OUT)).toBe(true);
  expect(startedOnes()).toBe(PARTITIONS);
  expect(manager.deletions.parked).toBe(0);
});
