/**
 * Goal: only voters that followed the leader after a round began confirm the round. Method: the test gives
 * events to one node, and compares its effects.
 */
import { describe, expect, test } from 'vitest';
import { startRound } from '../../src/leader.ts';
import { history, leader } from '../support/nodes.ts';
import { clusterId, fetch, fetched, Subject } from '../support/transcript.ts';

const atEnd = { fetchOffset: 3, lastFetchedEpoch: 2, highWatermark: 3 };

/** Node 1 of three, the active leader of epoch 2, with parked fetches of nodes 2 and 3. */
function active(): Subject {
  const node = leader();
  node.ask(fetch(2, 2, atEnd));
  node.ask(fetch(3, 2, atEnd));
  node.ask(fetch(2, 2, atEnd));
  node.ask(fetch(3, 2, atEnd));
  expect(node.raft.leading?.active).toBe(true);
  return node;
}

describe('a round of the leader', () => {
  test('leaves with the responses to parked fetches and is confirmed by the first fetch that carries it back', () => {
    const node = active();
    expect(startRound(node.raft)).toBe(1);
    expect(node.do({ type: 'tick' })).toEqual([
      '<- fetched hw 3 round 1 after #1',
      '<- fetched hw 3 round 1 after #1',
    ]);
    expect(node.ask(fetch(3, 2, { ...atEnd, round: 1 }))).toEqual(['confirmed round 1']);
  });

  test('is not confirmed by a fetch that was sent before it began', () => {
    const node = active();
    startRound(node.raft);
    node.do({ type: 'tick' });
    expect(node.ask(fetch(2, 2, atEnd))).toEqual(['<- fetched hw 3 round 1 after #1']);
    expect(node.raft.leading?.confirmedRound).toBe(0);
  });

  test('is not confirmed by an observer; a number beyond the latest round confirms the latest round', () => {
    const node = active();
    startRound(node.raft);
    node.do({ type: 'tick' });
    node.ask(fetch(9, 2, { ...atEnd, observer: true, round: 1 }));
    expect(node.raft.leading?.confirmedRound).toBe(0);
    node.ask(fetch(2, 2, { ...atEnd, round: 77 }));
    expect(node.raft.leading?.confirmedRound).toBe(1);
  });

  test('is confirmed at once with a single voter', () => {
    const node = new Subject({ voters: 1 });
    node.start();
    for (let sequence = 1; node.raft.leading?.active !== true; sequence++) node.persisted(sequence);
    startRound(node.raft);
    expect(node.do({ type: 'tick' })).toEqual(['confirmed round 1']);
  });

  test('does not begin on a node that does not lead', () => {
    const node = new Subject({ batches: history, vote: { epoch: 2, votedFor: 2 } });
    node.start();
    expect(startRound(node.raft)).toBeUndefined();
  });
});

describe('a follower', () => {
  test('carries the round of the last response back with its next fetch', () => {
    const node = new Subject({ batches: history, vote: { epoch: 2, votedFor: 2 } });
    node.start();
    node.ask({ type: 'begin', clusterId, leaderId: 2, epoch: 2 });
    expect(node.answer(2, fetched(2, 2, { round: 4 }))).toEqual(['-> 2 fetch e2 from 2/1 round 4']);
  });
});
