/** Goal: old metadata do not move a client back to an earlier leader or to a deleted topic. */
import type { Uuid } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { KnownTopics } from '../../src/index.ts';
import { OTHER_ID, TOPIC_ID, type Told, topicOf } from '../support/metadata.ts';

function learned(...told: Told[]): KnownTopics {
  const topics = new KnownTopics();
  for (const one of told) topics.learn(topicOf(one));
  return topics;
}

test('a broker that lags behind does not bring an older leader epoch back', () => {
  const topics = learned({ leaderId: 5, leaderEpoch: 7 }, { leaderId: 4, leaderEpoch: 6 });
  expect(topics.partition('events', 0)).toEqual({ leaderId: 5, leaderEpoch: 7 });
});

test('a partition may lose its leader in the same leader epoch', () => {
  const topics = learned({ leaderId: 5, leaderEpoch: 7 }, { leaderId: -1, leaderEpoch: 7 });
  expect(topics.partition('events', 0)).toEqual({ leaderId: -1, leaderEpoch: 7 });
});

test('a topic with another id starts with its own leader epochs, and the old id is forgotten', () => {
  const topics = learned({ leaderId: 5, leaderEpoch: 7 }, { leaderId: 4, leaderEpoch: 0, topicId: OTHER_ID });
  expect(topics.partition('events', 0)).toEqual({ leaderId: 4, leaderEpoch: 0 });
  expect(topics.withId(OTHER_ID)?.name).toBe('events');
  expect(topics.withId(TOPIC_ID)).toBeUndefined();
});

test('a broker that lags behind does not bring back a deleted topic whose name another topic has', () => {
  const topics = learned({ leaderId: 5, leaderEpoch: 7 }, { leaderId: 4, leaderEpoch: 0, topicId: OTHER_ID });
  expect(topics.learn(topicOf({ leaderId: 5, leaderEpoch: 8 }))).toBe(false);
  expect(topics.get('events')?.topicId).toBe(OTHER_ID);
  expect(topics.withId(TOPIC_ID)).toBeUndefined();
});

test('an earlier topic of the same name comes back at once if the client asked for its id', () => {
  const topics = learned({ leaderId: 4, leaderEpoch: 0, topicId: OTHER_ID }, { leaderId: 5, leaderEpoch: 7 });
  expect(topics.learn(topicOf({ topicId: OTHER_ID }), true)).toBe(true);
  expect(topics.get('events')?.topicId).toBe(OTHER_ID);
  expect(topics.learn(topicOf({ leaderId: 5, leaderEpoch: 8 }))).toBe(false);
});

test('a client that met the new topic before the deleted one returns to the new topic when every answer names it', () => {
  const created = { leaderId: 4, leaderEpoch: 0, topicId: OTHER_ID };
  const deleted = { leaderId: 5, leaderEpoch: 7 };
  // The second answer comes from a broker that lags behind.
  const topics = learned(created, deleted);
  for (let answers = 0; answers < 300; answers++) topics.learn(topicOf(created));
  expect(topics.get('events')?.topicId).toBe(TOPIC_ID);
  expect(topics.learn(topicOf(created))).toBe(true);
  expect(topics.get('events')?.topicId).toBe(OTHER_ID);
  // One answer about the topic that the client knows begins the count again.
  for (let answers = 0; answers < 700; answers++)
    topics.learn(topicOf(answers % 300 === 0 ? created : deleted));
  expect(topics.get('events')?.topicId).toBe(OTHER_ID);
});

test('a hint counts only with a newer epoch, and only for a known partition', () => {
  const topics = learned({ leaderId: 5, leaderEpoch: 7 });
  topics.hint(TOPIC_ID, 0, 6, 7);
  expect(topics.partition('events', 0)?.leaderId).toBe(5);
  topics.hint(TOPIC_ID, 0, 6, 8);
  expect(topics.partition('events', 0)).toEqual({ leaderId: 6, leaderEpoch: 8 });
  topics.hint(TOPIC_ID, 3, 6, 8);
  topics.hint(OTHER_ID, 0, 6, 8);
  expect(topics.partition('events', 3)).toBeUndefined();
});

test('a hint about a deleted topic of the name, or without a topic id, does not count', () => {
  const topics = learned({ leaderId: 5, leaderEpoch: 7 }, { leaderId: 4, leaderEpoch: 0, topicId: OTHER_ID });
  topics.hint(TOPIC_ID, 0, 5, 8);
  topics.hint('AAAAAAAAAAAAAAAAAAAAAA' as Uuid, 0, 5, 8);
  expect(topics.partition('events', 0)).toEqual({ leaderId: 4, leaderEpoch: 0 });
  // If such a hint counted, the client would refuse these metadata.
  topics.learn(topicOf({ leaderId: 6, leaderEpoch: 1, topicId: OTHER_ID }));
  expect(topics.partition('events', 0)).toEqual({ leaderId: 6, leaderEpoch: 1 });
});

test('metadata are incomplete while a topic has an error, or a partition has no leader', () => {
  const topics = new KnownTopics();
  const learn = (told: Told) => topics.learn(topicOf(told));
  expect(learn({ errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION })).toBe(false);
  expect(topics.has('events')).toBe(false);
  expect(learn({ leaderId: -1 })).toBe(false);
  expect(learn({ leaderId: 4 })).toBe(true);
});
