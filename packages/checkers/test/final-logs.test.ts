import { describe, expect, it } from 'vitest';
import { FinalLogs } from '../src/final-logs.ts';
import { finalLog } from './support/histories.ts';

const ref = { topic: 't', topicId: undefined, partition: 0 };

describe('FinalLogs.sendsOn', () => {
  it('knows only the last log start, if the history has no others', () => {
    const sendsOn = new FinalLogs(() => [{ ...finalLog([]), startOffset: 9 }]).sendsOn();
    expect(sendsOn(ref, 3, 9)).toBe(true);
    expect(sendsOn(ref, 3, 5)).toBe(true);
    expect(sendsOn(ref, 3, 10)).toBe(false);
    expect(sendsOn(ref, 5, 5)).toBe(false);
    expect(sendsOn({ ...ref, partition: 1 }, 3, 9)).toBe(false);
  });

  it('sends a reader only to an offset at which the log has begun, and only from below a log start', () => {
    const starts = new Set([0, 4, 9]);
    const sendsOn = new FinalLogs(() => [{ ...finalLog([]), startOffset: 4, starts }]).sendsOn();
    expect(sendsOn(ref, 3, 4)).toBe(true);
    expect(sendsOn(ref, 3, 9)).toBe(true);
    expect(sendsOn(ref, 3, 5)).toBe(false);
    // The log began at 9, and began lower again after a crash.
    expect(sendsOn(ref, 8, 0)).toBe(true);
    expect(sendsOn(ref, 9, 0)).toBe(false);
  });
});
