/**
 * Goal: a log is cleaned on worker threads. The jobs read the offset map in memory that they share with this
 * thread. Method: a log on a disk in memory, and real worker threads.
 */
import { MemoryDisk, MemoryLogger } from '@millrace/base/testing';
import { type CleaningResult, cleanerJobs, type LogConfig, PartitionLog } from '@millrace/log';
import { buildBatch, Compression, readBatchHeader, readRecords } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import { expect, test } from 'vitest';
import { NodeJobs } from '../../src/io/jobs.ts';

const NOW = 1_700_000_000_000;
const KEYS = 50;
const encoder = new TextEncoder();

const config: LogConfig = {
  segmentBytes: 20_000,
  segmentMs: 1e12,
  segmentJitterMs: 0,
  preallocate: false,
  indexIntervalBytes: 4096,
  segmentIndexBytes: 1 << 20,
  flushMessages: Number.MAX_SAFE_INTEGER,
  producerIdExpirationMs: 1e9,
  maxMessageBytes: 1 << 20,
  isCompacted: true,
  deleteRetentionMs: 1000,
  minCleanableDirtyRatio: 0.5,
  minCompactionLagMs: 0,
  maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
  deletesOldRecords: false,
  retentionMs: -1,
  retentionBytes: -1,
  fileDeleteDelayMs: 0,
  compression: undefined,
  loopWorkMax: 1 << 20,
  timestampType: 'CreateTime',
  timestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
  timestampAfterMaxMs: Number.MAX_SAFE_INTEGER,
};

function fill(log: PartitionLog): void {
  for (let i = 0; i < 1500; i++) {
    const compression = Object.values(Compression)[i % 5]!;
    const record = { key: encoder.encode(`key-${i % KEYS}`), value: encoder.encode(`value-${i}`) };
    const batch = buildBatch({
      records: [record],
      baseTimestamp: NOW,
      compression,
      codecs: compressionCodecs,
    });
    expect(log.appendAsLeader(batch, { leaderEpoch: 0, nowWallMs: NOW }).ok).toBe(true);
  }
}

/** The offsets of all records below `endOffset`. */
function offsetsOf(log: PartitionLog, endOffset: number): number[] {
  const offsets: number[] = [];
  for (let fromOffset = 0; fromOffset < endOffset; ) {
    const read = log.read({ fromOffset, endOffsetMax: endOffset, maxBytes: 1, atLeastOneBatch: true });
    for (const batch of read.chunks) {
      for (const { offset } of readRecords(batch, compressionCodecs)) offsets.push(offset);
      fromOffset = readBatchHeader(batch).lastOffset + 1;
    }
  }
  return offsets;
}

test('worker threads index the keys of a log and filter its batches', { timeout: 60_000 }, async () => {
  const disk = new MemoryDisk();
  const logger = new MemoryLogger();
  const directory = '/data/orders-0';
  const log = PartitionLog.open({
    disk,
    directory,
    nowWallMs: NOW,
    cleanShutdown: false,
    codecs: compressionCodecs,
    logger,
    config,
  });
  fill(log);
  await new Promise<void>((synced) => log.flush(() => synced()));
  const jobs = new NodeJobs({ logger });
  const later = (next: () => void): void => void setImmediate(next);
  const result = await new Promise<CleaningResult>((done) => {
    const ports = {
      jobs,
      kinds: cleanerJobs(compressionCodecs),
      map: { bytesMax: 1 << 20, loadFactor: 0.9 },
      chunkBytes: 8192,
      pause: (_bytes: number, next: () => void) => later(next),
      wait: later,
      replaced: (paths: readonly string[]) => paths.forEach((path) => void disk.remove(path)),
    };
    const range = log.cleanable(log.endOffset, NOW);
    if (range.ok) log.clean(range, ports, NOW, done);
  });
  await jobs.close();
  const { activeBaseOffset } = log;
  expect(result).toMatchObject({ ok: true, cleanedTo: activeBaseOffset });
  // Of each key one record is left: the latest one below the active segment.
  const expected = Array.from({ length: KEYS }, (_unused, index) => activeBaseOffset - KEYS + index);
  expect(offsetsOf(log, activeBaseOffset)).toEqual(expected);
});
