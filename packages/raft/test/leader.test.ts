/**
 * Goal: what a leader commits and answers, and when it resigns.
 * Method: the test gives events to one node, and compares its effects. `#n` is a write. `after #n` means that
 * a message may leave only when that write is durable.
 */
import { describe, expect, test } from 'vitest';
import { active, leader, leaderOfLongLog, manifestAt, shortened } from './support/nodes.ts';
import { clusterId, fetch } from './support/transcript.ts';

describe('leading', () => {
  test('commits older records only together with a record of its own epoch, the leader-change record', () => {
    const node = leader();
    // A majority has the old records. That alone commits nothing (Raft, section 5.4.2).
    node.ask(fetch(2, 2, { fetchOffset: 2, lastFetchedEpoch: 1 }));
    node.ask(fetch(3, 2, { fetchOffset: 2, lastFetchedEpoch: 1 }));
    expect(node.raft.highWatermark).toBe(0);
    expect(node.ask(fetch(2, 2, { fetchOffset: 3, lastFetchedEpoch: 2 }))).toEqual([
      'becameLeader e2',
      '<- fetched hw 3 after #1',
    ]);
  });

  test('commits a long log over several turns, and becomes active after the last one', () => {
    const node = leaderOfLongLog();
    const turns = [node.ask(fetch(2, 2, { fetchOffset: 6, lastFetchedEpoch: 2 }))];
    while (node.raft.deadline() === 0) turns.push(node.do({ type: 'tick' }));
    expect(turns).toEqual([
      ['committed e1@2', '<- fetched hw 3 after #1'],
      ['committed e1@3'],
      ['committed e1@4', 'becameLeader e2'],
    ]);
    expect(node.raft.highWatermark).toBe(6);
  });

  test('the leader counts its own records when they are durable, not earlier', () => {
    const node = active();
    expect(node.raft.propose([new Uint8Array(1), new Uint8Array(2)])).toBe(4);
    expect(node.raft.propose([new Uint8Array(1)])).toBe(5);
    // All proposals of a turn share one write. Node 3 fetches them before that write is durable.
    node.ask(fetch(3, 2, { fetchOffset: 3, lastFetchedEpoch: 2, highWatermark: 3 }));
    expect(node.raft.highWatermark).toBe(3);
    node.ask(fetch(3, 2, { fetchOffset: 6, lastFetchedEpoch: 2, highWatermark: 3 }));
    expect(node.raft.highWatermark).toBe(3);
    expect(node.persisted(3)).toEqual(['committed e2@3 e2@5', '<- fetched hw 6 after #1']);
  });

  test('two followers commit a record before it is durable at the leader', () => {
    const node = active();
    node.raft.propose([new Uint8Array(1)]);
    node.do({ type: 'tick' });
    node.ask(fetch(2, 2, { fetchOffset: 4, lastFetchedEpoch: 2 }));
    expect(node.ask(fetch(3, 2, { fetchOffset: 4, lastFetchedEpoch: 2 }))).toContain('committed e2@3');
  });

  test('a parked fetch is answered when data arrives, or at its timeout', () => {
    const node = active();
    const park = () => node.ask(fetch(3, 2, { fetchOffset: 3, lastFetchedEpoch: 2, highWatermark: 3 }));
    expect(park()).toEqual([]);
    expect(node.pass(400)).toEqual(['<- fetched hw 3 after #1']);
    park();
    node.raft.propose([new Uint8Array(1)]);
    expect(node.do({ type: 'tick' })).toEqual(['#3 append data e2@3', '<- fetched hw 3 e2@3 after #1']);
  });

  test('an observer gets committed records only, and does not count for the majority', () => {
    const node = leader();
    const observe = { observer: true, replicaKey: 'broker' };
    expect(node.ask(fetch(2, 0, observe))).toEqual([]);
    expect(node.raft.highWatermark).toBe(0);
    expect(node.ask(fetch(3, 2, { fetchOffset: 3, lastFetchedEpoch: 2 }))).toEqual([
      'becameLeader e2',
      '<- fetched hw 3 e1@0 e1@1 e2@2 after #1',
      '<- fetched hw 3 after #1',
    ]);
  });

  test('observers get the first commit at once and the commits right after it together; all observers share one response', () => {
    const node = active();
    const commit = () => {
      node.raft.propose([new Uint8Array(1)]);
      node.do({ type: 'tick' });
      const written = { fetchOffset: node.raft.log.endOffset, lastFetchedEpoch: 2 };
      node.ask(fetch(2, 2, written));
      return node.ask(fetch(3, 2, written));
    };
    const observe = (id: number, fetchOffset: number) =>
      node.ask(
        fetch(id, 2, {
          fetchOffset,
          lastFetchedEpoch: 2,
          highWatermark: fetchOffset,
          observer: true,
          replicaKey: `broker ${id}`,
        }),
      );
    for (const id of [7, 8, 9]) observe(id, 3);
    const news = (lines: string[]) => lines.filter((line) => line.includes('e2@'));
    expect(news(commit()).filter((line) => line.startsWith('<- fetched hw 4 e2@3'))).toHaveLength(3);
    for (const id of [7, 8, 9]) observe(id, 4);
    for (let times = 0; times < 3; times++)
      expect(news(commit()).filter((line) => line.startsWith('<-'))).toEqual([]);
    expect(node.raft.deadline()).toBe(node.now + 5);
    node.now += 5;
    const replies = node.raft
      .step({ type: 'tick' }, node.now)
      .flatMap((effect) => (effect.type === 'reply' ? [effect.response] : []));
    expect(replies).toHaveLength(3);
    expect(new Set(replies).size).toBe(1);
    expect(replies[0]).toMatchObject({ highWatermark: 7, batches: [{ baseOffset: 4 }, {}, {}] });
  });

  test('a fetch of a voter with a replaced storage does not count for the majority', () => {
    const node = leader();
    node.ask(fetch(2, 2, { fetchOffset: 3, lastFetchedEpoch: 2, replicaKey: 'new' }));
    expect(node.raft.highWatermark).toBe(0);
  });

  test('check-quorum: without fetches of a majority the leader resigns after one and a half fetch timeouts', () => {
    const node = active();
    node.pass(1400);
    expect(node.raft.role).toBe('leader');
    const lines = node.pass(200);
    expect(lines.slice(0, 2)).toEqual(['resigned e2', 'leader none']);
    expect(node.raft.propose([new Uint8Array(1)])).toBeUndefined();
  });

  test('a stale leader steps down when it learns a newer epoch, and refuses parked fetches', () => {
    const node = active();
    node.ask(fetch(3, 2, { fetchOffset: 3, lastFetchedEpoch: 2, highWatermark: 3 }));
    expect(node.ask({ type: 'begin', clusterId, leaderId: 3, epoch: 4 })).toEqual([
      '#3 vote e4 for -1',
      '<- fetched error 6 after #3',
      'resigned e2',
      '<- begin ok e4 after #3',
      'leader 3',
    ]);
  });

  test('a fetch of an older epoch is fenced', () => {
    expect(active().ask(fetch(3, 1, { fetchOffset: 2, lastFetchedEpoch: 1 }))).toEqual([
      '<- fetched error 74 after #1',
    ]);
  });

  test('a fetch with a negative offset or epoch is out of range', () => {
    for (const at of [
      { fetchOffset: -1, lastFetchedEpoch: 1 },
      { fetchOffset: 2, lastFetchedEpoch: -1 },
    ])
      expect(active().ask(fetch(3, 2, at))).toEqual(['<- fetched error 1 after #1']);
  });

  test.each([
    ['below the start of the log', 5, 1],
    ['at offset 0', 0, 0],
    ['at the start of the log, after a record of an older epoch', 10, 0],
    ['at the start of the log, after a record of a newer epoch', 10, 2],
    ['after a record of an epoch before the start of the log', 11, 0],
  ])('a fetch %s is referred to the snapshot', (_where, fetchOffset, lastFetchedEpoch) => {
    const node = shortened();
    expect(node.ask(fetch(3, 2, { fetchOffset, lastFetchedEpoch }))).toEqual(['<- snapshot 10-1 after #1']);
  });

  test('a fetch from the start of the log gets the log', () => {
    expect(shortened().ask(fetch(3, 2, { fetchOffset: 10, lastFetchedEpoch: 1 }))).toEqual([
      '<- fetched hw 10 e1@10 e2@11 after #1',
    ]);
  });

  test('a voter that loads a snapshot while the log grows is not caught up at its next fetch', () => {
    const node = shortened();
    node.ask(fetch(2, 2, { fetchOffset: 12, lastFetchedEpoch: 2 }));
    node.do({ type: 'snapshotWritten', manifest: manifestAt(12, 2) });
    node.persisted(3);
    expect(node.ask(fetch(3, 2))).toEqual(['<- snapshot 12-2 after #1']);
    node.raft.propose([new Uint8Array(1)]);
    node.pass(50);
    const { maxWaitMs: _, fetchOffset: __, ...asked } = fetch(3, 2);
    node.ask({ ...asked, type: 'fetchSnapshot', snapshot: { endOffset: 12, epoch: 2 }, part: 0 });
    node.ask(fetch(3, 2, { fetchOffset: 12, lastFetchedEpoch: 2 }));
    expect(node.raft.leading?.replicas.get(3)).toMatchObject({ endOffset: 12, lastCaughtUpAt: undefined });
  });

  test('a parked fetch is referred to the snapshot if a trim removes the records that it asks for', () => {
    const node = shortened();
    const commit = () => {
      const written = { fetchOffset: node.raft.log.endOffset + 1, lastFetchedEpoch: 2 };
      node.raft.propose([new Uint8Array(1)]);
      node.do({ type: 'tick' });
      node.ask(fetch(2, 2, written));
      return node.ask(fetch(3, 2, written));
    };
    const observe = (fetchOffset: number) =>
      node.ask(
        fetch(7, 2, {
          fetchOffset,
          lastFetchedEpoch: 2,
          highWatermark: fetchOffset,
          observer: true,
          replicaKey: 'broker',
        }),
      );
    node.ask(fetch(2, 2, { fetchOffset: 12, lastFetchedEpoch: 2 }));
    observe(12);
    expect(commit()).toContain('<- fetched hw 13 e2@12 after #1');
    observe(13);
    // The leader gathers further commits for the observer, and takes two snapshots meanwhile.
    for (let times = 0; times < 2; times++) {
      commit();
      const manifest = manifestAt(node.raft.log.endOffset, 2);
      const publishing = node.do({ type: 'snapshotWritten', manifest });
      const [, sequence] = /^#(\d+) publishSnapshot$/.exec(publishing[0]!)!;
      node.persisted(Number(sequence));
    }
    expect(node.raft.log.startOffset).toBe(14);
    node.now += 5;
    expect(node.do({ type: 'tick' })).toContain('<- snapshot 15-2 after #1');
  });

  test('stop: hands over to the voter with the longest log, and stops when each request has an answer or has failed', () => {
    const node = active();
    expect(node.do({ type: 'stopRequested' })).toEqual([
      'resigned e2',
      '-> 2 end e2 2,3 after #1',
      '-> 3 end e2 2,3 after #1',
      'leader none',
    ]);
    node.answer(2, { type: 'end', errorCode: 0, epoch: 2, leaderId: -1 });
    expect(node.fail(3)).toEqual(['stopped']);
  });
});
