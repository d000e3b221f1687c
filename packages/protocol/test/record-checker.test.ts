/**
 * Goal: the checker gives each batch the same error code as Apache Kafka 4.3.1, and each forbidden record the
 * same message, except in the two cases that record-checker.ts names. It finds the largest timestamp. Method:
 * batches with one error, uncompressed and compressed; comparison with readRecords, which creates an object
 * for each record; chunks that are cut anywhere.
 */
import {
  checkRecords,
  checkRecordsWhole,
  ErrorCode,
  LOOP_WORK_MAX,
  RECORDS_WORK_MAX,
  RecordChecker,
  type RecordRules,
  type RecordsVerdict,
  RecordWalker,
  readRecords,
} from '@millrace/protocol';
import { checkRecordsStreaming, compressionCodecs as codecs } from '@millrace/protocol/io';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import {
  batchOf,
  bytes,
  concat,
  headerOf,
  NOW,
  type RawBatch,
  record,
  rules,
  varint,
} from './support/raw.ts';

const NONE = 0;
const GZIP = 1;

function check(
  section: Uint8Array,
  count: number,
  o: RawBatch = {},
  topic: Partial<RecordRules> = {},
): RecordsVerdict {
  const batch = batchOf(o.codec ? codecs.compress(o.codec as 1, section) : section, count, o);
  return checkRecordsWhole(batch, headerOf(batch), rules(topic), codecs);
}

const code = (verdict: RecordsVerdict | undefined) => (verdict?.ok === false ? verdict.errorCode : 0);
const three = concat(record(0), record(1), record(2));
const overlong = (value: number, length: number) =>
  bytes(value | 0x80, ...Array(length - 2).fill(0x80), 0x00);

describe.each([
  ['uncompressed', NONE],
  ['gzip', GZIP],
])('%s', (_, codec) => {
  const o = { codec };
  const headers = (...parts: readonly Uint8Array[]) => record(0, { headers: concat(...parts) });

  it.each([
    ['good records', three, 3],
    ['null key and value', record(0, { key: null, value: null }), 1],
    ['any negative length is null', record(0, { rawKey: varint(-2), rawValue: varint(-(2 ** 31)) }), 1],
    ['headers', headers(varint(2), varint(1), bytes(65), varint(-1), varint(0), varint(1), bytes(1)), 1],
    ['a header value of length -2', headers(varint(1), varint(1), bytes(65), varint(-2)), 1],
    ['a header key that is not UTF-8', headers(varint(1), varint(1), bytes(0xff), varint(-1)), 1],
    ['attributes of a record', record(0, { attributes: 255 }), 1],
    ['a length of 5 bytes', concat(overlong(0x10, 5), record(0).subarray(1)), 1],
    ['a length with bits beyond 32', concat(bytes(0x90, 0x80, 0x80, 0x80, 0x10), record(0).subarray(1)), 1],
    ['a timestamp delta of 10 bytes', record(0, { timestampDelta: overlong(0, 10) }), 1],
    ['an offset delta of 5 bytes', record(0, { offsetDelta: overlong(0, 5) }), 1],
    ['a key length of 5 bytes', record(0, { rawKey: concat(overlong(2, 5), bytes(107)) }), 1],
  ])('accepts %s', (_what, section, count) => {
    expect(check(section, count, o)).toMatchObject({ ok: true });
  });

  it.each([
    ['fewer records than counted', three, 4],
    ['more records than counted', three, 2],
    ['a byte behind the records', concat(three, bytes(0)), 3],
    ['no records', bytes(), 1],
    ['a record that is cut', three.subarray(0, 12), 2],
    ['a number that is cut', concat(record(0), bytes(0x80)), 2],
    ['a length of 0', varint(0), 1],
    ['a record of 3 bytes', concat(varint(3), bytes(0, 0, 0)), 1],
    ['a negative length', record(0, { length: varint(-1) }), 1],
    ['a huge length', record(0, { length: varint(2 ** 31 - 1) }), 1],
    ['a length one short', concat(record(0, { lengthOff: -1 }), record(1)), 2],
    ['a length one long', concat(record(0, { lengthOff: 1 }), record(1)), 2],
    ['a length one long at the end', record(0, { lengthOff: 1 }), 1],
    ['padding in a record', concat(record(0, { tail: bytes(0) }), record(1)), 2],
    ['a length of 6 bytes', concat(overlong(0x10, 6), record(0).subarray(1)), 1],
    ['a timestamp delta of 11 bytes', record(0, { timestampDelta: overlong(0, 11) }), 1],
    ['an offset delta of 6 bytes', record(0, { offsetDelta: overlong(0, 6) }), 1],
    ['a key that is too long', record(0, { rawKey: concat(varint(100), bytes(1)) }), 1],
    ['a key of 2^31-1', record(0, { rawKey: concat(varint(2 ** 31 - 1), bytes(1)) }), 1],
    [
      'a value into the next record',
      concat(record(0, { rawValue: concat(varint(5), bytes(1)) }), record(1)),
      2,
    ],
    ['-1 headers', headers(varint(-1)), 1],
    ['a header that is not there', headers(varint(1)), 1],
    ['2^31-1 headers', headers(varint(2 ** 31 - 1)), 1],
    ['a header without key', headers(varint(1), varint(-1), varint(-1)), 1],
    ['a header key that is too long', headers(varint(1), varint(100), bytes(1), varint(-1)), 1],
    ['a header value that is too long', headers(varint(1), varint(1), bytes(65), varint(100)), 1],
    ['a gap between offsets', concat(record(0), record(2)), 2],
    ['an offset twice', concat(record(0), record(0)), 2],
    ['offsets from 1 on', concat(record(1), record(2)), 2],
  ])('refuses %s', (_what, section, count) => {
    expect(code(check(section, count, o))).toBe(ErrorCode.INVALID_RECORD);
  });

  it('lists the records without a key in a compacted topic, and names the first three in the message', () => {
    const key = { key: null };
    const section = concat(record(0, key), record(1), record(2, key), record(3, key), record(4, key));
    const message = 'Compacted topic cannot accept message without key in topic partition topic-0';
    expect(check(section, 5, o, { keyRequired: true })).toEqual({
      ok: false,
      errorCode: ErrorCode.INVALID_RECORD,
      message:
        'One or more records have been rejected due to 4 record errors in total, and only showing the first three errors at most: ' +
        `[RecordError(batchIndex=0, message='${message}'), RecordError(batchIndex=2, message='${message}'), RecordError(batchIndex=3, message='${message}')]`,
      recordErrors: [0, 2, 3, 4].map((batchIndex) => ({ batchIndex, message })),
    });
    expect(check(three, 3, o, { keyRequired: true })).toMatchObject({ ok: true });
    const empty = record(0, { key: bytes(), value: null });
    expect(check(empty, 1, o, { keyRequired: true })).toMatchObject({ ok: true });
  });

  it('unreadable bytes take precedence over forbidden records, and forbidden records over a gap', () => {
    const keyless = concat(record(0, { key: null }), record(2));
    const compacted = { keyRequired: true };
    expect(check(keyless, 3, o, compacted)).not.toHaveProperty('recordErrors');
    expect(check(keyless, 2, o, compacted)).toHaveProperty('recordErrors');
  });

  it('lists at most 100 records, and counts all', () => {
    const section = concat(...Array.from({ length: 250 }, (_record, i) => record(i, { key: null })));
    const verdict = check(section, 250, o, { keyRequired: true });
    expect(verdict).toMatchObject({ message: expect.stringContaining('due to 250 record errors') });
    expect(!verdict.ok && verdict.recordErrors).toHaveLength(100);
  });

  it('the messages name the bounds and each timestamp that is beyond them', () => {
    const section = concat(
      record(0, { timestampDelta: -1001 }),
      record(1),
      record(2, { timestampDelta: 501 }),
    );
    const bounds = { timestampBeforeMaxMs: 1000, timestampAfterMaxMs: 500 };
    const message = (timestamp: number, offset: number) =>
      `Timestamp ${timestamp} of message with offset ${offset} is out of range. The timestamp should be within [${NOW - 1000}, ${NOW + 500}]`;
    expect(check(section, 3, o, bounds)).toEqual({
      ok: false,
      errorCode: ErrorCode.INVALID_TIMESTAMP,
      message: 'One or more records have been rejected due to invalid timestamp',
      recordErrors: [
        { batchIndex: 0, message: message(NOW - 1001, 0) },
        { batchIndex: 2, message: message(NOW + 501, 2) },
      ],
    });
    const inside = concat(record(0, { timestampDelta: -1000 }), record(1, { timestampDelta: 500 }));
    expect(check(inside, 2, o, bounds)).toMatchObject({ ok: true, maxTimestamp: NOW + 500 });
    expect(check(section, 3, o, { ...bounds, timestampType: 'LogAppendTime' })).toMatchObject({ ok: true });
  });

  it('one forbidden timestamp makes the answer INVALID_TIMESTAMP, even if other records have other errors', () => {
    const section = concat(record(0, { key: null }), record(1, { timestampDelta: 7_200_000 }));
    const verdict = check(section, 2, o, { keyRequired: true });
    expect(code(verdict)).toBe(ErrorCode.INVALID_TIMESTAMP);
    expect(!verdict.ok && verdict.recordErrors?.map(({ batchIndex }) => batchIndex)).toEqual([0, 1]);
  });

  it.each([
    ['-1 means no timestamp, and is never forbidden', -1, 0, { timestampBeforeMaxMs: 1 }, -1],
    ['-2 is a timestamp before 1970', -2, 0, {}, -1],
    ['-2 is too old', -2, 0, { timestampBeforeMaxMs: 1 }, 'refused'],
    ['the largest int64 is too late', 2n ** 63n - 1n, 0, {}, 'refused'],
    ['the smallest int64: the difference wraps', -(2n ** 63n), 0, {}, 'refused'],
    ['nanoseconds without a bound', 1_700_000_000_000_000_000n, 0, UNBOUNDED(), 1_700_000_000_000_000_000n],
    ['the largest int64 without a bound', 2n ** 63n - 1n, 0, UNBOUNDED(), 2n ** 63n - 1n],
    ['the smallest int64 without a bound', -(2n ** 63n), 0, UNBOUNDED(), -1],
    ['a sum beyond int64 wraps', 2n ** 63n - 1n, 2, UNBOUNDED(), -1],
    ['a sum below int64 wraps', -(2n ** 63n), -2, UNBOUNDED(), 2n ** 63n - 2n],
    ['a sum at 2^53', 2 ** 53 - 1, 1, UNBOUNDED(), 2n ** 53n],
    ['a wide delta', 5n, 2n ** 60n, UNBOUNDED(), 2n ** 60n + 5n],
    ['a wide delta back to milliseconds', 2n ** 60n + 7n, -(2n ** 60n), {}, 7],
  ] as const)('timestamps: %s', (_what, base, timestampDelta, topic, expected) => {
    const verdict = check(record(0, { timestampDelta }), 1, { ...o, base }, topic);
    expect(verdict.ok ? verdict.maxTimestamp : 'refused').toBe(expected);
  });

  it('finds the largest timestamp and the first record that has it, even if the header is wrong', () => {
    const section = concat(...[0, 5, -3, 5, 2].map((timestampDelta, i) => record(i, { timestampDelta })));
    for (const max of [-1, 0, NOW - 50, NOW + 1e10])
      expect(check(section, 5, { ...o, max })).toEqual({
        ok: true,
        maxTimestamp: NOW + 5,
        maxTimestampOffsetDelta: 1,
      });
    const none = concat(record(0, { timestampDelta: -1 - NOW }), record(1, { timestampDelta: -2 - NOW }));
    expect(check(none, 2, o)).toEqual({ ok: true, maxTimestamp: -1, maxTimestampOffsetDelta: -1 });
  });

  it('refuses a header with LogAppendTime, unless it has a timestamp and the topic has CreateTime', () => {
    const claim = { ...o, attributes: 8 };
    expect(check(three, 3, { ...claim, max: NOW - 9 })).toMatchObject({ ok: true, maxTimestamp: NOW - 9 });
    const kind = codec === NONE ? 'DefaultRecord' : 'PartialDefaultRecord';
    const message = (timestamp: number) =>
      `Invalid timestamp type in message ${kind}(offset=0, timestamp=${timestamp}, key=1 bytes, value=1 bytes). Producer should not set timestamp type to LogAppendTime.`;
    const refused = (timestamp: number) => ({
      errorCode: ErrorCode.INVALID_TIMESTAMP,
      recordErrors: [{ batchIndex: 0, message: message(timestamp) }],
    });
    expect(check(record(0), 1, { ...claim, max: -1 })).toMatchObject(refused(-1));
    const nulls = codec === NONE ? 'key=0 bytes, value=0 bytes' : 'key=-5 bytes, value=-1 bytes';
    const nullRecord = record(0, { rawKey: varint(-5), value: null });
    expect(check(nullRecord, 1, { ...claim, max: -1 })).toMatchObject({
      recordErrors: [{ batchIndex: 0, message: expect.stringContaining(nulls) }],
    });
    expect(check(record(0), 1, claim, { timestampType: 'LogAppendTime' })).toMatchObject(refused(NOW));
  });
});

function UNBOUNDED() {
  return { timestampAfterMaxMs: Number.MAX_SAFE_INTEGER };
}

// ------------------------------------------------------------------ pieces, and comparison with readRecords

const wideOr = (narrow: fc.Arbitrary<bigint>) =>
  fc.oneof(
    { weight: 4, arbitrary: narrow },
    { weight: 1, arbitrary: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) },
  );
const content = fc.option(fc.uint8Array({ maxLength: 200 }), { nil: null });
const sizedHeader = fc
  .tuple(fc.uint8Array({ maxLength: 70 }), content)
  .map(([key, value]) => concat(varint(key.length), key, varint(value?.length ?? -1), value ?? bytes()));
const anyRecord = fc.record({
  timestampDelta: wideOr(fc.bigInt({ min: -200n, max: 20_000n })),
  key: content,
  value: content,
  headers: fc
    .array(sizedHeader, { maxLength: 3 })
    .map((headers) => concat(varint(headers.length), ...headers)),
});
const anyBatch = fc.record({
  records: fc.array(anyRecord, { minLength: 1, maxLength: 12 }),
  base: wideOr(fc.constant(BigInt(NOW))),
});

/** Cuts the section at the given places: into one piece at least, and one piece for each byte at most. */
function cut(section: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [...new Set([0, ...cuts.map((at) => at % (section.length + 1)), section.length])];
  places.sort((a, b) => a - b);
  return places.slice(1).map((end, i) => section.slice(places[i], end));
}

/** Overwrites each piece after the push, because the checker must not keep a reference to it. */
function checkCut(
  section: Uint8Array,
  batch: Uint8Array,
  cuts: readonly number[],
  topic: Partial<RecordRules>,
) {
  const checker = new RecordChecker(headerOf(batch), rules(topic), RECORDS_WORK_MAX);
  for (const piece of cut(section, cuts)) {
    const goesOn = checker.push(piece);
    piece.fill(0xee);
    if (!goesOn) break;
  }
  return checker.finish();
}

const topics: fc.Arbitrary<Partial<RecordRules>> = fc.record({
  keyRequired: fc.boolean(),
  timestampAfterMaxMs: fc.constantFrom(0, 10_000, Number.MAX_SAFE_INTEGER),
  timestampBeforeMaxMs: fc.constantFrom(0, 100, Number.MAX_SAFE_INTEGER),
});

test('wherever the bytes are cut, the verdict is the same', () => {
  fc.assert(
    fc.property(anyBatch, topics, fc.array(fc.nat(), { maxLength: 40 }), (drawn, topic, cuts) => {
      const section = concat(...drawn.records.map((one, i) => record(i, one)));
      const batch = batchOf(section, drawn.records.length, { base: drawn.base });
      const whole = checkRecordsWhole(batch, headerOf(batch), rules(topic), codecs);
      expect(checkCut(section, batch, cuts, topic)).toEqual(whole);
      const everywhere = Array.from({ length: section.length }, (_byte, i) => i);
      expect(checkCut(section, batch, everywhere, topic)).toEqual(whole);
    }),
    { numRuns: 400 },
  );
});

test('a damaged batch gets the same verdict in pieces as whole, and readRecords can read every accepted batch', () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), {
    minLength: 1,
    maxLength: 3,
  });
  fc.assert(
    fc.property(anyBatch, damage, fc.array(fc.nat(), { maxLength: 20 }), (drawn, changes, cuts) => {
      const section = concat(...drawn.records.map((one, i) => record(i, one)));
      for (const [at, value] of changes) section[at % section.length] = value;
      const batch = batchOf(section, drawn.records.length, { base: drawn.base });
      const topic = { timestampAfterMaxMs: Number.MAX_SAFE_INTEGER };
      const verdict = checkRecordsWhole(batch, headerOf(batch), rules(topic), codecs);
      const pieces = checkCut(section, batch, cuts, topic);
      expect(pieces.ok).toBe(verdict.ok);
      if (verdict.ok) expect(pieces).toEqual(verdict);
      expect(twin(batch) === undefined).toBe(code(verdict) === ErrorCode.INVALID_RECORD);
    }),
    { numRuns: 1500 },
  );
});

test('the largest timestamp is the one that readRecords finds', () => {
  fc.assert(
    fc.property(anyBatch, ({ records, base }) => {
      const batch = batchOf(concat(...records.map((one, i) => record(i, one))), records.length, { base });
      const topic = { timestampType: 'LogAppendTime' } as const;
      expect(checkRecordsWhole(batch, headerOf(batch), rules(topic), codecs)).toEqual(twin(batch));
    }),
    { numRuns: 400 },
  );
});

/**
 * The expected verdict, computed from readRecords; undefined if readRecords cannot read the batch, or if its
 * offsets have a gap.
 */
function twin(batch: Uint8Array): RecordsVerdict | undefined {
  let maxTimestamp: number | bigint = -1;
  let maxTimestampOffsetDelta = -1;
  try {
    let next = 0;
    for (const { timestamp, offset } of readRecords(batch, codecs)) {
      if (offset !== next++) return undefined;
      if (timestamp <= maxTimestamp) continue;
      maxTimestamp = timestamp;
      maxTimestampOffsetDelta = offset;
    }
  } catch {
    return undefined;
  }
  return { ok: true, maxTimestamp, maxTimestampOffsetDelta };
}

// ------------------------------------------------------------------ work

describe('work', () => {
  const many = 100_000;
  const section = concat(...Array.from({ length: many }, (_record, i) => record(i)));

  it.each([0, 1, 2, 3, 4] as const)(
    'a batch that costs too much on the event loop is left to a job (codec %i)',
    async (codec) => {
      const batch = batchOf(codecs.compress(codec, section), many, { codec });
      const header = headerOf(batch);
      expect(checkRecords(batch, header, rules(), codecs, LOOP_WORK_MAX)).toBeUndefined();
      expect(checkRecordsWhole(batch, header, rules(), codecs)).toMatchObject({ ok: true });
      expect(await checkRecordsStreaming(batch, header, rules())).toMatchObject({ ok: true });
    },
  );

  it('a batch of few but large records is also left to a job', () => {
    const large = record(0, { value: new Uint8Array(2 * LOOP_WORK_MAX) });
    for (const codec of [1, 2, 3, 4] as const) {
      const batch = batchOf(codecs.compress(codec, large), 1, { codec });
      expect(checkRecords(batch, headerOf(batch), rules(), codecs, LOOP_WORK_MAX)).toBeUndefined();
    }
  });

  it('a walker counts bytes and records, and stops at its limit', () => {
    class Counter extends RecordWalker {
      protected override visit(): boolean {
        return true;
      }
    }
    const walker = new Counter(many, 50_000);
    const pieces = cut(
      section,
      Array.from({ length: 500 }, (_piece, i) => i * 4000),
    );
    let pushed = 0;
    while (walker.push(pieces[pushed]!)) pushed++;
    expect(walker.isOverWork).toBe(true);
    expect(walker.damage).toBeUndefined();
    expect(walker.bytes + 16 * walker.records).toBeGreaterThan(50_000);
    expect(walker.bytes).toBeLessThan(50_000);
  });

  it('an excessive record count gets INVALID_RECORD, because only visited records count as work', () => {
    for (const codec of [0, 1] as const) {
      const batch = batchOf(codecs.compress(codec, record(0)), 0x7fffffff, { codec });
      expect(code(checkRecordsWhole(batch, headerOf(batch), rules(), codecs))).toBe(ErrorCode.INVALID_RECORD);
    }
  });
});
