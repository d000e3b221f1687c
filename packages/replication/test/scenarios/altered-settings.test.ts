/**
 * Goal: an altered config of a topic acts on open partitions, without a restart. Method: alters configs in
 * the metadata of a small cluster, and looks at what its replicas then do.
 */
import type { MetadataRecord } from '@millrace/metadata';
import { ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { World } from '../support/world.ts';

function config(name: string, value: string | undefined): MetadataRecord {
  return { type: 'config', resourceType: 'topic', resourceName: 'events', name, value };
}

function withTopic() {
  const world = new World({ brokers: 2 }).start();
  const topic = world.controller.createTopic('events', [[1, 2]]);
  world.advance(100);
  return { world, topic, partition: world.partition(1, topic) };
}

test.each([
  ['segment.bytes', '2097152'],
  ['segment.ms', '5000'],
  ['segment.jitter.ms', '7'],
  ['segment.index.bytes', '4096'],
  ['index.interval.bytes', '1'],
  ['preallocate', 'true'],
  ['flush.messages', '1'],
  ['flush.ms', '50'],
  ['max.message.bytes', '100'],
  ['compression.type', 'zstd'],
  ['cleanup.policy', 'compact'],
  ['min.cleanable.dirty.ratio', '0.25'],
  ['min.compaction.lag.ms', '7'],
  ['max.compaction.lag.ms', '7000'],
  ['delete.retention.ms', '7'],
  ['message.timestamp.type', 'LogAppendTime'],
  ['message.timestamp.before.max.ms', '1'],
  ['message.timestamp.after.max.ms', '1'],
  ['min.insync.replicas', '2'],
])('%s reaches an open partition, and its reset does, too', (name, value) => {
  const { world, partition } = withTopic();
  const settings = () => ({ ...partition.log.config, ...partition.settings });
  const before = settings();
  world.controller.commit([config(name, value)]);
  world.advance(5);
  expect(settings()).not.toEqual(before);
  world.controller.commit([config(name, undefined)]);
  world.advance(5);
  expect(settings()).toEqual(before);
});

test.each([
  ['message.timestamp.type', 'LogAppendTime'],
  ['compression.type', 'zstd'],
  ['cleanup.policy', 'compact'],
  ['preallocate', 'TRUE'],
  ['flush.messages', '1'],
  ['min.insync.replicas', '2'],
])('%s acts with blanks around its value, too', (name, value) => {
  const { world, partition } = withTopic();
  const settingsWith = (text: string) => {
    world.controller.commit([config(name, text)]);
    world.advance(5);
    return { ...partition.log.config, ...partition.settings };
  };
  const plain = settingsWith(value);
  expect(settingsWith(` ${value} `)).toEqual(plain);
});

test('a setting of all brokers, or of one, reaches the open partitions that do not set it', () => {
  const { world, partition } = withTopic();
  const of = (broker: string, name: string, value?: string) =>
    world.controller.commit([{ type: 'config', resourceType: 'broker', resourceName: broker, name, value }]);
  of('', 'message.max.bytes', '100');
  of('', 'producer.id.expiration.ms', '5');
  of('2', 'message.max.bytes', '200');
  world.advance(5);
  const seen = (id: number) => {
    const { maxMessageBytes, producerIdExpirationMs } = world.partition(id, partition.topicId).log.config;
    return [maxMessageBytes, producerIdExpirationMs];
  };
  expect([seen(1), seen(2)]).toEqual([
    [100, 5],
    [200, 5],
  ]);
  world.controller.commit([config('max.message.bytes', '300')]);
  of('', 'producer.id.expiration.ms');
  world.advance(5);
  expect([seen(1), seen(2)]).toEqual([
    [300, world.config.producerIdExpirationMs],
    [300, world.config.producerIdExpirationMs],
  ]);
});

test('the next batch is judged by the new max.message.bytes', () => {
  const { world, topic } = withTopic();
  const produce = () => {
    const answer = world.broker(1).produce(topic, 'x'.repeat(500));
    world.advance(50);
    return answer.value?.errorCode;
  };
  world.controller.commit([config('max.message.bytes', '100')]);
  world.advance(5);
  expect(produce()).toBe(ErrorCode.MESSAGE_TOO_LARGE);
  world.controller.commit([config('max.message.bytes', '10000')]);
  world.advance(5);
  expect(produce()).toBe(ErrorCode.NONE);
});

test('the leader acknowledges a parked batch when a lower min.insync.replicas allows it', () => {
  const { world, topic, partition } = withTopic();
  world.controller.commit([config('min.insync.replicas', '2')]);
  world.advance(5);
  world.broker(2).cutController();
  world.broker(2).freeze();
  const parked = world.broker(1).produce(topic, 'v');
  while (partition.isr.length > 1) world.advance(10);
  expect([parked.value, partition.highWatermark]).toEqual([undefined, 0]);
  expect(world.broker(1).produce(topic, 'w').value?.errorCode).toBe(ErrorCode.NOT_ENOUGH_REPLICAS);
  world.controller.commit([config('min.insync.replicas', '1')]);
  world.advance(5);
  expect([parked.value?.errorCode, partition.highWatermark]).toEqual([ErrorCode.NONE, 1]);
});

// Each commit below is one batch of the metadata log, so each broker gets all records of a commit in one
// delta.
test('a leader learns of its successor and of a lower min.insync.replicas in one delta, and acknowledges nothing', () => {
  const { world, topic, partition } = withTopic();
  world.controller.commit([config('min.insync.replicas', '2')]);
  world.advance(5);
  world.broker(2).cutController();
  world.broker(2).freeze();
  const parked = world.broker(1).produce(topic, 'lost');
  while (partition.isr.length > 1) world.advance(10);
  world.controller.commit([
    { type: 'partitionChange', topicId: topic, partition: 0, leader: 2, isr: [2] },
    config('min.insync.replicas', '1'),
  ]);
  world.advance(5);
  expect([parked.value?.errorCode, partition.highWatermark]).toEqual([ErrorCode.NOT_LEADER_OR_FOLLOWER, 0]);
});

test('a smaller ISR counts for a leader only with the min.insync.replicas of the same delta', () => {
  const { world, topic, partition } = withTopic();
  world.broker(2).freeze();
  const parked = world.broker(1).produce(topic, 'v');
  world.controller.commit([
    { type: 'partitionChange', topicId: topic, partition: 0, isr: [1] },
    config('min.insync.replicas', '2'),
  ]);
  world.advance(5);
  expect(partition.isr).toEqual([1]);
  expect([parked.value, partition.highWatermark]).toEqual([undefined, 0]);
});

test('a replica takes a config that changed while the registration of its broker was in doubt', () => {
  const { world, partition } = withTopic();
  const { manager } = world.broker(1);
  manager.setLease({ brokerEpoch: manager.brokerEpoch + 1_000_000, validUntilMs: 0 });
  expect(partition.role).toBe('none');
  world.controller.commit([config('max.message.bytes', '100')]);
  while (partition.role === 'none') world.advance(5);
  expect(partition.log.config.maxMessageBytes).toBe(100);
});
