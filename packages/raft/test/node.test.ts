/**
 * Goal: each rule of the quorum, as a scenario of one node. Method: events in, effects out. `#n` is a write.
 * `after #n` means that a message may leave only when that write is durable.
 */
import { describe, expect, test } from 'vitest';
import { RaftErrorCode } from '../src/messages.ts';
import {
  clusterId,
  data,
  fetch,
  fetched,
  formed,
  granted,
  leaderChange,
  Subject,
  vote,
} from './transcript.ts';

const history = [formed(), leaderChange(1, 1, 1)];

/**
 * Node 1 of three leads epoch 2. Its log has the history and its own leader change. Everything is durable,
 * and both followers are at offset 3.
 */
function leader(): Subject {
  const node = new Subject({ batches: history, vote: { epoch: 1, votedFor: -1 } });
  node.start();
  node.pass(40);
  node.answer(2, granted(2, 1));
  node.persisted(1);
  node.answer(3, granted(3, 1));
  node.answer(2, granted(2, 2));
  node.persisted(2);
  node.sent.length = 0;
  expect(node.raft.role).toBe('leader');
  return node;
}

function active(): Subject {
  const node = leader();
  node.ask(fetch(2, 2, { fetchOffset: 3, lastFetchedEpoch: 2 }));
  expect(node.raft.highWatermark).toBe(3);
  return node;
}

/** Node 1 of three, following node 2 in epoch 2. */
function follower(batches = history): Subject {
  const node = new Subject({ batches, vote: { epoch: 2, votedFor: 2 } });
  node.start();
  expect(node.ask({ type: 'begin', clusterId, leaderId: 2, epoch: 2 })).toContain('<- begin ok e2');
  return node;
}

describe('election', () => {
  test('one peer of another cluster is ignored, a majority of them ends this node', () => {
    const node = new Subject({ batches: history, vote: { epoch: 1, votedFor: -1 } });
    node.start();
    node.pass(40);
    const refusal = { granted: false, errorCode: RaftErrorCode.INCONSISTENT_CLUSTER_ID, leaderId: 2 };
    expect(node.answer(2, granted(2, 7, refusal))).toEqual(['error cluster-id-mismatched']);
    expect(node.raft.epoch).toBe(1); // their epochs and leaders do not count here
    expect(node.answer(3, granted(3, 7, refusal))).toEqual(['error cluster-id-mismatched', 'disowned']);
  });

  test('pre-vote, vote, leader: the vote request leaves when the own vote of the candidate is durable', () => {
    const node = new Subject({ batches: history, vote: { epoch: 1, votedFor: -1 } });
    node.start();
    expect(node.pass(40)).toEqual(['-> 2 pre-vote e1', '-> 3 pre-vote e1']);
    expect(node.answer(2, granted(2, 1))).toEqual([
      '#1 vote e2 for 1',
      '-> 2 vote e2 after #1',
      '-> 3 vote e2 after #1',
    ]);
    expect(node.persisted(1)).toEqual([]);
    node.answer(3, granted(3, 1)); // the late pre-vote
    expect(node.answer(2, granted(2, 2))).toEqual([
      '#2 append leaderChange e2@2',
      '-> 2 begin e2 after #1',
      '-> 3 begin e2 after #1',
      'leader 1',
    ]);
  });

  test('the own vote of a candidate does not count before it is durable', () => {
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

  test('a prospective node whose pre-vote reveals a leader follows it', () => {
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

  test('a single voter elects itself at once, and commits by its own device alone', () => {
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
  test('a voter sends its vote only when it is durable, and repeats it unchanged', () => {
    const node = new Subject();
    node.start();
    const request = vote({ epoch: 1, candidateId: 2, formation: true });
    expect(node.ask(request)).toEqual(['#1 vote e1 for -1', '#2 vote e1 for 2', '<- granted e1 after #2']);
    expect(node.ask(request)).toEqual(['<- granted e1 after #2']);
  });

  test('one vote in an epoch, also over a restart', () => {
    const node = new Subject({ batches: history, vote: { epoch: 5, votedFor: 3 } });
    node.start();
    const complete = { logEndOffset: 9, logLastEpoch: 4 };
    expect(node.ask(vote({ epoch: 5, candidateId: 2, ...complete }))).toEqual(['<- denied e5']);
    expect(node.ask(vote({ epoch: 5, candidateId: 3, ...complete }))).toEqual(['<- granted e5']);
    expect(node.ask(vote({ epoch: 6, candidateId: 2, ...complete }))).toContain('<- granted e6 after #2');
  });

  test('no vote for a log that is less complete: last epoch first, then length', () => {
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
    node.fail(2); // the connection to the leader breaks: now it is granted
    expect(node.ask(request)).toEqual(['<- granted e2']);
  });

  test('a leader that the voter only heard of does not prevent a pre-vote', () => {
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

describe('formation', () => {
  test('needs every voter with an empty log; the first record names their storages', () => {
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
    // For the two wiped voters the third answer decides.
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
    // It still sends pre-votes, because a peer may know a leader.
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

  test('such a voter follows a leader that has the log', () => {
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

  test('a wiped voter follows, logs that once, and never votes or stands for election', () => {
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

describe('leading', () => {
  test('commits only by records of its own epoch: the leader-change record commits older records', () => {
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

  test('its own records count when they are durable, not earlier', () => {
    const node = active();
    expect(node.raft.propose([new Uint8Array(1), new Uint8Array(2)])).toBe(4);
    expect(node.raft.propose([new Uint8Array(1)])).toBe(5);
    // All proposals of a turn share one write, and both parked followers get them at once.
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

  test('a parked fetch is answered on data, on a moved high watermark, or at its timeout', () => {
    const node = active();
    const park = () => node.ask(fetch(3, 2, { fetchOffset: 3, lastFetchedEpoch: 2, highWatermark: 3 }));
    expect(park()).toEqual([]);
    expect(node.pass(400)).toEqual(['<- fetched hw 3 after #1']);
    park();
    node.raft.propose([new Uint8Array(1)]);
    expect(node.do({ type: 'tick' })).toEqual(['#3 append data e2@3', '<- fetched hw 3 e2@3 after #1']);
  });

  test('an observer gets committed records only, and does not count', () => {
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

  test('observers get the first news at once, news right after it together, and all of them the same response', () => {
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

  test('a voter with a replaced storage gets the same responses as an observer', () => {
    const node = leader();
    node.ask(fetch(2, 2, { fetchOffset: 3, lastFetchedEpoch: 2, replicaKey: 'new' }));
    expect(node.raft.highWatermark).toBe(0);
  });

  test('check-quorum: without fetches of a majority it gives up after one and a half fetch timeouts', () => {
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

  test('stop: hands over to the voter with the longest log, and is done when the voters know', () => {
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

  test('divergence: truncates to the common prefix, durably before the next fetch', () => {
    const node = follower([...history, data(2, 1, 'x'), data(3, 1, 'y')]);
    const answer = fetched(2, 2, { diverging: { epoch: 1, endOffset: 3 } });
    expect(node.answer(2, answer)).toEqual(['#1 truncate 3']);
    expect(node.persisted(1)).toEqual(['-> 2 fetch e2 from 3/1']);
  });

  test('divergence over several epochs takes several rounds', () => {
    const leading = active();
    // The follower has epochs 1 and 2. The leader has 1 (up to 2) and 2 (from 2), so the follower has records
    // past that epoch's end.
    const beyond = fetch(3, 2, { fetchOffset: 9, lastFetchedEpoch: 2 });
    expect(leading.ask(beyond)).toEqual(['<- diverging e2 ends 3 after #1']);
    const other = new Subject({ batches: [...history, data(2, 4, 'old')], vote: { epoch: 6, votedFor: -1 } });
    other.start();
    other.ask({ type: 'begin', clusterId, leaderId: 2, epoch: 6 });
    expect(other.answer(2, fetched(2, 6, { diverging: { epoch: 3, endOffset: 5 } }))).toEqual([
      '#1 truncate 2',
    ]);
  });

  test('a restart keeps the vote, the log and its epoch', () => {
    const node = new Subject({ batches: [...history, data(2, 7, 'x')], vote: { epoch: 7, votedFor: 2 } });
    expect([node.raft.epoch, node.raft.votedFor, node.raft.log.endOffset]).toEqual([7, 2, 3]);
    expect(node.raft.highWatermark).toBe(0);
    node.start();
    const request = vote({ epoch: 7, candidateId: 3, logEndOffset: 9, logLastEpoch: 7 });
    expect(node.ask(request)).toEqual(['<- denied e7']);
  });

  test('gives up a silent leader after the fetch timeout, and a dead one within a moment', () => {
    const silent = follower();
    silent.pass(990);
    expect(silent.raft.role).toBe('follower');
    expect(silent.pass(20)).toContain('-> 3 pre-vote e2');
    const dead = follower();
    dead.answer(2, fetched(2, 2));
    dead.fail(2);
    expect(dead.pass(100)).toContain('-> 3 pre-vote e2');
  });

  test('a broken connection that comes back changes nothing', () => {
    const node = follower();
    node.fail(2);
    node.pass(25);
    node.answer(2, fetched(2, 2));
    node.pass(300);
    expect(node.raft.role).toBe('follower');
  });

  test('the first successor of a stopping leader stands for election at once; others wait for it', () => {
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
    // A peer that still reports the old leader cannot make it follow again.
    second.pass(320);
    second.answer(2, fetched(2, 2, { errorCode: 6 }));
    second.answer(3, granted(3, 2, { granted: false, leaderId: 2 }));
    expect(second.raft.role).toBe('prospective');
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
});
