/**
 * Goal: if a member of the ISR has a working disk, the partition gets a leader whose disk works. Method:
 * disks of whole replica managers refuse writes, under a toy controller.
 */
import { DiskError } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { valuesBelow } from '../support/logs.ts';
import { World } from '../support/world.ts';

/** All three replicas have the record `v0`; broker 1 leads. */
function cluster(replicas: number[] = [1, 2, 3]) {
  const world = new World().start();
  const topic = world.controller.createTopic('events', [replicas]);
  world.advance(20);
  world.broker(1).produce(topic, 'v0');
  world.advance(1000);
  return { world, topic };
}

/** Makes broker 1 fail to create the folders of this topic's partitions. */
function failFoldersOf(world: World, topic: string): void {
  const { disk } = world.broker(1);
  const makeDirectory = disk.makeDirectory.bind(disk);
  disk.makeDirectory = (path) => {
    if (path.includes(topic)) throw new DiskError('EIO', `${path}: input/output error`);
    return makeDirectory(path);
  };
}

test('a leader whose log went offline hands over its leadership within a second, and leaves the ISR', () => {
  const { world, topic } = cluster();
  world.partition(1, topic).log.health.offline = 'EIO: a sync failed';
  world.partition(1, topic).noticeOffline();
  const parked = world.broker(1).produce(topic, 'too late');
  expect(parked.value?.errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR);
  world.advance(1000);
  const state = world.controller.image.partition(topic, 0)!;
  expect(state).toMatchObject({ leader: 2, isr: [2, 3] });
  const answer = world.broker(2).produce(topic, 'v1');
  world.advance(1000);
  expect(answer.value?.errorCode).toBe(ErrorCode.NONE);
  expect(valuesBelow(world.partition(3, topic))).toEqual(['v0', 'v1']);
});

test('a follower whose log went offline leaves the ISR, so that acknowledgements do not wait for it', () => {
  const { world, topic } = cluster();
  world.partition(3, topic).log.health.offline = 'EIO: a sync failed';
  world.partition(3, topic).noticeOffline();
  world.advance(500);
  expect(world.controller.image.partition(topic, 0)!.isr).toEqual([1, 2]);
  const answer = world.broker(1).produce(topic, 'v1');
  world.advance(500);
  expect(answer.value?.errorCode).toBe(ErrorCode.NONE);
});

test('a follower whose log cannot sync a full segment leaves the ISR, even if the leader has nothing new', () => {
  const { world, topic } = cluster();
  const { log } = world.partition(3, topic);
  log.setConfig({ ...log.config, segmentBytes: 100 });
  const { disk } = world.broker(3);
  // The sync fails only after the follower got the high watermark in a fetch response.
  disk.syncFolder = (path, done) => world.clock.setTimer(700, () => done(new DiskError('EIO', path)));
  world.broker(1).produce(topic, 'v1');
  world.advance(2000);
  expect(log.segmentCount).toBe(2);
  expect(world.controller.image.partition(topic, 0)!.isr).toEqual([1, 2]);
});

test('an append that a read-only file system refuses takes the replica offline; a full disk does not', () => {
  const { world, topic } = cluster();
  const { disk } = world.broker(1);
  disk.failWrites = 'ENOSPC';
  expect(world.broker(1).produce(topic, 'a').value?.errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR);
  world.advance(1000);
  expect(world.controller.image.partition(topic, 0)!.leader).toBe(1);
  disk.failWrites = 'EROFS';
  world.broker(1).produce(topic, 'b');
  disk.failWrites = undefined;
  world.advance(1000);
  expect(world.controller.image.partition(topic, 0)!).toMatchObject({ leader: 2, isr: [2, 3] });
});

test('an offline leader that is the last ISR member repeats its request until another member joins and leads', () => {
  const { world, topic } = cluster();
  for (const id of [2, 3]) {
    world.broker(id).kill();
    world.controller.fence(id);
  }
  world.advance(1000);
  world.partition(1, topic).log.health.offline = 'EIO: a sync failed';
  world.partition(1, topic).noticeOffline();
  world.advance(3000);
  expect(world.controller.image.partition(topic, 0)!).toMatchObject({ leader: 1, isr: [1] });
  // The test puts broker 2 back into the ISR, although it may lack records.
  world.broker(2).start();
  world.advance(1000);
  world.controller.commit([{ type: 'partitionChange', topicId: topic, partition: 0, isr: [1, 2] }]);
  world.advance(2000);
  expect(world.controller.image.partition(topic, 0)!).toMatchObject({ leader: 2, isr: [2] });
});

test('a broker that cannot open a log hands over its leadership, and the other replicas do not wait for it', () => {
  const { world } = cluster();
  failFoldersOf(world, 'orders');
  const orders = world.controller.createTopic('orders', [[1, 2, 3]]);
  world.advance(1000);
  expect(world.controller.image.partition(orders, 0)!).toMatchObject({ leader: 2, isr: [2, 3] });
  const answer = world.broker(2).produce(orders, 'v');
  world.advance(500);
  expect(answer.value?.errorCode).toBe(ErrorCode.NONE);
});

test('when a topic whose log cannot be opened is deleted, the broker stops sending requests about it', () => {
  const { world } = cluster();
  failFoldersOf(world, 'orders');
  // Broker 1 has the only replica. The controller keeps the last ISR member, so the broker asks again.
  const orders = world.controller.createTopic('orders', [[1]]);
  const asked: string[] = [];
  const alterPartition = world.controller.alterPartition.bind(world.controller);
  world.controller.alterPartition = (request) => {
    for (const { topicId } of request.partitions) asked.push(topicId);
    return alterPartition(request);
  };
  world.advance(3000);
  expect(asked).toContain(orders);
  expect(world.broker(1).produce(orders, 'v').value?.errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR);
  world.controller.commit([{ type: 'removeTopic', topicId: orders }]);
  world.advance(1000);
  asked.length = 0;
  world.advance(5000);
  expect(asked).toEqual([]);
});

test('a broker logs the failure and ends if its data folder refuses all writes, but not after one failed write', () => {
  const { world, topic } = cluster();
  const { disk } = world.broker(1);
  disk.failWrites = 'EROFS';
  world.advance(4100);
  expect(world.logger.events.some(({ event }) => event === 'log-directory-probe-failed')).toBe(true);
  disk.failWrites = undefined;
  world.advance(5000);
  expect(world.broker(1).endReason).toBeUndefined();
  disk.failWrites = 'EROFS';
  world.advance(7000);
  expect(world.broker(1).endReason).toMatch('write refused');
  expect(world.controller.image.partition(topic, 0)!).toMatchObject({ leader: 2, isr: [2, 3] });
});

test('a broker whose data folder is gone ends, too', () => {
  const { world } = cluster();
  world.broker(2).disk.remove('/data/meta.properties');
  world.advance(7000);
  expect(world.broker(2).endReason).toMatch('no such file');
});

/** The topic ids in the fetch of broker `id` that broker 1 has parked. */
function askedBy(world: World, id: number): string[] {
  const parked = [...world.broker(1).manager.fetches.parked];
  return parked
    .filter(({ reader }) => reader.replicaId === id)
    .flatMap(({ asked }) => [...asked].map((item) => item.topicId));
}

test('an offline replica outside the ISR is not in the next fetch: the leader would count it as caught up', () => {
  const { world, topic } = cluster();
  const healthy = world.controller.createTopic('healthy', [[1, 2, 3]]);
  world.advance(1000);
  expect(askedBy(world, 3).sort()).toEqual([topic, healthy].sort());
  // Broker 3 is outside the ISR, so it sends the controller nothing, and the metadata does not change.
  world.controller.commit([{ type: 'partitionChange', topicId: topic, partition: 0, isr: [1, 2] }]);
  world.advance(100);
  world.partition(3, topic).log.health.offline = 'EIO: a sync failed';
  world.partition(3, topic).noticeOffline();
  world.advance(1000);
  expect(askedBy(world, 3)).toEqual([healthy]);
  expect(world.controller.image.partition(topic, 0)!.isr).toEqual([1, 2]);
  expect(askedBy(world, 2).sort()).toEqual([topic, healthy].sort());
});
