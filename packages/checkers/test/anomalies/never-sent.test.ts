import { describe, expect, it } from 'vitest';
import { neverSent } from '../../src/anomalies/never-sent.ts';
import { finalLog, itFires, judge, send, sent, two } from '../support/histories.ts';

describe('never-sent', () => {
  itFires(
    neverSent,
    [sent, { logs: [finalLog(['p1-0', 'p1-1', 'p7-0'])] }],
    [sent, { logs: [two] }],
    /p7-0 is at 2 of t-0, and no client sent it there/,
  );
  itFires(
    neverSent,
    [[...sent, send(['p1-2'], { partition: 1 })], { logs: [finalLog(['p1-0', 'p1-1', 'p1-2'])] }],
    [[...sent, send(['p1-2'], { outcome: 'info' })], { logs: [finalLog(['p1-0', 'p1-1', 'p1-2'])] }],
    /p1-2 is at 2 of t-0/,
  );

  it('skips a topic to which no client of the history sends', () => {
    expect(judge(neverSent, [], { logs: [two] })).toBeUndefined();
  });
});
