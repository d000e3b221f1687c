/**
 * Goal: how a follower copies the log, and when it leaves its leader.
 * Method: the test gives events to one node, and compares its effects. `#n` is a write. `after #n` means that
 * a message may leave only when that write is durable.
 */
import { describe, expect, test } from 'vitest';
import { active, follower, history, longHistory } from './support/nodes.ts';
import { clusterId, data, fetch, fetched, granted, leaderChange, Subject } from './support/transcript.ts';

describe('following', () => {
  test('fetches again only when everything fetched is durable', () => {
    const node = follower();
    expect(node.sent.map(({ request }) => request.type)).toEqual(['fetch']);
    const batches = [leaderChange(2, 2, 2), data(3, 2, 'a')];
    expect(node.answer(2, fetched(2, 2, { batches, highWatermark: 2 }))).toEqual([
      '#1 append leaderChange e2@2 data e2@3',
    ]);
    expect(node.persisted(1)).toEqual(['-> 2 fetch e2 from 4/2']);
    expect(node.answer(2, fetched(2, 2, { highWatermark: 4 }))).toEqual([
      'committed e2@3',
      '-> 2 fetch e2 from 4/2',
    ]);
  });

  test('commits a long log over several responses, and the leader parks none of its fetches meanwhile', () => {
    const node = follower(longHistory);
    const response = fetched(2, 2, { highWatermark: 5 });
    for (const [committed, highWatermark] of [
      ['committed e1@2', 3],
      ['committed e1@3', 4],
      ['committed e1@4', 5],
    ]) {
      expect(node.answer(2, response)).toEqual([committed, '-> 2 fetch e2 from 5/1']);
      // The leader parks no fetch whose high watermark is lower than its own.
      expect(node.sent.at(-1)!.request).toMatchObject({ highWatermark });
    }
  });

  test('commits at most 128 KiB of small batches in one turn', () => {
    const batches = Array.from({ length: 20 }, (_, index) => data(2 + index, 1, 'x'.repeat(30_000)));
    const node = follower([...history, ...batches]);
    const perTurn: number[] = [];
    while (node.raft.highWatermark < 22) {
      const before = Math.max(2, node.raft.highWatermark);
      node.answer(2, fetched(2, 2, { highWatermark: 22 }));
      perTurn.push(node.raft.highWatermark - before);
    }
    // A turn commits at most 128 KiB, and a response to a fetch may have 1 MiB.
    expect(perTurn).toEqual([4, 4, 4, 4, 4]);
  });

  test('divergence: the truncation to the common prefix is durable before the next fetch', () => {
    const node = follower([...history, data(2, 1, 'x'), data(3, 1, 'y')]);
    const answer = fetched(2, 2, { diverging: { epoch: 1, endOffset: 3 } });
    expect(node.answer(2, answer)).toEqual(['#1 truncate 3']);
    expect(node.persisted(1)).toEqual(['-> 2 fetch e2 from 3/1']);
  });

  test('divergence over several epochs takes several rounds', () => {
    const leading = active();
    // The follower has records of epoch 2 up to offset 9. In the leader's log that epoch ends at offset 3.
    const beyond = fetch(3, 2, { fetchOffset: 9, lastFetchedEpoch: 2 });
    expect(leading.ask(beyond)).toEqual(['<- diverging e2 ends 3 after #1']);
    const other = new Subject({ batches: [...history, data(2, 4, 'old')], vote: { epoch: 6, votedFor: -1 } });
    other.start();
    other.ask({ type: 'begin', clusterId, leaderId: 2, epoch: 6 });
    expect(other.answer(2, fetched(2, 6, { diverging: { epoch: 3, endOffset: 5 } }))).toEqual([
      '#1 truncate 2',
    ]);
  });

  test('gives up a silent leader after the fetch timeout, and a dead leader much sooner', () => {
    const silent = follower();
    silent.pass(990);
    expect(silent.raft.role).toBe('follower');
    expect(silent.pass(20)).toContain('-> 3 pre-vote e2');
    const dead = follower();
    dead.answer(2, fetched(2, 2));
    dead.fail(2);
    expect(dead.pass(100)).toContain('-> 3 pre-vote e2');
  });

  test('a connection that breaks and comes back changes nothing', () => {
    const node = follower();
    node.fail(2);
    node.pass(25);
    node.answer(2, fetched(2, 2));
    node.pass(300);
    expect(node.raft.role).toBe('follower');
  });

  test('the first successor of a stopping leader stands for election at once; the other voters wait', () => {
    const end = { type: 'end', clusterId, leaderId: 2, epoch: 2 } as const;
    const first = follower();
    expect(first.ask({ ...end, preferredSuccessors: [1, 3] })).toEqual([
      '#1 vote e3 for 1',
      '<- end ok e3 after #1',
      '-> 2 vote e3 after #1',
      '-> 3 vote e3 after #1',
      'leader none',
    ]);
    const second = follower();
    second.ask({ ...end, preferredSuccessors: [3, 1] });
    expect([second.raft.role, second.raft.epoch]).toEqual(['unattached', 2]);
    // A peer that still names the old leader cannot make this node follow that leader again.
    second.pass(320);
    second.answer(2, fetched(2, 2, { errorCode: 6 }));
    second.answer(3, granted(3, 2, { granted: false, leaderId: 2 }));
    expect(second.raft.role).toBe('prospective');
  });
});
