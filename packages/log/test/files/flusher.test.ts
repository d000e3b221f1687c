/** Flushes and their results: shared syncs, truncations, failures, clean stops. */
import { DiskError, type Uuid } from '@millrace/base';
import { MemoryDisk, MemoryLogger } from '@millrace/base/testing';
import { expect, test } from 'vitest';
import { append, batch, config, DIRECTORY, NOW, openDirectory, openLog, TOPIC_ID } from '../support/logs.ts';

class SyncingDisk extends MemoryDisk {
  readonly pending: (() => void)[];
  constructor() {
    const pending: (() => void)[] = [];
    super((callback) => pending.push(callback));
    this.pending = pending;
  }
  settle(): void {
    for (const callback of this.pending.splice(0)) callback();
  }
}

test('flush: callers share a sync; a caller that wrote after the sync began waits for the next one', () => {
  const disk = new SyncingDisk();
  const log = openLog({ disk, config: { flushMessages: 2 } });
  const done: string[] = [];
  log.flush(() => done.push('nothing to do'));
  expect(done).toEqual(['nothing to do']);
  append(log, batch(1));
  expect(log.flushDue).toBe(false);
  append(log, batch(1));
  expect(log.flushDue).toBe(true);
  log.flush(() => done.push('a'));
  log.flush(() => done.push('b'));
  append(log, batch(1));
  log.flush(() => done.push('c'));
  // One sync each for the log file, the leader epoch file, the folder and the parent folder.
  expect(disk.pending.length).toBe(4);
  disk.settle();
  expect(done).toEqual(['nothing to do', 'a', 'b']);
  expect(disk.pending.length).toBe(1);
  expect(log.recoveryPoint).toBe(2);
  disk.settle();
  expect(done.at(-1)).toBe('c');
  expect(log.recoveryPoint).toBe(3);
  disk.losePower();
  expect(openLog({ disk }).endOffset).toBe(3);
});

test('flush: records truncated and written again during a sync do not count as flushed', () => {
  const disk = new SyncingDisk();
  const log = openLog({ disk });
  for (let i = 0; i < 3; i++) append(log, batch(1));
  log.flush(() => {});
  log.truncateTo(1);
  append(log, batch(1), 1);
  append(log, batch(1), 1);
  let flushed = false;
  log.flush(() => {
    flushed = true;
  });
  disk.settle();
  expect([log.recoveryPoint, flushed]).toEqual([1, false]);
  disk.settle();
  expect([log.recoveryPoint, flushed]).toEqual([3, true]);
});

test('a clean stop syncs a truncation, even if nothing was appended since', () => {
  const disk = new MemoryDisk();
  const log = openLog({ disk });
  for (let i = 0; i < 3; i++) append(log, batch(1));
  log.close({ clean: true });
  const again = openLog({ disk, cleanShutdown: true });
  again.truncateTo(1);
  again.close({ clean: true });
  disk.losePower();
  expect(openLog({ disk, cleanShutdown: true }).endOffset).toBe(1);
});

test('a clean stop also syncs a truncation that a killed process made', () => {
  const disk = new MemoryDisk();
  const log = openLog({ disk });
  for (let i = 0; i < 3; i++) append(log, batch(1));
  log.close({ clean: true });
  openLog({ disk, cleanShutdown: true }).truncateTo(1);
  openLog({ disk, recoveryPoint: 1 }).close({ clean: true });
  disk.losePower();
  expect(openLog({ disk, cleanShutdown: true }).endOffset).toBe(1);
});

test('flush: a failing device takes the log offline, and every waiting caller gets the error', () => {
  class FailingDisk extends MemoryDisk {
    override open(path: string): ReturnType<MemoryDisk['open']> {
      const file = super.open(path);
      file.sync = (done) => setImmediate(() => done(new DiskError('EIO', `${path}: gone`)));
      return file;
    }
  }
  const logger = new MemoryLogger();
  const log = openLog({ disk: new FailingDisk(), logger });
  append(log, batch(1));
  return new Promise<void>((resolve) =>
    log.flush((error) => {
      expect(error?.code).toBe('EIO');
      expect(log.recoveryPoint).toBe(0);
      expect(log.offline).toMatch(/EIO/);
      expect(logger.events.at(-1)?.event).toBe('log-went-offline');
      expect(log.appendAsLeader(batch(1), { leaderEpoch: 3, nowWallMs: NOW }).ok).toBe(false);
      resolve();
    }),
  );
});

test('flush: after a failure every caller gets an error, even if the next sync succeeds', () => {
  const completions: ((error?: DiskError) => void)[] = [];
  class OnceFailingDisk extends MemoryDisk {
    override open(path: string): ReturnType<MemoryDisk['open']> {
      const file = super.open(path);
      file.sync = (done) => completions.push(done);
      return file;
    }
    override syncFolder(_directory: string, done: (error?: DiskError) => void): void {
      completions.push(done);
    }
  }
  const log = openLog({ disk: new OnceFailingDisk() });
  const told: (string | undefined)[] = [];
  append(log, batch(1));
  log.flush((error) => told.push(error?.code));
  append(log, batch(1));
  log.flush((error) => told.push(error?.code));
  let syncFailures = 0;
  log.syncFailed = () => syncFailures++;
  completions.shift()!(new DiskError('EIO', 'gone'));
  // Other syncs of the round still run, but a read could already find bytes that the system dropped.
  expect([log.offline, syncFailures, told]).toEqual([expect.stringMatching('EIO'), 1, []]);
  completions.shift()!(new DiskError('EIO', 'gone, too'));
  for (const done of completions) done();
  expect([told, syncFailures]).toEqual([['EIO', 'EIO'], 1]);
  expect(log.recoveryPoint).toBe(0);
});

test('a rolled segment is flushed in the background', () => {
  const disk = new SyncingDisk();
  const log = openLog({ disk, config: { segmentBytes: 300 } });
  for (let i = 0; i < 3; i++) append(log, batch(1, { valueBytes: 60 }));
  expect(log.segmentCount).toBe(2);
  disk.settle();
  expect(log.recoveryPoint).toBeGreaterThanOrEqual(2);
});

class NamelessDisk extends SyncingDisk {
  override syncFolder(directory: string, done: (error?: DiskError) => void): void {
    this.pending.push(() => done(new DiskError('EIO', `${directory}: input/output error`)));
  }
}

test('a failed flush of a rolled segment takes the log offline, and its owner learns of it', () => {
  const disk = new NamelessDisk();
  const log = openLog({ disk, config: { segmentBytes: 100 } });
  const told: (string | undefined)[] = [];
  log.syncFailed = () => told.push(log.offline);
  for (let i = 0; i < 2; i++) append(log, batch(1));
  expect([log.segmentCount, told]).toEqual([2, []]);
  disk.settle();
  expect(told).toEqual(['EIO: /data/topic-0: input/output error']);
});

test('flush: a failed sync of a folder fails the flush, like a failed sync of a file', () => {
  const disk = new NamelessDisk();
  const log = openLog({ disk });
  append(log, batch(1));
  const told: (string | undefined)[] = [];
  log.flush((error) => told.push(error?.code));
  disk.settle();
  expect(told).toEqual(['EIO']);
  expect([log.recoveryPoint, log.offline === undefined]).toEqual([0, false]);
});

test('a stop is not clean while syncs run, which may still fail, or after one of them failed', () => {
  const disk = new SyncingDisk();
  const ends: ((error?: DiskError) => void)[] = [];
  const open = disk.open.bind(disk);
  disk.open = (path) => {
    const file = open(path);
    file.sync = (done) => ends.push(done);
    return file;
  };
  const closed = (log = openLog({ disk, directory: '/data/a-0' })) => {
    append(log, batch(1));
    log.flush(() => {});
    return log;
  };
  expect(closed().close({ clean: true })).toBe(false);
  ends.length = 0;
  const log = closed(openLog({ disk, directory: '/data/b-0' }));
  const results: boolean[] = [];
  log.whenIdle(() => results.push(log.close({ clean: true })));
  expect(results).toEqual([]);
  for (const end of ends) end(new DiskError('EIO', 'planted'));
  disk.settle();
  expect(results).toEqual([false]);
  const intact = openLog({ disk, directory: '/data/c-0' });
  intact.whenIdle(() => results.push(intact.close({ clean: true })));
  expect(results).toEqual([false, true]);
});

test('flush: a flush that waits for the next round fails when the log is deleted, and touches no file', () => {
  const disk = new SyncingDisk();
  const logs = openDirectory(disk);
  const open = (topicId: string) =>
    logs.openLog('topic', 0, { topicId: topicId as Uuid, config: config(), nowWallMs: NOW });
  const log = open(TOPIC_ID);
  log.truncateFullyAndStartAt(19);
  const done: (string | undefined)[] = [];
  append(log, batch(1));
  log.flush((error) => done.push(error?.message));
  append(log, batch(1));
  log.flush((error) => done.push(error?.message));
  logs.deleteLog('topic', 0);
  open('bbbbbbbbbbbbbbbbbbbbbA');
  const names = disk.list(DIRECTORY);
  while (disk.pending.length > 0) disk.settle();
  expect(done).toEqual([undefined, 'the log is closed']);
  expect(disk.list(DIRECTORY)).toEqual(names);
});
