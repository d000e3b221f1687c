/**
 * Logs on the disk of a real node, in a scratch folder of the cache, and batches to append to them. The
 * folder goes when the process ends.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Uuid } from '@millrace/base';
import type { LogConfig, LogDirectory, PartitionLog } from '../../../packages/log/src/index.ts';
import { config, openDirectory } from '../../../packages/log/test/support/logs.ts';
import { NodeDisk } from '../../../packages/node/src/io/disk.ts';
import { cacheFolder } from '../../lib/paths.ts';
import { batchOf } from '../load.ts';

const TOPIC_ID = 'aaaaaaaaaaaaaaaaaaaaaA' as Uuid;
const RECORD_BYTES = 1000;
/** The length of the value, and the fields before and after the value. */
const RECORD_OVERHEAD_BYTES = 10;
/**
 * Memory of the copies of a batch. A single copy would stay in the cache of the CPU, unlike batches that come
 * from a socket.
 */
const COPIES_BYTES = 32 << 20;

/** A new folder. This process removes it when it ends. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(cacheFolder('clusters'), 'bench-log-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface OpenedLog {
  readonly directory: LogDirectory;
  readonly log: PartitionLog;
  /** The file of the first segment. */
  readonly file: string;
}

/** Opens the log directory, and the log `topic-0` in it. */
export function openLogIn(folder: string, settings: Partial<LogConfig> = {}): OpenedLog {
  const directory = openDirectory(new NodeDisk(), { directory: folder });
  const now = Date.now();
  const log = directory.openLog('topic', 0, { topicId: TOPIC_ID, config: config(settings), nowWallMs: now });
  return { directory, log, file: join(folder, 'topic-0', '00000000000000000000.log') };
}

/** Copies of a batch of about this size with records of about 1 KB. */
export function copiesOf(batchBytes: number): Uint8Array[] {
  const count = Math.max(1, Math.floor(batchBytes / RECORD_BYTES));
  const value = new Uint8Array(RECORD_BYTES - RECORD_OVERHEAD_BYTES).fill(97);
  const batch = batchOf(Array.from({ length: count }, () => ({ value })));
  const copies = Math.max(4, Math.floor(COPIES_BYTES / batch.length));
  return Array.from({ length: copies }, () => new Uint8Array(batch));
}

/** Calls `work` until it has handled `bytes`. Returns the rate. */
export function rateOf(bytes: number, work: (index: number) => number): number {
  return measured(() => {
    let done = 0;
    for (let index = 0; done < bytes; index++) done += work(index);
    return done;
  });
}

/**
 * Returns the MB that `work` handled in each second of CPU time of this process. On a busy machine the
 * process waits for a core for a large and random share of the elapsed time. The work waits for nothing else,
 * because reads and writes use the page cache.
 */
export function measured(work: () => number): number {
  const start = process.cpuUsage();
  const bytes = work();
  const { user, system } = process.cpuUsage(start);
  return bytes / (user + system);
}
