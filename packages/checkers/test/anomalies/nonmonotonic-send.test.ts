import type { Uuid } from '@millrace/base';
import { describe } from 'vitest';
import { nonmonotonicSend } from '../../src/anomalies/nonmonotonic-send.ts';
import { finalLog, itFires, send, sent, trimmed, withoutBatches } from '../support/histories.ts';

describe('nonmonotonic-send', () => {
  const reordered = finalLog(['p1-1', 'p1-0']);
  itFires(
    nonmonotonicSend,
    [sent, { logs: [reordered] }],
    [[sent[1]!, send(['p1-0'], { outcome: 'info' })], { logs: [reordered] }],
    /p1-0 lies behind p1-1/,
  );
  const ids = ['old', 'new'].map((id) => id.padEnd(22, 'A') as Uuid);
  const stray = send(['p1-0'], { mayStray: true, topicId: ids[1] });
  const later = send(['p1-1'], { topicId: ids[1] });
  itFires(
    nonmonotonicSend,
    [[stray, later], { logs: [reordered] }],
    [[send(['p1-9'], { topicId: ids[0] }), stray, later], { logs: [reordered] }],
    /p1-0 lies behind p1-1/,
  );
  const sequences = (...list: number[]) =>
    finalLog(
      list.map((one) => `p1-${one}`),
      (index) => ({ producerId: 9, producerEpoch: 0, baseSequence: list[index]! }),
    );
  itFires(
    nonmonotonicSend,
    [[], { logs: [sequences(0, 1, 3)] }],
    [[], { logs: [sequences(5, 6, 7)] }],
    /sequence 3 at 2 of t-0 where 2 is next/,
  );
  itFires(
    nonmonotonicSend,
    [sent, { logs: [withoutBatches(reordered)] }],
    [[], { logs: [withoutBatches(sequences(0, 1, 3))] }],
    /behind p1-1 in t-0/,
  );
  itFires(
    nonmonotonicSend,
    [[], { logs: [trimmed(sequences(0, 1, 3), 2, [0, 0, 1])] }],
    [[], { logs: [trimmed(sequences(0, 1, 3), 2, [0, 0, 2])] }],
    /sequence 3 at 2 of t-0 where 2 is next/,
  );
  const ofOne = finalLog(['p1-1', 'p1-0'], (index) => ({ producerId: 9, baseSequence: index }));
  itFires(
    nonmonotonicSend,
    [sent, { logs: [trimmed(ofOne, 1)] }],
    [sent, { logs: [trimmed(ofOne, 1, [0, 1])] }],
    /p1-0 lies behind p1-1/,
  );
  // The batch at 1 is unknown, so the sequence of the batch at 2 may be right.
  const gap = trimmed(sequences(0, 1, 2), 2);
  const lacking = { ...gap.past!, batches: gap.past!.batches.slice(0, 1) };
  itFires(
    nonmonotonicSend,
    [[], { logs: [trimmed(sequences(0, 2), 1)] }],
    [[], { logs: [{ ...gap, past: lacking }] }],
    /sequence 2 at 1 of t-0 where 1 is next/,
  );
});
