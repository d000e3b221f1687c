import { describe, expect, it } from 'vitest';
import { unseen } from '../../src/anomalies/unseen.ts';
import { finalLog, itFires, judge, poll, send, sent, trimmed } from '../support/histories.ts';

describe('unseen', () => {
  const first: [number, string] = [0, 'p1-0'];
  itFires(unseen, [[...sent, poll(0, [first])]], [[...sent, poll(0, [first, [1, 'p1-1']])]], /p1-1/);

  it('excuses an unread value below the log start or at an unknown offset, and no value at or above the log start', () => {
    const logs = [{ ...finalLog([]), startOffset: 1 }];
    expect(judge(unseen, [send(['p1-0'], { baseOffset: 0 })], { logs })).toBeUndefined();
    expect(judge(unseen, [send(['p1-0'])], { logs })).toBeUndefined();
    expect(judge(unseen, [send(['p1-0', 'p1-1'], { baseOffset: 0 })], { logs })).toMatch(/^unseen: p1-1/);
    expect(judge(unseen, [send(['p1-0'])], { logs: [finalLog([])] })).toMatch(/^unseen: p1-0/);
  });
  it('does not excuse an unread value below the log start if the log committed another record at its offset', () => {
    const logs = [trimmed(finalLog(['p1-0']), 1)];
    expect(judge(unseen, [send(['p1-0'], { baseOffset: 0 })], { logs })).toBeUndefined();
    expect(judge(unseen, [send(['p1-1'], { baseOffset: 0 })], { logs })).toMatch(/^unseen: p1-1/);
  });
});
