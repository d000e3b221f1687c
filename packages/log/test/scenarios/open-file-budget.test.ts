/**
 * Goal: a small number of open files, or no free descriptor, loses no record and takes no log offline. A lost
 * write that a close finds counts as any failed sync. Method: logs that share few open files, on a disk that
 * fails chosen syncs and openings.
 */
import { DiskError, type DiskFile } from '@millrace/base';
import { MemoryDisk, MemoryLogger } from '@millrace/base/testing';
import { ErrorCode } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import { expect, test } from 'vitest';
import { FAILED_SYNC_FILE } from '../../src/files/failed-sync.ts';
import { OpenFiles } from '../../src/files/open-files.ts';
import { PartitionLog } from '../../src/index.ts';
import type { Steps } from '../../src/recovery/steps.ts';
import { append, batch, config, lead, openDirectory, openLog, readAll } from '../support/logs.ts';

class FragileDisk extends MemoryDisk {
  readonly pending: (() => void)[];
  /** The syncs of paths with this ending fail. */
  failing = '?';
  /** At most this many syncs fail. */
  failures = Number.POSITIVE_INFINITY;
  hasNoDescriptors = false;

  constructor() {
    const pending: (() => void)[] = [];
    super((callback) => pending.push(callback));
    this.pending = pending;
  }

  settle(): void {
    while (this.pending.length > 0) for (const callback of this.pending.splice(0)) callback();
  }

  override open(path: string): DiskFile {
    this.need(path);
    const file = super.open(path);
    const { sync, syncNow } = file;
    const lost = (): DiskError | undefined =>
      path.endsWith(this.failing) && this.failures-- > 0 ? new DiskError('EIO', `${path}: lost`) : undefined;
    file.sync = (done) => sync.call(file, (error) => done(lost() ?? error));
    file.syncNow = () => {
      const error = lost();
      if (error !== undefined) throw error;
      syncNow.call(file);
    };
    return file;
  }

  override syncDirectory(directory: string): void {
    this.need(directory);
    super.syncDirectory(directory);
  }

  override syncFolder(directory: string, done: (error?: DiskError) => void): void {
    this.need(directory);
    super.syncFolder(directory, done);
  }

  override list(directory: string): string[] {
    this.need(directory);
    return super.list(directory);
  }

  override readFile(path: string): Uint8Array | undefined {
    this.need(path);
    return super.readFile(path);
  }

  private need(path: string): void {
    if (this.hasNoDescriptors) throw new DiskError('EMFILE', `${path}: too many open files`);
  }
}

const A = '/data/a-0';
const B = '/data/b-0';
const noted = (disk: FragileDisk, directory: string): boolean =>
  disk.exists(`${directory}/${FAILED_SYNC_FILE}`);

function twoLogs() {
  const disk = new FragileDisk();
  const files = new OpenFiles(disk, { openFilesMax: 1 });
  const open = (directory: string) => openLog({ disk: files.disk, files, directory });
  return { disk, files, open, a: open(A), b: open(B) };
}

test('if a log writes a file and another log must close it, a failed sync takes the first log offline', () => {
  const { disk, a, b } = twoLogs();
  let told = 0;
  a.syncFailed = () => told++;
  append(a, batch(1));
  disk.failing = 'a-0/00000000000000000000.log';
  append(b, batch(1));
  expect([a.offline, b.offline, told]).toEqual([expect.stringMatching('EIO'), undefined, 1]);
  expect([noted(disk, A), noted(disk, B)]).toEqual([true, false]);
  expect(lead(a, batch(1))).toMatchObject({ errorCode: ErrorCode.KAFKA_STORAGE_ERROR });
});

test('the replica learns of the loss in a later turn, because the call may come within an append', () => {
  const disk = new FragileDisk();
  const later: (() => void)[] = [];
  const files = new OpenFiles(disk, { openFilesMax: 1, soon: (callback) => later.push(callback) });
  const [a, b] = [A, B].map((directory) => openLog({ disk: files.disk, files, directory }));
  let told = 0;
  a!.syncFailed = () => told++;
  append(a!, batch(1));
  disk.failing = '.log';
  append(b!, batch(1));
  expect([a!.offline === undefined, told]).toEqual([false, 0]);
  for (const callback of later) callback();
  expect(told).toBe(1);
});

test('an append is refused if it closes another file of its own log, and the sync of that file fails', () => {
  const disk = new FragileDisk();
  const files = new OpenFiles(disk, { openFilesMax: 1 });
  const log = openLog({ disk: files.disk, files, config: { indexIntervalBytes: 1 } });
  let last: ReturnType<typeof lead> | undefined;
  for (let i = 0; i < 60; i++) append(log, batch(1));
  disk.failing = '.log';
  for (let i = 0; i < 20 && last?.ok !== false; i++) last = lead(log, batch(1));
  expect(last).toMatchObject({ ok: false, errorCode: ErrorCode.KAFKA_STORAGE_ERROR });
  expect(log.offline).toMatch('EIO');
});

test('a running round of syncs fails if another sync finds a loss, and the recovery point stays', () => {
  const { disk, files, a } = twoLogs();
  append(a, batch(1));
  let result: DiskError | undefined | 'none' = 'none';
  a.flush((error) => {
    result = error;
  });
  // A device reports a lost write only once. The report came to a sync that is not part of the round.
  files.lostWrites.found(`${A}/00000000000000000000.timeindex`, new DiskError('EIO', 'lost'));
  disk.settle();
  expect(result).toMatchObject({ code: 'EIO' });
  expect(a.recoveryPoint).toBe(0);
});

test('a loss while recovery writes the tail again keeps the file sync-failed, and the log does not open', () => {
  const { disk, open, a, b } = twoLogs();
  for (let i = 0; i < 3; i++) append(a, batch(1));
  b.close({ clean: false });
  a.close({ clean: false });
  disk.open(`${A}/${FAILED_SYNC_FILE}`).close();
  disk.failing = '.log';
  expect(() => open(A)).toThrow('lost');
  expect(noted(disk, A)).toBe(true);
  disk.failing = '?';
  const again = open(A);
  expect([readAll(again).length, noted(disk, A)]).toEqual([3, false]);
});

test('a stop is not clean if it closes a file of its log, and the sync before the close finds a loss', () => {
  const { disk, a } = twoLogs();
  append(a, batch(1));
  // The stop writes the time index. To open it, the log file is synced and closed. The next sync succeeds.
  Object.assign(disk, { failing: '.log', failures: 1 });
  expect([a.close({ clean: true }), a.recoveryPoint, noted(disk, A)]).toEqual([false, 0, true]);
});

test('a clean stop waits for a background sync, which may get the only report of a loss', () => {
  for (const isSettled of [false, true]) {
    const disk = new FragileDisk();
    const files = new OpenFiles(disk, { openFilesMax: 2 });
    const [a, b] = [A, B].map((directory) => openLog({ disk: files.disk, files, directory }));
    append(a!, batch(1));
    append(b!, batch(1));
    expect(disk.pending.length).toBe(1);
    let isIdle = false;
    a!.whenIdle(() => {
      isIdle = true;
    });
    expect(isIdle).toBe(false);
    if (isSettled) disk.settle();
    expect([isIdle, a!.close({ clean: true })]).toEqual([isSettled, isSettled]);
  }
});

test('an opening in steps fails if another log closes one of its files, and the sync finds a loss', () => {
  const { disk, files, a, b } = twoLogs();
  for (let i = 0; i < 3; i++) append(a, batch(1));
  for (const log of [a, b]) log.close({ clean: false });
  const start = () => {
    disk.open(`${A}/${FAILED_SYNC_FILE}`).close();
    const o = { disk: files.disk, files, directory: A, config: config(), nowWallMs: 1, cleanShutdown: false };
    return PartitionLog.openInSteps({ ...o, codecs: compressionCodecs, logger: new MemoryLogger() });
  };
  const run = (steps: Steps<PartitionLog>, betweenSteps: () => void): PartitionLog => {
    for (let next = steps.next(); ; next = steps.next(undefined)) {
      if (next.done === true) return next.value;
      betweenSteps();
    }
  };
  const openOther = (): unknown => files.handle(`${B}/other`).file();
  disk.failing = '.log';
  expect(() => run(start(), openOther)).toThrow('lost');
  expect(noted(disk, A)).toBe(true);
  disk.failing = '?';
  const ended = start();
  ended.next();
  ended.return(undefined as never);
  const log = run(start(), openOther);
  expect([log.endOffset, log.offline, noted(disk, A)]).toEqual([3, undefined, false]);
});

test('a roll that finds no descriptor to sync the names of a cut is refused, and the log stays online', () => {
  const disk = new FragileDisk();
  const files = new OpenFiles(disk);
  const log = openLog({ disk: files.disk, files, config: { segmentBytes: 200 } });
  for (let i = 0; i < 3; i++) append(log, batch(1));
  log.truncateTo(1);
  append(log, batch(1), 1);
  let told = 0;
  log.syncFailed = () => told++;
  disk.hasNoDescriptors = true;
  for (let i = 0; i < 3; i++) expect(lead(log, batch(1))).toMatchObject({ ok: false });
  disk.hasNoDescriptors = false;
  expect([lead(log, batch(1)).ok, log.offline, told]).toEqual([true, undefined, 0]);
});

test('a flush that finds no descriptor fails, the log stays online, and the next flush syncs everything', () => {
  const disk = new FragileDisk();
  const files = new OpenFiles(disk);
  const log = openLog({ disk: files.disk, files });
  append(log, batch(1));
  files.handle('/data/topic-0/other').file();
  disk.hasNoDescriptors = true;
  const results: (string | undefined)[] = [];
  log.flush((error) => results.push(error?.code));
  disk.settle();
  expect([results, log.offline, log.recoveryPoint]).toEqual([['EMFILE'], undefined, 0]);
  expect(noted(disk, '/data/topic-0')).toBe(false);
  disk.hasNoDescriptors = false;
  log.flush((error) => results.push(error?.code));
  // The log file, the leader epoch file, the folder and the parent folder, as in the first flush of a log.
  expect(disk.pending.length).toBe(4);
  disk.settle();
  expect([results[1], log.recoveryPoint]).toEqual([undefined, 1]);
  disk.losePower();
  expect(openLog({ disk }).endOffset).toBe(1);
});

test('a request that finds no descriptor gets a retriable error, and one event reports all such requests', () => {
  const disk = new FragileDisk();
  const logger = new MemoryLogger();
  const logs = openDirectory(disk, { logger, openFilesMax: 1 });
  const [log, other] = ['t', 'u'].map((topic) => logs.openLog(topic, 0, { config: config(), nowWallMs: 1 }));
  append(log!, batch(1));
  append(other!, batch(1));
  disk.hasNoDescriptors = true;
  for (let i = 0; i < 3; i++)
    expect(log!.read({ fromOffset: 0, endOffsetMax: 1, maxBytes: 1000, atLeastOneBatch: true })).toEqual({
      chunks: [],
      sizeBytes: 0,
      errorCode: ErrorCode.KAFKA_STORAGE_ERROR,
      damage: undefined,
    });
  expect(lead(log!, batch(1))).toMatchObject({ errorCode: ErrorCode.KAFKA_STORAGE_ERROR });
  disk.hasNoDescriptors = false;
  logs.tick(2);
  logs.tick(3);
  const events = logger.events.filter(({ event }) => event === 'open-files-exhausted');
  expect(events.length).toBe(1);
  expect(logger.events.filter(({ level }) => level === 'error').length).toBe(1);
  expect(log!.offline).toBeUndefined();
  expect(readAll(log!).length).toBe(1);
});

test('300 logs recover after a crash, and take appends and reads, with 30 open files', () => {
  const disk = new FragileDisk();
  const open = (openFilesMax: number) => {
    const files = new OpenFiles(disk, { openFilesMax });
    return Array.from({ length: 300 }, (_, i) =>
      openLog({ disk: files.disk, files, directory: `/data/many-${i}` }),
    );
  };
  for (const log of open(10_000)) append(log, batch(1));
  const logs = open(30);
  for (const log of logs) append(log, batch(1));
  for (const log of logs) expect(readAll(log).length).toBe(2);
  expect(logs.every(({ offline }) => offline === undefined)).toBe(true);
});
