/**
 * Goal: a quorum is formed once, and a voter that lost its storage neither votes nor stands for election.
 * Method: the test gives events to one node, and compares its effects. `#n` is a write. `after #n` means that
 * a message may leave only when that write is durable.
 */
import { describe, expect, test } from 'vitest';
import { history } from '../support/nodes.ts';
import { clusterId, fetched, granted, Subject, vote } from '../support/transcript.ts';

describe('formation', () => {
  test('needs all voters, each with an empty log; the first record names the storages of the voters', () => {
    const node = new Subject();
    node.start();
    expect(node.pass(40)).toEqual(['-> 2 formation pre-vote e0', '-> 3 formation pre-vote e0']);
    expect(node.answer(2, granted(2, 0, { logEmpty: true }))).toEqual([]);
    expect(node.raft.role).toBe('prospective');
    expect(node.answer(3, granted(3, 0, { logEmpty: true }))).toContain('#1 vote e1 for 1');
    node.persisted(1);
    node.answer(2, granted(2, 1, { logEmpty: true }));
    expect(node.raft.role).toBe('candidate');
    expect(node.answer(3, granted(3, 1, { logEmpty: true }))).toContain(
      '#2 append voters e1@0 leaderChange e1@1',
    );
    expect(node.raft.voters.voters.map((voter) => voter.key)).toEqual(['key-1', 'key-2', 'key-3']);
  });

  test('a voter that has a log refuses, so two wiped voters of three cannot form a new quorum', () => {
    const intact = new Subject({ batches: history, vote: { epoch: 1, votedFor: 1 } });
    intact.start();
    const wiped = vote({ epoch: 7, candidateId: 2, formation: true, candidateKey: 'new', voterKey: '' });
    expect(intact.ask(wiped)).toEqual(['<- denied e1 error 125']);
    // Two wiped voters agree, but the refusal of the third voter decides.
    const node = new Subject({ id: 2 });
    node.start();
    node.pass(60);
    node.answer(3, granted(3, 0, { logEmpty: true }));
    node.answer(1, granted(1, 1, { granted: false, errorCode: 125 }));
    node.pass(3000);
    expect(node.raft.voters.formed).toBe(false);
    expect(node.raft.role).toBe('prospective');
    expect(node.raft.votedFor).toBe(-1);
  });

  test('a voter whose folder says that there was a quorum neither forms another one nor votes for one', () => {
    const node = new Subject({ mayForm: false });
    node.start();
    // The voter still sends pre-votes, because a peer may know a leader.
    expect(node.pass(40)).toEqual(['-> 2 formation pre-vote e0', '-> 3 formation pre-vote e0']);
    node.answer(2, granted(2, 0, { logEmpty: true }));
    expect(node.answer(3, granted(3, 0, { logEmpty: true }))).toEqual([]);
    node.pass(3000);
    expect([node.raft.role, node.raft.votedFor]).toEqual(['prospective', -1]);
    const request = vote({ epoch: 1, candidateId: 2, formation: true, voterKey: '' });
    expect(node.ask(request)).toEqual(['<- denied e0 error 125']);
    const single = new Subject({ voters: 1, mayForm: false });
    single.start();
    single.pass(3000);
    expect(single.raft.role).toBe('prospective');
  });

  test('a voter that may not form a quorum follows a leader that has the log', () => {
    const node = new Subject({ mayForm: false });
    node.start();
    node.pass(40);
    expect(node.answer(2, granted(2, 4, { granted: false, leaderId: 3, errorCode: 125 }))).toContain(
      'leader 3',
    );
  });

  test('an empty voter votes for a candidate with a log only if the candidate names the storage of the voter', () => {
    const ask = (voterKey: string) => {
      const node = new Subject();
      node.start();
      return node.ask(vote({ epoch: 2, candidateId: 2, logEndOffset: 2, logLastEpoch: 1, voterKey })).at(-1);
    };
    expect(ask('key-1')).toBe('<- granted e2 after #2');
    expect(ask('key-1-before-it-was-lost')).toBe('<- denied e0 error 125');
    expect(ask('')).toBe('<- denied e0 error 125');
  });

  test('a wiped voter follows and logs an error, but never votes or stands for election', () => {
    const node = new Subject({ key: 'new' });
    node.start();
    node.ask({ type: 'begin', clusterId, leaderId: 2, epoch: 2 });
    const lines = node
      .persisted(1)
      .concat(node.answer(2, fetched(2, 2, { batches: history, highWatermark: 2 })));
    expect(lines).toContain('error voter-storage-replaced');
    const request = vote({ epoch: 3, candidateId: 3, logEndOffset: 9, logLastEpoch: 2, voterKey: 'new' });
    expect(node.ask(request)).toEqual(['<- denied e2 error 125 leader 2 after #1']);
    node.persisted(2);
    node.pass(1500);
    while (node.sent.length > 0) node.answer(node.sent[0]!.to, granted(node.sent[0]!.to, 2));
    node.pass(5000);
    expect([node.raft.epoch, node.raft.role]).toEqual([2, 'prospective']);
  });

  test('a vote from a replaced storage does not count', () => {
    const node = new Subject({ batches: history, vote: { epoch: 1, votedFor: -1 } });
    node.start();
    node.pass(40);
    node.answer(2, granted(2, 1, { voterKey: 'new' }));
    node.answer(3, granted(3, 1, { voterKey: 'new' }));
    expect([node.raft.epoch, node.raft.role]).toEqual([1, 'prospective']);
  });
});
