/**
 * Goal: with a cache of texts, a record of a committed offset decodes as without one. Method: random records,
 * some of them damaged.
 */
import type { Uuid } from '@millrace/base';
import { decodeGroupRecord, groupRecords, TextCache } from '@millrace/protocol';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { quickOffsetCommit } from '../../src/group-records/quick-offset-commit.ts';

const { key: keyCodec, value: valueCodec } = groupRecords.offsetCommit;
const int64 = fc.constantFrom(
  0,
  1,
  -1,
  2 ** 31,
  2 ** 40 + 5,
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
);
const record = fc.record({
  version: fc.integer({ min: 0, max: 4 }),
  key: fc.record({
    group: fc.string({ unit: 'grapheme', maxLength: 80 }),
    topic: fc.constantFrom('t', 'orders', 'é'),
    partition: fc.integer({ min: -1, max: 2 ** 31 - 1 }),
  }),
  value: fc.record({
    offset: int64,
    leaderEpoch: fc.constantFrom(-1, 0, 7),
    metadata: fc.constantFrom('', 'm'),
    commitTimestamp: int64,
    expireTimestamp: fc.constant(-1),
    topicId: fc.constantFrom('AAAAAAAAAAAAAAAAAAAAAA' as Uuid, 'YWFhYWFhYWFhYWFhYWFhYQ' as Uuid),
  }),
});
/** Cuts bytes off, or changes one. Undefined: no damage. */
const damage = fc.option(
  fc.record({ inKey: fc.boolean(), cut: fc.boolean(), at: fc.nat(60), byte: fc.nat(255) }),
  { nil: undefined },
);

function outcome(key: Uint8Array, value: Uint8Array, texts?: TextCache): unknown {
  try {
    return decodeGroupRecord(key, value, texts);
  } catch (error) {
    return (error as Error).message;
  }
}

function damaged(
  bytes: Uint8Array,
  { cut, at, byte }: { cut: boolean; at: number; byte: number },
): Uint8Array {
  // The type of the key and the bytes in front of it stay.
  const place = 2 + (at % Math.max(1, bytes.length - 2));
  if (cut) return bytes.slice(0, place);
  const copy = new Uint8Array(bytes);
  copy[place] = byte;
  return copy;
}

it('a record decodes to the same values, or fails with the same error', () => {
  const texts = new TextCache();
  fc.assert(
    fc.property(record, damage, ({ version, key, value }, fault) => {
      let keyBytes = keyCodec.encode(key);
      let valueBytes = valueCodec.encode(version, value);
      if (fault?.inKey === true) keyBytes = damaged(keyBytes, fault);
      else if (fault !== undefined) valueBytes = damaged(valueBytes, fault);
      expect(outcome(keyBytes, valueBytes, texts)).toEqual(outcome(keyBytes, valueBytes));
    }),
    { numRuns: 2000 },
  );
});

it('the records that a coordinator writes take the quick path', () => {
  const key = { group: 'g', topic: 't', partition: 3 };
  const value = { offset: 5, leaderEpoch: 2, metadata: '', commitTimestamp: 7, expireTimestamp: -1 };
  for (const topicId of ['AAAAAAAAAAAAAAAAAAAAAA', 'YWFhYWFhYWFhYWFhYWFhYQ'] as Uuid[]) {
    const bytes = valueCodec.encode(4, { ...value, topicId });
    const quick = quickOffsetCommit(keyCodec.encode(key), bytes, new TextCache());
    expect(quick).toEqual({ key, value: { ...value, topicId } });
  }
});
