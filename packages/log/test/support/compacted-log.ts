/** A compacted log on a disk in memory, for the tests of the cleaner. */
import { MemoryLogger } from '@millrace/base/testing';
import type { LogConfig, PartitionLog } from '../../src/index.ts';
import { keyed } from './cleaning.ts';
import { append, DIRECTORY, openLog } from './logs.ts';
import { NamesDisk } from './names-disk.ts';

/** Small segments, so that a few batches fill several of them. */
export const CONFIG = {
  segmentBytes: 250,
  indexIntervalBytes: 100,
  deleteRetentionMs: 1000,
  isCompacted: true,
};

export function setUp(o: { disk?: NamesDisk; config?: Partial<LogConfig> } = {}) {
  const disk = o.disk ?? new NamesDisk();
  const logger = new MemoryLogger();
  const log = openLog({ disk, logger, config: { ...CONFIG, ...o.config } });
  const names = (pattern: RegExp): string[] => disk.list(DIRECTORY).filter((name) => pattern.test(name));
  return { disk, log, logger, names };
}

/** Appends batches, and syncs them. */
export function fill(log: PartitionLog, disk: NamesDisk, batches: readonly string[], o: object = {}): void {
  for (const batch of batches) append(log, keyed(batch.split(' '), o));
  log.flush(() => {});
  disk.settle();
}
