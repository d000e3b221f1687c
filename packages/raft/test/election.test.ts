/**
 * Goal: a node becomes leader, and a candidate gets a vote, only by Raft's rules.
 * Method: the test gives events to one node, and compares its effects. `#n` is a write. `after #n` means that
 * a message may leave only when that write is durable.
 */
import { describe, expect, test } from 'vitest';
import { RaftErrorCode } from '../src/messages.ts';
import { follower, history } from './support/nodes.ts';
import { data, fetched, granted, Subject, vote } from './support/transcript.ts';

describe('election', () => {
  test('a node ignores one peer of another cluster, and fails if a majority of the voters belongs to another cluster', () => {
    const node = new Subject({ batches: history, vote: { epoch: 1, votedFor: -1 } });
    node.start();
    node.pass(40);
    const refusal = { granted: false, errorCode: RaftErrorCode.INCONSISTENT_CLUSTER_ID, leaderId: 2 };
    expect(node.answer(2, granted(2, 7, refusal))).toEqual(['error cluster-id-mismatched']);
    expect(node.raft.epoch).toBe(1); // epochs and leaders of another cluster do not count
    expect(node.answer(3, granted(3, 7, refusal))).toEqual(['error cluster-id-mismatched', 'disowned']);
  });

  test("pre-vote, vote, leader: the vote request waits until the candidate's own vote is durable", () => {
    const node = new Subject({ batches: history, vote: { epoch: 1, votedFor: -1 } });
    node.start();
    expect(node.pass(40)).toEqual(['-> 2 pre-vote e1', '-> 3 pre-vote e1']);
    expect(node.answer(2, granted(2, 1))).toEqual([
      '#1 vote e2 for 1',
      '-> 2 vote e2 after #1',
      '-> 3 vote e2 after #1',
    ]);
    expect(node.persisted(1)).toEqual([]);
    node.answer(3, granted(3, 1)); // the late response to the pre-vote
    expect(node.answer(2, granted(2, 2))).toEqual([
      '#2 append leaderChange e2@2',
      '-> 2 begin e2 after #1',
      '-> 3 begin e2 after #1',
      'leader 1',
    ]);
  });

  test("a candidate's own vote does not count before it is durable", () => {
    const node = new Subject({ batches: history, vote: { epoch: 1, votedFor: -1 } });
    node.start();
    node.pass(40);
    node.answer(2, granted(2, 1));
    node.answer(3, granted(3, 1));
    node.answer(2, granted(2, 2));
    expect(node.raft.role).toBe('candidate');
    node.persisted(1);
    expect(node.raft.role).toBe('leader');
  });

  test('without a majority of pre-votes the epoch does not rise: an isolated voter disturbs nobody', () => {
    const node = new Subject({ batches: history, vote: { epoch: 1, votedFor: -1 } });
    node.start();
    for (let round = 0; round < 20; round++) {
      node.pass(100);
      while (node.sent.length > 0) node.fail(node.sent[0]!.to);
    }
    expect([node.raft.epoch, node.raft.role]).toEqual([1, 'prospective']);
  });

  test('a prospective node follows the leader that a response to its pre-vote names', () => {
    const node = new Subject({ batches: history, vote: { epoch: 1, votedFor: -1 } });
    node.start();
    node.pass(40);
    const denied = granted(3, 4, { granted: false, leaderId: 2 });
    expect(node.answer(3, denied)).toEqual(['#1 vote e4 for -1', 'leader 2']);
    expect(node.persisted(1)).toEqual(['-> 2 fetch e4 from 2/1 after #1']);
  });

  test('split vote: nobody has a majority, and after a random time the next round begins with a pre-vote', () => {
    const node = new Subject({ batches: history, vote: { epoch: 1, votedFor: -1 } });
    node.start();
    node.pass(40);
    node.answer(2, granted(2, 1));
    node.persisted(1);
    node.answer(3, granted(3, 1));
    node.answer(2, granted(2, 2, { granted: false }));
    node.answer(3, granted(3, 2, { granted: false }));
    expect(node.raft.role).toBe('candidate');
    expect(node.pass(400)).toEqual(['-> 2 pre-vote e2 after #1', '-> 3 pre-vote e2 after #1']);
  });

  test('a single voter elects itself at once, and commits a record when its own device has the record', () => {
    const node = new Subject({ voters: 1 });
    expect(node.start()).toEqual(['#1 vote e1 for 1']);
    expect(node.persisted(1)).toEqual(['#2 append voters e1@0 leaderChange e1@1', 'leader 1']);
    expect(node.persisted(2)).toEqual(['becameLeader e1']);
    expect(node.raft.propose([new Uint8Array(1)])).toBe(2);
    expect(node.do({ type: 'tick' })).toEqual(['#3 append data e1@2']);
    expect(node.persisted(3)).toEqual(['committed e1@2']);
  });
});

describe('voting', () => {
  test('a voter sends its vote only when the vote is durable, and gives a retry the same answer', () => {
    const node = new Subject();
    node.start();
    const request = vote({ epoch: 1, candidateId: 2, formation: true });
    expect(node.ask(request)).toEqual(['#1 vote e1 for -1', '#2 vote e1 for 2', '<- granted e1 after #2']);
    expect(node.ask(request)).toEqual(['<- granted e1 after #2']);
  });

  test('a voter votes once in an epoch, also after a restart', () => {
    const node = new Subject({ batches: history, vote: { epoch: 5, votedFor: 3 } });
    node.start();
    const complete = { logEndOffset: 9, logLastEpoch: 4 };
    expect(node.ask(vote({ epoch: 5, candidateId: 2, ...complete }))).toEqual(['<- denied e5']);
    expect(node.ask(vote({ epoch: 5, candidateId: 3, ...complete }))).toEqual(['<- granted e5']);
    expect(node.ask(vote({ epoch: 6, candidateId: 2, ...complete }))).toContain('<- granted e6 after #2');
  });

  test('a voter refuses a less complete log: it compares the last epoch first, then the length', () => {
    const batches = [...history, data(2, 3, 'a', 'b')];
    const ask = (logLastEpoch: number, logEndOffset: number) => {
      const node = new Subject({ batches, vote: { epoch: 3, votedFor: -1 } });
      node.start();
      return node.ask(vote({ epoch: 4, candidateId: 2, logLastEpoch, logEndOffset })).at(-1);
    };
    expect(ask(2, 100)).toBe('<- denied e4 after #1');
    expect(ask(3, 3)).toBe('<- denied e4 after #1');
    expect(ask(3, 4)).toBe('<- granted e4 after #2');
    expect(ask(4, 1)).toBe('<- granted e4 after #2');
  });

  test('a voter refuses a pre-vote while the leader answers, and its epoch does not rise', () => {
    const node = follower();
    node.answer(2, fetched(2, 2));
    const request = vote({ epoch: 2, candidateId: 3, preVote: true, logEndOffset: 9, logLastEpoch: 2 });
    expect(node.ask(request)).toEqual(['<- denied e2 leader 2']);
    expect([node.raft.role, node.raft.votedFor]).toEqual(['follower', 2]);
    node.fail(2); // the connection to the leader breaks, so the voter grants the pre-vote
    expect(node.ask(request)).toEqual(['<- granted e2']);
  });

  test('a voter grants a pre-vote if its leader has not answered a fetch yet', () => {
    const node = follower();
    const request = vote({ epoch: 2, candidateId: 3, preVote: true, logEndOffset: 9, logLastEpoch: 2 });
    expect(node.ask(request)).toEqual(['<- granted e2']);
  });

  test('a candidate with another storage than the recorded one gets no vote, and cannot raise the epoch', () => {
    const node = follower();
    const request = { candidateId: 3, candidateKey: 'new', logEndOffset: 9, logLastEpoch: 9 };
    expect(node.ask(vote({ epoch: 9, ...request }))).toEqual(['<- denied e2 error 125']);
    expect(node.raft.epoch).toBe(2);
  });
});
