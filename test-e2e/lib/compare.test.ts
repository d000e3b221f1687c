/** Goal: the comparison finds every kind of damage. Method: plant each kind. */
import { describe, expect, test } from 'vitest';
import { compareWithCorpus } from './compare.ts';
import { makeCorpus } from './corpus.ts';
import { decodeReadRecords, encodeReadRecord, type ReadRecord } from './records.ts';

const corpus = makeCorpus(2000, 1_700_000_000_000);

/** The corpus as a correct client reads it back from three partitions. */
function readBack(): ReadRecord[][] {
  const partitions: ReadRecord[][] = [[], [], []];
  for (const record of corpus) {
    const target = partitions[(record.key?.length ?? 0) % 3]!;
    target.push({ ...record, offset: target.length });
  }
  return partitions;
}

function complaints(damage: (partitions: ReadRecord[][]) => void): string[] {
  const partitions = readBack();
  damage(partitions);
  return compareWithCorpus({ corpus, partitions });
}

/** Makes the offsets consecutive again, so that the comparison finds only the planted damage. */
function renumber(partition: ReadRecord[]): void {
  partition.forEach((record, offset) => {
    partition[offset] = { ...record, offset };
  });
}

describe('compareWithCorpus', () => {
  test('accepts the written records, even after a file has stored them', () => {
    expect(complaints(() => {})).toEqual([]);
    const partitions = readBack().map((records) => [
      ...decodeReadRecords(Buffer.concat(records.map(encodeReadRecord))),
    ]);
    expect(compareWithCorpus({ corpus, partitions })).toEqual([]);
  });

  const kinds: [string, RegExp, (partition: ReadRecord[]) => void][] = [
    ['a lost record', /1 of 2000 records are missing/, (p) => p.splice(5, 1)],
    ['a duplicate record', /twice/, (p) => p.splice(5, 0, p[4]!)],
    ['two records exchanged', /after record/, (p) => p.splice(5, 2, p[6]!, p[5]!)],
    ['a changed byte', /another value/, (p) => change(p, { value: Buffer.from('x') })],
    ['a changed key', /another key/, (p) => change(p, { key: Buffer.from('x') })],
    ['a changed timestamp', /timestamp/, (p) => change(p, { timestamp: 1 })],
    ['another header', /headers/, (p) => change(p, { headers: [{ name: 'x', value: null }] })],
    ['a foreign record', /no record that was written/, (p) => change(p, { headers: [], value: null })],
  ];
  test.each(kinds)('finds %s', (_name, complaint, damage) => {
    const found = complaints(([first]) => {
      damage(first!);
      renumber(first!);
    });
    expect(found.join('\n')).toMatch(complaint);
  });

  test('finds a gap in the offsets', () => {
    expect(complaints(([first]) => change(first!, { offset: 10 })).join()).toMatch(/offset 10/);
  });
});

function change(partition: ReadRecord[], difference: Partial<ReadRecord>): void {
  // Chooses a record with more than one header.
  const at = partition.findIndex(({ headers }, index) => index >= 3 && headers.length > 1);
  partition[at] = { ...partition[at]!, ...difference };
}
