/** Shared by the tests of the cleaner: batches with chosen keys, and maps of their latest offsets. */
import { BatchHeader, buildBatch, type NewBatch, readBatchHeader, readRecords } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import type { FilterOptions } from '../../src/cleaner/clean-batches.ts';
import { indexKeys, KEY_WORDS, offsetAt } from '../../src/cleaner/index-keys.ts';
import { OffsetMap } from '../../src/cleaner/offset-map.ts';
import { NOW } from './logs.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** `key=value`; `key` alone is a tombstone; `=value` has no key. */
export function keyed(records: readonly string[], o: Partial<Omit<NewBatch, 'records'>> = {}): Uint8Array {
  return new Uint8Array(
    buildBatch({
      baseTimestamp: NOW,
      leaderEpoch: 0,
      codecs: compressionCodecs,
      ...o,
      records: records.map((text, index) => {
        const [key = '', value] = text.split('=');
        return {
          key: key === '' ? null : encoder.encode(key),
          value: value === undefined ? null : encoder.encode(value),
          timestamp: (o.baseTimestamp ?? NOW) + index,
        };
      }),
    }),
  );
}

/** `offset:key=value` of each record of a batch. */
export function recordsOf(batch: Uint8Array): string[] {
  return [...readRecords(batch, compressionCodecs)].map(({ offset, key, value }) => {
    const text = key === null ? '' : decoder.decode(key);
    return value === null ? `${offset}:${text}` : `${offset}:${text}=${decoder.decode(value)}`;
  });
}

/** A map of the batches' keys, up to an offset. */
export function mapOf(batches: Uint8Array, endOffset = Number.MAX_SAFE_INTEGER): OffsetMap {
  const map = new OffsetMap({ bytesMax: 1 << 16, loadFactor: 0.9 });
  const keys = indexKeys(batches, 0, compressionCodecs);
  for (let at = 0; at < keys.length; at += KEY_WORDS)
    if (offsetAt(keys, at) < endOffset) map.put(keys, at, offsetAt(keys, at));
  return map;
}

export function filterOptions(map: OffsetMap, o: Partial<FilterOptions> = {}): FilterOptions {
  return {
    tables: map.shared,
    mapEnd: Number.MAX_SAFE_INTEGER,
    nowWallMs: NOW,
    deleteRetentionMs: 1000,
    producersLast: new Set(),
    endsSegment: false,
    ...o,
  };
}

export function headerOf(batch: Uint8Array): BatchHeader {
  return readBatchHeader(batch, 0, new BatchHeader());
}
