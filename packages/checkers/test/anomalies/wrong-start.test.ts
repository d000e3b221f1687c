import { describe, expect, it } from 'vitest';
import { wrongStart } from '../../src/anomalies/wrong-start.ts';
import { began, fetchOffset, finalLog, groupRead, judge } from '../support/histories.ts';

const found = (...ops: Parameters<typeof judge>[1][number][]) => judge(wrongStart, ops);
const fetched = (offset: number, us: number, facts = {}) =>
  fetchOffset(offset, us, us, { client: 'k1', ...facts });

describe('wrong-start', () => {
  it('finds a member that does not begin at the committed offset', () => {
    expect(found(fetched(5, 1), groupRead(5, 9, 2))).toBeUndefined();
    expect(found(fetched(5, 1), groupRead(6, 9, 2))).toMatch(
      /^wrong-start: k1 read t-0 in group g from 6 on at .*, but it has fetched 5/,
    );
    expect(found(fetched(5, 1), groupRead(0, 9, 2))).toMatch(/from 0 on/);
    expect(found(fetched(5, 1, { client: 'k2' }), groupRead(5, 9, 2))).toMatch(/has fetched nothing/);
  });

  it('lets a member without a committed offset begin at the beginning of the log', () => {
    expect(found(fetched(-1, 1), groupRead(0, 9, 2))).toBeUndefined();
    expect(found(fetched(-1, 1), groupRead(1, 9, 2))).toMatch(/has fetched no offset/);
  });

  it('finds a gap between two reads', () => {
    const start = [fetched(-1, 1), groupRead(0, 5, 2)];
    expect(found(...start, groupRead(5, 9, 3))).toBeUndefined();
    expect(found(...start, groupRead(6, 9, 3))).toMatch(/but it has read up to 5/);
    expect(found(...start, fetched(3, 3), groupRead(3, 9, 4))).toBeUndefined();
  });

  it('lets a member begin at any of the offsets that it has fetched', () => {
    const both = [fetched(5, 1), fetched(7, 2)];
    for (const from of [5, 7]) expect(found(...both, groupRead(from, 9, 3))).toBeUndefined();
    expect(found(...both, groupRead(6, 9, 3))).toMatch(/has fetched 5 and 7/);
  });

  it('lets a member begin a new topic of the same name at the beginning of its log', () => {
    const [old, next] = ['old', 'new'].map((topicId) => ({ topicId: topicId as never }));
    expect(found(fetched(5, 1, old), groupRead(5, 9, 2, old), groupRead(0, 2, 3, next))).toBeUndefined();
    expect(found(fetched(5, 1, old), groupRead(5, 9, 2, next))).toMatch(/from 5 on/);
    expect(found(fetched(5, 1), groupRead(5, 9, 2, next))).toBeUndefined();
  });

  it('finds a member that has fetched a committed offset of a new topic, but reads the topic from the beginning', () => {
    const [old, next] = ['old', 'new'].map((topicId) => ({ topicId: topicId as never }));
    const start = [fetched(5, 1, old), groupRead(5, 9, 2, old), fetched(7, 3, next)];
    expect(found(...start, groupRead(7, 9, 4, next))).toBeUndefined();
    expect(found(...start, groupRead(0, 2, 4, next))).toMatch(/from 0 on .* has fetched 7/);
  });

  it('lets a member continue at the beginning of a log that begins above its position', () => {
    const logs = [{ ...finalLog([]), startOffset: 7, starts: [began(0, 0, 2), began(7, 2)] }];
    const from = (offset: number, ...before: Parameters<typeof judge>[1][number][]) =>
      judge(wrongStart, [...before, groupRead(offset, 9, 3)], { logs });
    for (const before of [fetched(5, 1), fetched(-1, 1)]) {
      expect(from(7, before)).toBeUndefined();
      expect(from(6, before)).toMatch(/^wrong-start: .* from 6 on/);
    }
    expect(from(7, fetched(0, 1), groupRead(0, 2, 2))).toBeUndefined();
    expect(from(7, fetched(8, 1))).toMatch(/^wrong-start: .* has fetched 8/);
    expect(from(7)).toMatch(/has fetched nothing/);
    // No leader began at 0 after the log had begun above 5.
    expect(from(0, fetched(5, 1))).toMatch(/^wrong-start: .* from 0 on/);
    const early = [fetched(5, 0), groupRead(7, 9, 1)];
    expect(judge(wrongStart, early, { logs })).toMatch(/^wrong-start: .* from 7 on/);
  });

  it('expects nothing of an exempt topic', () => {
    expect(judge(wrongStart, [groupRead(5, 9, 2)], { exempt: ['t'] })).toBeUndefined();
  });
});
