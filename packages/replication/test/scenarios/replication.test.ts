/**
 * Goal: the durability contract and the rules of replication hold. Method: each test is one scenario with
 * complete replica managers in one process, a toy controller and a manual clock. The network cuts the byte
 * streams between the managers into pieces of any size.
 */
import { ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { fetchFrom, fetchRequest } from '../support/fetching.ts';
import { bytesBelow, valuesBelow } from '../support/logs.ts';
import { World } from '../support/world.ts';

const ALL = [[1, 2, 3]];

test('the leader answers acks=all when every member of the ISR has the batch, and acks=1 before that', () => {
  const world = new World().start();
  const topic = world.controller.createTopic('events', ALL);
  world.advance(20);
  const leader = world.broker(1);
  expect(world.partition(1, topic).role).toBe('leader');
  expect(world.partition(2, topic).role).toBe('follower');

  const all = leader.produce(topic, 'a');
  const one = leader.produce(topic, 'b', { acks: 1 });
  expect(one.value).toMatchObject({ errorCode: ErrorCode.NONE, baseOffset: 1 });
  expect(all.value).toBeUndefined();
  expect(world.partition(1, topic).highWatermark).toBe(0);
  world.advance(50);
  expect(all.value).toMatchObject({ errorCode: ErrorCode.NONE, baseOffset: 0 });
  for (const id of [1, 2, 3]) expect(valuesBelow(world.partition(id, topic))).toEqual(['a', 'b']);
  // Followers learn the high watermark with the next response.
  world.advance(1000);
  for (const id of [1, 2, 3]) expect(world.partition(id, topic).highWatermark).toBe(2);
  expect(bytesBelow(world.partition(1, topic), 2)).toEqual(bytesBelow(world.partition(3, topic), 2));
});

test('the leader appends a batch with acks=0, and refuses acks other than -1, 0 and 1', () => {
  const world = new World().start();
  const topic = world.controller.createTopic('events', ALL);
  world.advance(20);
  expect(world.broker(1).produce(topic, 'a', { acks: 0 }).value?.errorCode).toBe(ErrorCode.NONE);
  expect(world.broker(1).produce(topic, 'b', { acks: 2 }).value?.errorCode).toBe(
    ErrorCode.INVALID_REQUIRED_ACKS,
  );
  expect(world.broker(2).produce(topic, 'b').value).toMatchObject({
    errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER,
    currentLeader: { leaderId: 1, leaderEpoch: 0 },
  });
  world.advance(50);
  expect(valuesBelow(world.partition(3, topic))).toEqual(['a']);
});

test('a single replica acknowledges acks=all at once', () => {
  const world = new World({ brokers: 1 }).start();
  const topic = world.controller.createTopic('events', [[1]]);
  world.advance(20);
  expect(world.broker(1).produce(topic, 'a').value?.errorCode).toBe(ErrorCode.NONE);
});

test('a lagging follower leaves the ISR only when the controller agrees, and rejoins when it has caught up', () => {
  const world = new World().start();
  const topic = world.controller.createTopic('events', ALL);
  world.advance(100);
  const leader = world.partition(1, topic);
  world.network.cut('b1', 'b3');
  const first = world.broker(1).produce(topic, 'a');
  world.advance(1500);
  expect(first.value).toBeUndefined();
  expect(leader.highWatermark).toBe(0);
  // While the leader cannot reach the controller, its ISR stays, so the batch waits.
  world.broker(1).cutController();
  world.advance(2500);
  expect(leader.isr).toEqual([1, 2, 3]);
  expect(first.value).toBeUndefined();
  world.network.heal('b1', 'controller');
  world.advance(3000);
  expect(leader.isr).toEqual([1, 2]);
  expect(first.value?.errorCode).toBe(ErrorCode.NONE);

  world.network.heal('b1', 'b3');
  world.advance(3000);
  expect(world.controller.image.partition(topic, 0)?.isr).toEqual([1, 2, 3]);
  expect(leader.isr).toEqual([1, 2, 3]);
  expect(valuesBelow(world.partition(3, topic))).toEqual(['a']);
});

test('as soon as the leader proposes a new ISR member, acks=all waits for that member', () => {
  const world = new World({ brokers: 2 }).start();
  const topic = world.controller.createTopic('events', [[1, 2]]);
  world.advance(100);
  world.broker(2).kill();
  world.advance(300);
  const leader = world.partition(1, topic);
  expect(leader.isr).toEqual([1]);
  const alone = world.broker(1).produce(topic, 'a');
  expect(alone.value?.errorCode).toBe(ErrorCode.NONE);
  world.broker(2).start();
  for (let i = 0; i < 3000 && leader.isrState.pending === undefined; i++) world.advance(1);
  expect(leader.isrState.pending?.kind).toBe('expand');
  expect(leader.isr).toEqual([1]);
  expect(leader.isrState.maximal).toEqual([1, 2]);
  // Broker 2 is not in the committed ISR yet, but it may be the next leader, so it must have the record.
  world.network.cut('b1', 'b2');
  const next = world.broker(1).produce(topic, 'b');
  world.advance(20);
  expect(next.value).toBeUndefined();
  expect(leader.highWatermark).toBe(1);
});

test('while the ISR is below min.insync.replicas, the leader refuses acks=all and its high watermark stays', () => {
  const world = new World().start();
  const topic = world.controller.createTopic('events', ALL, { 'min.insync.replicas': '2' });
  world.advance(100);
  world.broker(2).kill();
  world.broker(3).kill();
  world.advance(300);
  const leader = world.partition(1, topic);
  expect(leader.isr).toEqual([1]);
  expect(world.broker(1).produce(topic, 'a').value?.errorCode).toBe(ErrorCode.NOT_ENOUGH_REPLICAS);
  expect(leader.log.endOffset).toBe(0);
  expect(world.broker(1).produce(topic, 'b', { acks: 1 }).value?.errorCode).toBe(ErrorCode.NONE);
  world.advance(1000);
  expect(leader.highWatermark).toBe(0);
  world.broker(2).start();
  world.advance(3000);
  expect(leader.isr).toEqual([1, 2]);
  expect(leader.highWatermark).toBe(1);
  const again = world.broker(1).produce(topic, 'c');
  world.advance(50);
  expect(again.value?.errorCode).toBe(ErrorCode.NONE);
});

test('a parked acks=all request times out and its record stays in the log', () => {
  const world = new World().start();
  const topic = world.controller.createTopic('events', ALL);
  world.advance(100);
  world.network.cut('b1', 'b2');
  const parked = world.broker(1).produce(topic, 'a', { timeoutMs: 100 });
  world.advance(99);
  expect(parked.value).toBeUndefined();
  world.advance(2);
  expect(parked.value).toMatchObject({ errorCode: ErrorCode.REQUEST_TIMED_OUT, baseOffset: -1 });
  expect(valuesBelow(world.partition(1, topic))).toEqual(['a']);
});

test('a new leader continues from its own log; the old leader truncates uncommitted records', () => {
  const world = new World().start();
  const topic = world.controller.createTopic('events', ALL);
  world.advance(100);
  const committed = world.broker(1).produce(topic, 'committed');
  world.advance(700);
  expect(committed.value?.errorCode).toBe(ErrorCode.NONE);
  // The isolated old leader appends two more records that no other replica gets.
  world.broker(1).isolate();
  const lost = world.broker(1).produce(topic, 'lost-1');
  world.broker(1).produce(topic, 'lost-2', { acks: 1 });
  world.advance(4000);
  const image = world.controller.image.partition(topic, 0)!;
  expect(image.leader).toBe(2);
  expect(lost.value).toBeUndefined();
  const second = world.broker(2).produce(topic, 'second');
  world.advance(100);
  expect(second.value).toMatchObject({ errorCode: ErrorCode.NONE, baseOffset: 1 });

  world.broker(1).rejoin();
  world.advance(5000);
  expect(lost.value).toMatchObject({
    errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER,
    currentLeader: { leaderId: 2, leaderEpoch: image.leaderEpoch },
  });
  expect(world.controller.image.partition(topic, 0)?.isr).toContain(1);
  const expected = ['committed', 'second'];
  for (const id of [1, 2, 3]) expect(valuesBelow(world.partition(id, topic))).toEqual(expected);
  expect(bytesBelow(world.partition(1, topic), 2)).toEqual(bytesBelow(world.partition(2, topic), 2));
  const events = world.logger.events.map(({ event }) => event);
  expect(events).toContain('replica-truncated');
  expect(events).not.toContain('truncated-below-high-watermark');
});

test('a paused leader that was replaced meanwhile acknowledges nothing when it wakes up', () => {
  const world = new World().start();
  const topic = world.controller.createTopic('events', ALL);
  world.advance(100);
  const stale = world.broker(1);
  stale.freeze();
  world.advance(5000);
  expect(world.controller.image.partition(topic, 0)?.leader).toBe(2);
  // These requests come in the first turn after the broker wakes, before any message arrives.
  const manager = stale.manager;
  expect(manager.holdsLease).toBe(false);
  const one = stale.produce(topic, 'one', { acks: 1 });
  const all = stale.produce(topic, 'all');
  expect(one.value).toBeUndefined();
  stale.thaw();
  world.advance(5000);
  expect(one.value?.errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER);
  expect(all.value?.errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER);
  for (const id of [1, 2, 3]) expect(valuesBelow(world.partition(id, topic))).toEqual([]);
});

test('without a lease, acknowledgements wait until the broker has a lease again', () => {
  const world = new World().start();
  const topic = world.controller.createTopic('events', ALL);
  world.advance(100);
  const leader = world.broker(1);
  leader.cutController();
  world.advance(2000);
  // The lease counts from the moment the broker sent the heartbeat, so it ends before the controller moves
  // the partition.
  const epoch = world.controller.image.broker(1)!.epoch;
  leader.manager.setLease({ brokerEpoch: epoch, validUntilMs: 0 });
  const all = leader.produce(topic, 'all');
  const one = leader.produce(topic, 'one', { acks: 1 });
  const soonOver = leader.produce(topic, 'over', { timeoutMs: 5 });
  world.advance(100);
  expect(world.partition(1, topic).role).toBe('leader');
  expect(world.partition(1, topic).highWatermark).toBe(3);
  expect([all.value, one.value]).toEqual([undefined, undefined]);
  expect(soonOver.value?.errorCode).toBe(ErrorCode.REQUEST_TIMED_OUT);
  leader.manager.setLease({ brokerEpoch: epoch, validUntilMs: world.clock.monotonicMs() + 3000 });
  expect([all.value?.errorCode, one.value?.errorCode]).toEqual([ErrorCode.NONE, ErrorCode.NONE]);
});

test('a retry of an idempotent producer is a duplicate even after failover; its answer waits until the original is replicated', () => {
  const world = new World().start();
  const topic = world.controller.createTopic('events', ALL);
  world.advance(100);
  const batch = { producerId: 7, baseSequence: 0 };
  const first = world.broker(1).produce(topic, 'once', batch);
  world.advance(50);
  expect(first.value?.errorCode).toBe(ErrorCode.NONE);
  world.broker(1).kill();
  world.advance(300);
  const retry = world.broker(2).produce(topic, 'once', batch);
  world.advance(50);
  expect(retry.value).toMatchObject({ errorCode: ErrorCode.NONE, baseOffset: 0 });

  // A retry gets its answer only when the original is replicated.
  world.network.cut('b2', 'b3');
  const original = world.broker(2).produce(topic, 'two', { producerId: 7, baseSequence: 1 });
  const duplicate = world.broker(2).produce(topic, 'two', { producerId: 7, baseSequence: 1 });
  world.advance(50);
  expect([original.value, duplicate.value]).toEqual([undefined, undefined]);
  world.network.heal('b2', 'b3');
  world.advance(100);
  expect(duplicate.value).toMatchObject({ errorCode: ErrorCode.NONE, baseOffset: 1 });
  for (const id of [2, 3]) expect(valuesBelow(world.partition(id, topic))).toEqual(['once', 'two']);
});

test('a leadership move to another live broker takes milliseconds', () => {
  const world = new World().start();
  const topic = world.controller.createTopic('events', ALL);
  const other = world.controller.createTopic('idle', [[2, 1, 3]]);
  world.advance(1000);
  expect(world.partition(3, other).role).toBe('follower');
  world.controller.elect(topic, 0, 2);
  world.advance(5);
  const moved = world.broker(2).produce(topic, 'a');
  // Broker 3 already had a fetch parked at broker 2 for the idle topic. The new partition must not wait for
  // that fetch.
  world.advance(60);
  expect(moved.value?.errorCode).toBe(ErrorCode.NONE);
});

test('a new partition is replicated at once over existing connections, even while follower fetches are parked', () => {
  const world = new World().start();
  world.controller.createTopic('events', ALL);
  world.advance(100);
  const connections = world.network.connectCount;
  for (let round = 0; round < 20; round++) {
    const topic = world.controller.createTopic(`events-${round}`, ALL);
    world.advance(10);
    const sent = world.broker(1).produce(topic, 'a');
    world.advance(20);
    expect(sent.value).toMatchObject({ errorCode: ErrorCode.NONE, baseOffset: 0 });
    // The followers' fetches are parked again before the test creates the next topic.
    world.advance(round);
  }
  expect(world.network.connectCount).toBe(connections);
});

test('deleting a topic answers parked requests and removes the log; the name can be used again', () => {
  const world = new World().start();
  const topic = world.controller.createTopic('events', ALL);
  world.advance(100);
  world.network.cut('b1', 'b2');
  const parked = world.broker(1).produce(topic, 'a');
  world.controller.commit([{ type: 'removeTopic', topicId: topic }]);
  world.advance(20);
  expect(parked.value?.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  for (const id of [1, 2, 3]) expect(world.broker(id).manager.partition(topic, 0)).toBeUndefined();
  expect(world.broker(1).disk.exists('/data/events-0')).toBe(false);
  world.network.heal('b1', 'b2');
  const again = world.controller.createTopic('events', ALL);
  world.advance(50);
  const fresh = world.broker(1).produce(again, 'b');
  world.advance(50);
  expect(fresh.value).toMatchObject({ errorCode: ErrorCode.NONE, baseOffset: 0 });
});

test('if a topic is deleted and created again while a broker is away, the broker does not mix the new topic with the old log', () => {
  const world = new World().start();
  const old = world.controller.createTopic('events', ALL);
  world.controller.createTopic('gone', ALL);
  world.advance(100);
  world.broker(1).produce(old, 'old');
  world.advance(50);
  world.broker(3).kill();
  world.advance(300);
  world.controller.commit([{ type: 'removeTopic', topicId: old }]);
  world.controller.commit([{ type: 'removeTopic', topicId: world.controller.image.topic('gone')!.id }]);
  const fresh = world.controller.createTopic('events', ALL);
  world.advance(50);
  world.broker(1).produce(fresh, 'new', { acks: 1 });
  world.broker(3).start();
  world.advance(3000);
  expect(valuesBelow(world.partition(3, fresh))).toEqual(['new']);
  expect(world.broker(3).disk.exists('/data/gone-0')).toBe(false);
});

test('a restarted broker takes no role from metadata of its earlier incarnation', () => {
  const world = new World().start();
  const topic = world.controller.createTopic('events', ALL);
  world.advance(100);
  world.broker(1).produce(topic, 'a');
  world.advance(50);
  world.broker(1).kill();
  world.broker(1).start();
  // Broker 1 has read the whole metadata log, in which it still leads, but it is not registered.
  world.broker(1).cutController();
  for (const batch of world.controller.log) expect(batch.records.length).toBeGreaterThan(0);
  expect(world.broker(1).manager.partition(topic, 0)?.role ?? 'none').toBe('none');
  const refused = world.broker(1).produce(topic, 'b', { acks: 1 });
  expect(refused.value?.errorCode).not.toBe(ErrorCode.NONE);
  world.broker(1).rejoin();
  world.advance(3000);
  expect(world.partition(1, topic).role).toBe('follower');
  expect(world.controller.image.partition(topic, 0)?.isr).toContain(1);
});

test('with flush.messages=1 an acknowledged record survives a power failure of all brokers', () => {
  const world = new World().start();
  const topic = world.controller.createTopic('events', ALL, { 'flush.messages': '1' });
  world.advance(100);
  const local = world.broker(1).produce(topic, 'local', { acks: 1 });
  expect(local.value).toBeUndefined();
  world.advance(10);
  expect(local.value?.errorCode).toBe(ErrorCode.NONE);
  const all = world.broker(1).produce(topic, 'all');
  while (all.value === undefined) world.advance(1);
  for (const broker of world.brokers) {
    broker.kill();
    broker.disk.losePower();
  }
  world.advance(200);
  for (const broker of world.brokers) broker.start();
  world.advance(5000);
  const leader = world.controller.image.partition(topic, 0)!.leader;
  expect(leader).toBeGreaterThan(0);
  expect(valuesBelow(world.partition(leader, topic))).toEqual(['local', 'all']);
});

test('before a clean stop the ISR gets all batches acknowledged with acks=1; new acks=1 requests wait for the ISR', () => {
  const world = new World({ brokers: 2, config: { replicaLagTimeMaxMs: 30_000 } }).start();
  const topic = world.controller.createTopic('events', [[1, 2]]);
  world.controller.createTopic('alone', [[1]]);
  world.advance(100);
  world.network.cut('b1', 'b2');
  world.advance(20);
  const before = world.broker(1).produce(topic, 'before', { acks: 1 });
  expect(before.value?.errorCode).toBe(ErrorCode.NONE);
  let isPrepared = false;
  world.broker(1).manager.prepareControlledShutdown(10_000, () => {
    isPrepared = true;
  });
  const during = world.broker(1).produce(topic, 'during', { acks: 1 });
  world.advance(300);
  expect(isPrepared).toBe(false);
  expect(during.value).toBeUndefined();
  world.network.heal('b1', 'b2');
  world.advance(1000);
  expect(isPrepared).toBe(true);
  expect(during.value?.errorCode).toBe(ErrorCode.NONE);
  expect(valuesBelow(world.partition(2, topic))).toEqual(['before', 'during']);

  // The leader waits for a missing follower only until the timeout.
  world.network.cut('b1', 'b2');
  world.advance(20);
  world.broker(1).produce(topic, 'late', { acks: 1 });
  let isLate = false;
  world.broker(1).manager.prepareControlledShutdown(200, () => {
    isLate = true;
  });
  world.advance(190);
  expect(isLate).toBe(false);
  world.advance(20);
  expect(isLate).toBe(true);
});

test('deleting a topic while its follower waits for an fsync does not stop the other topics of the same leader', () => {
  const world = new World({ brokers: 2 }).start();
  const synced = world.controller.createTopic('synced', [[1, 2]], { 'flush.messages': '1' });
  const other = world.controller.createTopic('other', [[1, 2]]);
  world.advance(700);
  world.broker(1).produce(synced, 'a');
  for (let i = 0; i < 100 && world.partition(2, synced).onSynced === undefined; i++) world.advance(1);
  expect(world.partition(2, synced).onSynced).toBeDefined();
  world.controller.commit([{ type: 'removeTopic', topicId: synced }]);
  world.advance(20);
  const answer = world.broker(1).produce(other, 'b');
  world.advance(1000);
  expect(answer.value?.errorCode).toBe(ErrorCode.NONE);
});

test('a follower whose log ends below the log start of its leader restarts its log at that offset', () => {
  const world = new World({ brokers: 2 }).start();
  const topic = world.controller.createTopic('events', [[1, 2]]);
  world.advance(100);
  world.broker(2).kill();
  world.advance(300);
  for (const value of ['a', 'b', 'c']) world.broker(1).produce(topic, value);
  world.partition(1, topic).log.advanceStartOffset(2);
  world.broker(2).start();
  world.advance(3000);
  expect(world.partition(2, topic).log.startOffset).toBe(2);
  expect(world.partition(2, topic).log.endOffset).toBe(3);
  expect(world.controller.image.partition(topic, 0)?.isr).toEqual([1, 2]);
});

test('on a full disk only appends fail; they succeed again when there is space', () => {
  const world = new World({ brokers: 1 }).start();
  const topic = world.controller.createTopic('events', [[1]]);
  world.advance(50);
  world.broker(1).produce(topic, 'a');
  world.broker(1).disk.failWrites = 'ENOSPC';
  expect(world.broker(1).produce(topic, 'b').value?.errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR);
  expect(valuesBelow(world.partition(1, topic))).toEqual(['a']);
  world.broker(1).disk.failWrites = undefined;
  expect(world.broker(1).produce(topic, 'c').value?.errorCode).toBe(ErrorCode.NONE);
});

test('a broker that stops cleanly answers parked requests, and knows the high watermark when it starts again', () => {
  const world = new World().start();
  const topic = world.controller.createTopic('events', ALL);
  world.advance(100);
  const acknowledged = world.broker(1).produce(topic, 'a');
  world.advance(1000);
  expect(acknowledged.value?.errorCode).toBe(ErrorCode.NONE);
  world.network.cut('b1', 'b2');
  const parked = world.broker(1).produce(topic, 'b');
  let isClosed = false;
  world.broker(1).manager.close({ clean: true }, () => {
    isClosed = true;
  });
  world.advance(100);
  expect(isClosed).toBe(true);
  expect(parked.value?.errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER);
  world.broker(1).kill();
  world.network.heal('b1', 'b2');
  world.broker(1).start();
  expect(world.broker(1).directory?.cleanShutdownBrokerEpoch).toBeGreaterThanOrEqual(0);
  expect(world.broker(1).directory?.highWatermark('events', 0)).toBe(1);
});

test('a replica that could not be created on a full disk is created when there is space', () => {
  const world = new World().start();
  world.broker(1).disk.failWrites = 'ENOSPC';
  const topic = world.controller.createTopic('events', ALL);
  world.advance(20);
  expect(world.broker(1).produce(topic, 'a').value?.errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR);
  world.broker(1).disk.failWrites = undefined;
  world.advance(world.config.highWatermarkCheckpointIntervalMs + 100);
  const produced = world.broker(1).produce(topic, 'b');
  world.advance(100);
  expect(produced.value).toMatchObject({ errorCode: ErrorCode.NONE, baseOffset: 0 });
  expect(valuesBelow(world.partition(3, topic))).toEqual(['b']);
});

test('a leader that may have been replaced does not send a consumer OFFSET_OUT_OF_RANGE', () => {
  const world = new World().start();
  const topic = world.controller.createTopic('events', ALL);
  world.advance(100);
  const codeAt = (fetchOffset: number) => {
    const request = fetchRequest([{ topicId: topic, fetchOffset }]);
    return fetchFrom(world.broker(1).manager, request).response?.responses?.[0]?.partitions?.[0]?.errorCode;
  };
  expect(codeAt(5)).toBe(ErrorCode.OFFSET_OUT_OF_RANGE);
  world.broker(1).cutController();
  world.advance(4000);
  expect(codeAt(5)).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER);
});
