/** Goal: each history checker finds its anomaly. Method: hand-made histories with and without it. */
import { describe, expect, it } from 'vitest';
import { abortedRead } from '../../src/checkers/aborted-read.ts';
import type { CheckerKind } from '../../src/checkers/checker.ts';
import { damagedBatch } from '../../src/checkers/damaged-batch.ts';
import { duplicate } from '../../src/checkers/duplicate.ts';
import { inconsistentOffsets } from '../../src/checkers/inconsistent-offsets.ts';
import { largestTimestamp } from '../../src/checkers/largest-timestamp.ts';
import { leaderEpochFell } from '../../src/checkers/leader-epoch-fell.ts';
import { Ledger } from '../../src/checkers/ledger.ts';
import { lostSequence } from '../../src/checkers/lost-sequence.ts';
import { lostWrite } from '../../src/checkers/lost-write.ts';
import { nonmonotonicSend } from '../../src/checkers/nonmonotonic-send.ts';
import {
  intNonmonotonicPoll,
  intPollSkip,
  nonmonotonicPoll,
  pollSkip,
} from '../../src/checkers/poll-positions.ts';
import { positionLost } from '../../src/checkers/position-lost.ts';
import { uncommittedRead } from '../../src/checkers/uncommitted-read.ts';
import { unseen } from '../../src/checkers/unseen.ts';
import { wrongOffset } from '../../src/checkers/wrong-offset.ts';
import { History, type Op } from '../../src/history/index.ts';
import { assign, finalLog, judge, poll, send } from './support.ts';

type End = Parameters<typeof judge>[2];
type Case = readonly [ops: readonly Op[], end?: End];

/** The checker must fail for `bad`, and not for `good` nor for a deleted topic. */
function itFires(kind: CheckerKind, bad: Case, good: Case, more: RegExp): void {
  it(`${kind.name}: ${kind.sentence}`, () => {
    const found = judge(kind, bad[0], bad[1]);
    expect(found).toMatch(new RegExp(`^${kind.name}: `));
    expect(found).toMatch(more);
    expect(judge(kind, good[0], good[1])).toBeUndefined();
    expect(judge(kind, bad[0], { ...bad[1], deleted: ['t'] })).toBeUndefined();
  });
}

const two = finalLog(['p1-0', 'p1-1']);
const sent = [send(['p1-0'], { baseOffset: 0 }), send(['p1-1'], { baseOffset: 1 })];

describe('answers to producers', () => {
  itFires(
    lostWrite,
    [sent, { logs: [finalLog(['p1-0'])] }],
    [sent, { logs: [two] }],
    /p1-1 was acknowledged/,
  );
  itFires(
    lostWrite,
    [[poll(0, [[0, 'p1-7']])], { logs: [two] }],
    [[poll(0, [[0, 'p1-0']])], { logs: [two] }],
    /p1-7 was read by q1/,
  );
  itFires(
    largestTimestamp,
    [[], { logs: [finalLog(['p1-0', 'p1-1'], (index) => ({ maxTimestamp: index * 5 - 1 }))] }],
    [[], { logs: [two] }],
    /the batch at 1 of t-0 says 4, its records say -1/,
  );
  it('acks=1 and acks=0 may lose records, and a value with an unknown outcome may be in the log or not', () => {
    const ops = [
      send(['p1-5'], { acks: 1, idempotent: false }),
      send(['p1-6'], { acks: 0, idempotent: false }),
      send(['p1-7'], { outcome: 'info' }),
    ];
    expect(judge(lostWrite, ops, { logs: [two] })).toBeUndefined();
  });
  itFires(
    wrongOffset,
    [[send(['p1-0', 'p1-1'], { baseOffset: 1 })], { logs: [two] }],
    [[send(['p1-0', 'p1-1'], { baseOffset: 0 })], { logs: [two] }],
    /p1-0 was acknowledged at 1 of t-0, where p1-1 is/,
  );
  itFires(
    duplicate,
    [sent, { logs: [finalLog(['p1-0', 'p1-1', 'p1-0'])] }],
    [[send(['p1-0'], { idempotent: false })], { logs: [finalLog(['p1-0', 'p1-0'])] }],
    /p1-0 is at 0 and at 2/,
  );
  itFires(
    nonmonotonicSend,
    [sent, { logs: [finalLog(['p1-1', 'p1-0'])] }],
    [[sent[1]!, send(['p1-0'], { outcome: 'info' })], { logs: [finalLog(['p1-1', 'p1-0'])] }],
    /p1-0 lies behind p1-1/,
  );
  const sequences = (...list: number[]) =>
    finalLog(
      list.map((one) => `p1-${one}`),
      (index) => ({ producerId: 9, producerEpoch: 0, baseSequence: list[index] }),
    );
  itFires(
    nonmonotonicSend,
    [[], { logs: [sequences(0, 1, 3)] }],
    [[], { logs: [sequences(5, 6, 7)] }],
    /sequence 3 at 2 of t-0 where 2 is next/,
  );
  const lost = new History();
  lost.sequenceLost('p1', 't', 0, 'p1-3');
  itFires(lostSequence, [[], { scope: { history: lost } }], [[]], /for p1-3 in t-0/);
  itFires(
    unseen,
    [[...sent, poll(0, [[0, 'p1-0']])]],
    [
      [
        ...sent,
        poll(0, [
          [0, 'p1-0'],
          [1, 'p1-1'],
        ]),
      ],
    ],
    /p1-1/,
  );
});

describe('records of consumers', () => {
  itFires(
    inconsistentOffsets,
    [[poll(0, [[0, 'p1-0']]), poll(0, [[0, 'p2-0']], 'q2')]],
    [[poll(0, [[0, 'p1-0']]), poll(0, [[0, 'p1-0']], 'q2')], { logs: [two] }],
    /at 0 of t-0 q2 has p2-0/,
  );
  itFires(
    inconsistentOffsets,
    [[poll(0, [[1, 'p1-0']])], { logs: [two] }],
    [[poll(0, [[1, 'p1-1']])], { logs: [two] }],
    /the log has p1-1/,
  );
  const failed = send(['p1-0'], { outcome: 'fail', error: 'NOT_ENOUGH_REPLICAS' });
  itFires(abortedRead, [[failed, poll(0, [[0, 'p1-0']])]], [[failed, poll(0, [[0, 'p1-1']])]], /p1-0/);
  itFires(abortedRead, [[poll(0, [[0, 'p1-0']]), failed]], [[failed]], /NOT_ENOUGH_REPLICAS/);
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
  itFires(
    nonmonotonicPoll,
    [[poll(0, [[0, 'a']]), poll(1, [[0, 'a']])]],
    [[poll(0, [[0, 'a']]), assign(0), poll(0, [[0, 'a']])]],
    /given 0 .* where 1 was next/,
  );
  itFires(
    intPollSkip,
    [
      [
        poll(0, [
          [0, 'a'],
          [2, 'c'],
        ]),
      ],
    ],
    [
      [
        poll(0, [
          [0, 'a'],
          [1, 'b'],
        ]),
      ],
    ],
    /given 2/,
  );
  itFires(
    intNonmonotonicPoll,
    [
      [
        poll(0, [
          [1, 'b'],
          [0, 'a'],
        ]),
      ],
    ],
    [
      [
        poll(0, [
          [0, 'a'],
          [1, 'b'],
        ]),
      ],
    ],
    /given 0/,
  );
  itFires(positionLost, [[assign(3, 'out-of-range')]], [[assign(3, 'latest')]], /out-of-range.* at 3/);
  itFires(positionLost, [[assign(3, 'truncated')]], [[assign(0, 'earliest')]], /truncated/);

  const ledger = new Ledger();
  ledger.of({ topicId: 'x', topic: 't', index: 0 } as never).committedEnd = 1;
  const scope = { ledger };
  itFires(
    uncommittedRead,
    [[poll(0, [[1, 'b']])], { scope }],
    [[poll(0, [[0, 'a']])], { scope }],
    /given 1 of t-0 by broker 4 when 1 was committed/,
  );
  itFires(
    uncommittedRead,
    [[{ ...poll(0, [[0, 'a']]), highWatermark: 0 }], { scope }],
    [[{ ...poll(0, [[0, 'a']]), highWatermark: 1 }], { scope }],
    /with the high watermark 0/,
  );

  const damaged = new History();
  damaged.damaged('q1', 't', 0, 5);
  itFires(damagedBatch, [[], { scope: { history: damaged } }], [[]], /damaged batch at 5 of t-0/);
});

describe('logs', () => {
  const epochs = (...list: number[]) =>
    finalLog(
      list.map((_epoch, index) => `p1-${index}`),
      (index) => ({ leaderEpoch: list[index] }),
    );
  itFires(
    leaderEpochFell,
    [[], { logs: [epochs(0, 2, 1)] }],
    [[], { logs: [epochs(0, 1, 2)] }],
    /from 2 to 1 at 2/,
  );
  const gap = finalLog(['a', 'b'], (index) => ({ baseOffset: 2 * index, lastOffset: 2 * index }));
  itFires(leaderEpochFell, [[], { logs: [gap] }], [[], { logs: [two] }], /gap before 2/);
});
