import { describe, expect, it } from 'vitest';
import { commitWentBack } from '../../src/anomalies/commit-went-back.ts';
import { commit, fetchOffset, itFires, judge } from '../support/histories.ts';

/** Two commits without an answer: each may take effect at any later time, but only once. */
const unknown = [
  commit(5, 1, 2, { outcome: 'info', metadata: 'a' }),
  commit(6, 3, 4, { outcome: 'info', metadata: 'b' }),
];
const five = (from: number) => fetchOffset(5, from, from + 1, { metadata: 'a' });
const six = (from: number) => fetchOffset(6, from, from + 1, { metadata: 'b' });

describe('commit-went-back', () => {
  itFires(
    commitWentBack,
    [[...unknown, six(5), fetchOffset(-1, 7, 8)]],
    [[...unknown, fetchOffset(-1, 5, 6), six(7)]],
    /fetched no offset .* but g2 fetched 6 \(b\)/,
  );
  itFires(
    commitWentBack,
    [[...unknown, five(5), six(7), five(9)]],
    [[...unknown, five(5), six(7), six(9)]],
    /fetched 5 \(a\) .* but g2 fetched 6 \(b\)/,
  );
  itFires(
    commitWentBack,
    [[commit(5, 1, 2), commit(6, 3, 9, { outcome: 'info' }), fetchOffset(6, 5, 6), fetchOffset(5, 7, 8)]],
    [[commit(5, 1, 2), commit(6, 3, 9, { outcome: 'info' }), fetchOffset(5, 5, 6), fetchOffset(6, 7, 8)]],
    /fetched 5 .* but g2 fetched 6/,
  );

  it('accepts that an earlier commit without an answer takes effect later', () => {
    expect(judge(commitWentBack, [...unknown, six(5), five(7)])).toBeUndefined();
  });

  it('accepts that a fetch shows an earlier value again after a client has committed it again', () => {
    const again = commit(5, 8, 9, { metadata: 'a' });
    expect(judge(commitWentBack, [...unknown, five(5), six(6), again, five(10)])).toBeUndefined();
  });

  it('accepts fetches that overlap', () => {
    const slow = fetchOffset(5, 1, 20, { metadata: 'a' });
    expect(judge(commitWentBack, [...unknown, five(5), six(7), slow])).toBeUndefined();
  });
});
