import { describe, expect, it } from 'vitest';
import { wrongOffset } from '../../src/anomalies/wrong-offset.ts';
import { finalLog, itFires, judge, send, trimmed, two } from '../support/histories.ts';

describe('wrong-offset', () => {
  itFires(
    wrongOffset,
    [[send(['p1-0', 'p1-1'], { baseOffset: 1 })], { logs: [two] }],
    [[send(['p1-0', 'p1-1'], { baseOffset: 0 })], { logs: [two] }],
    /p1-0 was acknowledged at 1 of t-0, where p1-1 is/,
  );

  it('skips acknowledgements without an offset, and acknowledgements of acks=1', () => {
    const ops = [send(['p1-1']), send(['p1-1'], { acks: 0 }), send(['p1-1'], { acks: 1, baseOffset: 0 })];
    expect(judge(wrongOffset, ops, { logs: [two] })).toBeUndefined();
  });

  it('excuses a wrong offset below the log start, and no wrong offset at or above it', () => {
    const logs = [{ ...finalLog([]), startOffset: 1 }];
    expect(judge(wrongOffset, [send(['p1-0'], { baseOffset: 0 })], { logs })).toBeUndefined();
    expect(judge(wrongOffset, [send(['p1-0', 'p1-1'], { baseOffset: 0 })], { logs })).toMatch(
      /^wrong-offset: p1-1 was acknowledged at 1 of t-0, where nothing is/,
    );
  });
  it('does not excuse a wrong offset below the log start if the log committed another record there', () => {
    const logs = [trimmed(finalLog(['p1-0', 'p2-0']), 2)];
    const found = (value: string) => judge(wrongOffset, [send([value], { baseOffset: 1 })], { logs });
    expect(found('p2-0')).toBeUndefined();
    expect(found('p1-1')).toMatch(/^wrong-offset: p1-1 was acknowledged at 1 of t-0/);
  });
});
