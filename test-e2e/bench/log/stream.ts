/**
 * Appends batches to a log and reads them again, against plain writes and reads of files on the same disk.
 * Both go through the page cache and sync nothing, and the rates count CPU time. In each round the log and
 * the plain file take turns, and another one is the first.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { type Goals, percentileOf } from '../goals.ts';
import type { Sizes } from './options.ts';
import { copiesOf, measured, openLogIn, rateOf } from './scratch.ts';

/** The usual size of a fetch of one partition. */
const READ_BYTES = 1 << 20;
/**
 * How often each side reads the file in a round. The first pass does not count: it runs code that is not
 * compiled yet, and the system notes its first use of each page.
 */
const READ_PASSES = 5;
/**
 * The plain reader's buffer begins this far behind the beginning of a page. Some processors copy at a quarter
 * of their rate if source and target have the same offset in their pages. The log's reads begin where batches
 * begin, so this rarely happens to them.
 */
const PLAIN_BUFFER_AT = 64;
const sizes = [
  { name: '1 KB', bytes: 1000 },
  { name: '16 KB', bytes: 16_000 },
  // Just fits into a read of `READ_BYTES`.
  { name: '1 MB', bytes: 1_048_000 },
] as const;

export interface Streams {
  readonly measuresAppend: boolean;
  readonly measuresRead: boolean;
}

export function stream(folder: string, { rounds, streamBytes }: Sizes, which: Streams, goals: Goals): void {
  // The first round runs code that is not compiled yet, so it does not count.
  for (let round = 0; round <= rounds; round++)
    for (const { name, bytes } of sizes) {
      const copies = copiesOf(bytes);
      const counted = round === 0 ? undefined : goals;
      const opened = openLogIn(join(folder, `${name}-${round}`));
      const appended = () => appendRate(opened, copies, streamBytes);
      const written = () => writeRate(join(folder, 'plain'), copies, streamBytes);
      const [log, plain] = inTurns(round, appended, written);
      if (which.measuresAppend) {
        counted?.add({ title: `append of ${name} to plain write`, unit: 'x', atLeast: 0.7 }, log / plain);
        counted?.add({ title: `append of ${name}`, unit: 'MB/s' }, log);
        const checked = copies.length * bytes;
        const withCheck = rateOf(Math.max(checked, streamBytes / 4), (index) => lead(opened, copies, index));
        counted?.add({ title: `append of ${name} with the check of its records`, unit: 'MB/s' }, withCheck);
      }
      if (which.measuresRead) {
        const read = () => readRate(opened);
        const plainRead = () => plainReadRate(opened.file);
        const [logRead, fileRead] = inPasses(round, read, plainRead);
        const title = `read of ${name} batches`;
        counted?.add({ title: `${title} to plain read`, unit: 'x', atLeast: 0.8 }, logRead / fileRead);
        counted?.add({ title, unit: 'MB/s' }, logRead);
      }
      opened.directory.close({ clean: false });
      fs.rmSync(join(folder, `${name}-${round}`), { recursive: true });
    }
}

function inTurns(round: number, first: () => number, second: () => number): [number, number] {
  if (round % 2 === 0) return [first(), second()];
  const other = second();
  return [first(), other];
}

/** The medians of the passes that count. */
function inPasses(round: number, first: () => number, second: () => number): [number, number] {
  const firsts: number[] = [];
  const seconds: number[] = [];
  for (let pass = 0; pass < READ_PASSES; pass++) {
    const [one, other] = inTurns(round + pass, first, second);
    if (pass === 0) continue;
    firsts.push(one);
    seconds.push(other);
  }
  return [percentileOf(firsts, 0.5), percentileOf(seconds, 0.5)];
}

type Opened = ReturnType<typeof openLogIn>;

/**
 * The rate of the log alone: stamping of offsets, the write, indexes and producer states. The check of a
 * client's records comes before; `bench:check` measures it.
 */
function appendRate({ log }: Opened, copies: readonly Uint8Array[], bytes: number): number {
  const admitted = copies.map((copy) => {
    const admission = log.admitWhole(copy, Date.now());
    if (!admission.ok) throw new Error(admission.message);
    return admission;
  });
  const options = { leaderEpoch: 0, nowWallMs: Date.now() };
  return rateOf(bytes, (index) => {
    const batch = admitted[index % admitted.length]!;
    const answer = log.append(batch, options);
    if (!answer.ok) throw new Error(answer.message);
    return batch.sizeBytes;
  });
}

function lead({ log }: Opened, copies: readonly Uint8Array[], index: number): number {
  const copy = copies[index % copies.length]!;
  copy.fill(0, 0, 8);
  const answer = log.appendAsLeader(copy, { leaderEpoch: 0, nowWallMs: Date.now() });
  if (!answer.ok) throw new Error(answer.message);
  return copy.length;
}

function writeRate(file: string, copies: readonly Uint8Array[], bytes: number): number {
  const descriptor = fs.openSync(file, 'w');
  let position = 0;
  const rate = rateOf(bytes, (index) => {
    const copy = copies[index % copies.length]!;
    position += fs.writeSync(descriptor, copy, 0, copy.length, position);
    return copy.length;
  });
  fs.closeSync(descriptor);
  fs.rmSync(file);
  return rate;
}

/** Reads the whole log as a consumer does, and gives each buffer back, as a broker does. */
function readRate({ log, directory }: Opened): number {
  return measured(() => {
    let fromOffset = 0;
    const endOffsetMax = log.endOffset;
    const recordsPerByte = endOffsetMax / log.sizeBytes;
    while (fromOffset < endOffsetMax) {
      const read = log.read({ fromOffset, endOffsetMax, maxBytes: READ_BYTES, atLeastOneBatch: true });
      if (read.sizeBytes === 0) throw new Error(`the log has nothing at offset ${fromOffset}`);
      // Each batch has the same size and the same number of records.
      fromOffset += Math.round(read.sizeBytes * recordsPerByte);
      for (const chunk of read.chunks) directory.spares.give(chunk);
    }
    return log.sizeBytes;
  });
}

function plainReadRate(file: string): number {
  const descriptor = fs.openSync(file, 'r');
  const buffer = new Uint8Array(READ_BYTES + PLAIN_BUFFER_AT).subarray(PLAIN_BUFFER_AT);
  const rate = measured(() => {
    let position = 0;
    for (;;) {
      const got = fs.readSync(descriptor, buffer, 0, buffer.length, position);
      if (got === 0) return position;
      position += got;
    }
  });
  fs.closeSync(descriptor);
  return rate;
}
