/**
 * Goal: the judge of gaps reports a stall and tolerates a single long gap, and the hostile batches are what
 * their names say.
 */
import { BATCH_HEADER_BYTES, checkBatchCrc, readRecords } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import { describe, expect, test } from 'vitest';
import { judgeGaps, measurePairs, type WindowPair } from './gap-judge.ts';
import {
  alikeRecords,
  damagedPayloads,
  fittingRecords,
  keylessBatches,
  lyingBatches,
  manyRecords,
  nanosecondBatch,
  plainBatch,
} from './hostile-batches.ts';

describe('the judge of gaps', () => {
  test('allows each writer twice its longest quiet gap', () => {
    const quiet = [40, 60];
    expect(judgeGaps([{ quiet, hostile: [80, 120] }]).isHeldUp).toBe(false);
    expect(judgeGaps([{ quiet, hostile: [81, 60] }]).isHeldUp).toBe(true);
    expect(judgeGaps([{ quiet, hostile: [40, 121] }]).isHeldUp).toBe(true);
  });

  test('finds a broker that stalls in every hostile window, even if it measures more windows', async () => {
    const judgement = await measurePairs(async () => ({ quiet: [50], hostile: [1200] }), {
      atLeast: 3,
      atMost: 8,
    });
    expect(judgement).toEqual({ quiet: [50], hostile: [1200], isHeldUp: true, pairs: 8 });
  });

  test('forgives a long gap in a hostile window once a quiet window has a similar gap', async () => {
    const windows: WindowPair[] = [
      { quiet: [50], hostile: [180] },
      { quiet: [50], hostile: [50] },
      { quiet: [50], hostile: [60] },
      { quiet: [95], hostile: [50] },
    ];
    const judgement = await measurePairs(async () => windows.shift()!, { atLeast: 3, atMost: 8 });
    expect(judgement).toEqual({ quiet: [95], hostile: [180], isHeldUp: false, pairs: 4 });
  });

  test('measures only the least number of pairs if no writer stalls', async () => {
    const judgement = await measurePairs(async () => ({ quiet: [50], hostile: [55] }), {
      atLeast: 3,
      atMost: 8,
    });
    expect(judgement.pairs).toBe(3);
  });
});

/** The default of max.message.bytes. */
const MAX_MESSAGE_BYTES = (1 << 20) + 12;

describe('hostile batches', () => {
  test('of many records contain all of these records, in every codec', () => {
    for (const { name, bytes } of manyRecords(20_000)) {
      const offsets = [...readRecords(bytes, compressionCodecs)].map(({ offset }) => offset);
      expect(offsets, name).toEqual(Array.from({ length: 20_000 }, (_, i) => i));
    }
  });

  test('that fit the default limit of a topic fill nine tenths of the limit or more, except with zstd', () => {
    for (const { name, bytes } of fittingRecords()) {
      expect(bytes.length, name).toBeLessThanOrEqual(MAX_MESSAGE_BYTES);
      expect(bytes.length, name).toBeGreaterThan((name.startsWith('zstd') ? 0.8 : 0.9) * MAX_MESSAGE_BYTES);
    }
  });

  test('that are plain have one record, and the requested size within 20 bytes', () => {
    const { bytes } = plainBatch(1_400_000);
    expect(Math.abs(bytes.length - 1_400_000)).toBeLessThan(20);
    expect(checkBatchCrc(bytes, 0, bytes.length)).toBe(true);
    expect([...readRecords(bytes, compressionCodecs)]).toHaveLength(1);
  });

  test('of identical records compress with gzip to less than a 500th of their size', () => {
    const [gzip] = alikeRecords(1_000_000);
    expect(gzip!.bytes.length).toBeLessThan(12_000);
  });

  test('have the right length and checksum in their headers: only the payload is wrong', () => {
    const batches = [
      ...damagedPayloads(),
      ...lyingBatches(),
      ...keylessBatches(),
      nanosecondBatch(1_700_000_000_000n),
    ];
    for (const { name, bytes } of batches) {
      expect(bytes.readInt32BE(8) + 12, name).toBe(bytes.length);
      expect(checkBatchCrc(bytes, 0, bytes.length), name).toBe(true);
    }
  });

  test('with a damaged payload cannot be decompressed', () => {
    const unfolded = damagedPayloads().filter(({ bytes }) => {
      try {
        const codec = bytes.readInt16BE(21) & 7;
        compressionCodecs.decompress(codec, bytes.subarray(BATCH_HEADER_BYTES), 1 << 20);
        return true;
      } catch {
        return false;
      }
    });
    expect(unfolded.map(({ name }) => name)).toEqual([]);
  });
});
