/**
 * Goal: no time is lost if a follower learns of an election before the new leader does. Method: delays the
 * leader's metadata, and measures the time from the start of its leadership to the first acknowledgement with
 * acks=all.
 */
import { ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { fetchFrom, fetchRequest, partitionsOf } from '../support/fetching.ts';
import { World } from '../support/world.ts';

const ALL = [[1, 2, 3]];
/** Time for several round trips of about 4 ms each. It is shorter than one backoff of a follower (100 ms). */
const ROUND_TRIPS_MS = 30;

/** How long a producer waits for acks=all once broker 1 leads. */
function waitForAckMs(world: World, topic: ReturnType<World['controller']['createTopic']>): number {
  const { manager } = world.broker(1);
  while (manager.partition(topic, 0)?.role !== 'leader') world.advance(1);
  const answer = world.broker(1).produce(topic, 'v');
  const since = world.clock.monotonicMs();
  while (answer.value === undefined) world.advance(1);
  expect(answer.value.errorCode).toBe(ErrorCode.NONE);
  return world.clock.monotonicMs() - since;
}

test.each([20, 50, 90, 300, 700])('the followers know a new topic %i ms before its leader', (delayMs) => {
  const world = new World().start();
  world.controller.createTopic('other', ALL);
  world.advance(500);
  world.broker(1).metadataDelayMs = delayMs;
  const topic = world.controller.createTopic('events', ALL);
  expect(waitForAckMs(world, topic)).toBeLessThan(ROUND_TRIPS_MS);
});

test.each([20, 50, 90, 300, 700])('the followers know an election %i ms before the new leader', (delayMs) => {
  const world = new World().start();
  const topic = world.controller.createTopic('events', [[2, 1, 3]]);
  world.advance(500);
  world.broker(1).metadataDelayMs = delayMs;
  world.controller.elect(topic, 0, 1);
  expect(waitForAckMs(world, topic)).toBeLessThan(ROUND_TRIPS_MS);
});

test('a leader whose metadata is old still acknowledges records of its other partitions', () => {
  const world = new World().start();
  const other = world.controller.createTopic('other', ALL);
  world.advance(500);
  world.broker(1).metadataDelayMs = 400;
  world.controller.createTopic('events', ALL);
  world.advance(100);
  const answer = world.broker(1).produce(other, 'v');
  world.advance(ROUND_TRIPS_MS);
  expect(answer.value?.errorCode).toBe(ErrorCode.NONE);
});

test('a leader whose metadata stays old sends a follower the error after the wait, and a consumer at once', () => {
  const world = new World().start();
  const topic = world.controller.createTopic('events', ALL);
  world.advance(500);
  const { manager } = world.broker(1);
  const wanted = [{ topicId: topic, currentLeaderEpoch: 5 }];
  const replica = { replicaId: 2, replicaEpoch: world.controller.image.broker(2)!.epoch };
  const consumer = fetchFrom(manager, fetchRequest(wanted, { maxWaitMs: 200 }));
  expect(errors(consumer.response)).toEqual([ErrorCode.UNKNOWN_LEADER_EPOCH]);
  const follower = fetchFrom(manager, fetchRequest(wanted, { maxWaitMs: 200, replica }));
  expect(follower.response).toBeUndefined();
  world.advance(201);
  expect(errors(follower.response)).toEqual([ErrorCode.UNKNOWN_LEADER_EPOCH]);
  const impatient = fetchFrom(manager, fetchRequest(wanted, { maxWaitMs: 0, replica }));
  expect(errors(impatient.response)).toEqual([ErrorCode.UNKNOWN_LEADER_EPOCH]);
});

function errors(response: Parameters<typeof partitionsOf>[0]): unknown[] {
  return partitionsOf(response).map(({ errorCode }) => errorCode);
}
