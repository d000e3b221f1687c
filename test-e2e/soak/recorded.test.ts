/**
 * Goal: the checkers of the package `checkers` find each anomaly that a test plants in a recorded history of
 * real clients.
 */
import { describe, expect, test } from 'vitest';
import {
  historyOf,
  type ReadRecord,
  type RecordedRun,
  violationsOf,
  type WrittenRecord,
} from './recorded.ts';

interface Run extends RecordedRun {
  readonly written: { readonly name: string; readonly records: WrittenRecord[] }[];
  readonly read: ReadRecord[];
}

/**
 * A run without faults: two writers write six records each, in turn, and each of the two partitions gets six
 * records.
 */
function faultless(): Run {
  const written = ['w0', 'w1'].map((name) => ({ name, records: [] as WrittenRecord[] }));
  const read: ReadRecord[] = [];
  for (const partition of [0, 1]) {
    let offset = 0;
    for (let n = partition; n < 6; n += 2)
      for (const writer of [0, 1]) {
        const sentUs = 1_700_000_000_000_000 + n * 1000;
        written[writer]!.records[n] = { sentUs, endedUs: sentUs + 500, offset };
        read.push({ partition, offset: offset++, writer, n, leaderEpoch: 3, highWatermark: 6 });
      }
  }
  return { topic: 't', partitions: 2, written, read };
}

/** Changes what the reader got at this index. */
const readAs = (index: number, facts: Partial<ReadRecord>) => (run: Run) => {
  run.read[index] = { ...run.read[index]!, ...facts };
};

/** Adds a record after the last record of partition 1. */
const append = (facts: Partial<ReadRecord>) => (run: Run) => {
  run.read.push({ ...run.read.at(-1)!, offset: 6, highWatermark: 7, ...facts });
};

const unacked = (writer: number, n: number) => (run: Run) => {
  const record = run.written[writer]!.records[n]!;
  run.written[writer]!.records[n] = { ...record, endedUs: undefined, offset: undefined };
};

describe('a recorded history', () => {
  test('is accepted when it is correct', () => {
    expect(violationsOf(faultless())).toEqual([]);
  });

  test.each([
    ['in the log', () => {}],
    ['not in the log', (run: Run) => run.read.splice(-1, 1)],
  ])('may have a record with an unknown outcome %s', (_where, change) => {
    const run = faultless();
    unacked(1, 5)(run);
    change(run);
    expect(violationsOf(run)).toEqual([]);
    const ops = historyOf(run).ops.filter((op) => op.type === 'send');
    const last = ops.find(({ values }) => values[0] === 'w1-5');
    expect(last).toMatchObject({ outcome: 'info', baseOffset: undefined, ackedBy: undefined });
    expect(ops.find(({ values }) => values[0] === 'w0-1')).toMatchObject({
      outcome: 'ok',
      baseOffset: 0,
      invokedUs: 1000,
      endedUs: 1500,
    });
  });

  test('may lack high watermarks and leader epochs', () => {
    const run = faultless();
    run.read.forEach((_record, index) => {
      readAs(index, { leaderEpoch: undefined, highWatermark: undefined })(run);
    });
    expect(violationsOf(run)).toEqual([]);
  });

  const planted: [string, RegExp, (run: Run) => void][] = [
    [
      'a lost record',
      /^lost-write: w1-2 was acknowledged .*t-0 at 3.* is gone/,
      (run) => run.read.splice(3, 1),
    ],
    [
      'a lost tail',
      /^lost-write: w1-5 was acknowledged .*t-1 at 5.* is gone/,
      (run) => run.read.splice(-2, 2),
    ],
    ['an acknowledged record that no consumer got', /^unseen: w1-5/, (run) => run.read.splice(-1, 1)],
    ['a duplicate record', /^duplicate: w0-1 is at 0 and at 6 of t-1/, append({ writer: 0, n: 1 })],
    [
      'a record out of order',
      /^nonmonotonic-send: w0-2 lies behind w0-4 in t-0/,
      (run) => {
        readAs(2, { n: 4 })(run);
        readAs(4, { n: 2 })(run);
      },
    ],
    [
      'another offset than acknowledged',
      /^wrong-offset: w0-0 was acknowledged at 0 of t-0, where w1-0 is/,
      (run) => {
        readAs(0, { writer: 1 })(run);
        readAs(1, { writer: 0 })(run);
      },
    ],
    ['a record of nobody', /^never-sent: nobody-0 is at 6 of t-1/, append({ writer: -1, n: 0 })],
    ['a record in a foreign partition', /^never-sent: w0-0 is at 6 of t-1/, append({ writer: 0, n: 0 })],
    [
      'a read of an uncommitted record',
      /^uncommitted-read: reader was given 5 of t-0 with the high watermark 5/,
      readAs(5, { highWatermark: 5 }),
    ],
    [
      'an offset that holds another record when it is read again',
      /^inconsistent-offsets: at 0 of t-1 reader has w1-1.*, and reader had w0-1/,
      (run) => run.read.push({ ...run.read[6]!, writer: 1 }),
    ],
    [
      'a record that is read twice',
      /^(int-)?nonmonotonic-poll: reader was given 2 of t-0/,
      (run) => run.read.splice(3, 0, run.read[2]!),
    ],
    [
      'a skipped record',
      /^(int-)?poll-skip: reader was given 3 of t-0 where 2 was next/,
      (run) => run.read.splice(2, 1),
    ],
    [
      'a skipped beginning',
      /^poll-skip: reader was given 1 of t-0 where 0 was next/,
      (run) => run.read.shift(),
    ],
    [
      'a leader epoch that falls',
      /^leader-epoch-fell: it goes from 3 to 2 at 4 of t-0/,
      readAs(4, { leaderEpoch: 2 }),
    ],
  ];
  test.each(planted)('has %s: a checker finds it', (_name, violation, plant) => {
    const run = faultless();
    plant(run);
    expect(violationsOf(run)).toContainEqual(expect.stringMatching(violation));
  });

  test('may have many violations, of which each checker lists eight and counts the others', () => {
    const run = faultless();
    run.read.length = 0;
    const found = violationsOf(run);
    expect(found.filter((text) => text.startsWith('lost-write: '))).toHaveLength(8);
    expect(found).toContain('more lost-write: 4');
  });
});
