import { describe, expect, it } from 'vitest';
import { fencedCommitAccepted } from '../../src/anomalies/fenced-commit-accepted.ts';
import type { MemberRef } from '../../src/index.ts';
import { commit, judge, membership } from '../support/histories.ts';

const as = (memberId: string, epoch: number, instanceId: string | null = null): { member: MemberRef } => ({
  member: { memberId, epoch, instanceId },
});
const t0 = [{ topic: 't', topicId: undefined, partition: 0 }];
const found = (...ops: Parameters<typeof judge>[1][number][]) => judge(fencedCommitAccepted, ops);

describe('fenced-commit-accepted', () => {
  it('finds a commit of an earlier generation', () => {
    const next = membership('b', 3, 5);
    expect(found(next, commit(5, 6, 7, as('a', 2)))).toMatch(
      /^fenced-commit-accepted: the commit of 5 for t-0 by g1 as member a in epoch 2 of group g .* but member b in epoch 3/,
    );
    expect(found(next, commit(5, 6, 7, as('a', 3)))).toBeUndefined();
    expect(found(next, commit(5, 4, 7, as('a', 2)))).toBeUndefined();
    expect(found(next, commit(5, 6, 7, { ...as('a', 2), outcome: 'fail' }))).toBeUndefined();
    expect(found(next, commit(5, 6, 7, { ...as('a', 2), group: 'h' }))).toBeUndefined();
    expect(found(next, commit(5, 6, 7))).toBeUndefined();
  });

  it('finds a commit of a partition that another member has got in a later member epoch', () => {
    const got = membership('b', 3, 5, { protocol: 'consumer', assigned: t0 });
    expect(found(got, commit(5, 6, 7, as('a', 2)))).toMatch(/member a in epoch 2 .* member b in epoch 3/);
    expect(found(got, commit(5, 6, 7, as('a', 3)))).toBeUndefined();
    expect(found(got, commit(5, 6, 7, as('b', 2)))).toBeUndefined();
    expect(found(got, commit(5, 6, 7, { ...as('a', 2), partition: 1 }))).toBeUndefined();
    const none = membership('b', 3, 5, { protocol: 'consumer' });
    expect(found(none, commit(5, 6, 7, as('a', 2)))).toBeUndefined();
  });

  it('finds a commit of a static member whose instance id another member has taken over', () => {
    const [first, second] = [
      membership('a', 2, 1, { instanceId: 'i' }),
      membership('b', 2, 5, { instanceId: 'i' }),
    ];
    expect(found(first, second, commit(5, 6, 7, as('a', 2, 'i')))).toMatch(
      /member a \(i\) .* member b \(i\)/,
    );
    expect(found(first, second, commit(5, 6, 7, as('b', 2, 'i')))).toBeUndefined();
    expect(found(first, second, commit(5, 4, 7, as('a', 2, 'i')))).toBeUndefined();
  });

  it('lets a member commit again when it has joined again and taken its instance id back', () => {
    const facts = { instanceId: 'i', protocol: 'consumer' } as const;
    const [first, second] = [membership('a', 2, 1, facts), membership('b', 3, 5, facts)];
    const back = membership('a', 4, 9, { ...facts, isJoin: true });
    expect(found(first, second, back, commit(5, 10, 11, as('a', 4, 'i')))).toBeUndefined();
    expect(found(first, second, back, commit(5, 10, 11, as('b', 3, 'i')))).toMatch(/member b .* member a/);
    const heartbeat = membership('a', 4, 9, facts);
    expect(found(first, second, heartbeat, commit(5, 10, 11, as('a', 4, 'i')))).toMatch(/ a .* member b/);
    const paused = membership('c', 1, 9, { ...facts, isJoin: true, invokedUs: 0 });
    expect(found(first, paused, commit(5, 10, 11, as('a', 2, 'i')))).toBeUndefined();
    const late = membership('a', 2, 9, { ...facts, isJoin: true, invokedUs: 1 });
    expect(found(first, second, late, commit(5, 10, 11, as('a', 2, 'i')))).toMatch(/ a .* member b/);
    const overlapping = membership('a', 4, 9, { ...facts, isJoin: true, invokedUs: 4 });
    expect(found(first, second, overlapping, commit(5, 10, 11, as('a', 4, 'i')))).toBeUndefined();
  });

  it('expects nothing when the topic __consumer_offsets is exempt', () => {
    const ops = [membership('b', 3, 5), commit(5, 6, 7, as('a', 2))];
    expect(judge(fencedCommitAccepted, ops, { exempt: ['__consumer_offsets'] })).toBeUndefined();
  });
});
