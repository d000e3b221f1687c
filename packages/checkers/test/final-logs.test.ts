import { describe, expect, it } from 'vitest';
import { FinalLogs } from '../src/final-logs.ts';
import { began, finalLog, trimmed } from './support/histories.ts';

const ref = { topic: 't', topicId: undefined, partition: 0 };

describe('FinalLogs.sendsOn', () => {
  it('allows a jump only up to the last log start if no earlier log starts are known', () => {
    const sendsOn = new FinalLogs(() => [{ ...finalLog([]), startOffset: 9 }]).sendsOn();
    expect(sendsOn(ref, 3, 9, 1)).toBe(true);
    expect(sendsOn(ref, 3, 5, 1)).toBe(true);
    expect(sendsOn(ref, 3, 10, 1)).toBe(false);
    expect(sendsOn(ref, 5, 5, 1)).toBe(false);
    expect(sendsOn({ ...ref, partition: 1 }, 3, 9, 1)).toBe(false);
  });

  it('allows a jump only to an offset at which a log has begun, and only from below a log start', () => {
    const starts = [began(0, 0, 10), began(4, 10, 20), began(9, 20)];
    const sendsOn = new FinalLogs(() => [{ ...finalLog([]), startOffset: 9, starts }]).sendsOn();
    expect(sendsOn(ref, 3, 4, 15)).toBe(true);
    expect(sendsOn(ref, 3, 9, 25)).toBe(true);
    expect(sendsOn(ref, 3, 5, 25)).toBe(false);
    expect(sendsOn(ref, 4, 4, 25)).toBe(false);
  });

  it('allows no jump to an offset before a log begins there, or back to an earlier beginning', () => {
    const starts = [began(0, 0, 10), began(4, 10, 20), began(9, 20)];
    const sendsOn = new FinalLogs(() => [{ ...finalLog([]), startOffset: 9, starts }]).sendsOn();
    expect(sendsOn(ref, 3, 4, 9)).toBe(false);
    expect(sendsOn(ref, 3, 9, 15)).toBe(false);
    expect(sendsOn(ref, 3, 0, 25)).toBe(false);
    expect(sendsOn(ref, 5, 4, 25)).toBe(false);
  });

  it('allows a jump back, if a log began lower again after a crash, or at another leader', () => {
    const starts = [began(0, 0, 10), began(9, 10, 30), began(0, 20, 40)];
    const sendsOn = new FinalLogs(() => [{ ...finalLog([]), startOffset: 9, starts }]).sendsOn();
    expect(sendsOn(ref, 8, 0, 25)).toBe(true);
    expect(sendsOn(ref, 8, 0, 19)).toBe(false);
    expect(sendsOn(ref, 9, 0, 25)).toBe(false);
  });
});

describe('FinalLogs.mayBeRemoved', () => {
  const deletedIn = (below?: readonly string[]) => {
    const log = below === undefined ? { ...finalLog([]), startOffset: 2 } : trimmed(finalLog(below), 2);
    return new FinalLogs(() => [log]).mayBeRemoved();
  };

  it('excuses each offset below the log start, if nobody knows its record', () => {
    const mayBeRemoved = deletedIn();
    expect([0, 1, 2].map((offset) => mayBeRemoved(ref, 'a', offset))).toEqual([true, true, false]);
    expect(mayBeRemoved(ref, 'a', undefined)).toBe(true);
    expect(mayBeRemoved({ ...ref, partition: 1 }, 'a', 0)).toBe(false);
    expect(new FinalLogs(() => [finalLog([])]).mayBeRemoved()(ref, 'a', undefined)).toBe(false);
  });

  it('excuses only the committed value of an offset, if its record is known', () => {
    const mayBeRemoved = deletedIn(['a']);
    expect(['a', 'b'].map((value) => mayBeRemoved(ref, value, 0))).toEqual([true, false]);
    expect(['a', 'b'].map((value) => mayBeRemoved(ref, value, 1))).toEqual([true, true]);
    expect(['a', 'b'].map((value) => mayBeRemoved(ref, value, undefined))).toEqual([true, true]);
  });

  it('excuses a record without an offset only by its value, if all records below the log start are known', () => {
    const mayBeRemoved = deletedIn(['a', 'b']);
    expect(['b', 'c'].map((value) => mayBeRemoved(ref, value, undefined))).toEqual([true, false]);
  });
});
