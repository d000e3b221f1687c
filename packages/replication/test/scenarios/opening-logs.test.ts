/**
 * Goal: a broker whose logs open over several turns takes no part before, answers with retriable errors, and
 * follows the metadata that arrived meanwhile. Method: a broker that was killed, whose turns have no work to
 * spend, so that jobs check every batch. The test runs the jobs by hand.
 */
import { DiskError, type Uuid } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { CREATIONS_PER_TURN } from '../../src/log-openings.ts';
import { valuesBelow } from '../support/logs.ts';
import { World } from '../support/world.ts';

/** One broker that was killed after three batches. Its logs have more bytes than one turn may check. */
function killed(): { readonly world: World; readonly topic: Uuid } {
  const world = new World({ brokers: 1, config: { loopWorkMax: 150 } }).start();
  const topic = world.controller.createTopic('events', [[1]]);
  world.advance(20);
  for (const value of ['v0', 'v1', 'v2']) {
    world.broker(1).produce(topic, value);
    world.broker(1).jobs.finishAll();
    world.advance(20);
  }
  world.broker(1).kill();
  world.advance(200);
  return { world, topic };
}

/** Lets the broker find the logs only after its registration, because it cannot list them at start. */
function startWithoutList(world: World): void {
  const { disk } = world.broker(1);
  const readFile = disk.readFile.bind(disk);
  disk.readFile = (path) => {
    if (path.endsWith('partition.metadata')) throw new DiskError('EMFILE', `${path}: too many open files`);
    return readFile(path);
  };
  world.broker(1).start();
  disk.readFile = readFile;
  world.advance(500);
}

function folders(world: World): string[] {
  return world
    .broker(1)
    .disk.list('/data')
    .filter((name) => /-\d+(\.|$)/.test(name));
}

test('a broker takes no role before its logs are open', () => {
  const { world, topic } = killed();
  const broker = world.broker(1);
  broker.start();
  world.advance(500);
  expect(broker.manager.logsToOpen).toBe(1);
  expect(broker.jobs.waiting.map(({ name }) => name)).toEqual(['check-batches']);
  expect(broker.manager.brokerEpoch).toBe(-1);
  broker.jobs.finishAll();
  world.advance(1000);
  expect(broker.manager.logsToOpen).toBe(0);
  expect(valuesBelow(world.partition(1, topic))).toEqual(['v0', 'v1', 'v2']);
});

test('a broker that stops while its logs open calls nothing later', () => {
  const { world } = killed();
  const broker = world.broker(1);
  broker.start();
  world.advance(100);
  let isClosed = false;
  broker.manager.close({ clean: true }, () => {
    isClosed = true;
  });
  world.advance(100);
  expect(isClosed).toBe(true);
  expect(broker.jobs.waiting).toEqual([]);
  expect(broker.disk.exists('/data/.kafka_cleanshutdown')).toBe(false);
  world.advance(1000);
  expect(broker.manager.brokerEpoch).toBe(-1);
});

test('while a log opens after the registration, clients get NOT_LEADER_OR_FOLLOWER', () => {
  const { world, topic } = killed();
  const broker = world.broker(1);
  startWithoutList(world);
  expect(broker.directory?.cleanShutdownBrokerEpoch).toBeUndefined();
  expect(broker.manager.logsToOpen).toBe(1);
  expect(world.partition(1, topic)).toBeUndefined();
  expect(broker.produce(topic, 'early').value?.errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER);
  // Metadata changes of the partition wait until the log is open.
  world.controller.elect(topic, 0, 1);
  world.advance(50);
  broker.jobs.finishAll();
  world.advance(1000);
  const partition = world.partition(1, topic);
  expect([partition.role, partition.leaderEpoch]).toEqual([
    'leader',
    world.controller.image.partition(topic, 0)?.leaderEpoch,
  ]);
  expect(valuesBelow(partition)).toEqual(['v0', 'v1', 'v2']);
});

test('a topic that is deleted while its log opens leaves no folder', () => {
  const { world, topic } = killed();
  const broker = world.broker(1);
  startWithoutList(world);
  expect(broker.manager.logsToOpen).toBe(1);
  world.controller.commit([{ type: 'removeTopic', topicId: topic }]);
  world.advance(100);
  expect(broker.manager.logsToOpen).toBe(0);
  broker.jobs.finishAll();
  world.advance(30_000);
  expect(folders(world)).toEqual([]);
});

test('a broker tries a log that fails to open again only from time to time, and never waits in one turn', () => {
  const { world, topic } = killed();
  const broker = world.broker(1);
  const open = broker.disk.open.bind(broker.disk);
  broker.disk.open = (path) => {
    if (path.endsWith('.timeindex')) throw new DiskError('EMFILE', `${path}: too many open files`);
    return open(path);
  };
  broker.start();
  broker.jobs.finishAll();
  world.advance(1000);
  const failures = () => world.logger.events.filter(({ event }) => event === 'log-open-failed').length;
  const before = failures();
  expect(before).toBeGreaterThan(0);
  expect(broker.produce(topic, 'early').value?.errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR);
  world.advance(20_000);
  expect(failures() - before).toBeLessThanOrEqual(5);
  broker.disk.open = open;
  for (let i = 0; i < 5; i++) {
    world.advance(10_000);
    broker.jobs.finishAll();
  }
  expect(valuesBelow(world.partition(1, topic))).toEqual(['v0', 'v1', 'v2']);
});

test('a topic with very many partitions is created over several turns, and then replicates every partition', () => {
  const world = new World({ brokers: 2 }).start();
  world.advance(20);
  const many = 3 * CREATIONS_PER_TURN;
  const { manager } = world.broker(1);
  const publish = manager.publish.bind(manager);
  const left: number[] = [];
  manager.publish = (delta) => {
    publish(delta);
    left.push(manager.logsToOpen);
  };
  const topic = world.controller.createTopic(
    'events',
    Array.from({ length: many }, () => [1, 2]),
  );
  world.advance(20);
  expect(left).toContain(many - CREATIONS_PER_TURN);
  expect(manager.logsToOpen).toBe(0);
  world.advance(500);
  for (const index of [0, many - 1]) {
    const leader = world.partition(1, topic, index).leadership === undefined ? 2 : 1;
    const answer = world.broker(leader).produce(topic, `v${index}`, { partition: index, acks: -1 });
    world.advance(200);
    expect(answer.value).toMatchObject({ errorCode: ErrorCode.NONE });
    expect(valuesBelow(world.partition(3 - leader, topic, index))).toEqual([`v${index}`]);
  }
});
