/**
 * Goal: the judge of the logs finds a violation in every false history, and none if compaction and retention
 * did only what they may do.
 */
import { describe, expect, test } from 'vitest';
import {
  idOf,
  type LogHistory,
  type LogRead,
  type LogRules,
  type SentRecord,
  stillNeeded,
  violationsOf,
} from './judge.ts';

const SENT_MS = 1_700_000_000_000;
/** The read begins this long after the first record was sent. */
const READ_MS = 60_000;

interface History extends LogHistory {
  sent: SentRecord[];
  reads: LogRead[];
}

/**
 * Makes a sent record for each text: `key=value`, or `key` for a tombstone. The index in the list is the
 * offset. Each record was sent one millisecond after the record before.
 */
function sentOf(texts: readonly string[]): SentRecord[] {
  return texts.map((text, offset) => {
    const [key = '', value = null] = text.split('=');
    const sentMs = SENT_MS + offset;
    return { writer: 'w', n: offset, key, value, timestamp: sentMs, sentMs, acked: { offset, atMs: sentMs } };
  });
}

/** A read that finds these offsets. */
function readOf(sent: readonly SentRecord[], offsets: readonly number[], o: Partial<LogRead> = {}): LogRead {
  const startedMs = SENT_MS + READ_MS;
  const records = offsets.map((offset) => {
    const { key, value, timestamp, ...record } = sent[offset]!;
    return { offset, id: idOf(record), key, value, timestamp };
  });
  return {
    startedMs,
    endedMs: startedMs + 100,
    startOffset: 0,
    endOffset: sent.length,
    sizeBytes: 100 * offsets.length,
    records,
    ...o,
  };
}

function historyOf(
  texts: readonly string[],
  offsets: readonly number[],
  rules: LogRules = { isCompacted: true, deleteRetentionMs: 1e6 },
  o: Partial<LogRead> = {},
): History {
  const sent = sentOf(texts);
  return { partition: 't-0', rules, sent, reads: [readOf(sent, offsets, o)] };
}

/** The kinds of the violations. */
const kindsOf = (history: LogHistory) => violationsOf(history).map((text) => text.split(':')[0]);

const plain: LogRules = { isCompacted: false };
const compacted: LogRules = { isCompacted: true, deleteRetentionMs: 1e6 };
const values = ['a=1', 'b=1', 'a=2', 'b=2', 'a=3'];
const all = [0, 1, 2, 3, 4];

const unacked = (record: SentRecord): SentRecord => ({ ...record, acked: undefined });

describe('a log without compaction', () => {
  test('has every record', () => {
    expect(violationsOf(historyOf(values, all, plain))).toEqual([]);
  });

  test('may have a record that was never acknowledged, or lack it', () => {
    const history = historyOf(values, all, plain);
    history.sent[4] = unacked(history.sent[4]!);
    expect(violationsOf(history)).toEqual([]);
    history.reads = [readOf(history.sent, [0, 1, 2, 3], { endOffset: 4 })];
    expect(violationsOf(history)).toEqual([]);
  });

  test('may lack a record that was acknowledged after the read had begun', () => {
    const history = historyOf(values, [0, 1, 2, 3], plain, { endOffset: 4 });
    const acked = { offset: 4, atMs: SENT_MS + READ_MS };
    history.sent[4] = { ...history.sent[4]!, acked };
    expect(violationsOf(history)).toEqual([]);
  });

  test.each([
    ['a lost record in the middle', [0, 1, 3, 4], {}, ['gap', 'lost']],
    ['a lost end', [0, 1, 2], { endOffset: 3 }, ['lost-end', 'lost-end']],
    ['a lost beginning', [2, 3, 4], { startOffset: 2 }, ['removed-early', 'removed-early']],
    ['a record above the end', all, { endOffset: 4 }, ['wrong-place', 'lost-end']],
    ['records out of order', [0, 2, 1, 3, 4], {}, ['wrong-place', 'out-of-order']],
  ])('is refused with %s', (_name, offsets, o, kinds) => {
    expect(kindsOf(historyOf(values, offsets, plain, o))).toEqual(kinds);
  });

  const planted: [string, string, (history: History) => void][] = [
    ['a record of nobody', 'never-sent', (history) => void history.sent.splice(1, 1)],
    ['another value', 'altered', (history) => alter(history, { value: '9' })],
    ['another key', 'altered', (history) => alter(history, { key: 'z' })],
    ['another timestamp', 'altered', (history) => alter(history, { timestamp: 7 })],
    ['a tombstone in the place of an empty value', 'altered', (history) => alter(history, { value: null })],
    [
      'another offset than acknowledged',
      'wrong-offset',
      ({ sent }) => {
        sent[1] = { ...sent[1]!, acked: { offset: 0, atMs: SENT_MS } };
      },
    ],
    [
      'a duplicate',
      'duplicate',
      (history) => {
        const { records } = history.reads[0]!;
        const again = { ...records[4]!, offset: 5 };
        history.sent[4] = unacked(history.sent[4]!);
        history.reads[0] = { ...history.reads[0]!, endOffset: 6, records: [...records, again] };
      },
    ],
    [
      'the records of a writer in another order',
      'out-of-order',
      (history) => {
        const { sent } = history;
        sent[1] = { ...sent[1]!, n: 3 };
        sent[3] = { ...sent[3]!, n: 1 };
        history.reads = [readOf(sent, all)];
      },
    ],
  ];
  test.each(planted)('is refused with %s', (_name, kind, plant) => {
    const history = historyOf(values, all, plain);
    plant(history);
    expect(kindsOf(history)).toContain(kind);
  });
});

/** Changes what the reader got at offset 1. */
function alter(history: History, facts: Partial<LogRead['records'][number]>): void {
  const records = [...history.reads[0]!.records];
  records[1] = { ...records[1]!, ...facts };
  history.reads[0] = { ...history.reads[0]!, records };
}

describe('a log with retention', () => {
  const byTime: LogRules = { isCompacted: false, retentionMs: 60_097 };
  const bySize: LogRules = { isCompacted: false, retentionBytes: 300 };

  test('may begin after records that are older than retention.ms', () => {
    expect(violationsOf(historyOf(values, [3, 4], byTime, { startOffset: 3 }))).toEqual([]);
    expect(kindsOf(historyOf(values, [4], byTime, { startOffset: 4 }))).toEqual(['removed-early']);
  });

  test('may begin at a later offset if its size is still retention.bytes or more', () => {
    expect(violationsOf(historyOf(values, [2, 3, 4], bySize, { startOffset: 2 }))).toEqual([]);
    const kinds = kindsOf(historyOf(values, [3, 4], bySize, { startOffset: 3 }));
    expect(kinds).toEqual(['removed-early', 'removed-early', 'removed-early']);
  });

  test('has every record from its start on', () => {
    expect(kindsOf(historyOf(values, [2, 4], byTime, { startOffset: 2 }))).toEqual(['gap', 'lost']);
  });

  test('may be empty, but still ends after every acknowledged record', () => {
    const rules = { isCompacted: false, retentionMs: 1000 };
    expect(violationsOf(historyOf(values, [], rules, { startOffset: 5 }))).toEqual([]);
    const kinds = new Set(kindsOf(historyOf(values, [], rules, { startOffset: 0, endOffset: 0 })));
    expect(kinds).toEqual(new Set(['lost-end', 'more lost-end']));
  });
});

describe('a compacted log', () => {
  test.each([
    ['every record', values, all],
    ['the last record of each key', values, [3, 4]],
    ['some older ones', values, [1, 2, 3, 4]],
    ['a tombstone', ['a=1', 'b=1', 'a'], [1, 2]],
    ['a tombstone that a value replaced', ['a=1', 'a', 'a=2'], [2]],
  ])('may have %s', (_name, texts, offsets) => {
    expect(violationsOf(historyOf(texts, offsets))).toEqual([]);
  });

  test('may lack a tombstone and the earlier records of its key when delete.retention.ms is over', () => {
    const texts = ['a=1', 'b=1', 'a'];
    const rules = (deleteRetentionMs: number) => ({ isCompacted: true, deleteRetentionMs });
    expect(violationsOf(historyOf(texts, [1], rules(60_098)))).toEqual([]);
    expect(kindsOf(historyOf(texts, [1], rules(60_099)))).toEqual(['lost', 'lost']);
    // Here the log still has the older record of the key.
    expect(kindsOf(historyOf(texts, [0, 1], rules(1000)))).toEqual(['lost']);
    expect(violationsOf(historyOf(texts, [0, 1], rules(1000)))[0]).toMatch(
      /whose older record is still at 0/,
    );
  });

  test('is refused without the last value of a key', () => {
    expect(violationsOf(historyOf(values, [3]))).toEqual([
      'lost: t-0: w-0 was acknowledged at 0; it is gone, the last value of key a',
      'lost: t-0: w-2 was acknowledged at 2; it is gone, the last value of key a',
      'lost: t-0: w-4 was acknowledged at 4; it is gone, the last value of key a',
    ]);
  });

  test('is refused if it has an older value of a key instead of the last one', () => {
    expect(kindsOf(historyOf(values, [2, 3]))).toEqual(['lost']);
  });

  test('may lack a value that a record without an acknowledgement may replace', () => {
    const history = historyOf(values, [3]);
    history.sent[4] = unacked(history.sent[4]!);
    expect(violationsOf(history)).toEqual([]);
    history.sent[4] = { ...history.sent[4]!, sentMs: SENT_MS + READ_MS + 101 };
    expect(kindsOf(history)).toEqual(['lost', 'lost']);
  });

  test('may lack a value if a record beyond the end of the read has replaced it', () => {
    const history = historyOf(values, [3], compacted, { endOffset: 4 });
    history.sent[4] = { ...history.sent[4]!, acked: { offset: 4, atMs: SENT_MS + READ_MS } };
    expect(violationsOf(history)).toEqual([]);
  });

  test('has every record that is younger than min.compaction.lag.ms', () => {
    const rules = { ...compacted, minCompactionLagMs: 60_099 };
    expect(violationsOf(historyOf(values, [2, 3, 4], rules))).toEqual([]);
    expect(kindsOf(historyOf(values, [3, 4], rules))).toEqual(['lost']);
  });

  test('with retention may lack the records that compaction or retention removes', () => {
    const rules = { ...compacted, retentionMs: 60_098 };
    expect(violationsOf(historyOf(values, [3, 4], rules, { startOffset: 2 }))).toEqual([]);
    expect(kindsOf(historyOf(values, [4], rules, { startOffset: 4 }))).toEqual([
      'removed-early',
      'removed-early',
    ]);
    expect(kindsOf(historyOf(values, [4], rules, { startOffset: 2 }))).toEqual(['lost']);
  });
});

describe('a later read', () => {
  function twoReads(first: LogRead, second: LogRead): LogHistory {
    return {
      partition: 't-0',
      rules: { ...compacted, retentionMs: 1000 },
      sent: sentOf(values),
      reads: [first, second],
    };
  }
  const sent = sentOf(values);

  test('may lack records of an earlier read, and may have records below the start of the earlier read', () => {
    expect(violationsOf(twoReads(readOf(sent, all), readOf(sent, [3, 4])))).toEqual([]);
    const started = readOf(sent, [3, 4], { startOffset: 3 });
    expect(violationsOf(twoReads(started, readOf(sent, all)))).toEqual([]);
  });

  test('is refused with a record that compaction had removed', () => {
    expect(kindsOf(twoReads(readOf(sent, [3, 4]), readOf(sent, [1, 3, 4])))).toEqual(['is-back']);
  });

  test('may lack a record that compaction has removed', () => {
    const first = readOf(sent, [3, 4], { startOffset: 1 });
    const needed = stillNeeded(sent, first);
    expect(needed.map(({ n }) => n)).toEqual([0, 3, 4]);
    const second = { ...first, startedMs: first.endedMs, endedMs: first.endedMs + 100 };
    expect(violationsOf({ ...twoReads(first, second), sent: needed })).toEqual([]);
    const back = { ...second, records: readOf(sent, [2, 3, 4]).records };
    expect(kindsOf({ ...twoReads(first, back), sent: needed })).toEqual(['never-sent', 'is-back']);
  });

  test('is refused when the log ends earlier', () => {
    const shorter = readOf(sent, [3], { endOffset: 4 });
    const history = {
      ...twoReads(readOf(sent, [3, 4]), shorter),
      sent: [...sent.slice(0, 4), unacked(sent[4]!)],
    };
    expect(kindsOf(history)).toEqual(['end-fell']);
  });
});

test('each kind lists four violations, and counts the others', () => {
  const history = historyOf(values, [], plain, { endOffset: 0 });
  expect(violationsOf(history)).toHaveLength(5);
  expect(violationsOf(history).at(-1)).toBe('more lost-end: 1');
});
