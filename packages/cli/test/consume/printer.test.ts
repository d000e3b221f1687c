/**
 * Goal: the printer prints each record once, up to the count and up to the end of each partition. It reports
 * a record as printed when the output stream has accepted the record.
 */
import { buildBatch, Compression, stampBatch } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import { expect, test } from 'vitest';
import { Printer, type PrinterOptions } from '../../src/consume/printer.ts';

const place = { topic: 'x', partition: 0 };

function batchAt(baseOffset: number, values: string[], isControl = false): Uint8Array {
  const records = values.map((value) => ({ value: Buffer.from(value) }));
  const batch = buildBatch({ records, baseTimestamp: 1, isControl });
  stampBatch(batch, 0, baseOffset, 3);
  return batch;
}

class Output {
  readonly seen: string[] = [];
  readonly taken: (() => void)[] = [];
  isFull = false;
  readonly printer: Printer;

  constructor(options: Partial<PrinterOptions> = {}) {
    const stream = {
      write: (chunk: Uint8Array, done: (error?: Error) => void) => {
        this.seen.push(Buffer.from(chunk).toString());
        this.taken.push(() => done());
        return !this.isFull;
      },
      once: (_event: string, callback: () => void) => this.taken.push(callback),
    } as unknown as NodeJS.WritableStream;
    this.printer = new Printer({
      stream,
      format: ({ value }) => value!,
      count: undefined,
      printed: (_place, offset, leaderEpoch) => this.seen.push(`printed before ${offset} in ${leaderEpoch}`),
      behind: (isBehind) => this.seen.push(isBehind ? 'behind' : 'caught up'),
      finished: () => this.seen.push('finished'),
      failed: (_place, offset, error) => this.seen.push(`failed at ${offset}: ${error}`),
      ...options,
    });
  }

  fetched(bytes: Uint8Array, fetchOffset: number): void {
    this.printer.records(place, { bytes, fetchOffset, highWatermark: 100, brokerId: 1 });
  }

  takes(): void {
    for (const done of this.taken.splice(0)) done();
  }
}

test('records before the position are skipped; the position moves once the output has taken the others', () => {
  const output = new Output();
  output.fetched(batchAt(5, ['a', 'b', 'c']), 6);
  expect(output.seen).toEqual(['bc']);
  output.takes();
  expect(output.seen).toEqual(['bc', 'printed before 8 in 3']);
});

test('markers of transactions are not printed, but the position moves past them', () => {
  const output = new Output();
  output.fetched(new Uint8Array(Buffer.concat([batchAt(5, ['a']), batchAt(6, ['marker'], true)])), 5);
  output.takes();
  expect(output.seen).toEqual(['a', 'printed before 7 in 3']);
});

test('when a record cannot be decoded, the printer prints the records before it, and nothing more', () => {
  const output = new Output();
  const damaged = batchAt(6, ['b', 'c']);
  // The last byte of the record `c` is the number of its headers, so this record cannot be decoded.
  damaged[damaged.length - 1] = 2;
  output.fetched(new Uint8Array(Buffer.concat([batchAt(5, ['a']), damaged])), 5);
  output.fetched(batchAt(8, ['d']), 8);
  output.takes();
  const failed = 'failed at 7: record with an impossible number of headers';
  expect(output.seen).toEqual(['ab', failed, 'printed before 7 in 3']);
});

test('a batch may decompress to more than 128 MiB, because brokers accept such a batch', () => {
  const output = new Output({ format: ({ value }) => Buffer.from(String(value!.length)) });
  const sizeBytes = 129 * 1024 * 1024;
  const records = [{ value: Buffer.alloc(sizeBytes) }];
  const batch = buildBatch({
    records,
    baseTimestamp: 1,
    compression: Compression.ZSTD,
    codecs: compressionCodecs,
  });
  output.fetched(batch, 0);
  expect(output.seen).toEqual([String(sizeBytes)]);
});

test('the count ends within a batch: the position moves to the record after the last printed one', () => {
  const output = new Output({ count: 2 });
  output.fetched(batchAt(5, ['a', 'b', 'c']), 5);
  output.fetched(batchAt(8, ['d']), 8);
  output.takes();
  expect(output.seen).toEqual(['ab', 'finished', 'printed before 7 in 3']);
});

test('every partition has an end: the printer finishes when all are reached', () => {
  const output = new Output();
  output.printer.endAt(place, 7, 5);
  output.printer.endAt({ topic: 'x', partition: 1 }, 3, 3);
  output.printer.endsKnown();
  output.fetched(batchAt(5, ['a']), 5);
  expect(output.seen).toEqual(['a']);
  output.fetched(batchAt(6, ['b', 'c']), 6);
  output.takes();
  expect(output.seen).toEqual(['a', 'b', 'finished', 'printed before 6 in 3', 'printed before 7 in 3']);
});

test('the printer prints no more records of a partition that is at its end, while it prints another partition', () => {
  const output = new Output();
  output.printer.endAt(place, 7, 5);
  output.printer.endAt({ topic: 'x', partition: 1 }, 3, 0);
  output.printer.endAt({ topic: 'x', partition: 2 }, 3, 8);
  output.printer.endsKnown();
  output.fetched(batchAt(5, ['a', 'b', 'c']), 5);
  output.fetched(batchAt(8, ['d']), 8);
  const { printer } = output;
  printer.records(
    { topic: 'x', partition: 2 },
    { bytes: batchAt(8, ['e']), fetchOffset: 8, highWatermark: 9, brokerId: 1 },
  );
  output.takes();
  expect(output.seen).toEqual(['ab', 'printed before 7 in 3']);
});

test('the log loses the records up to the end: the printer finishes', () => {
  const output = new Output();
  output.printer.endAt(place, 7, 5);
  output.printer.endsKnown();
  output.fetched(batchAt(8, ['d']), 8);
  expect(output.seen).toEqual(['finished']);
});

test('the log loses all records, and reading continues at the end: the printer finishes', () => {
  const output = new Output();
  output.printer.endAt(place, 7, 5);
  output.printer.endsKnown();
  output.printer.reached(place, 6);
  expect(output.seen).toEqual([]);
  output.printer.reached(place, 7);
  expect(output.seen).toEqual(['finished']);
});

test('the printer does not finish while the ends of more partitions are looked up', () => {
  const output = new Output();
  output.printer.endAt(place, 6, 5);
  output.printer.endsKnown();
  output.printer.endsAwaited();
  output.fetched(batchAt(5, ['a']), 5);
  expect(output.seen).toEqual(['a']);
  output.printer.endsKnown();
  expect(output.seen).toEqual(['a', 'finished']);
});

test('`behind` is true from the moment at which the output is full until it has drained', async () => {
  const output = new Output();
  output.isFull = true;
  output.fetched(batchAt(5, ['a']), 5);
  let isFlushed = false;
  const flushed = output.printer.flushed().then(() => {
    isFlushed = true;
  });
  expect([output.seen, isFlushed]).toEqual([['a', 'behind'], false]);
  output.takes();
  await flushed;
  expect(output.seen).toEqual(['a', 'behind', 'printed before 6 in 3', 'caught up']);
});

test('`behind` is called only once for a full output that refuses several writes', () => {
  const output = new Output();
  output.isFull = true;
  for (let offset = 5; offset < 17; offset++) output.fetched(batchAt(offset, ['a']), offset);
  expect(output.seen.filter((what) => what === 'behind')).toHaveLength(1);
  output.takes();
  expect(output.seen.filter((what) => what === 'caught up')).toHaveLength(1);
  output.fetched(batchAt(17, ['b']), 17);
  expect(output.seen.slice(-2)).toEqual(['b', 'behind']);
});
