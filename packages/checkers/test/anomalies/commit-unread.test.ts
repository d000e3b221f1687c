import { describe, expect, it } from 'vitest';
import { commitUnread } from '../../src/anomalies/commit-unread.ts';
import { began, commit, finalLog, groupRead, judge } from '../support/histories.ts';

const member = { memberId: 'a', epoch: 1, instanceId: null };
const found = (...ops: Parameters<typeof judge>[1][number][]) => judge(commitUnread, ops);
const committed = (offset: number, invokedUs: number, facts = {}) =>
  commit(offset, invokedUs, invokedUs + 1, { member, ...facts });

describe('commit-unread', () => {
  it('finds a commit of an offset beyond what the group has read', () => {
    expect(found(groupRead(0, 5, 1), committed(5, 2))).toBeUndefined();
    expect(found(groupRead(0, 5, 1), committed(6, 2))).toMatch(
      /^commit-unread: g1 committed 6 for t-0 in group g at .* only the records below 5/,
    );
    expect(found(committed(1, 2))).toMatch(/only the records below 0/);
    expect(found(groupRead(0, 5, 1), committed(6, 2, { outcome: 'info' }))).toMatch(/committed 6/);
  });

  it('finds a record between the reads of two members that neither read', () => {
    const first = groupRead(0, 5, 1);
    const next = (from: number) => groupRead(from, 9, 2, { client: 'k2' });
    for (const from of [2, 5]) expect(found(first, next(from), committed(9, 3))).toBeUndefined();
    expect(found(first, next(6), committed(9, 3))).toMatch(/only the records below 5/);
    expect(found(first, groupRead(5, 9, 2, { group: 'h' }), committed(9, 3))).toMatch(/below 5/);
  });

  it('does not count a read that ended after the commit was sent', () => {
    expect(found(groupRead(0, 5, 1), groupRead(5, 9, 4), commit(9, 3, 5, { member }))).toMatch(/below 5/);
  });

  it('accepts a gap in the reads if the log began at the end of the gap', () => {
    const logs = [{ ...finalLog([]), startOffset: 7, starts: [began(0, 0, 2), began(7, 2)] }];
    const of = (...ops: Parameters<typeof judge>[1][number][]) => judge(commitUnread, ops, { logs });
    expect(of(groupRead(0, 5, 1), groupRead(7, 9, 2), committed(9, 3))).toBeUndefined();
    expect(of(groupRead(0, 5, 1), groupRead(6, 9, 2), committed(9, 3))).toMatch(/below 5/);
    expect(of(groupRead(0, 5, 1), committed(7, 2))).toBeUndefined();
    expect(of(groupRead(0, 5, 1), committed(8, 2))).toMatch(/committed 8 .* below 5/);
    expect(of(groupRead(0, 8, 1), groupRead(9, 12, 2), committed(12, 3))).toMatch(/below 8/);
    // At the time of this read and of this commit, the log did not begin at 7 yet.
    expect(of(groupRead(0, 5, 0), groupRead(7, 9, 1), committed(9, 3))).toMatch(/below 5/);
    expect(of(groupRead(0, 5, 0), committed(7, 1))).toMatch(/below 5/);
  });

  it('tells topics of the same name apart', () => {
    const [old, next] = ['old', 'new'].map((topicId) => ({ topicId: topicId as never }));
    expect(found(groupRead(0, 5, 1, old), committed(5, 2, next))).toMatch(/below 0/);
    expect(found(groupRead(0, 5, 1, old), committed(5, 2, old))).toBeUndefined();
    expect(found(groupRead(0, 5, 1, old), committed(9, 2))).toBeUndefined();
  });

  it('expects nothing of an exempt topic, or of a client that is no member', () => {
    expect(judge(commitUnread, [committed(5, 2)], { exempt: ['t'] })).toBeUndefined();
    expect(found(commit(5, 2, 3))).toBeUndefined();
  });
});
