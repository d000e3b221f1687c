/**
 * The hostile clients' own parts: the judge of gaps sees a stall and forgives a spike; the batches are what
 * they say.
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
  test('allows twice the longest quiet gap, for each writer by itself', () => {
    const quiet = [40, 60];
    expect(judgeGaps([{ quiet, hostile: [80, 120] }]).isHeldUp).toBe(false);
    expect(judgeGaps([{ quiet, hostile: [81, 60] }]).isHeldUp).toBe(true);
    expect(judgeGaps([{ quiet, hostile: [40, 121] }]).isHeldUp).toBe(true);
  });

  test('a broker that stalls in every hostile window is found, however many windows there are', async () => {
    const judgement = await measurePairs(async () => ({ quiet: [50], hostile: [1200] }), {
      atLeast: 3,
      atMost: 8,
    });
    expect(judgement).toEqual({ quiet: [50], hostile: [1200], isHeldUp: true, pairs: 8 });
  });

  test('one spike in a hostile window is forgiven once a quiet one had its like', async () => {
    const windows: WindowPair[] = [
      { quiet: [50], hostile: [180] },
      { quiet: [50], hostile: [50] },
      { quiet: [50], hostile: [60] },
      { quiet: [95], hostile: [50] },
    ];
    const judgement = await measurePairs(async () => windows.shift()!, { atLeast: 3, atMost: 8 });
    expect(judgement).toEqual({ quiet: [95], hostile: [180], isHeldUp: false, pairs: 4 });
  });

  test('no more windows than wanted are measured while nobody is held up', async () => {
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
  test('of many records hold them all, in every compression', () => {
    for (const { name, bytes } of manyRecords(20_000)) {
      const offsets = [...readRecords(bytes, compressionCodecs)].map(({ offset }) => offset);
      expect(offsets, name).toEqual(Array.from({ length: 20_000 }, (_, i) => i));
    }
  });

  test('that fit a topic by default fill nine tenths of its limit at least, but for zstd', () => {
    for (const { name, bytes } of fittingRecords()) {
      expect(bytes.length, name).toBeLessThanOrEqual(MAX_MESSAGE_BYTES);
      expect(bytes.length, name).toBeGreaterThan((name.startsWith('zstd') ? 0.8 : 0.9) * MAX_MESSAGE_BYTES);
    }
  });

  test('that are plain are as long as asked for, to some bytes, and hold one record', () => {
    const { bytes } = plainBatch(1_400_000);
    expect(Math.abs(bytes.length - 1_400_000)).toBeLessThan(20);
    expect(checkBatchCrc(bytes, 0, bytes.length)).toBe(true);
    expect([...readRecords(bytes, compressionCodecs)]).toHaveLength(1);
  });

  test('of records that are all alike are a thousandth of what they unfold to', () => {
    const [gzip] = alikeRecords(1_000_000);
    expect(gzip!.bytes.length).toBeLessThan(12_000);
  });

  test('have the right length and checksum in their headers: only what is inside is wrong', () => {
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

  test('with a damaged payload differ from what can be read', () => {
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
