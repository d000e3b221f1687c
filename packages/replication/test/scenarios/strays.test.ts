/**
 * Goal: a broker deletes a folder only when a record of the metadata log removed its topic. It keeps folders
 * that the metadata does not know. Method: restarts a broker under the same toy controller, and under one
 * that begins with an empty log.
 */
import { DiskError } from '@millrace/base';
import { expect, test } from 'vitest';
import { valuesBelow } from '../support/logs.ts';
import { ToyController } from '../support/toy-controller.ts';
import { World } from '../support/world.ts';

const DATA = '/data';

/** Folders of partitions, renamed or not. */
function folders(world: World): string[] {
  return world
    .broker(1)
    .disk.list(DATA)
    .filter((name) => /-\d+(\.|$)/.test(name));
}

function restart(world: World): void {
  world.broker(1).kill();
  world.advance(200);
  world.broker(1).start();
  world.advance(2000);
}

/** Replaces the controller, as if all controllers had lost their data and formed a new quorum. */
function beginAnew(world: World, history = 'fresh'): void {
  const { onCommit } = world.controller;
  world.controller = new ToyController(history);
  world.controller.onCommit = onCommit;
}

function events(world: World, name: string): unknown[] {
  return world.logger.events.filter(({ event }) => event === name);
}

function single(name = 'events') {
  const world = new World({ brokers: 1 }).start();
  const topic = world.controller.createTopic(name, [[1]]);
  world.advance(20);
  world.broker(1).produce(topic, 'v0');
  world.advance(100);
  return { world, topic };
}

test('a broker deletes the folder of a topic that was deleted while the broker was down', () => {
  const { world, topic } = single();
  world.broker(1).kill();
  world.controller.commit([{ type: 'removeTopic', topicId: topic }]);
  world.broker(1).start();
  world.advance(6000);
  expect(folders(world)).toEqual([]);
  expect(events(world, 'stray-replica-deleted')).toHaveLength(1);
});

test('a broker deletes the folder of a deleted topic even if a new topic has the same name', () => {
  const { world, topic } = single();
  world.broker(1).kill();
  world.controller.commit([{ type: 'removeTopic', topicId: topic }]);
  const again = world.controller.createTopic('events', [[1]]);
  world.broker(1).start();
  world.advance(6000);
  expect(folders(world)).toEqual(['events-0']);
  expect(world.partition(1, again).log.endOffset).toBe(0);
  expect(events(world, 'stray-replica-kept')).toEqual([]);
});

test('a broker that cannot read the topic ids of its folders at start opens the logs later', () => {
  const { world, topic } = single();
  const { disk } = world.broker(1);
  const readFile = disk.readFile.bind(disk);
  disk.readFile = (path) => {
    if (path.endsWith('partition.metadata')) throw new DiskError('EMFILE', `${path}: too many open files`);
    return readFile(path);
  };
  world.broker(1).kill();
  world.advance(200);
  world.broker(1).start();
  disk.readFile = readFile;
  world.advance(2000);
  expect(events(world, 'log-list-failed')).not.toEqual([]);
  expect(valuesBelow(world.partition(1, topic))).toEqual(['v0']);
});

test('a broker deletes the folder of a deleted topic whose log it could not open', () => {
  const { world, topic } = single();
  const { disk } = world.broker(1);
  const open = disk.open.bind(disk);
  disk.open = (path) => {
    if (path.endsWith('.log')) throw new DiskError('EIO', `${path}: input/output error`);
    return open(path);
  };
  restart(world);
  expect(events(world, 'log-open-failed')).not.toEqual([]);
  disk.open = open;
  world.controller.commit([{ type: 'removeTopic', topicId: topic }]);
  world.advance(6000);
  expect(folders(world)).toEqual([]);
  const again = world.controller.createTopic('events', [[1]]);
  world.advance(1000);
  expect(world.partition(1, again).log.endOffset).toBe(0);
  expect(events(world, 'stray-replica-kept')).toEqual([]);
});

test('a broker that could not delete a folder deletes it when a new topic gets the same name', () => {
  const { world, topic } = single();
  const { disk } = world.broker(1);
  const rename = disk.rename.bind(disk);
  disk.rename = (from, to) => {
    if (to.endsWith('-delete')) throw new DiskError('EIO', `${from}: input/output error`);
    rename(from, to);
  };
  world.controller.commit([{ type: 'removeTopic', topicId: topic }]);
  world.advance(1000);
  expect(events(world, 'log-delete-failed')).not.toEqual([]);
  disk.rename = rename;
  const again = world.controller.createTopic('events', [[1]]);
  world.advance(6000);
  expect(folders(world)).toEqual(['events-0']);
  expect(world.partition(1, again).log.endOffset).toBe(0);
  expect(events(world, 'stray-replica-kept')).toEqual([]);
});

test('if a new quorum knows no topic, the broker renames its folders, keeps them and logs that', () => {
  const { world } = single();
  beginAnew(world);
  restart(world);
  const [stray, ...others] = folders(world);
  expect([stray, others]).toEqual([expect.stringMatching(/^events-0\.[0-9a-f]{32}-stray$/), []]);
  expect(world.broker(1).disk.exists(`${DATA}/${stray}/00000000000000000000.log`)).toBe(true);
  expect(events(world, 'stray-replica-kept')).toEqual([
    expect.objectContaining({
      facts: expect.objectContaining({ topic: 'events', partition: 0, folder: stray }),
    }),
  ]);
  // Housekeeping does not touch the stray folder, and the next start counts it.
  world.advance(20_000);
  restart(world);
  expect(folders(world)).toEqual([stray]);
  expect(events(world, 'stray-replicas-found')).toHaveLength(1);
});

test('a later topic with the name of a stray begins empty, and becomes a second stray under the next new quorum', () => {
  const { world } = single();
  beginAnew(world);
  // The new topic exists before the broker is back.
  const second = world.controller.createTopic('events', [[1]]);
  world.controller.commit([{ type: 'removeTopic', topicId: second }]);
  world.controller.createTopic('other', [[1]]);
  const third = world.controller.createTopic('events', [[1]]);
  restart(world);
  expect(valuesBelow(world.partition(1, third))).toEqual([]);
  world.broker(1).produce(third, 'later');
  world.advance(100);
  expect(folders(world).filter((name) => name.startsWith('events'))).toEqual([
    'events-0',
    expect.stringMatching(/^events-0\.[0-9a-f]{32}-stray$/),
  ]);
  beginAnew(world, 'again');
  restart(world);
  expect(folders(world).filter((name) => name.endsWith('-stray'))).toHaveLength(3);
});

test('when the old quorum and the folder name are restored, the broker serves the topic from that folder', () => {
  const { world, topic } = single();
  const { controller } = world;
  beginAnew(world);
  restart(world);
  const [stray] = folders(world);
  // The operator restores the old controllers' disks, and renames the folder.
  world.controller = controller;
  world.broker(1).kill();
  world.broker(1).disk.rename(`${DATA}/${stray}`, `${DATA}/events-0`);
  world.broker(1).start();
  world.advance(2000);
  expect(valuesBelow(world.partition(1, topic))).toEqual(['v0']);
});

test('the name of a stray folder is cut to 255 characters, but keeps the partition number', () => {
  const name = 'x'.repeat(249);
  const { world } = single(name);
  beginAnew(world);
  restart(world);
  const [stray] = folders(world);
  expect(stray).toHaveLength(255);
  expect(stray).toMatch(/^x+-0\.[0-9a-f]{32}-stray$/);
});

test('a folder without a topic id becomes a stray if no partition owns it, and then a stop is clean', () => {
  const { world } = single();
  const gone = world.controller.createTopic('gone', [[1]]);
  world.advance(100);
  const broker = world.broker(1);
  broker.kill();
  broker.disk.remove(`${DATA}/gone-0/partition.metadata`);
  world.controller.commit([{ type: 'removeTopic', topicId: gone }]);
  broker.start();
  world.advance(6000);
  expect(folders(world)).toEqual(['events-0', expect.stringMatching(/^gone-0\..*-stray$/)]);
  expect(events(world, 'folder-without-topic-id-kept')).toHaveLength(1);
  broker.manager.close({ clean: true }, () => {});
  world.advance(500);
  expect(broker.disk.exists(`${DATA}/.kafka_cleanshutdown`)).toBe(true);
});

test('one listing of the folders is enough for all topics that a record batch deletes', () => {
  const world = new World({ brokers: 1 }).start();
  const broker = world.broker(1);
  broker.disk.failWrites = 'ENOSPC';
  const topics = Array.from({ length: 30 }, (_, index) => world.controller.createTopic(`t${index}`, [[1]]));
  world.advance(100);
  const list = broker.disk.list.bind(broker.disk);
  let listings = 0;
  broker.disk.list = (path) => {
    if (path === DATA) listings++;
    return list(path);
  };
  world.controller.commit(topics.map((topicId) => ({ type: 'removeTopic', topicId }) as const));
  world.advance(10);
  expect(listings).toBeLessThan(5);
});
