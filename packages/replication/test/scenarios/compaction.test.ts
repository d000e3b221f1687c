/**
 * Goal: each replica compacts its own log. The latest record of each key stays, and clients, followers,
 * retention and deletions continue to work. Method: whole replica managers with a toy controller and a manual
 * clock.
 */
import type { MetadataRecord } from '@millrace/metadata';
import { buildBatch, ErrorCode, readBatchHeader, readRecords } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import { expect, test } from 'vitest';
import type { Partition } from '../../src/index.ts';
import { replicationConfig } from '../../src/testing/index.ts';
import { fetchFrom, fetchRequest, partitionsOf } from '../support/fetching.ts';
import { batchesOf } from '../support/logs.ts';
import { World } from '../support/world.ts';

const BACKOFF_MS = 1000;
const ALL = [[1, 2, 3]];
/** Each batch has a segment of its own. */
const CONFIGS = {
  'cleanup.policy': 'compact',
  'segment.bytes': '100',
  'min.cleanable.dirty.ratio': '0',
  'file.delete.delay.ms': '5000',
};
const text = new TextDecoder();
const encoder = new TextEncoder();

class Table {
  readonly world: World;
  readonly topic;

  constructor(o: { configs?: Record<string, string>; replicas?: number[][] } = {}) {
    const cleaner = { ...replicationConfig().cleaner, backoffMs: BACKOFF_MS };
    const config = { cleaner, retentionInitialDelayMs: 1000, retentionCheckIntervalMs: 1000 };
    this.world = new World({ config }).start();
    this.topic = this.world.controller.createTopic('events', o.replicas ?? ALL, { ...CONFIGS, ...o.configs });
    this.advance(100);
  }

  get leader(): number {
    return this.world.controller.image.partition(this.topic, 0)!.leader;
  }

  partition(id: number): Partition {
    return this.world.partition(id, this.topic);
  }

  advance(ms: number): void {
    for (let left = ms; left > 0; left -= 5) {
      this.world.advance(5);
      for (const broker of this.world.brokers) broker.jobs.finishAll();
    }
  }

  /** Produces `key=value` records, each in a batch of its own. `key` alone is a tombstone. */
  put(...records: string[]): void {
    for (const record of records) {
      const [key, value] = record.split('=') as [string, string | undefined];
      const bytes = buildBatch({
        baseTimestamp: this.world.clock.wallMs(),
        records: [{ key: encoder.encode(key), value: value === undefined ? null : encoder.encode(value) }],
      });
      let errorCode: number | undefined;
      this.world.broker(this.leader).manager.produce(
        {
          acks: -1,
          timeoutMs: 5000,
          apiVersion: 11,
          partitions: [{ topicId: this.topic, topic: 'events', partition: 0, records: bytes }],
        },
        ([result]) => {
          errorCode = result!.errorCode;
        },
      );
      this.advance(50);
      expect(errorCode).toBe(ErrorCode.NONE);
    }
  }

  /** `offset:key=value` of each record on this broker. */
  records(id: number): string[] {
    const { log } = this.partition(id);
    const found: string[] = [];
    for (let from = log.startOffset; from < log.endOffset; ) {
      const { chunks, errorCode } = log.read({
        fromOffset: from,
        endOffsetMax: log.endOffset,
        maxBytes: 1 << 20,
        atLeastOneBatch: true,
      });
      expect([errorCode, chunks.length]).toEqual([ErrorCode.NONE, 1]);
      for (const batch of batchesOf(chunks[0]!)) {
        found.push(...textOf(batch));
        from = readBatchHeader(batch).lastOffset + 1;
      }
    }
    return found;
  }

  configure(name: string, value: string, resourceType: 'topic' | 'broker' = 'topic'): void {
    const resourceName = resourceType === 'topic' ? 'events' : '';
    const record: MetadataRecord = { type: 'config', resourceType, resourceName, name, value };
    this.world.controller.commit([record]);
  }

  eventsOf(event: string): number {
    return this.world.logger.events.filter((one) => one.event === event).length;
  }
}

function textOf(batch: Uint8Array): string[] {
  return [...readRecords(batch, compressionCodecs)].map(
    ({ offset, key, value }) =>
      `${offset}:${text.decode(key!)}${value === null ? '' : `=${text.decode(value)}`}`,
  );
}

test('leader and followers keep the latest record of each key below their active segments', () => {
  const table = new Table();
  table.put('a=1', 'b=1', 'a=2', 'a=3', 'c=1', 'b=2');
  table.advance(2 * BACKOFF_MS);
  for (const id of [1, 2, 3]) {
    expect(table.records(id)).toEqual(['1:b=1', '3:a=3', '4:c=1', '5:b=2']);
    expect(table.partition(id).log.cleanedTo).toBe(5);
  }
  table.put('d=1', 'a=4');
  table.advance(2 * BACKOFF_MS);
  for (const id of [1, 2, 3])
    expect(table.records(id)).toEqual(['3:a=3', '4:c=1', '5:b=2', '6:d=1', '7:a=4']);
  expect(table.eventsOf('log-cleaned')).toBeGreaterThanOrEqual(6);
});

test('a consumer continues at the next record if compaction removed the record at its position, also from a parked fetch', () => {
  const table = new Table();
  table.put('a=1', 'a=2', 'a=3', 'b=1');
  table.advance(2 * BACKOFF_MS);
  const { manager } = table.world.broker(1);
  const fetch = (fetchOffset: number, maxWaitMs = 0) =>
    fetchFrom(manager, fetchRequest([{ topicId: table.topic, fetchOffset }], { maxWaitMs }));
  const batchesIn = ({ response }: ReturnType<typeof fetch>): Uint8Array[] => {
    const [partition] = partitionsOf(response);
    expect(partition!.errorCode).toBe(ErrorCode.NONE);
    return (partition!.records as Uint8Array[]).flatMap((chunk) => [...batchesOf(chunk)]);
  };
  /** Fetches to the end. A batch may have no record left, and still moves the position. */
  const consume = (from: number): string[] => {
    const found: string[] = [];
    for (let position = from; position < table.partition(1).log.endOffset; ) {
      const batches = batchesIn(fetch(position));
      expect(batches.length).toBeGreaterThan(0);
      found.push(...batches.flatMap(textOf));
      position = readBatchHeader(batches.at(-1)!).lastOffset + 1;
    }
    return found;
  };
  for (const offset of [0, 1, 2]) expect(consume(offset)).toEqual(['2:a=3', '3:b=1']);
  const parked = fetch(4, 30_000);
  table.put('a=4', 'a=5', 'b=2');
  expect(batchesIn(parked).flatMap(textOf)).toEqual(['4:a=4']);
  table.advance(2 * BACKOFF_MS);
  expect(consume(3)).toEqual(['3:b=1', '5:a=5', '6:b=2']);
});

test('a follower that was away fetches from a compacted leader, leads, and recovers after a kill', () => {
  const table = new Table();
  table.put('a=1', 'b=1');
  table.world.broker(3).kill();
  table.advance(500);
  table.put('a=2', 'a=3', 'b=2', 'a=4', 'c=1');
  table.advance(2 * BACKOFF_MS);
  expect(table.partition(1).log.firstSegmentOffset).toBe(0);
  table.world.broker(3).start();
  table.advance(4000);
  expect(table.world.controller.image.partition(table.topic, 0)!.isr.toSorted()).toEqual([1, 2, 3]);
  const latest = (id: number) =>
    Object.fromEntries(table.records(id).map((record) => record.replace(/^\d+:/, '').split('=')));
  expect(latest(3)).toEqual({ a: '4', b: '2', c: '1' });
  expect(table.partition(3).log.mayHaveGaps).toBe(true);
  table.world.controller.elect(table.topic, 0, 3);
  table.advance(1000);
  table.put('d=1', 'a=5');
  table.advance(2 * BACKOFF_MS);
  for (const id of [1, 2, 3]) {
    table.world.broker(id).kill();
    table.advance(500);
    table.world.broker(id).start();
    table.advance(4000);
  }
  for (const id of [1, 2, 3]) {
    expect(latest(id)).toEqual({ a: '5', b: '2', c: '1', d: '1' });
    expect([table.partition(id).log.endOffset, table.partition(id).log.wasCut]).toEqual([9, false]);
  }
});

test('a new replica copies a compacted log with its gaps', () => {
  const table = new Table({ replicas: [[1, 2]] });
  table.put('a=1', 'b=1', 'a=2', 'a=3', 'b=2', 'c=1');
  table.advance(2 * BACKOFF_MS);
  // The disk of broker 2 is replaced.
  table.world.broker(2).kill();
  for (const name of table.world.broker(2).disk.list('/data/events-0'))
    table.world.broker(2).disk.remove(`/data/events-0/${name}`);
  table.advance(500);
  table.world.broker(2).start();
  table.advance(4000);
  expect(table.records(2)).toEqual(table.records(1));
  expect(table.partition(2).log.endOffset).toBe(6);
});

test('a new replica still copies the gaps after its leader lost the high watermark in a crash', () => {
  const table = new Table({
    replicas: [[1, 2]],
    configs: { 'min.insync.replicas': '2', 'segment.bytes': '300' },
  });
  table.put('a=1', 'b=1', 'a=2', 'a=3', 'b=2', 'c=1', 'c=2', 'a=4', 'd=1');
  table.advance(2 * BACKOFF_MS);
  const [leader, other] = [table.world.broker(1), table.world.broker(2)];
  other.kill();
  for (const name of other.disk.list('/data/events-0')) other.disk.remove(`/data/events-0/${name}`);
  table.advance(4000);
  leader.kill();
  leader.disk.remove('/data/replication-offset-checkpoint');
  table.advance(500);
  leader.start();
  table.advance(4000);
  // Alone in the ISR, the leader cannot raise its high watermark.
  expect(table.partition(1).highWatermark).toBe(8);
  other.start();
  table.advance(4000);
  expect(table.records(2)).toEqual(table.records(1));
  expect(table.partition(1).highWatermark).toBe(9);
  expect(table.partition(2).log.mayHaveGaps).toBe(true);
  expect(table.eventsOf('follower-append-failed')).toBe(0);
});

test('compact,delete removes expired segments, and the cleaner compacts the others', () => {
  const table = new Table({ configs: { 'cleanup.policy': 'compact,delete', 'retention.ms': '20000' } });
  table.put('a=1', 'b=1', 'a=2');
  table.advance(2 * BACKOFF_MS);
  table.advance(16_000);
  table.put('c=1', 'c=2', 'c=3');
  table.advance(5000);
  for (const id of [1, 2, 3]) {
    expect(table.partition(id).log.startOffset).toBe(3);
    expect(table.records(id)).toEqual(['4:c=2', '5:c=3']);
  }
  table.advance(6000);
  const files = table.world.broker(1).disk.list('/data/events-0');
  expect(files.filter((name) => /deleted$/.test(name))).toEqual([]);
});

test('DeleteRecords continues to work while a log is compacted, and the segments of deleted records are removed', () => {
  const table = new Table({ configs: { 'cleanup.policy': 'compact,delete' } });
  table.put('a=1', 'b=1', 'a=2', 'b=2', 'a=3');
  table.configure('log.cleaner.backoff.ms', '1', 'broker');
  // Let the cleaner begin, but finish no job.
  table.world.advance(BACKOFF_MS + 20);
  const { manager, jobs } = table.world.broker(1);
  expect(jobs.waiting).toHaveLength(1);
  const codes: number[] = [];
  manager.deletions.delete(
    { clientId: 'admin', timeoutMs: 9000, partitions: [{ topicId: table.topic, partition: 0, offset: 2 }] },
    ([result]) => codes.push(result!.errorCode),
  );
  table.advance(4000);
  expect(codes).toEqual([ErrorCode.NONE]);
  for (const id of [1, 2, 3]) {
    expect(table.partition(id).log.startOffset).toBe(2);
    expect(table.records(id).at(-1)).toBe('4:a=3');
    expect(table.records(id)).toContain('3:b=2');
    expect(table.partition(id).log.hasExpired).toBe(false);
  }
});

test('a deleted topic, a stopped broker and a new cleanup policy end a cleaning', () => {
  for (const end of ['delete', 'stop', 'policy'] as const) {
    const table = new Table({ replicas: [[1]] });
    table.put('a=1', 'a=2', 'a=3', 'a=4');
    table.world.advance(BACKOFF_MS + 20);
    const { manager, jobs, disk } = table.world.broker(1);
    const { log } = table.partition(1);
    expect(jobs.waiting).toHaveLength(1);
    if (end === 'delete') table.world.controller.commit([{ type: 'removeTopic', topicId: table.topic }]);
    else if (end === 'policy') table.configure('cleanup.policy', 'delete');
    else manager.close({ clean: true }, () => {});
    table.advance(500);
    expect(jobs.waiting).toEqual([]);
    if (end !== 'policy') expect(log.offline).toBe('the log is closed');
    else expect(table.records(1)).toHaveLength(4);
    const files = disk.list('/data').includes('events-0') ? disk.list('/data/events-0') : [];
    expect(files.filter((name) => /(cleaned|swap)$/.test(name))).toEqual([]);
    expect(table.eventsOf('log-cleaning-failed') + table.eventsOf('log-uncleanable')).toBe(0);
  }
});

test('a replica whose log is damaged fetches it again, and is compacted after that', () => {
  const table = new Table();
  table.put('a=1', 'b=1', 'a=2', 'b=2', 'c=1');
  const path = '/data/events-0/00000000000000000000.log';
  table.world
    .broker(1)
    .disk.open(path)
    .write(65, [Uint8Array.of(0x55)]);
  table.advance(BACKOFF_MS + 100);
  expect(table.eventsOf('log-uncleanable')).toBe(1);
  table.advance(5000);
  expect(table.leader).not.toBe(1);
  expect(table.partition(1).log.uncleanable).toBeUndefined();
  table.put('a=3', 'c=2');
  table.advance(3 * BACKOFF_MS);
  for (const id of [1, 2, 3]) expect(table.records(id)).toEqual(['3:b=2', '4:c=1', '5:a=3', '6:c=2']);
});

test('tombstones stay for delete.retention.ms after their first cleaning, on every replica', () => {
  const table = new Table({ configs: { 'delete.retention.ms': '10000' } });
  table.put('a=1', 'b=1', 'a', 'x=1');
  table.advance(2 * BACKOFF_MS);
  for (const id of [1, 2, 3]) expect(table.records(id)).toEqual(['1:b=1', '2:a', '3:x=1']);
  table.advance(11_000);
  table.put('x=2', 'x=3');
  table.advance(2 * BACKOFF_MS);
  for (const id of [1, 2, 3]) expect(table.records(id)).toEqual(['1:b=1', '4:x=2', '5:x=3']);
});

test('records younger than min.compaction.lag.ms stay; a log with records older than max.compaction.lag.ms is due', () => {
  const young = new Table({ configs: { 'min.compaction.lag.ms': '10000' } });
  young.put('a=1', 'a=2', 'a=3');
  young.advance(5000);
  expect(young.records(1)).toHaveLength(3);
  young.advance(10_000);
  expect(young.records(1)).toEqual(['1:a=2', '2:a=3']);

  const lag = { 'min.cleanable.dirty.ratio': '1', 'max.compaction.lag.ms': '8000' };
  const old = new Table({ configs: lag });
  old.put('a=1', 'a=2', 'a=3');
  old.advance(5000);
  expect(old.records(1)).toHaveLength(3);
  old.advance(10_000);
  expect(old.records(1)).toEqual(['1:a=2', '2:a=3']);
  // The record in the active segment is too old, too, so the next append begins a new segment.
  old.configure('segment.bytes', '1000000');
  old.put('a=4');
  old.advance(9000);
  expect(old.records(1)).toEqual(['2:a=3', '3:a=4']);
});
