/**
 * Goal: the number of sessions is limited, and leader and follower agree on the partitions of a session
 * (KIP-227). Method: examples of evictions, and a property that runs the leader's side and the follower's
 * side together.
 */
import { Prng, type Uuid } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FetchSessionHandler, itemKey } from '../../src/following/fetch-session-handler.ts';
import { FetchSessions, type OpenedFetch } from '../../src/serving/fetch-sessions.ts';
import type { FetchItem } from '../../src/types.ts';
import { fetchRequest } from '../support/fetching.ts';

const id = (name: string) => name.padEnd(22, 'A') as Uuid;

function newcomer(sessions: FetchSessions, isFollower: boolean, partitions: number, now: number): number {
  const wanted = Array.from({ length: partitions }, (_, partition) => ({ topicId: id('t'), partition }));
  const opened = sessions.open(fetchRequest(wanted, { sessionEpoch: 0 }), isFollower, now);
  return (opened as OpenedFetch).sessionId;
}

test('when all slots are full, a follower evicts a consumer at once; no other eviction ends a session younger than two minutes', () => {
  const sessions = new FetchSessions(2, new Prng(1));
  const consumer = newcomer(sessions, false, 1, 0);
  const follower = newcomer(sessions, true, 1, 0);
  expect(newcomer(sessions, false, 5, 1000)).toBe(0);
  const displacing = newcomer(sessions, true, 1, 1000);
  expect(displacing).toBeGreaterThan(0);
  expect(sessions.size).toBe(2);
  const incremental = (sessionId: number) =>
    sessions.open(fetchRequest([], { sessionId, sessionEpoch: 1 }), true, 1000);
  expect(incremental(consumer)).toBe(ErrorCode.FETCH_SESSION_ID_NOT_FOUND);
  expect(typeof incremental(follower)).toBe('object');
  expect(newcomer(sessions, true, 9, 2000)).toBe(0);
  // Any session may replace one that was unused for more than two minutes.
  expect(newcomer(sessions, false, 1, 130_000)).toBeGreaterThan(0);
});

test('the number of partitions in all sessions is limited', () => {
  const sessions = new FetchSessions(1000, new Prng(1));
  const named = (count: number) =>
    Array.from({ length: count }, (_, partition) => ({ topicId: id('t'), partition }));
  const open = (count: number, o: Parameters<typeof fetchRequest>[1] = {}) =>
    sessions.open(fetchRequest(named(count), { sessionEpoch: 0, ...o }), false, 0) as OpenedFetch;
  const first = open(200_000);
  expect(first.sessionId).not.toBe(0);
  expect(open(100_000)).toMatchObject({ sessionId: 0, session: undefined });
  expect(open(50_000).sessionId).not.toBe(0);
  // An existing session may not grow beyond the limit either.
  const grown = open(200_001, { sessionId: first.sessionId, sessionEpoch: 1 });
  expect(grown.sessionId).toBe(0);
  expect(sessions.size).toBe(1);
});

test('the session epoch after the largest one is 1', () => {
  const sessions = new FetchSessions(2, new Prng(1));
  const sessionId = newcomer(sessions, false, 1, 0);
  const opened = sessions.open(fetchRequest([], { sessionId, sessionEpoch: 1 }), false, 0) as OpenedFetch;
  opened.session!.nextEpoch = 0x7fffffff;
  sessions.open(fetchRequest([], { sessionId, sessionEpoch: 0x7fffffff }), false, 0);
  expect(opened.session!.nextEpoch).toBe(1);
});

test('the leader reads exactly the partitions that the follower wants', () => {
  const item = fc.record({
    topicId: fc.constantFrom(id('a'), id('b'), id('c')),
    partition: fc.nat(2),
    fetchOffset: fc.nat(3),
    currentLeaderEpoch: fc.nat(1),
  });
  const step = fc.record({
    wanted: fc.array(item, { maxLength: 6 }),
    /** One bit for each item. If the bit is set, the follower drops the item. */
    dropped: fc.nat(511),
    breaks: fc.nat(9).map((n) => n === 0),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), fc.nat(2), (steps, slots) => {
      const sessions = new FetchSessions(slots, new Prng(1));
      const follower = new FetchSessionHandler();
      const items = new Map<string, FetchItem>();
      for (const { wanted, dropped, breaks } of steps) {
        if (breaks) follower.reset();
        for (const key of [...items.keys()].filter((_key, index) => (dropped >> index) & 1)) {
          items.delete(key);
          follower.drop(key);
        }
        for (const partial of wanted) {
          const key = itemKey(partial);
          const rest = { topic: '', lastFetchedEpoch: -1, logStartOffset: 0, partitionMaxBytes: 1 };
          const item = { ...partial, ...rest };
          items.set(key, item);
          follower.want(key, item);
        }
        expect(follower.size).toBe(items.size);
        if (items.size === 0) continue;
        const built = follower.build();
        const request = {
          ...fetchRequest([]),
          ...built,
          version: 17,
        } as unknown as Parameters<FetchSessions['open']>[0];
        const opened = sessions.open(request, true, 0);
        expect(typeof opened).toBe('object');
        const { items: read, sessionId } = opened as OpenedFetch;
        const seen = [...read].map((one) => [itemKey(one), one.fetchOffset, one.currentLeaderEpoch]);
        const asked = [...items].map(([key, one]) => [key, one.fetchOffset, one.currentLeaderEpoch]);
        expect(seen.sort()).toEqual(asked.sort());
        expect(follower.accept({ errorCode: 0, sessionId })).toBe(true);
        expect(sessions.size).toBeLessThanOrEqual(slots);
      }
    }),
  );
});
