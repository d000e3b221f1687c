/**
 * A benchmark, not a test: the log cleaner of a broker alone, on the disk, the worker threads and the timers
 * of a real node. Compacts logs of `bench:log`'s size one after the other, and prints for each one the MB of
 * the log before the compaction in each second, and the CPU time of this process in each MB. The first
 * compaction starts the worker and runs code that V8 has not compiled yet.
 *
 *     node packages/node/bench/cleaner.ts [--megabytes 128] [--batch 900] [--value 1000] [--codec none]
 *         [--rounds 5]
 *
 * `--batch` is the number of records of a batch, `--value` the bytes of a value. Each key has four records.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Timers, type Uuid } from '@millrace/base';
import { NodeClock } from '@millrace/base/io';
import { MemoryLogger } from '@millrace/base/testing';
import { cleanerJobs } from '@millrace/log';
import { Metrics } from '@millrace/metrics';
import { buildBatch, Compression } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import type { Partition } from '@millrace/replication';
import { config, openDirectory } from '../../log/test/support/logs.ts';
import { LogCleaner } from '../../replication/src/log-cleaner.ts';
import { NodeDisk } from '../src/io/disk.ts';
import { NodeJobs } from '../src/io/jobs.ts';

const SEGMENTS = 8;
const RECORDS_PER_KEY = 4;
const KEY_BYTES = 16;
const RECORD_OVERHEAD_BYTES = 24;
const SETTINGS = {
  isEnabled: true,
  cleaningsMax: 1,
  dedupeBufferBytes: 134_217_728,
  loadFactor: 0.9,
  ioBufferBytes: 524_288,
  bytesPerSecondMax: Number.MAX_VALUE,
  backoffMs: 50,
};

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '128' },
    batch: { type: 'string', default: '900' },
    value: { type: 'string', default: '1000' },
    codec: { type: 'string', default: 'none' },
    rounds: { type: 'string', default: '5' },
  },
});
const compression = Compression[values.codec.toUpperCase() as keyof typeof Compression];
const [megabytes, batchRecords, valueBytes, rounds] = [
  values.megabytes,
  values.batch,
  values.value,
  values.rounds,
].map(Number) as [number, number, number, number];
if (compression === undefined || ![megabytes, batchRecords, valueBytes, rounds].every((number) => number > 0))
  throw new Error('usage: cleaner.ts [--megabytes N] [--batch N] [--value N] [--codec NAME] [--rounds N]');

const root = mkdtempSync(join(tmpdir(), 'millrace-cleaner-'));
process.on('exit', () => rmSync(root, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

const bytes = megabytes * 1e6;
const keys = Math.ceil(bytes / (valueBytes + RECORD_OVERHEAD_BYTES) / RECORDS_PER_KEY);
const clock = new NodeClock();
const logger = new MemoryLogger();
const jobs = new NodeJobs({ logger });
const directory = openDirectory(new NodeDisk(), { directory: root });
const cleaner = { found: [] as Partition[], cleaned: () => {} };
new LogCleaner({
  clock,
  timers: new Timers(clock),
  logger,
  logDirectory: directory,
  jobs,
  kinds: cleanerJobs(compressionCodecs),
  metrics: new Metrics(),
  room: { lackFor: () => undefined, used: () => {}, coordinatorShortage: undefined },
  settings: () => SETTINGS,
  replicas: () => cleaner.found,
  removeExpired: () => cleaner.cleaned(),
});

for (let round = 0; round < rounds; round++) {
  const log = dirtyLog(round);
  await new Promise<void>((done) => log.flush(() => done()));
  const sealedBytes = log.cleanable(log.endOffset, Date.now());
  if (!sealedBytes.ok) throw new Error(sealedBytes.reason);
  const before = process.cpuUsage();
  await new Promise<void>((done) => {
    cleaner.cleaned = done;
    cleaner.found = [standIn(log)];
  });
  const { user, system } = process.cpuUsage(before);
  cleaner.found = [];
  const event = logger.events.filter((one) => one.event === 'log-cleaned').at(-1)!;
  const cleanedMb = sealedBytes.totalBytes / 1e6;
  const durationMs = Number(event.facts['durationMs']);
  const rate = (cleanedMb * 1000) / durationMs;
  process.stdout.write(
    `round ${round}: ${cleanedMb.toFixed(0)} MB in ${durationMs} ms, ${rate.toFixed(0)} MB/s, ` +
      `${((user + system) / 1000 / cleanedMb).toFixed(2)} ms CPU a MB, ` +
      `wrote ${(Number(event.facts['bytesWritten']) / 1e6).toFixed(0)} MB\n`,
  );
  log.close({ clean: false });
  rmSync(join(root, `${topicOf(round)}-0`), { recursive: true });
}
await jobs.close();
process.exit(0);

function topicOf(round: number): string {
  return `topic${round}`;
}

/** A log of about `bytes`, in eight segments. */
function dirtyLog(round: number) {
  const settings = {
    isCompacted: true,
    segmentBytes: Math.ceil(bytes / SEGMENTS),
    minCleanableDirtyRatio: 0,
  };
  const nowWallMs = Date.now();
  const log = directory.openLog(topicOf(round), 0, {
    topicId: `${String(round).padStart(21, 'a')}A` as Uuid,
    config: config({ ...settings, deletesOldRecords: false }),
    nowWallMs,
  });
  const value = new Uint8Array(valueBytes);
  for (let at = 0; at < value.length; at++) value[at] = (at * 31) % 251;
  let record = 0;
  while (log.sizeBytes < bytes) {
    const records = Array.from({ length: batchRecords }, () => ({
      key: Buffer.from(String(record++ % keys).padStart(KEY_BYTES, '0')),
      value,
    }));
    const batch = buildBatch({ baseTimestamp: nowWallMs, codecs: compressionCodecs, compression, records });
    const answer = log.appendAsLeader(new Uint8Array(batch), { leaderEpoch: 0, nowWallMs });
    if (!answer.ok) throw new Error(answer.message);
  }
  return log;
}

/** What the cleaner looks at of a replica. */
function standIn(log: ReturnType<typeof dirtyLog>): Partition {
  return {
    log,
    isClosed: false,
    isOffline: false,
    corruption: { reason: undefined, found: () => {} },
    highWatermark: log.endOffset,
    facts: () => ({ topic: 'topic', partition: 0, leaderEpoch: 0 }),
    noticeOffline: () => {},
  } as unknown as Partition;
}
