/**
 * Goal: a client finds the cluster, follows it, and does not flood it. Method: brokers played by hand, and a
 * clock that the test moves.
 */
import type { Uuid } from '@millrace/base';
import { apis, ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { metadataOf, OTHER_ID, TOPIC_ID } from '../support/metadata.ts';
import { PlayedCluster } from '../support/played-cluster.ts';

test('the view learns the brokers, topics and leaders from the bootstrap server', () => {
  const { view, changes } = PlayedCluster.started({ leaderId: 5, leaderEpoch: 3 });
  expect(view.brokerIds).toEqual([4, 5, 6]);
  expect(view.partition('events', 0)).toEqual({ leaderId: 5, leaderEpoch: 3 });
  expect(view.topics.get('events')?.partitions).toHaveLength(1);
  expect(changes).toBe(2);
});

test('the view opens one connection to a broker, when a caller first needs it', () => {
  const client = PlayedCluster.started();
  const { view, net } = client;
  expect(view.connectionTo(99)).toBeUndefined();
  expect(view.connectionTo(5)).toBeUndefined();
  expect(view.connectionTo(5)).toBeUndefined();
  expect(net.ends.map(({ address }) => address.port)).toEqual([1, 5]);
  client.ready(net.to(5));
  expect(view.connectionTo(5)?.isReady).toBe(true);
});

test('complete metadata: the client asks again when they are old', () => {
  const { clock, server } = PlayedCluster.started();
  clock.advance(4_999);
  expect(server.waiting).toEqual([]);
  clock.advance(1);
  expect(server.waiting).toEqual(['Metadata']);
});

test('incomplete metadata: the client asks again after the backoff', () => {
  const { clock, server, view } = PlayedCluster.started({ errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION });
  expect(view.topics.has('events')).toBe(false);
  clock.advance(99);
  expect(server.waiting).toEqual([]);
  clock.advance(1);
  server.answer(apis.metadata, metadataOf({ leaderId: -1 }));
  clock.advance(100);
  server.answer(apis.metadata, metadataOf());
  clock.advance(1_000);
  expect(server.waiting).toEqual([]);
});

test('many refreshes become one request, and the view sends no other while that one is under way', () => {
  const { clock, server, view } = PlayedCluster.started();
  for (let i = 0; i < 1_000; i++) view.refresh();
  clock.advance(50);
  expect(server.waiting).toEqual(['Metadata']);
  for (let i = 0; i < 1_000; i++) view.refresh();
  clock.advance(500);
  expect(server.waiting).toEqual(['Metadata']);
});

test('the view connects at most once in each backoff to a broker that refuses connections', () => {
  const client = new PlayedCluster();
  const { net, clock, view } = client;
  view.start();
  for (let ms = 0; ms < 2_000; ms++) {
    clock.advance(1);
    view.anyConnection();
    for (const end of net.ends) end.breaks('connect ECONNREFUSED');
  }
  expect(net.ends.length).toBeGreaterThan(10);
  expect(net.ends.length).toBeLessThanOrEqual(21);
});

test('when a connection closes, the view asks another broker for metadata', () => {
  const client = PlayedCluster.started();
  const { net, clock, server, view } = client;
  view.connectionTo(5);
  const other = client.ready(net.to(5));
  server.breaks();
  expect(view.anyConnection()).toBe(view.connectionTo(5));
  clock.advance(50);
  expect(other.waiting).toEqual(['Metadata']);
});

test('a broker does not answer: the client asks the next server', () => {
  const client = new PlayedCluster({ bootstrap: [1, 2].map((port) => ({ host: 'boot', port })) });
  const { net, clock, view } = client;
  view.start();
  clock.advance(0);
  client.ready(net.last);
  clock.advance(100);
  expect(net.last.waiting).toEqual(['Metadata']);
  clock.advance(1_300);
  const [first, second] = net.ends.map(({ address }) => address.port);
  expect([first, second].sort()).toEqual([1, 2]);
});

test('the view ignores an older leader epoch in an answer, and accepts a hint with a newer one', () => {
  const { clock, server, view } = PlayedCluster.started({ leaderId: 5, leaderEpoch: 3 });
  view.hint(TOPIC_ID, 0, 6, 4);
  view.refresh();
  clock.advance(50);
  server.answer(apis.metadata, metadataOf({ leaderId: 5, leaderEpoch: 3 }));
  expect(view.partition('events', 0)).toEqual({ leaderId: 6, leaderEpoch: 4 });
});

test('after close the view sends no request, opens no connection, and does not call its owner', () => {
  const client = PlayedCluster.started();
  const { net, clock, server, view } = client;
  const before = client.changes;
  view.refresh();
  view.close();
  // The connection is still open, but closing.
  expect(view.anyConnection()).toBeUndefined();
  clock.advance(60_000);
  expect([view.anyConnection(), view.connectionTo(5)]).toEqual([undefined, undefined]);
  expect(server.destroyed).toBe('closed by the client');
  expect([net.ends.length, server.waiting, client.changes]).toEqual([1, [], before]);
});

test('the view asks by turns for the topics that it knows only by id, and for topics by name', () => {
  let wantedIds: Uuid[] = [];
  const client = PlayedCluster.started({}, { wantedIds: () => wantedIds });
  wantedIds = [OTHER_ID];
  const asked = [0, 1, 2].map(() => {
    client.view.refresh();
    client.clock.advance(100);
    return client.server.answer(apis.metadata, metadataOf({ topicId: TOPIC_ID })).topics;
  });
  const byId = [{ topicId: OTHER_ID, name: null }];
  expect(asked).toMatchObject([byId, [{ name: 'events' }], byId]);
});

test('the view believes the answer about an id that it asked for', () => {
  let wantedIds: Uuid[] = [];
  const client = PlayedCluster.started({ topicId: OTHER_ID }, { wantedIds: () => wantedIds });
  const learns = (topicId: Uuid) => {
    client.view.refresh();
    client.clock.advance(100);
    client.server.answer(apis.metadata, metadataOf({ topicId }));
    return client.view.topics.get('events')?.topicId;
  };
  // A broker that lags behind names the deleted topic.
  expect(learns(TOPIC_ID)).toBe(TOPIC_ID);
  expect(learns(OTHER_ID)).toBe(TOPIC_ID);
  wantedIds = [OTHER_ID];
  expect(learns(OTHER_ID)).toBe(OTHER_ID);
});
