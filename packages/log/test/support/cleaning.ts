/** Shared by the tests of the cleaner: batches with chosen keys, and maps of their latest offsets. */
import fs from 'node:fs';
import type { Disk, Jobs } from '@millrace/base';
import { BatchHeader, buildBatch, type NewBatch, readBatchHeader, readRecords } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import type { FilterOptions } from '../../src/cleaner/clean-batches.ts';
import type { CleanableRange } from '../../src/cleaner/cleanable-range.ts';
import { indexKeys, KEY_WORDS, offsetAt } from '../../src/cleaner/index-keys.ts';
import { cleanerJobs } from '../../src/cleaner/jobs.ts';
import { OffsetMap } from '../../src/cleaner/offset-map.ts';
import type { CleaningPorts, CleaningResult } from '../../src/compaction.ts';
import type { PartitionLog } from '../../src/index.ts';
import { NOW, readAll } from './logs.ts';
import { NamesDisk } from './names-disk.ts';

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
    producersKept: new Set(),
    endsSegment: false,
    ...o,
  };
}

export function headerOf(batch: Uint8Array): BatchHeader {
  return readBatchHeader(batch, 0, new BatchHeader());
}

export interface CleanOptions {
  /** Default: the end of the log. */
  readonly highWatermark?: number;
  readonly nowWallMs?: number;
  /** How many keys the offset map takes. */
  readonly keysMax?: number;
  readonly chunkBytes?: number;
  readonly jobs?: Jobs;
  /** Completes the syncs of the disk. Default: `NamesDisk.settle`. */
  readonly settle?: () => void;
  /** Changes the ports of the cleaning. */
  readonly ports?: (ports: CleaningPorts) => CleaningPorts;
}

/** The part of a log that the cleaner may clean. */
export function rangeOf(log: PartitionLog, highWatermark = log.endOffset, nowWallMs = NOW): CleanableRange {
  const range = log.cleanable(highWatermark, nowWallMs);
  if (!range.ok) throw new Error(range.reason);
  return range;
}

/** A cleaning that a test takes through its turns. */
export class Cleaning {
  readonly range: CleanableRange;
  readonly replaced: string[] = [];
  readonly results: CleaningResult[] = [];
  /** Steps that wait for their turn. */
  readonly queue: (() => void)[] = [];
  private readonly complete: () => void;

  /** Starts it, if the log has anything to clean. */
  constructor(log: PartitionLog, disk: Disk, o: CleanOptions = {}) {
    this.complete = o.settle ?? (() => (disk instanceof NamesDisk ? disk.settle() : undefined));
    const nowWallMs = o.nowWallMs ?? NOW;
    this.range = rangeOf(log, o.highWatermark, nowWallMs);
    if (this.range.dirtyBytes === 0) return;
    const ports: CleaningPorts = {
      jobs: o.jobs ?? this.jobs(),
      kinds: cleanerJobs(compressionCodecs),
      // The map is full when one place is free.
      map: { bytesMax: 24 * ((o.keysMax ?? 1000) + 1), loadFactor: 1 },
      chunkBytes: o.chunkBytes ?? 1 << 20,
      pause: (_bytes, next) => void this.queue.push(next),
      wait: (next) => void this.queue.push(next),
      replaced: (paths) => void this.replaced.push(...paths),
    };
    const changed = o.ports?.(ports) ?? ports;
    log.clean(this.range, changed, nowWallMs, (result) => this.results.push(result));
  }

  /** Takes up to `count` turns. Returns false if nothing is left to do. */
  turns(count = Number.MAX_SAFE_INTEGER): boolean {
    for (let left = count; left > 0; left--) {
      const next = this.queue.shift();
      next?.();
      const isIdle = next === undefined && !this.settle();
      if (isIdle) return false;
    }
    return true;
  }

  /** Completes syncs. Returns whether there is more to do now. */
  private settle(): boolean {
    this.complete();
    return this.queue.length > 0;
  }

  private jobs(): Jobs {
    return {
      start: (kind, bytes, parameters, done) => {
        this.queue.push(() => done({ ok: true, ...kind.run(bytes, parameters) }));
        return { cancel: () => {} };
      },
    };
  }
}

/** Cleans a log completely. */
export function cleanLog(log: PartitionLog, disk: Disk, o: CleanOptions = {}): Cleaning {
  const cleaning = new Cleaning(log, disk, o);
  cleaning.turns();
  return cleaning;
}

/** Cleans a log on a real disk completely, in turns of the event loop. */
export function cleanOnDisk(log: PartitionLog, nowWallMs: number): Promise<CleaningResult> {
  const later = (next: () => void): void => void setImmediate(next);
  const ports: CleaningPorts = {
    jobs: {
      start(kind, bytes, parameters, answer) {
        later(() => answer({ ok: true, ...kind.run(bytes, parameters) }));
        return { cancel: () => {} };
      },
    },
    kinds: cleanerJobs(compressionCodecs),
    map: { bytesMax: 1 << 16, loadFactor: 0.9 },
    chunkBytes: 4096,
    pause: (_bytes, next) => later(next),
    wait: later,
    replaced: (paths) => paths.forEach((path) => void fs.rmSync(path)),
  };
  return new Promise((done) => log.clean(rangeOf(log, log.endOffset, nowWallMs), ports, nowWallMs, done));
}

/** `offset:key=value` of every record of a log. */
export function allRecords(log: PartitionLog): string[] {
  return readAll(log).flatMap(recordsOf);
}

/** What a reader of the whole log knows in the end: the value of each key that is not deleted. */
export function stateOf(records: readonly string[]): Record<string, string> {
  const state: Record<string, string> = {};
  for (const record of records) {
    const [key = '', value] = record.slice(record.indexOf(':') + 1).split('=');
    if (value === undefined) delete state[key];
    else state[key] = value;
  }
  return state;
}
