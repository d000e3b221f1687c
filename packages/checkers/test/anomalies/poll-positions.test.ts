import { describe, expect, it } from 'vitest';
import {
  intNonmonotonicPoll,
  intPollSkip,
  nonmonotonicPoll,
  pollSkip,
} from '../../src/anomalies/poll-positions.ts';
import { assign, itFires, judge, NEW, OLD, poll } from '../support/histories.ts';

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
