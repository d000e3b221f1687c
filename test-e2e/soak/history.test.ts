import { describe, expect, test } from 'vitest';
import { checkHistory, type StoredRecord, type WriterHistory } from './history.ts';

/** Two writers of six records each, alternating, to two partitions. */
function faultless(): { writers: WriterHistory[]; stored: StoredRecord[] } {
  const stored: StoredRecord[] = [];
  const acks: number[][] = [[], []];
  for (const partition of [0, 1]) {
    let offset = 0;
    for (let n = partition; n < 6; n += 2) {
      for (const writer of [0, 1]) {
        acks[writer]![n] = offset;
        stored.push({ partition, offset: offset++, writer, n });
      }
    }
  }
  return { writers: acks.map((one, i) => ({ name: `w${i}`, acks: one })), stored };
}

const offsetAt = (at: number, offset: number) => (stored: StoredRecord[]) => {
  stored[at] = { ...stored[at]!, offset };
};

describe('checkHistory', () => {
  test('accepts a correct history, and a stored record whose ack did not arrive', () => {
    const { writers, stored } = faultless();
    expect(checkHistory(writers, stored, 2)).toEqual([]);
    const unacked = writers.map((writer) => ({ ...writer, acks: writer.acks.with(5, -1) }));
    expect(checkHistory(unacked, stored, 2)).toEqual([]);
  });

  const damages: [string, RegExp, (stored: StoredRecord[]) => void][] = [
    ['a lost record', /acknowledged .* and is lost/, (s) => s.splice(3, 1)],
    ['a lost tail', /acknowledged .* and is lost/, (s) => s.splice(-2, 2)],
    ['a duplicate record', /doubled/, (s) => s.splice(4, 0, { ...s[2]!, offset: 99 })],
    ['a record out of order', /comes after/, (s) => s.splice(2, 0, s.splice(4, 1)[0]!)],
    ['another offset than acknowledged', /lies at 77/, offsetAt(1, 77)],
    ['a record of nobody', /no writer sent/, (s) => s.push({ partition: 0, offset: 50, writer: -1, n: 0 })],
    [
      'a record in a foreign partition',
      /no writer sent/,
      (s) => s.push({ partition: 0, offset: 50, writer: 0, n: 1 }),
    ],
  ];
  test.each(damages)('finds %s', (_name, complaint, damage) => {
    const { writers, stored } = faultless();
    damage(stored);
    expect(checkHistory(writers, stored, 2).join('\n')).toMatch(complaint);
  });
});
