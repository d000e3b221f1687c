/** The filter of the cleaner: what stays of a batch, and how its header looks. */
import {
  Compression,
  checkBatchCrc,
  DELETE_HORIZON_BIT,
  readRecords,
  setLogAppendTime,
  setMaxTimestamp,
  type Timestamp,
} from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cleanBatches, type FilterOptions } from '../../src/cleaner/clean-batches.ts';
import { Md5 } from '../../src/cleaner/md5.ts';
import { filterOptions, headerOf, keyed, mapOf, recordsOf } from '../support/cleaning.ts';
import { concat, hex, NOW, splitBatches, withCrc } from '../support/logs.ts';

/** Cleans the batches with a map of all their keys. */
function clean(batches: readonly Uint8Array[], o: Partial<FilterOptions> = {}): Uint8Array[] {
  const all = concat(batches);
  const { bytes } = cleanBatches(all, filterOptions(mapOf(all, o.mapEnd), o), compressionCodecs);
  const cleaned = splitBatches(bytes);
  for (const one of cleaned) expect(checkBatchCrc(one, 0, one.length)).toBe(true);
  return cleaned;
}

test('keeps the latest record of each key, with its offset and timestamp, in every codec', () => {
  for (const compression of Object.values(Compression)) {
    const first = keyed(['a=1', 'b=1', 'c=1'], {
      compression,
      producerId: 7,
      producerEpoch: 1,
      baseSequence: 5,
    });
    const second = keyed(['b=2', 'd=1'], { compression, baseOffset: 3 });
    const [cleaned, untouched] = clean([first, second]);
    expect(recordsOf(cleaned!)).toEqual(['0:a=1', '2:c=1']);
    expect([...readRecords(cleaned!, compressionCodecs)].map(({ timestamp }) => timestamp)).toEqual([
      NOW,
      NOW + 2,
    ]);
    expect(headerOf(cleaned!)).toMatchObject({
      baseOffset: 0,
      lastOffset: 2,
      recordCount: 2,
      compression,
      producerId: 7,
      producerEpoch: 1,
      baseSequence: 5,
      maxTimestamp: NOW + 2,
      hasDeleteHorizon: false,
    });
    expect(hex([untouched!])).toEqual(hex([second]));
  }
});

test('drops a batch if none of its records stays', () => {
  expect(clean([keyed(['a=1']), keyed(['a=2'], { baseOffset: 1 })]).map(recordsOf)).toEqual([['1:a=2']]);
});

test('drops records without a key below the end of the map, and keeps those above', () => {
  const batches = [keyed(['=1', 'a=1']), keyed(['=2'], { baseOffset: 2 })];
  expect(clean(batches, { mapEnd: 2 }).map(recordsOf)).toEqual([['1:a=1'], ['2:=2']]);
});

test('a tombstone gets a delete horizon, keeps it when cleaned again, and goes when the horizon is over', () => {
  for (const compression of [Compression.NONE, Compression.LZ4]) {
    const [first] = clean([keyed(['a=1', 'a', 'b=1'], { compression })]);
    expect(recordsOf(first!)).toEqual(['1:a', '2:b=1']);
    expect(headerOf(first!)).toMatchObject({
      hasDeleteHorizon: true,
      baseTimestamp: NOW + 1000,
      maxTimestamp: NOW + 2,
      lastOffset: 2,
    });
    const times = [...readRecords(first!, compressionCodecs)].map(({ timestamp }) => timestamp);
    expect(times).toEqual([NOW + 1, NOW + 2]);
    // A second cleaning before the horizon does not move the horizon, even if it rebuilds the batch.
    const replaced = keyed(['b=2'], { baseOffset: 3 });
    const [second] = clean([first!, replaced], { nowWallMs: NOW + 999 });
    expect(recordsOf(second!)).toEqual(['1:a']);
    expect(headerOf(second!)).toMatchObject({ hasDeleteHorizon: true, baseTimestamp: NOW + 1000 });
    expect(clean([second!, replaced], { nowWallMs: NOW + 1000 }).map(recordsOf)).toEqual([['3:b=2']]);
  }
});

test('a tombstone above the end of the map gets no horizon', () => {
  const batches = [keyed(['a=1']), keyed(['a'], { baseOffset: 1 })];
  expect(hex(clean(batches, { mapEnd: 1 }))).toEqual(hex(batches));
});

test('the last batch of a producer stays without records, and so does the last batch of a segment', () => {
  const batch = keyed(['a=1', 'b=1'], { producerId: 7, producerEpoch: 1, baseSequence: 5, compression: 1 });
  const other = keyed(['a=2', 'b=2'], { baseOffset: 2 });
  const last = keyed(['c=1'], { baseOffset: 4, isTransactional: false });
  const map = mapOf(concat([batch, other, last, keyed(['a=3', 'b=3', 'c=3'], { baseOffset: 5 })]));
  const options = filterOptions(map, { producersLast: new Set([1]), endsSegment: true });
  const all = splitBatches(cleanBatches(concat([batch, other, last]), options, compressionCodecs).bytes);
  expect(all.map((one) => [headerOf(one).baseOffset, headerOf(one).lastOffset, one.length])).toEqual([
    [0, 1, 61],
    [4, 4, 61],
  ]);
  expect(headerOf(all[0]!)).toMatchObject({
    producerId: 7,
    producerEpoch: 1,
    baseSequence: 5,
    recordCount: 0,
    attributes: 0,
    baseTimestamp: -1,
    maxTimestamp: NOW + 1,
  });
  // The empty batch goes when it is no longer the last batch of its producer or of its segment.
  expect(cleanBatches(all[0]!, filterOptions(map), compressionCodecs).bytes).toHaveLength(0);
});

test('transaction markers and the tombstones of transactions stay; aborted records replace nothing', () => {
  const aborted = keyed(['a=2', 'b'], {
    baseOffset: 1,
    producerId: 1,
    producerEpoch: 0,
    isTransactional: true,
  });
  const marker = keyed(['x=1'], {
    baseOffset: 3,
    producerId: 1,
    producerEpoch: 0,
    isTransactional: true,
    isControl: true,
  });
  const batches = [keyed(['a=1']), aborted, marker, keyed(['x=2'], { baseOffset: 4 })];
  expect(hex(clean(batches, { nowWallMs: NOW + 1e9 }))).toEqual(hex(batches));
});

test('with LogAppendTime the records keep the time of the header', () => {
  const batch = keyed(['a=1', 'a', 'b=1']);
  setLogAppendTime(batch, 0, NOW + 50);
  const [cleaned] = clean([batch]);
  expect(headerOf(cleaned!)).toMatchObject({
    hasDeleteHorizon: true,
    isLogAppendTime: true,
    maxTimestamp: NOW + 50,
  });
  const times = [...readRecords(cleaned!, compressionCodecs)].map(({ timestamp }) => timestamp);
  expect(times).toEqual([NOW + 50, NOW + 50]);
});

test('a damaged batch is an error, not a batch with a new checksum', () => {
  const batch = keyed(['a=1', 'a=2']);
  batch[70]! ^= 1;
  expect(() => cleanBatches(batch, filterOptions(mapOf(keyed(['b=1']))), compressionCodecs)).toThrow(
    'checksum',
  );
  const cut = withCrc(keyed(['a=1', 'a=2']).map((byte, at) => (at === 61 ? byte + 40 : byte)));
  expect(() => cleanBatches(cut, filterOptions(mapOf(keyed(['b=1']))), compressionCodecs)).toThrow('record');
});

const KEYS = 'abcdef';

interface Plan {
  readonly records: readonly string[];
  readonly gap: number;
  readonly compression: Compression;
  readonly producer: number;
  readonly base: number;
  readonly horizon: number | undefined;
  readonly isAppendTime: boolean;
}

const plan: fc.Arbitrary<Plan> = fc.record({
  records: fc.array(
    fc.tuple(fc.nat(KEYS.length), fc.nat(3)).map(([k, v]) => `${KEYS[k] ?? ''}${v === 0 ? '' : `=${v}`}`),
    { minLength: 1, maxLength: 6 },
  ),
  gap: fc.nat(3),
  compression: fc.constantFrom(...Object.values(Compression)),
  producer: fc.integer({ min: -1, max: 3 }),
  base: fc.integer({ min: -5, max: 2 ** 43 }),
  horizon: fc.option(fc.integer({ min: -2, max: 2 }), { nil: undefined }),
  isAppendTime: fc.boolean(),
});

/** A simple implementation of the same rules, on decoded records. */
function naive(
  batches: readonly Uint8Array[],
  latest: ReadonlyMap<string, number>,
  o: FilterOptions,
): unknown[] {
  return batches.flatMap((batch, index) => {
    const header = headerOf(batch);
    const { baseOffset, lastOffset, producerId, baseSequence } = header;
    const kept = [...readRecords(batch, compressionCodecs)].filter(({ offset, key, value }) => {
      if (offset >= o.mapEnd) return true;
      if (key === null || (latest.get(new TextDecoder().decode(key)) ?? -1) > offset) return false;
      return value !== null || !header.hasDeleteHorizon || o.nowWallMs < header.baseTimestamp;
    });
    const mustStay =
      (producerId >= 0 && o.producersLast.has(lastOffset)) || (o.endsSegment && index === batches.length - 1);
    if (kept.length === 0 && !mustStay) return [];
    const hasTombstone = kept.some(({ value }) => value === null) && baseOffset < o.mapEnd;
    const oldHorizon = header.hasDeleteHorizon && kept.length > 0 ? header.baseTimestamp : undefined;
    const horizon = oldHorizon ?? (hasTombstone ? o.nowWallMs + o.deleteRetentionMs : undefined);
    return [{ baseOffset, lastOffset, producerId, baseSequence, horizon, kept }];
  });
}

function largestOf(batch: Uint8Array): Timestamp {
  let largest: Timestamp = -1;
  for (const { timestamp } of readRecords(batch, compressionCodecs))
    if (timestamp > largest) largest = timestamp;
  return largest;
}

function described(batch: Uint8Array): unknown {
  const header = headerOf(batch);
  const { baseOffset, lastOffset, producerId, baseSequence } = header;
  const horizon = header.hasDeleteHorizon ? header.baseTimestamp : undefined;
  const kept = [...readRecords(batch, compressionCodecs)];
  if (kept.length > 0) expect(header.maxTimestamp).toBe(largestOf(batch));
  return { baseOffset, lastOffset, producerId, baseSequence, horizon, kept };
}

test('keeps the same records and headers as a simple implementation of the rules', () => {
  const options = fc.record({
    fromShare: fc.nat(100),
    endShare: fc.integer({ min: 0, max: 120 }),
    producersLast: fc.array(fc.nat(20)),
    endsSegment: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(plan, { minLength: 1, maxLength: 8 }), options, (plans, o) => {
      let baseOffset = 0;
      const batches = plans.map((one) => {
        baseOffset += one.gap;
        const producerId = one.producer;
        const batch = keyed(one.records, {
          baseOffset,
          producerId,
          baseTimestamp: one.base,
          compression: one.compression,
        });
        baseOffset += one.records.length;
        if (one.horizon !== undefined) {
          batch[22]! |= DELETE_HORIZON_BIT;
          new DataView(batch.buffer).setBigInt64(27, BigInt(NOW + one.horizon));
        }
        withCrc(batch);
        if (one.isAppendTime) setLogAppendTime(batch, 0, NOW + 9);
        else setMaxTimestamp(batch, 0, largestOf(batch));
        return batch;
      });
      const from = Math.floor((baseOffset * o.fromShare) / 100);
      const mapEnd = Math.floor((baseOffset * o.endShare) / 100);
      const latest = new Map<string, number>();
      for (const one of batches)
        for (const { offset, key } of readRecords(one, compressionCodecs))
          if (key !== null && offset >= from && offset < mapEnd)
            latest.set(new TextDecoder().decode(key), offset);
      const all = concat(batches);
      const map = mapOf(all.slice(0, 0));
      for (const [key, offset] of latest) map.put(hashOf(key), 0, offset);
      const producersLast = new Set(o.producersLast);
      const settings = filterOptions(map, { mapEnd, producersLast, endsSegment: o.endsSegment });
      const result = cleanBatches(all, settings, compressionCodecs);
      expect(splitBatches(result.bytes).map(described)).toEqual(naive(batches, latest, settings));
      const records = batches.reduce((sum, one) => sum + headerOf(one).recordCount, 0);
      expect(result.recordsKept + result.recordsDropped).toBe(records);
    }),
    { numRuns: 300 },
  );
});

function hashOf(key: string): Int32Array {
  const md5 = new Md5();
  const bytes = new TextEncoder().encode(key);
  md5.hash(bytes, 0, bytes.length);
  return md5.words;
}
