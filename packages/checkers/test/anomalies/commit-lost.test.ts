import { describe, expect, it } from 'vitest';
import { commitLost } from '../../src/anomalies/commit-lost.ts';
import { commit, fetchOffset, itFires, judge, NEW, OLD } from '../support/histories.ts';

describe('commit-lost', () => {
  itFires(
    commitLost,
    [[commit(5, 1, 2), fetchOffset(-1, 3, 4)]],
    [[commit(5, 1, 2), fetchOffset(5, 3, 4)]],
    /fetched no offset for t-0 in group g .* 5 of g1 was acknowledged/,
  );
  itFires(
    commitLost,
    [[commit(5, 1, 2), commit(6, 3, 4), fetchOffset(5, 5, 6)]],
    [[commit(5, 1, 2), commit(6, 3, 4), fetchOffset(6, 5, 6)]],
    /fetched 5 .* but 6 of g1/,
  );

  it('accepts a fetch that some order of overlapping operations explains', () => {
    const both = [commit(5, 1, 4), commit(6, 2, 3)];
    expect(judge(commitLost, [...both, fetchOffset(5, 5, 6)])).toBeUndefined();
    expect(judge(commitLost, [...both, fetchOffset(6, 5, 6)])).toBeUndefined();
    expect(judge(commitLost, [commit(5, 1, 4), fetchOffset(-1, 3, 6)])).toBeUndefined();
    expect(judge(commitLost, [commit(5, 1, 4), commit(6, 5, 9), fetchOffset(6, 6, 7)])).toBeUndefined();
  });

  it('accepts that a commit without an answer takes effect late, or never', () => {
    const late = commit(5, 1, 2, { outcome: 'info' });
    expect(judge(commitLost, [late, commit(6, 3, 4), fetchOffset(5, 5, 6)])).toBeUndefined();
    expect(judge(commitLost, [late, fetchOffset(-1, 3, 4)])).toBeUndefined();
  });

  it('accepts that a fetch shows the earlier commit after a later one was refused', () => {
    const refused = commit(6, 3, 4, { outcome: 'fail' });
    expect(judge(commitLost, [commit(5, 1, 2), refused, fetchOffset(5, 5, 6)])).toBeUndefined();
  });

  it('tells apart groups, partitions, and topics of the same name', () => {
    const other = fetchOffset(-1, 3, 4, { group: 'h' });
    expect(judge(commitLost, [commit(5, 1, 2), other])).toBeUndefined();
    expect(judge(commitLost, [commit(5, 1, 2), { ...other, group: 'g', partition: 1 }])).toBeUndefined();
    const old = commit(5, 1, 2, { topicId: OLD });
    expect(judge(commitLost, [old, fetchOffset(-1, 3, 4, { topicId: NEW })])).toBeUndefined();
    expect(judge(commitLost, [old, fetchOffset(-1, 3, 4, { topicId: OLD })])).toMatch(/^commit-lost: /);
  });

  it('accepts a fetch or a commit without a topic id, because it may be about another topic of the name', () => {
    const known = commit(5, 1, 2, { topicId: OLD });
    expect(judge(commitLost, [known, fetchOffset(-1, 3, 4)])).toBeUndefined();
    const stray = commit(6, 3, 4);
    expect(judge(commitLost, [known, stray, fetchOffset(5, 5, 6, { topicId: OLD })])).toBeUndefined();
    expect(judge(commitLost, [known, stray, fetchOffset(6, 5, 6, { topicId: OLD })])).toBeUndefined();
  });

  it('expects nothing when the topic __consumer_offsets is exempt', () => {
    const exempt = ['__consumer_offsets'];
    expect(judge(commitLost, [commit(5, 1, 2), fetchOffset(-1, 3, 4)], { exempt })).toBeUndefined();
  });
});
