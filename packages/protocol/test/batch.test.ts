/**
 * Goal: the code builds, reads and stamps batches as the format demands. Method: examples, round trips, and
 * batches with changed bytes.
 */
import {
  BatchHeader,
  BatchPlace,
  batchSizeAt,
  buildBatch,
  checkBatchCrc,
  DecodeError,
  type Record,
  readBatchHeader,
  readBatchPlace,
  readRecords,
  setLogAppendTime,
  setMaxTimestamp,
  stampBatch,
  visitRecords,
} from '@millrace/protocol';
import { compressionCodecs as codecs } from '@millrace/protocol/io';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const text = (value: string) => Buffer.from(value);
const sample = () =>
  buildBatch({
    baseTimestamp: 1000,
    records: [
      { key: text('k'), value: text('v'), headers: [{ key: 'h', value: null }] },
      { value: null, timestamp: 900 },
      { key: text(''), value: text('w'), timestamp: 1234 },
    ],
    producerId: 4711,
    producerEpoch: 2,
    baseSequence: 9,
  });

describe('a batch', () => {
  it('has the header that it was built with', () => {
    const batch = sample();
    const header = readBatchHeader(batch);
    expect({ ...header }).toMatchObject({
      baseOffset: 0,
      sizeBytes: batch.length,
      leaderEpoch: -1,
      magic: 2,
      attributes: 0,
      lastOffsetDelta: 2,
      baseTimestamp: 1000,
      maxTimestamp: 1234,
      producerId: 4711,
      producerEpoch: 2,
      baseSequence: 9,
      recordCount: 3,
    });
    expect([header.compression, header.isTransactional, header.isControl, header.isLogAppendTime]).toEqual([
      0,
      false,
      false,
      false,
    ]);
    expect(checkBatchCrc(batch, 0, batch.length)).toBe(true);
  });

  it('is stamped in place without touching the checksum', () => {
    const batch = sample();
    stampBatch(batch, 0, 2 ** 40 + 5, 7);
    const header = readBatchHeader(batch);
    expect([header.baseOffset, header.leaderEpoch, header.lastOffset]).toEqual([2 ** 40 + 5, 7, 2 ** 40 + 7]);
    expect(checkBatchCrc(batch, 0, batch.length)).toBe(true);
    expect([...readRecords(batch, codecs)].map((record) => record.offset - 2 ** 40)).toEqual([5, 6, 7]);
  });

  it('gets the time of the append in place, as the timestamp of all its records', () => {
    const batch = sample();
    setLogAppendTime(batch, 0, 5_000);
    expect(readBatchHeader(batch)).toMatchObject({ maxTimestamp: 5000, baseTimestamp: 1000 });
    expect(readBatchHeader(batch).isLogAppendTime).toBe(true);
    expect(checkBatchCrc(batch, 0, batch.length)).toBe(true);
    expect([...readRecords(batch, codecs)].map((record) => record.timestamp)).toEqual([5000, 5000, 5000]);
  });

  it('gets another largest timestamp in place, with a right checksum', () => {
    const batch = sample();
    setMaxTimestamp(batch, 0, -1);
    expect(readBatchHeader(batch).maxTimestamp).toBe(-1);
    expect(checkBatchCrc(batch, 0, batch.length)).toBe(true);
  });

  it('with one wrong bit behind the checksum field does not pass the check', () => {
    const batch = sample();
    for (const at of [21, 40, 60, batch.length - 1]) {
      batch[at]! ^= 4;
      expect(checkBatchCrc(batch, 0, batch.length)).toBe(false);
      batch[at]! ^= 4;
    }
    expect(checkBatchCrc(batch, 0, batch.length)).toBe(true);
  });

  it('can be read at any position of a buffer, and into a header that was filled before', () => {
    const batch = sample();
    const two = Buffer.concat([text('...'), batch, batch]);
    stampBatch(two, 3 + batch.length, 55, 1);
    const header = new BatchHeader();
    expect(readBatchHeader(two, 3, header)).toBe(header);
    expect(header.baseOffset).toBe(0);
    expect(batchSizeAt(two, 3)).toBe(batch.length);
    expect(readBatchHeader(two, 3 + batch.length, header).baseOffset).toBe(55);
    expect(batchSizeAt(two, two.length - 11)).toBeUndefined();
    expect(checkBatchCrc(two, 3 + batch.length, batch.length)).toBe(true);
  });
});

describe('impossible headers', () => {
  it('fewer bytes than a header are refused', () => {
    expect(() => readBatchHeader(sample().subarray(0, 60))).toThrow(DecodeError);
    expect(() => readBatchHeader(sample(), sample().length - 60)).toThrow(DecodeError);
  });

  it.each([0, 48, -1, -13])('batchLength %i is refused', (batchLength) => {
    const batch = sample();
    new DataView(batch.buffer, batch.byteOffset).setInt32(8, batchLength);
    expect(() => readBatchHeader(batch)).toThrow(DecodeError);
    expect(() => batchSizeAt(batch, 0)).toThrow(DecodeError);
  });

  it('beyond 2^53, timestamps are exact; offsets and producer ids are refused', () => {
    const withInt64 = (at: number, value: bigint) => {
      const batch = sample();
      new DataView(batch.buffer, batch.byteOffset).setBigInt64(at, value);
      return batch;
    };
    expect(readBatchHeader(withInt64(35, 2n ** 63n - 1n)).maxTimestamp).toBe(2n ** 63n - 1n);
    expect(readBatchHeader(withInt64(27, -(2n ** 63n))).baseTimestamp).toBe(-(2n ** 63n));
    expect(readBatchHeader(withInt64(0, 2n ** 53n - 1n)).baseOffset).toBe(Number.MAX_SAFE_INTEGER);
    expect(() => readBatchHeader(withInt64(0, 2n ** 53n))).toThrow(DecodeError);
    expect(() => readBatchHeader(withInt64(43, 2n ** 53n))).toThrow(DecodeError);
    expect(readBatchHeader(withInt64(43, -(2n ** 53n))).producerId).toBe(-1);
  });
});

describe('the place of a batch', () => {
  const outcome = (read: () => BatchPlace) => {
    try {
      const { baseOffset, sizeBytes, magic, lastOffsetDelta, lastOffset } = read();
      return { baseOffset, sizeBytes, magic, lastOffsetDelta, lastOffset };
    } catch (error) {
      return (error as Error).message;
    }
  };

  it('is what the whole header says, and is refused where the header is', () => {
    const changes = fc.array(fc.tuple(fc.nat(60), fc.constantFrom(0, 1, 31, 32, 127, 128, 255)), {
      maxLength: 6,
    });
    const place = new BatchPlace();
    fc.assert(
      fc.property(changes, fc.nat(3), fc.nat(70), (changed, position, cut) => {
        const bytes = new Uint8Array(position + sample().length);
        bytes.set(sample(), position);
        for (const [at, value] of changed) bytes[position + at] = value;
        const kept = bytes.subarray(0, bytes.length - (cut > 60 ? cut : 0));
        const ofHeader = outcome(() => readBatchHeader(kept, position));
        expect(outcome(() => readBatchPlace(kept, position, place))).toEqual(ofHeader);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('records', () => {
  const bytes = fc.option(fc.uint8Array({ maxLength: 200 }));
  const record = fc.record({
    timestamp: fc.integer({ min: 0, max: 2 ** 41 }),
    key: bytes,
    value: bytes,
    headers: fc.array(fc.record({ key: fc.string({ unit: 'grapheme' }), value: bytes }), { maxLength: 3 }),
  });

  it('read back unchanged, with every codec', () => {
    fc.assert(
      fc.property(
        fc.array(record, { minLength: 1, maxLength: 20 }),
        fc.constantFrom(0, 1, 2, 3, 4),
        fc.integer({ min: 0, max: 2 ** 41 }),
        (records, compression, baseTimestamp) => {
          const batch = buildBatch({ records, baseTimestamp, compression, codecs });
          expect(checkBatchCrc(batch, 0, batch.length)).toBe(true);
          const read = [...readRecords(batch, codecs)];
          const hex = (value: Uint8Array | null) =>
            value === null ? null : Buffer.from(value).toString('hex');
          const plain = (r: Omit<Record, 'offset'>) => ({
            ...r,
            key: hex(r.key),
            value: hex(r.value),
            headers: r.headers.map((header) => ({ key: header.key, value: hex(header.value) })),
          });
          const withoutOffset = read.map(({ offset: _, ...rest }) => plain(rest));
          expect(withoutOffset).toEqual(records.map(plain));
          expect(read.map(({ offset }) => offset)).toEqual(records.map((_, index) => index));
          const visited: unknown[] = [];
          visitRecords(batch, codecs, (key, value, offset) => visited.push({ key, value, offset }));
          expect(visited).toEqual(read.map(({ key, value, offset }) => ({ key, value, offset })));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('that do not fill their batch, or overflow it, are refused', () => {
    const more = sample();
    more[60] = 4;
    expect(() => [...readRecords(more, codecs)]).toThrow('record cut short');
    expect(() => visitRecords(more, codecs, () => {})).toThrow('record cut short');
    const fewer = sample();
    fewer[60] = 2;
    expect(() => [...readRecords(fewer, codecs)]).toThrow('bytes left over behind the records of a batch');
    expect(() => visitRecords(fewer, codecs, () => {})).toThrow('bytes left over behind the records');
    const old = sample();
    old[16] = 1;
    expect(() => [...readRecords(old, codecs)]).toThrow('record batch of format 1');
    expect(() => [...readRecords(sample().subarray(0, -1), codecs)]).toThrow('record batch cut short');
  });
});
