/**
 * The records that every client writes and reads back: 100,000 records of real text, in many scripts and
 * sizes. The records are the same in every run, except for the timestamps. They lie in the last hour, because
 * retention may remove older records.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { decodeRecords, encodeRecord, type TestHeader, type TestRecord } from './records.ts';
import { sentences } from './sentences.ts';

export const RECORDS = 100_000;
const KEYS = 1009;
const SPREAD_MS = 30;

/**
 * A small generator of evenly distributed numbers (mulberry32). A seed gives the same sequence on every
 * machine.
 */
function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/**
 * The first header of record n has the value n. The record's value is null or begins with "n ". The timestamp
 * may be smaller than that of the previous record.
 */
export function makeCorpus(count: number, baseTimestamp: number): TestRecord[] {
  const random = randomFrom(20_011);
  const records: TestRecord[] = [];
  for (let n = 0; n < count; n++) {
    const key = Buffer.from(`reader-${random(KEYS)}·${sentences[n % 7]?.slice(0, n % 5)}`);
    const value = n % 1013 === 7 ? null : Buffer.from(`${n} ${text(n, random)}`);
    const timestamp = baseTimestamp + n * SPREAD_MS + random(3 * SPREAD_MS);
    records.push({ timestamp, key, value, headers: headersOf(n) });
  }
  return records;
}

/**
 * The text of record n: mostly a few sentences. Every hundredth text has 2,000 to 8,000 characters, and every
 * thousandth has 32,000. Some texts are empty.
 */
function text(n: number, random: (below: number) => number): string {
  if (n % 211 === 3) return '';
  const goalChars = n % 1000 === 999 ? 32_768 : n % 100 === 50 ? 2048 + random(6144) : 1 + random(240);
  let out = '';
  while (out.length < goalChars) out += `${sentences[random(sentences.length)]} `;
  return out.trimEnd();
}

function headersOf(n: number): TestHeader[] {
  const headers: TestHeader[] = [{ name: 'n', value: Buffer.from(String(n)) }];
  if (n % 2 === 0) headers.push({ name: 'chapter', value: Buffer.from(`№ ${n % 89}`) });
  if (n % 10 === 4) headers.push({ name: 'empty', value: Buffer.alloc(0) });
  if (n % 13 === 6) headers.push({ name: 'nothing', value: null });
  if (n % 17 === 9)
    headers.push({ name: 'tag', value: Buffer.from('old') }, { name: 'tag', value: Buffer.from([0, 255]) });
  return headers;
}

/**
 * The form of a record for programs that read records as lines: no null or empty value, no binary data, and
 * only the first header.
 */
export function plainForm(record: TestRecord): TestRecord {
  const n = numberOf(record);
  const value = record.value ?? Buffer.from(`${n} (nothing)`);
  return { ...record, value, headers: record.headers.slice(0, 1) };
}

/**
 * The number of a record in the corpus, from its header or from the beginning of its value; -1 for a foreign
 * record.
 */
export function numberOf(record: TestRecord): number {
  const header = record.headers.find(({ name }) => name === 'n')?.value;
  const digits = header ?? record.value?.subarray(0, record.value.indexOf(0x20));
  const number = Number(digits?.toString('latin1') ?? '');
  return digits !== undefined && digits.length > 0 && Number.isInteger(number) ? number : -1;
}

export function writeCorpus(file: string, records: readonly TestRecord[]): void {
  if (existsSync(file)) return;
  writeFileSync(`${file}.${process.pid}`, Buffer.concat(records.map(encodeRecord)));
  renameSync(`${file}.${process.pid}`, file);
}

export function readCorpus(file: string): TestRecord[] {
  return [...decodeRecords(readFileSync(file))];
}
