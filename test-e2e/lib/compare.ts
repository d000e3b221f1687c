/**
 * Compares the records that a client read back with the corpus, one by one, and returns the first
 * differences.
 */
import { numberOf } from './corpus.ts';
import type { ReadRecord, TestHeader, TestRecord } from './records.ts';

const MOST_COMPLAINTS = 10;

export interface Comparison {
  /** The records that the client had to write. */
  readonly corpus: readonly TestRecord[];
  /** Turns a record of the corpus into the form that this client can write. */
  readonly expected?: (record: TestRecord) => TestRecord;
  /**
   * For clients that cannot set timestamps: all timestamps must lie in this range (milliseconds since 1970,
   * both values included).
   */
  readonly writtenBetween?: readonly [number, number];
  /** The records read back, by partition. */
  readonly partitions: readonly (readonly ReadRecord[])[];
}

/**
 * Returns the differences. There are none if the client read each record once and whole, each partition in
 * the order of writing, and each key from only one partition.
 */
export function compareWithCorpus(comparison: Comparison): string[] {
  const complaints: string[] = [];
  const complain = (text: string) => {
    if (complaints.length < MOST_COMPLAINTS) complaints.push(text);
  };
  const seen = new Uint8Array(comparison.corpus.length);
  const partitionOfKey = new Map<string, number>();
  comparison.partitions.forEach((records, partition) => {
    let previous = -1;
    records.forEach((record, index) => {
      const where = `partition ${partition} offset ${record.offset}`;
      if (record.offset !== index) complain(`${where}: expected offset ${index}`);
      const n = numberOf(record);
      const written = comparison.corpus[n];
      if (written === undefined) {
        complain(`${where}: no record that was written`);
        return;
      }
      if (seen[n] === 1) complain(`${where}: record ${n} is there twice`);
      seen[n] = 1;
      if (n <= previous) complain(`${where}: record ${n} after record ${previous}`);
      previous = n;
      const difference = differenceOf(record, comparison.expected?.(written) ?? written, comparison);
      if (difference !== undefined) complain(`${where}: record ${n}: ${difference}`);
      const key = record.key?.toString('latin1') ?? '';
      const other = partitionOfKey.get(key) ?? partition;
      if (other !== partition) complain(`${where}: its key was seen in partition ${other} before`);
      partitionOfKey.set(key, partition);
    });
  });
  const missing = seen.reduce((count, flag) => count + (flag === 0 ? 1 : 0), 0);
  if (missing > 0)
    complain(`${missing} of ${seen.length} records are missing, the first is ${seen.indexOf(0)}`);
  return complaints;
}

function differenceOf(
  read: TestRecord,
  expected: TestRecord,
  { writtenBetween }: Comparison,
): string | undefined {
  if (!sameBytes(read.key, expected.key)) return `another key, ${shown(read.key)}`;
  if (!sameBytes(read.value, expected.value)) return `another value, ${shown(read.value)}`;
  if (!sameHeaders(read.headers, expected.headers)) return `other headers, ${shownHeaders(read.headers)}`;
  if (writtenBetween === undefined) {
    return read.timestamp === expected.timestamp ? undefined : `another timestamp, ${read.timestamp}`;
  }
  const [from, to] = writtenBetween;
  return read.timestamp >= from && read.timestamp <= to ? undefined : `timestamp ${read.timestamp}`;
}

function sameBytes(left: Buffer | null, right: Buffer | null): boolean {
  return left === null || right === null ? left === right : left.equals(right);
}

function sameHeaders(left: readonly TestHeader[], right: readonly TestHeader[]): boolean {
  return (
    left.length === right.length &&
    left.every((header, i) => header.name === right[i]?.name && sameBytes(header.value, right[i].value))
  );
}

function shown(bytes: Buffer | null): string {
  return bytes === null
    ? 'null'
    : `${bytes.length} bytes: ${JSON.stringify(bytes.subarray(0, 60).toString('utf8'))}`;
}

function shownHeaders(headers: readonly TestHeader[]): string {
  return headers.map(({ name, value }) => `${name}=${shown(value)}`).join(', ');
}
