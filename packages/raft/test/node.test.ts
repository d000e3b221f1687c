/**
 * Goal: a node keeps its state over a restart, and refuses peers of another cluster.
 * Method: the test gives events to one node, and compares its effects. `#n` is a write. `after #n` means that
 * a message may leave only when that write is durable.
 */
import { expect, test } from 'vitest';
import { follower, history } from './support/nodes.ts';
import { data, fetch, fetched, Subject, vote } from './support/transcript.ts';

test('a restart keeps epoch, vote and log', () => {
  const node = new Subject({ batches: [...history, data(2, 7, 'x')], vote: { epoch: 7, votedFor: 2 } });
  expect([node.raft.epoch, node.raft.votedFor, node.raft.log.endOffset]).toEqual([7, 2, 3]);
  expect(node.raft.highWatermark).toBe(0);
  node.start();
  const request = vote({ epoch: 7, candidateId: 3, logEndOffset: 9, logLastEpoch: 7 });
  expect(node.ask(request)).toEqual(['<- denied e7']);
});

test('the loaded batches stay reachable only by the log, which drops them when it is shortened', () => {
  expect(Object.keys(new Subject({ batches: history }).raft.options)).not.toContain('batches');
});

test('a peer of another cluster gets INCONSISTENT_CLUSTER_ID', () => {
  const node = follower();
  const stranger = 'AAAAAAAAAAAAAAAAAAAAAQ';
  expect(node.ask(fetch(3, 2, { clusterId: stranger }))).toEqual(['<- fetched error 104']);
  expect(node.ask({ type: 'begin', clusterId: stranger, leaderId: 3, epoch: 9 })).toEqual([
    '<- begin ok e2 error 104',
  ]);
  expect(node.answer(2, fetched(2, 2, { errorCode: 104 }))).toEqual(['error cluster-id-mismatched']);
});
