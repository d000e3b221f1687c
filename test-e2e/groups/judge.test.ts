/**
 * Goal: the judge of groups finds each kind of violation. Method: plant each kind in the history of a group.
 */
import { describe, expect, test } from 'vitest';
import {
  changedIn,
  commitsLost,
  commitsMovedBack,
  type GroupHistory,
  gapsOfUnmoved,
  judge,
  type MemberHistory,
  outOfOrder,
  overlaps,
  ownerships,
  unprocessed,
  unread,
  wrongFinal,
} from './judge.ts';
import type { MemberLine } from './member-lines.ts';
import type { Reading } from './monitor.ts';

const assigned = (t: number, ...p: number[]): MemberLine => ({ e: 'assigned', t, p });
const revoked = (t: number, ...p: number[]): MemberLine => ({ e: 'revoked', t, p });
const lost = (t: number, ...p: number[]): MemberLine => ({ e: 'lost', t, p });
const commit = (t: number, o: Record<number, number>, m?: string): MemberLine => ({
  e: 'commit',
  t,
  o,
  ...(m === undefined ? {} : { m }),
});
/** These histories have two partitions. Record n is in partition n % 2, at the offset (n - n % 2) / 2. */
const read = (t: number, p: number, ...o: number[]): MemberLine => ({
  e: 'read',
  t,
  p,
  o,
  n: o.map((offset) => 2 * offset + p),
});
const member = (name: string, ...lines: MemberLine[]): MemberHistory => ({
  name,
  lines,
  endedMs: undefined,
  pauses: [],
});
const reading = (askedMs: number, ...offsets: number[]): Reading => ({
  askedMs,
  answeredMs: askedMs + 5,
  offsets: new Map(offsets.map((offset, partition) => [partition, offset])),
});

/**
 * A history without faults: member a processes both partitions, and then hands partition 1 over to member b.
 */
function good(): GroupHistory {
  const written = [0, 1].map((p) => new Map([0, 1, 2, 3].map((offset) => [offset, 2 * offset + p] as const)));
  return {
    partitions: 2,
    written,
    members: [
      member(
        'a',
        assigned(100, 0, 1),
        read(110, 0, 0, 1),
        read(120, 1, 0, 1, 2),
        commit(130, { 0: 2, 1: 2 }),
        revoked(200, 1),
        read(210, 0, 2, 3),
        commit(300, { 0: 4 }),
        revoked(400, 0),
      ),
      member('b', assigned(205, 1), read(220, 1, 2, 3), commit(310, { 1: 4 }), revoked(400, 1)),
    ],
    readings: [reading(90), reading(140, 2, 2), reading(320, 4, 4)],
    monitored: { fromMs: 80, toMs: 450, gapMaxMs: 300 },
    final: new Map([
      [0, 4],
      [1, 4],
    ]),
  };
}

/** The history without faults, but with these lines of member b. */
function withB(...lines: MemberLine[]): GroupHistory {
  const history = good();
  return { ...history, members: [history.members[0]!, member('b', ...lines)] };
}

describe('the judge of groups', () => {
  test('finds nothing in a good history', () => {
    expect(judge(good())).toEqual([]);
  });

  test('leaves out the excused checks, and no other check', () => {
    const history = { ...withB(read(220, 1, 2)), readings: [reading(140, 2, 2), reading(150, 2, 1)] };
    const broken = [/without owning/, /moved back/, /was acknowledged/, /no member processed/, /at the end/];
    expect(judge(history, ['order', 'monotone', 'kept'])).toEqual([expect.stringMatching(broken[3]!)]);
    expect(judge(history).filter((text) => broken.some((pattern) => pattern.test(text))).length).toBe(4);
  });

  test('finds an acknowledged record that nobody processed', () => {
    const history = withB(assigned(205, 1), read(220, 1, 2), commit(310, { 1: 3 }));
    expect(unprocessed(history)).toEqual(['partition 1: no member processed the acknowledged offsets 3']);
  });

  test('finds a record that arrived with the number of another record', () => {
    const history = withB(assigned(205, 1), { e: 'read', t: 220, p: 1, o: [2, 3], n: [5, 9] });
    expect(unprocessed(history)).toEqual([
      'partition 1: processed with another number: 3 (number 9 instead of 7)',
    ]);
  });

  test('finds a record that a member left out, repeated or processed too late within one ownership', () => {
    const first = [assigned(205, 1), read(220, 1, 2)];
    for (const next of [4, 2, 1]) {
      expect(outOfOrder(withB(...first, read(230, 1, next)))).toEqual([
        `b processed offset ${next} of partition 1 instead of 3`,
      ]);
    }
  });

  test('lets a member begin a new ownership at the committed offset, and not before it', () => {
    const before = [assigned(205, 1), read(220, 1, 2, 3), lost(230, 1), assigned(240, 1)];
    expect(outOfOrder(withB(...before, read(250, 1, 2, 3)))).toEqual([]);
    expect(outOfOrder(withB(...before, read(250, 1, 1, 2, 3)))).toEqual([
      'b began partition 1 at 1, behind the commit of 2',
    ]);
  });

  test('lets a member begin below a committed offset if the commit was acknowledged after its ownership began', () => {
    expect(outOfOrder(withB(assigned(129, 1), read(220, 1, 1, 2, 3)))).toEqual([]);
  });

  test('finds a member that processes a partition that it does not own', () => {
    expect(outOfOrder(withB(read(220, 1, 2)))).toEqual([
      'b processed offset 2 of partition 1 without owning it',
    ]);
  });

  test('finds two owners at the same time', () => {
    expect(overlaps(withB(assigned(150, 1)))).toEqual(['a and b owned partition 1 together for 50 ms']);
    expect(overlaps(withB(assigned(200, 1)))).toEqual([]);
  });

  test('ends the ownership of a member when the test kills or pauses it', () => {
    const { members } = good();
    const killed = { ...members[0]!, lines: [assigned(100, 0)], endedMs: 150 };
    const paused = {
      ...members[0]!,
      lines: [assigned(100, 1), lost(900, 1)],
      pauses: [{ fromMs: 160, toMs: 800 }],
    };
    expect(ownerships({ members: [killed, paused] }).map(({ toMs }) => toMs)).toEqual([150, 160]);
  });

  test('finds a committed offset that moved back or vanished', () => {
    const readings = [reading(140, 2, 2), reading(150, 2, 1)];
    expect(commitsMovedBack({ ...good(), readings })).toEqual([
      'the committed offset of partition 1 moved back from 2 to 1',
    ]);
    expect(commitsMovedBack({ ...good(), readings: [reading(140, 2, 2), reading(150, 2)] })).toEqual([
      'the committed offset of partition 1 moved back from 2 to undefined',
    ]);
  });

  test('finds an acknowledged commit that a later reading does not show, and ignores a failed one', () => {
    expect(commitsLost({ ...good(), readings: [reading(131, 2, 1)] })).toEqual([
      'partition 1: a commit of 2 was acknowledged, and 1 was read later',
    ]);
    const failed = withB(commit(100, { 1: 9 }, 'error 25'));
    expect(commitsLost({ ...failed, readings: [reading(131, 2, 2)] })).toEqual([]);
  });

  test('finds a time in which nobody read the offsets: at the beginning, between two readings, at the end', () => {
    const text = (ms: number) => `the committed offsets were not read for ${ms} ms; the limit is 300 ms`;
    const found = (...readings: Reading[]) => unread({ ...good(), readings });
    expect(found(...good().readings)).toEqual([]);
    expect(found()).toEqual([text(370)]);
    expect(found(reading(376, 4, 4))).toEqual([text(301)]);
    expect(found(reading(90), reading(391, 4, 4))).toEqual([text(301)]);
    expect(found(reading(90), reading(144, 4, 4))).toEqual([text(301)]);
    expect(judge({ ...good(), readings: [] })).toContain(text(370));
  });

  test('finds a wrong committed offset at the end', () => {
    expect(wrongFinal({ ...good(), final: new Map([[0, 4]]) })).toEqual([
      'partition 1: 0 is committed at the end, not 4',
    ]);
  });

  test('measures the longest pause of the partitions that did not move', () => {
    const times = [100, 200, 300, 1300, 1400, 1500];
    const history = {
      members: [
        member(
          'a',
          assigned(0, 0, 1),
          ...times.map((t, i) => read(t, 0, i)),
          revoked(1250, 1),
          lost(2000, 0),
        ),
      ],
    };
    expect(gapsOfUnmoved(history, 250, 1350)).toEqual({ partitions: [0], longestMs: 1000 });
    expect(gapsOfUnmoved(history, 1350, 1450)).toEqual({ partitions: [0], longestMs: 100 });
  });

  test('names the members whose partitions changed in a window', () => {
    const { members } = good();
    expect(changedIn({ members }, 150, 206, [])).toEqual(['a', 'b']);
    expect(changedIn({ members }, 150, 206, ['b'])).toEqual(['a']);
    expect(changedIn({ members }, 206, 300, [])).toEqual([]);
  });
});
