/**
 * A log that has just created its folder does not look for files in it. The first append creates the log
 * file, and the first index entries create the index files. At whatever point the process ends, the next open
 * finds all written records.
 */
import { MemoryDisk } from '@millrace/base/testing';
import { expect, test } from 'vitest';
import { deletedFolderName } from '../../src/files/file-names.ts';
import { append, batch, DIRECTORY, openLog, readAll, TOPIC_ID } from '../support/logs.ts';

const LOG = '00000000000000000000.log';
const INDEXES = ['00000000000000000000.index', '00000000000000000000.timeindex'];

test('a new folder holds only the topic id; the first batch creates the log file, and a clean close creates the indexes', () => {
  const disk = new MemoryDisk();
  const log = openLog({ disk, topicId: TOPIC_ID });
  log.assignLeaderEpoch(0, 0);
  expect(disk.list(DIRECTORY)).toEqual(['partition.metadata']);
  append(log, batch(3));
  expect(disk.list(DIRECTORY)).toEqual([LOG, 'leader-epoch-checkpoint', 'partition.metadata']);
  log.close({ clean: true });
  expect(disk.list(DIRECTORY)).toEqual(expect.arrayContaining([...INDEXES, LOG, 'partition.metadata']));
  const again = openLog({ disk, topicId: TOPIC_ID, cleanShutdown: true });
  expect([again.endOffset, again.topicId, again.wasCut]).toEqual([3, TOPIC_ID, false]);
});

test('a killed process leaves no index file; the next process can still read, roll, truncate and delete', () => {
  const disk = new MemoryDisk();
  const batches = Array.from({ length: 30 }, () => batch(2, { valueBytes: 300 }));
  const log = openLog({ disk, config: { indexIntervalBytes: 1_000_000 } });
  for (const one of batches) append(log, new Uint8Array(one));
  expect(disk.list(DIRECTORY)).not.toContain(INDEXES[0]);
  const again = openLog({ disk, config: { segmentBytes: 4 * batches[0]!.length } });
  expect(readAll(again)).toHaveLength(30);
  append(again, batch(2));
  expect(again.segmentCount).toBe(2);
  again.truncateTo(10);
  expect([again.endOffset, readAll(again).length]).toEqual([10, 5]);
  again.renameFolder(deletedFolderName('topic-0', TOPIC_ID));
  expect(disk.exists(DIRECTORY)).toBe(false);
});

test('a new folder without a record opens again as an empty log', () => {
  for (const cleanShutdown of [false, true]) {
    const disk = new MemoryDisk();
    openLog({ disk, topicId: TOPIC_ID }).close({ clean: cleanShutdown });
    const again = openLog({ disk, topicId: TOPIC_ID, cleanShutdown });
    expect([again.startOffset, again.endOffset, again.wasCut]).toEqual([0, 0, false]);
    append(again, batch(2));
    expect(again.endOffset).toBe(2);
  }
});

test('after the first append to an emptied log, a flush syncs the folder again', async () => {
  const disk = new MemoryDisk();
  const synced: string[] = [];
  const syncFolder = disk.syncFolder.bind(disk);
  disk.syncFolder = (directory, done) => {
    synced.push(directory);
    syncFolder(directory, done);
  };
  const log = openLog({ disk });
  const flush = () => new Promise((done) => log.flush(done));
  append(log, batch(1));
  await flush();
  log.truncateFullyAndStartAt(5);
  await flush();
  synced.length = 0;
  append(log, batch(1));
  await flush();
  expect(synced).toContain(DIRECTORY);
});

test('if the disk is full after the folder was created, the next try completes the folder', () => {
  const disk = new MemoryDisk();
  disk.makeDirectory('/data');
  disk.failWrites = 'ENOSPC';
  expect(() => openLog({ disk, topicId: TOPIC_ID })).toThrow(/write refused/);
  expect(disk.exists(DIRECTORY)).toBe(true);
  disk.failWrites = undefined;
  const log = openLog({ disk, topicId: TOPIC_ID });
  append(log, batch(1));
  expect([log.topicId, log.endOffset]).toEqual([TOPIC_ID, 1]);
});

test('openLog keeps an existing log even if the disk says that its files do not exist', () => {
  const disk = new MemoryDisk();
  append(openLog({ disk, topicId: TOPIC_ID }), batch(10));
  disk.exists = () => false;
  expect(openLog({ disk, topicId: TOPIC_ID }).endOffset).toBe(10);
});

test('open rewrites a torn partition.metadata', () => {
  const disk = new MemoryDisk();
  openLog({ disk, topicId: TOPIC_ID });
  const file = disk.open(`${DIRECTORY}/partition.metadata`);
  for (const size of [0, 5, 20]) {
    file.truncate(size);
    expect(openLog({ disk, topicId: TOPIC_ID }).topicId).toBe(TOPIC_ID);
  }
  expect(openLog({ disk }).topicId).toBe(TOPIC_ID);
});

test('at a clean stop, a new log waits for the device only if it holds a record', () => {
  const disk = new MemoryDisk();
  const logs = Array.from({ length: 100 }, (_unused, index) =>
    openLog({ disk, directory: `/data/t-${index}` }),
  );
  for (const log of logs) log.assignLeaderEpoch(0, 0);
  disk.deviceWaits = 0;
  append(logs[0]!, batch(1));
  for (const log of logs.slice(1)) log.close({ clean: true });
  expect(disk.deviceWaits).toBe(0);
  logs[0]!.close({ clean: true });
  expect(disk.deviceWaits).toBeGreaterThan(0);
});
