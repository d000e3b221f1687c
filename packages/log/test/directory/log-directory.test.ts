/** One log directory: its identity, its content, and its checkpoint files. */
import { Prng, type Uuid } from '@millrace/base';
import { MemoryDisk, MemoryLogger } from '@millrace/base/testing';
import { expect, test, vi } from 'vitest';
import {
  type LogDirectory,
  LogOpenError,
  type OpenDirectoryOptions,
  type PartitionLog,
} from '../../src/index.ts';
import { append, batch, config, NOW, openDirectory, readAll, tryOpenDirectory } from '../support/logs.ts';

const CLUSTER = 'ccccccccccccccccccccAA' as Uuid;
const OTHER = 'dddddddddddddddddddddA' as Uuid;
const TOPIC = 'ttttttttttttttttttttAA' as Uuid;

function message(disk: MemoryDisk, o: Partial<OpenDirectoryOptions> = {}): string {
  const answer = tryOpenDirectory(disk, o);
  return answer.ok ? 'opened' : answer.message;
}

function text(disk: MemoryDisk, name: string): string | undefined {
  const bytes = disk.readFile(`/data/${name}`);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}

const LOG = { config: config(), nowWallMs: NOW };

test('open formats an empty folder; adoptClusterId adds the cluster id', () => {
  const disk = new MemoryDisk();
  const logs = openDirectory(disk);
  expect(text(disk, 'meta.properties')).toBe(`directory.id=${logs.directoryId}\nnode.id=1\nversion=1\n`);
  expect(logs.adoptClusterId(CLUSTER)).toBeUndefined();
  expect(text(disk, 'meta.properties')).toContain(`cluster.id=${CLUSTER}\n`);
  const again = openDirectory(disk, { random: new Prng(2) });
  expect([again.clusterId, again.directoryId]).toEqual([CLUSTER, logs.directoryId]);
  expect(again.adoptClusterId(CLUSTER)).toBeUndefined();
  expect(again.adoptClusterId(OTHER)).toContain(CLUSTER);
  const full = new MemoryDisk();
  const fresh = openDirectory(full);
  full.failWrites = 'ENOSPC';
  expect(fresh.adoptClusterId(CLUSTER)).toMatch(/cannot be used/);
});

test('open refuses a folder of another node, cluster or format, and says what to do', () => {
  const disk = new MemoryDisk();
  openDirectory(disk, { clusterId: CLUSTER });
  expect(message(disk, { clusterId: CLUSTER })).toBe('opened');
  expect(message(disk, { nodeId: 2 })).toMatch(/belongs to node 1, this is node 2.*node\.id/);
  expect(message(disk, { clusterId: OTHER })).toMatch(/belongs to cluster c+AA.*another folder/);
  const put = (content: string): void =>
    disk.writeFileAtomic('/data/meta.properties', new TextEncoder().encode(content));
  put('version=2\nnode.id=1\n');
  expect(message(disk)).toMatch(/format version is 2.*newer Millrace/);
  put('version=0\nbroker.id=1\n');
  expect(message(disk)).toMatch(/ZooKeeper/);
  put('garbage');
  expect(message(disk)).toMatch(/no version/);
  // A file as Kafka writes it.
  put(
    `#\n#Sat Jan 01 00:00:00 UTC 2000\ncluster.id=${CLUSTER}\ndirectory.id=${OTHER}\nnode.id=1\nversion=1\n`,
  );
  expect(openDirectory(disk).directoryId).toBe(OTHER);
  disk.remove('/data/meta.properties');
  disk.makeDirectory('/data/topic-0');
  expect(message(disk)).toMatch(/no meta\.properties/);
});

test('partitions() lists topic ids; openLog refuses the log of another topic with the same name', () => {
  const disk = new MemoryDisk();
  const logs = openDirectory(disk);
  logs.openLog('my-topic', 12, { ...LOG, topicId: TOPIC });
  logs.openLog('b', 0, LOG);
  expect(text(disk, 'my-topic-12/partition.metadata')).toBe(`version: 0\ntopic_id: ${TOPIC}\n`);
  const expected = [
    { topic: 'b', partition: 0, topicId: undefined },
    { topic: 'my-topic', partition: 12, topicId: TOPIC },
  ];
  expect(logs.partitions()).toEqual(expected);
  expect(openDirectory(disk).partitions()).toEqual(expected);
  expect(() => openDirectory(disk).openLog('my-topic', 12, { ...LOG, topicId: OTHER })).toThrow(LogOpenError);
});

test('a clean stop writes a marker; openLog removes it before anything changes', () => {
  const disk = new MemoryDisk();
  const logs = openDirectory(disk);
  append(logs.openLog('a', 0, LOG), batch(3));
  logs.close({ clean: true, brokerEpoch: 42 });
  expect(text(disk, '.kafka_cleanshutdown')).toBe('{"version":0,"brokerEpoch":42}');
  const again = openDirectory(disk);
  expect(again.cleanShutdownBrokerEpoch).toBe(42);
  const log = again.openLog('a', 0, LOG);
  expect(text(disk, '.kafka_cleanshutdown')).toBeUndefined();
  expect(log.recoveryPoint).toBe(3);
  append(log, batch(1));
  again.close({ clean: false });
  const third = openDirectory(disk);
  expect(third.cleanShutdownBrokerEpoch).toBeUndefined();
  expect(third.openLog('a', 0, LOG).endOffset).toBe(4);
});

test('if recovery cuts a log, the directory no longer reports a clean stop', () => {
  const disk = new MemoryDisk();
  const logs = openDirectory(disk);
  append(logs.openLog('a', 0, LOG), batch(3));
  append(logs.openLog('b', 0, LOG), batch(3));
  logs.close({ clean: true, brokerEpoch: 42 });
  const file = disk.open('/data/b-0/00000000000000000000.log');
  file.truncate(file.size() - 10);
  const again = openDirectory(disk);
  again.openLog('a', 0, LOG);
  expect(again.cleanShutdownBrokerEpoch).toBe(42);
  expect(again.openLog('b', 0, LOG).wasCut).toBe(true);
  expect(again.cleanShutdownBrokerEpoch).toBeUndefined();
});

test('a stop is not clean when a log is offline, or when folders of an unclean stop were never opened', () => {
  const disk = new MemoryDisk();
  const logs = openDirectory(disk);
  logs.openLog('a', 0, LOG);
  append(logs.openLog('b', 0, LOG), batch(1));
  logs.close({ clean: false });
  const again = openDirectory(disk);
  again.openLog('a', 0, LOG);
  again.close({ clean: true });
  expect(text(disk, '.kafka_cleanshutdown')).toBeUndefined();
  const third = openDirectory(disk);
  third.openLog('a', 0, LOG);
  third.openLog('b', 0, LOG).health.offline = 'the device is gone';
  third.close({ clean: true });
  expect(text(disk, '.kafka_cleanshutdown')).toBeUndefined();
});

test("checkpoint files have Kafka's format and survive a restart; damaged ones are ignored", () => {
  const disk = new MemoryDisk();
  const logs = openDirectory(disk);
  const log = logs.openLog('a', 0, { ...LOG, config: config({ segmentBytes: 150 }) });
  for (let i = 0; i < 5; i++) append(log, batch(1));
  log.advanceStartOffset(2);
  logs.tick(NOW, [{ topic: 'a', partition: 0, offset: 4 }]);
  expect(text(disk, 'replication-offset-checkpoint')).toBe('0\n1\na 0 4\n');
  expect(text(disk, 'log-start-offset-checkpoint')).toBe('0\n1\na 0 2\n');
  expect(text(disk, 'recovery-point-offset-checkpoint')).toBe('0\n1\na 0 0\n');
  const again = openDirectory(disk);
  expect(again.highWatermark('a', 0)).toBe(4);
  expect(again.highWatermark('a', 1)).toBeUndefined();
  expect(again.openLog('a', 0, LOG).startOffset).toBe(2);
  disk.writeFileAtomic('/data/replication-offset-checkpoint', new Uint8Array([48, 10]));
  const logger = new MemoryLogger();
  expect(openDirectory(disk, { logger }).highWatermark('a', 0)).toBeUndefined();
  expect(logger.events).toMatchObject([{ event: 'checkpoint-damaged' }]);
});

test.each([
  ['truncated', (log: PartitionLog) => log.truncateTo(0)],
  ['emptied', (log: PartitionLog) => log.truncateFullyAndStartAt(0)],
])(
  'a log that is %s below its recovery point lowers that point on disk before its next write',
  (_, lower) => {
    const disk = new MemoryDisk();
    const logs = openDirectory(disk);
    append(logs.openLog('a', 0, LOG), batch(5));
    logs.close({ clean: true });
    const second = openDirectory(disk);
    const log = second.openLog('a', 0, LOG);
    expect(log.recoveryPoint).toBe(5);
    lower(log);
    append(log, batch(7), 1);
    second.close({ clean: false });
    expect(openDirectory(disk).openLog('a', 0, LOG).recoveryPoint).toBe(0);
  },
);

test.each(['created again at once', 'created again after a crash', 'found at start'])(
  'checkpoints of a deleted log do not apply to a new log of the same name, not even after a crash: %s',
  (when) => {
    const disk = new MemoryDisk();
    const checkpoint = (logs: LogDirectory, offset: number) =>
      logs.tick(NOW, [
        { topic: 'a', partition: 0, offset },
        { topic: 'b', partition: 0, offset: 1 },
      ]);
    let logs = openDirectory(disk);
    append(logs.openLog('b', 0, LOG), batch(1));
    const log = logs.openLog('a', 0, { ...LOG, topicId: TOPIC });
    for (let i = 0; i < 9; i++) append(log, batch(1));
    log.advanceStartOffset(4);
    log.flush(() => {});
    checkpoint(logs, 8);
    logs.close({ clean: true });
    logs = openDirectory(disk);
    if (when !== 'found at start') {
      logs.openLog('a', 0, LOG);
      logs.tick(NOW);
    }
    logs.deleteLog('a', 0);
    if (when === 'created again after a crash') logs = openDirectory(disk);
    append(logs.openLog('a', 0, { ...LOG, topicId: OTHER }), batch(2));
    const again = openDirectory(disk);
    expect([again.highWatermark('a', 0), again.highWatermark('b', 0)]).toEqual([undefined, 1]);
    const recreated = again.openLog('a', 0, { ...LOG, topicId: OTHER });
    expect([recreated.startOffset, recreated.recoveryPoint, recreated.endOffset]).toEqual([0, 0, 2]);
    // The removal of the entries is also on the device.
    disk.losePower();
    expect(text(disk, 'replication-offset-checkpoint')).toBe('0\n1\nb 0 1\n');
  },
);

test.each([
  ['/a/data', ['/a', '/']],
  ['a/data', ['a', '.']],
  ['data', ['.']],
])('a new data folder %s is durable: the log directory syncs %j', (directory, parents) => {
  const synced: string[] = [];
  class Recording extends MemoryDisk {
    override syncDirectory(path: string): void {
      synced.push(path);
    }
  }
  openDirectory(new Recording(), { directory });
  expect(synced).toEqual(expect.arrayContaining(parents));
});

test('a full disk delays the removal of checkpoint entries until the next try', () => {
  const disk = new MemoryDisk();
  let logs = openDirectory(disk);
  append(logs.openLog('a', 0, { ...LOG, topicId: TOPIC }), batch(9));
  logs.tick(NOW, [{ topic: 'a', partition: 0, offset: 9 }]);
  const path = '/data/replication-offset-checkpoint';
  const withEntry = disk.readFile(path)!;
  logs.deleteLog('a', 0);
  // The process was killed before it had removed the entry. The next process opens the directory.
  disk.writeFileAtomic(path, withEntry);
  logs = openDirectory(disk);
  disk.failWrites = 'ENOSPC';
  const openAgain = () => logs.openLog('a', 0, { ...LOG, topicId: OTHER });
  expect(openAgain).toThrow(/replication-offset-checkpoint/);
  disk.failWrites = undefined;
  append(openAgain(), batch(2));
  expect(openDirectory(disk).highWatermark('a', 0)).toBeUndefined();
});

test('the checkpoint files keep the entries of logs that are not open', () => {
  const disk = new MemoryDisk();
  const logs = openDirectory(disk);
  const log = logs.openLog('a', 0, LOG);
  for (let i = 0; i < 5; i++) append(log, batch(1));
  log.advanceStartOffset(3);
  logs.close({ clean: true });
  const second = openDirectory(disk);
  second.openLog('b', 0, LOG);
  second.tick(NOW);
  second.close({ clean: false });
  const third = openDirectory(disk);
  const again = third.openLog('a', 0, LOG);
  expect([again.startOffset, again.recoveryPoint]).toEqual([3, 5]);
  expect(readAll(again).length).toBe(2);
});

test('deleteLog hides a log at once, open or not, and the next tick removes its folder', () => {
  const disk = new MemoryDisk();
  const logs = openDirectory(disk);
  append(logs.openLog('a', 0, LOG), batch(1));
  logs.tick(NOW, [{ topic: 'a', partition: 0, offset: 1 }]);
  disk.makeDirectory('/data/never-opened-3');
  logs.deleteLog('a', 0);
  logs.deleteLog('never-opened', 3);
  expect(logs.partitions()).toEqual([]);
  expect([logs.log('a', 0), logs.highWatermark('a', 0)]).toEqual([undefined, undefined]);
  expect(disk.list('/data').filter((name) => name.endsWith('-delete')).length).toBe(2);
  expect(logs.openLog('a', 0, LOG).endOffset).toBe(0);
  logs.tick(NOW);
  expect(disk.list('/data').filter((name) => name.endsWith('-delete'))).toEqual([]);
  expect(logs.log('a', 0)?.offline).toBeUndefined();
});

test('ticks look for deleted folders, also those that an earlier process left, until none is left', () => {
  const disk = new MemoryDisk();
  const first = openDirectory(disk);
  first.openLog('a', 0, LOG);
  first.deleteLog('a', 0);
  const logs = openDirectory(disk);
  const list = vi.spyOn(disk, 'list');
  const remove = vi.spyOn(disk, 'removeInBackground').mockImplementationOnce(() => {});
  for (let round = 0; round < 5; round++) logs.tick(NOW);
  // The first removal fails, the second succeeds, and the third round finds nothing.
  expect([list.mock.calls.length, remove.mock.calls.length]).toEqual([3, 2]);
  logs.deleteLog('never-opened', 3);
  logs.tick(NOW);
  logs.tick(NOW);
  expect(list.mock.calls.length).toBe(4);
});

test('if recovery keeps fewer records than the recovery point covers, openLog lowers the point on disk at once', async () => {
  const disk = new MemoryDisk();
  const logs = openDirectory(disk);
  const log = logs.openLog('a', 0, LOG);
  for (let index = 0; index < 3; index++) append(log, batch(2));
  await new Promise((flushed) => log.flush(flushed));
  logs.tick(NOW, [{ topic: 'a', partition: 0, offset: 6 }]);
  expect(text(disk, 'recovery-point-offset-checkpoint')).toBe('0\n1\na 0 6\n');
  disk.remove('/data/a-0/00000000000000000000.index');
  const file = disk.open('/data/a-0/00000000000000000000.log');
  file.write(file.size() - 5, [new Uint8Array(5)]);
  file.close();
  const again = openDirectory(disk);
  expect(again.openLog('a', 0, LOG).endOffset).toBe(4);
  expect(text(disk, 'recovery-point-offset-checkpoint')).toBe('0\n1\na 0 4\n');
});

test('records without a topic id: openLog refuses them after an unclean stop, and accepts them after a clean one', () => {
  const unclean = new MemoryDisk();
  append(openDirectory(unclean).openLog('a', 0, { ...LOG, topicId: TOPIC }), batch(5));
  unclean.remove('/data/a-0/partition.metadata');
  const logs = openDirectory(unclean);
  const error = failureOf(() => logs.openLog('a', 0, { ...LOG, topicId: TOPIC }));
  expect(error).toBeInstanceOf(LogOpenError);
  expect((error as LogOpenError).found).toBeUndefined();
  expect(logs.setAside('a', 0)).toMatch(/-stray$/);
  expect(logs.openLog('a', 0, { ...LOG, topicId: TOPIC }).endOffset).toBe(0);

  const clean = new MemoryDisk();
  const first = openDirectory(clean);
  append(first.openLog('a', 0, { ...LOG, topicId: TOPIC }), batch(5));
  first.close({ clean: true });
  clean.remove('/data/a-0/partition.metadata');
  expect(openDirectory(clean).openLog('a', 0, { ...LOG, topicId: TOPIC }).endOffset).toBe(5);
});

function failureOf(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}
