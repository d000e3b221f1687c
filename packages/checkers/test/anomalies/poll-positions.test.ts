import { describe, expect, it } from 'vitest';
import {
  intNonmonotonicPoll,
  intPollSkip,
  nonmonotonicPoll,
  pollSkip,
} from '../../src/anomalies/poll-positions.ts';
import type { CommittedPart } from '../../src/final-logs.ts';
import { assign, compacted, itFires, judge, type Keyed, NEW, OLD, poll } from '../support/histories.ts';

describe('poll-skip', () => {
  itFires(
    pollSkip,
    [[assign(0), poll(0, [[1, 'b']])]],
    [[assign(1, 'latest'), poll(1, [[1, 'b']])]],
    /1 of t-0/,
  );
  itFires(
    pollSkip,
    [[poll(0, [[0, 'a']]), poll(1, [[2, 'c']])]],
    [[poll(0, [[0, 'a']]), poll(1, [[1, 'b']])]],
    /given 2 of t-0 by broker 4 where 1 was next/,
  );
  const unknown = { brokerId: undefined };
  itFires(
    pollSkip,
    [[poll(0, [[0, 'a']], unknown), poll(1, [[2, 'c']], unknown)]],
    [[poll(0, [[0, 'a']], unknown), poll(1, [[1, 'b']], unknown)]],
    /given 2 of t-0 where 1 was next/,
  );
});

describe('nonmonotonic-poll', () => {
  itFires(
    nonmonotonicPoll,
    [[poll(0, [[0, 'a']]), poll(1, [[0, 'a']])]],
    [[poll(0, [[0, 'a']]), assign(0), poll(0, [[0, 'a']])]],
    /given 0 .* where 1 was next/,
  );
});

const ab: [number, string][] = [
  [0, 'a'],
  [1, 'b'],
];
const ac: [number, string][] = [
  [0, 'a'],
  [2, 'c'],
];

describe('int-poll-skip', () => {
  itFires(intPollSkip, [[poll(0, ac)]], [[poll(0, ab)]], /given 2/);
});

describe('int-nonmonotonic-poll', () => {
  itFires(intNonmonotonicPoll, [[poll(0, ab.toReversed())]], [[poll(0, ab)]], /given 0/);
});

describe('a position in another topic of the name', () => {
  const inOld = poll(0, [[0, 'a']], { topicId: OLD });

  it('does not count', () => {
    const inNew = poll(4, [[4, 'x']], { topicId: NEW });
    expect(judge(pollSkip, [inOld, inNew])).toBeUndefined();
    expect(judge(pollSkip, [inOld, inNew, poll(5, [[6, 'z']], { topicId: NEW })])).toMatch(
      /where 5 was next/,
    );
  });
});

describe('a gap of a compacted log', () => {
  const keyedPoll = (highWatermark: number) => {
    const one = poll(
      0,
      [
        [0, 'p1-0'],
        [3, 'p1-3'],
      ],
      { highWatermark },
    );
    return { ...one, records: one.records.map((record) => ({ ...record, key: 'k' })) };
  };
  const found = (one: Keyed, two: Keyed, highWatermark = 4, facts: Partial<CommittedPart> = {}) =>
    [intPollSkip, pollSkip].map((kind) => {
      const log = compacted([['a', 'p1-0'], one, two, ['k', 'p1-3']], [0, 3]);
      const logs = [{ ...log, committed: { ...log.committed!, ...facts } }];
      const whole = keyedPoll(highWatermark);
      const [first, last] = whole.records;
      const halves = [
        { ...whole, records: [first!] },
        { ...whole, fetchOffset: 1, records: [last!] },
      ];
      return judge(kind, kind === pollSkip ? halves : [whole], { logs });
    });

  it('may lack replaced records and tombstones', () => {
    expect(found(['k', 'p1-1'], ['x', 'p1-2', 'tombstone'])).toEqual([undefined, undefined]);
  });

  it('may not lack the latest record of a key', () => {
    for (const one of found(['k', 'p1-1'], ['x', 'p1-2'])) expect(one).toMatch(/given 3 .* where 1 was next/);
  });

  it('may not lack a record that only a record at or above the high watermark replaces', () => {
    for (const one of found(['k', 'p1-1'], ['k', 'p1-2'], 3)) expect(one).toMatch(/where 1 was next/);
  });

  it('may lack a record whose replacement was committed before, but lies above an old high watermark', () => {
    // The answers come at 2 us.
    const committedAt = (atUs: number) => ({ committedUs: (offset: number) => (offset === 3 ? atUs : 1) });
    expect(found(['k', 'p1-1'], ['k', 'p1-2'], 3, committedAt(2))).toEqual([undefined, undefined]);
    for (const one of found(['k', 'p1-1'], ['k', 'p1-2'], 3, committedAt(3)))
      expect(one).toMatch(/where 1 was next/);
  });

  it('may not lack a tombstone that must stay until the time of the answer', () => {
    const droppedAt = (atUs: number) => ({
      mayDropTombstone: (offset: number, byUs: number) => offset === 2 && byUs >= atUs,
    });
    const tombstone: Keyed = ['x', 'p1-2', 'tombstone'];
    expect(found(['k', 'p1-1'], tombstone, 4, droppedAt(2))).toEqual([undefined, undefined]);
    for (const one of found(['k', 'p1-1'], tombstone, 4, droppedAt(3)))
      expect(one).toMatch(/where 1 was next/);
  });

  it('may lack nothing if the log was never compacted', () => {
    const { committed: _known, ...log } = compacted(
      [
        ['a', 'p1-0'],
        ['k', 'p1-1'],
        ['k', 'p1-2'],
        ['k', 'p1-3'],
      ],
      [0, 3],
    );
    expect(judge(intPollSkip, [keyedPoll(4)], { logs: [log] })).toMatch(/where 1 was next/);
  });
});
