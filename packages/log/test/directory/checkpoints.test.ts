/**
 * Goal: the checkpoint files have one owner, which writes each of them at most once in a round. Method: a
 * disk that counts how often each file is replaced.
 */
import { DiskError } from '@millrace/base';
import { MemoryDisk, MemoryLogger } from '@millrace/base/testing';
import { readBatchHeader } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { cleanLog } from '../support/cleaning.ts';
import { append, batch, config, NOW, openDirectory, readAll } from '../support/logs.ts';

const HIGH_WATERMARKS = 'replication-offset-checkpoint';
const RECOVERY_POINTS = 'recovery-point-offset-checkpoint';
const START_OFFSETS = 'log-start-offset-checkpoint';
const CLEANED_OFFSETS = 'cleaner-offset-checkpoint';

class CountingDisk extends MemoryDisk {
  /** Each try to write a checkpoint file adds the name of that file. */
  tries: string[] = [];
  /** While a test sets this, no checkpoint file can be opened to sync it. */
  hasTooManyOpenFiles = false;
  override open(path: string) {
    if (this.hasTooManyOpenFiles && path.endsWith('-checkpoint'))
      throw new DiskError('EMFILE', `${path}: too many open files`);
    const name = /([a-z-]+-checkpoint)\.tmp$/.exec(path)?.[1];
    if (name !== undefined && name !== 'leader-epoch-checkpoint') this.tries.push(name);
    return super.open(path);
  }
}

function setUp({ segmentBytes = 150 } = {}) {
  const disk = new CountingDisk((callback) => callback());
  const logger = new MemoryLogger();
  const logs = openDirectory(disk, { logger });
  const log = logs.openLog('a', 0, { config: config({ segmentBytes }), nowWallMs: NOW });
  for (let i = 0; i < 5; i++) append(log, batch(1));
  const round = (offset: number) => {
    disk.tries = [];
    logger.events.length = 0;
    logs.tick(NOW, [{ topic: 'a', partition: 0, offset }]);
    return disk.tries;
  };
  return { disk, logger, logs, log, round };
}

test('a round replaces every changed file, each exactly once, and no other file', () => {
  const { log, logs, disk, round } = setUp();
  log.flush(() => {});
  expect(round(6)).toEqual([HIGH_WATERMARKS, RECOVERY_POINTS, START_OFFSETS]);
  expect(round(6)).toEqual([]);
  expect(round(7)).toEqual([HIGH_WATERMARKS]);
  append(log, batch(1));
  log.flush(() => {});
  expect(round(7)).toEqual([RECOVERY_POINTS]);
  log.advanceStartOffset(3);
  expect(round(8)).toEqual([HIGH_WATERMARKS, START_OFFSETS]);
  disk.tries = [];
  logs.close({ clean: true });
  expect(disk.tries).toEqual([]);
});

test('a full disk: a round tries each changed file once and logs one error; the next round tries again', () => {
  const { disk, logger, log, round } = setUp();
  round(6);
  append(log, batch(1));
  log.flush(() => {});
  disk.failWrites = 'ENOSPC';
  expect(round(7)).toEqual([HIGH_WATERMARKS, RECOVERY_POINTS]);
  expect(logger.events).toMatchObject([{ event: 'checkpoint-failed', facts: { directory: '/data' } }]);
  disk.failWrites = undefined;
  expect(round(7)).toEqual([HIGH_WATERMARKS, RECOVERY_POINTS]);
  expect(logger.events).toEqual([]);
});

test('while a broker hosts no partition yet, a round keeps the high watermarks of the last run', () => {
  const { disk, logs, round } = setUp();
  round(4);
  logs.tick(NOW);
  expect(logs.highWatermark('a', 0)).toBe(4);
  expect(new TextDecoder().decode(disk.readFile(`/data/${HIGH_WATERMARKS}`))).toBe('0\n1\na 0 4\n');
});

test('a full disk: a round removes the folders of deleted logs although it cannot write checkpoints', () => {
  const { disk, logs, round } = setUp();
  round(1);
  append(logs.openLog('b', 0, { config: config(), nowWallMs: NOW }), batch(1));
  disk.failWrites = 'ENOSPC';
  logs.deleteLog('b', 0);
  const deleted = () => disk.list('/data').filter((name) => name.endsWith('-delete'));
  expect(deleted()).toHaveLength(1);
  round(2);
  expect(deleted()).toEqual([]);
});

test('after too many open files, the next deletion removes checkpoint entries in the background again', () => {
  const { disk, logs, round } = setUp();
  for (const topic of ['b', 'c']) logs.openLog(topic, 0, { config: config(), nowWallMs: NOW });
  round(1);
  disk.hasTooManyOpenFiles = true;
  logs.deleteLog('b', 0);
  disk.hasTooManyOpenFiles = false;
  disk.tries = [];
  logs.deleteLog('c', 0);
  expect(disk.tries).not.toEqual([]);
});

test('within the active segment, the checkpointed recovery point stays at or below the high watermark, so few truncations lower it', () => {
  const { disk, log, round } = setUp({ segmentBytes: 10_000 });
  const points = () => new TextDecoder().decode(disk.readFile(`/data/${RECOVERY_POINTS}`));
  log.flush(() => {});
  round(3);
  expect([log.recoveryPoint, points()]).toEqual([5, '0\n1\na 0 3\n']);
  disk.deviceWaits = 0;
  log.truncateTo(3);
  expect([disk.deviceWaits, points()]).toEqual([0, '0\n1\na 0 3\n']);
  // An unclean election truncates below the high watermark. A power loss must not restore the old recovery
  // point.
  log.truncateTo(1);
  disk.losePower();
  expect(points()).toEqual('0\n1\na 0 1\n');
});

test('while the high watermark stands still, the checkpointed recovery point moves to the start of the active segment', () => {
  const { disk, log, round } = setUp();
  const points = () => new TextDecoder().decode(disk.readFile(`/data/${RECOVERY_POINTS}`));
  log.flush(() => {});
  round(1);
  expect([log.segmentCount, log.recoveryPoint, points()]).toEqual([5, 5, '0\n1\na 0 4\n']);
  log.truncateTo(3);
  disk.losePower();
  expect(points()).toEqual('0\n1\na 0 3\n');
});

test('a truncation below the log start offset lowers the checkpointed start first, so a crash does not hide records', () => {
  const { disk, log, round } = setUp();
  const starts = () => new TextDecoder().decode(disk.readFile(`/data/${START_OFFSETS}`));
  log.flush(() => {});
  log.advanceStartOffset(4);
  round(5);
  expect(starts()).toBe('0\n1\na 0 4\n');
  // The leader lost records in an unclean election, and its log ends below the start of this one.
  log.truncateTo(2);
  disk.losePower();
  expect([log.startOffset, starts()]).toEqual([2, '0\n1\na 0 2\n']);
});

test('the checkpoint of the cleaner survives a restart, a truncation lowers it first, and a deletion removes it', () => {
  const { disk, logs, log, round } = setUp();
  const cleaned = (): string => new TextDecoder().decode(disk.readFile(`/data/${CLEANED_OFFSETS}`));
  round(5);
  expect(disk.exists(`/data/${CLEANED_OFFSETS}`)).toBe(false);
  log.flush(() => {});
  log.setConfig({ ...log.config, isCompacted: true });
  const cleaning = cleanLog(log, disk);
  expect(cleaning.results).toMatchObject([{ ok: true, cleanedTo: 4 }]);
  expect(round(5)).toContain(CLEANED_OFFSETS);
  expect(cleaned()).toBe('0\n1\na 0 4\n');
  disk.deviceWaits = 0;
  log.truncateTo(3);
  expect(disk.deviceWaits).toBeGreaterThan(0);
  expect(cleaned()).toBe('0\n1\na 0 3\n');
  logs.close({ clean: true });
  const reopened = openDirectory(disk);
  const again = reopened.openLog('a', 0, { config: config({ segmentBytes: 150 }), nowWallMs: NOW });
  expect(again.cleanedTo).toBe(3);
  reopened.deleteLog('a', 0);
  expect(cleaned()).toBe('0\n0\n');
});

test('recovery that lowers one of the offsets raises no other one', () => {
  const { disk, logs, log, round } = setUp();
  log.flush(() => {});
  round(5);
  logs.close({ clean: false });
  const write = (name: string, offset: number): void =>
    disk.writeFileAtomic(`/data/${name}`, new TextEncoder().encode(`0\n1\na 0 ${offset}\n`));
  const text = (name: string): string => new TextDecoder().decode(disk.readFile(`/data/${name}`));
  for (const [point, cleaned] of [
    [2, 9],
    [9, 2],
  ] as const) {
    write(RECOVERY_POINTS, point);
    write(CLEANED_OFFSETS, cleaned);
    const written: string[] = [];
    const reopened = openDirectory(disk);
    const again = reopened.openLog('a', 0, { config: config({ segmentBytes: 150 }), nowWallMs: NOW });
    expect(again.endOffset).toBe(5);
    written.push(text(RECOVERY_POINTS), text(CLEANED_OFFSETS));
    expect(written).toEqual([`0\n1\na 0 ${Math.min(5, point)}\n`, `0\n1\na 0 ${Math.min(5, cleaned)}\n`]);
    reopened.close({ clean: false });
  }
});

test('a truncation below the clean part lowers the recovery point, so recovery checks what a power loss left of new records', () => {
  const { disk, logs, log, round } = setUp();
  const points = (): string => new TextDecoder().decode(disk.readFile(`/data/${RECOVERY_POINTS}`));
  log.flush(() => {});
  log.setConfig({ ...log.config, isCompacted: true });
  expect(cleanLog(log, disk).results).toMatchObject([{ ok: true, cleanedTo: 4 }]);
  round(5);
  expect([log.recoveryPoint, points()]).toEqual([5, '0\n1\na 0 5\n']);
  // An unclean election truncates below the clean part. The new records are not yet on the device.
  log.truncateTo(2);
  expect([log.cleanedTo, log.recoveryPoint, points()]).toEqual([2, 2, '0\n1\na 0 2\n']);
  for (let i = 0; i < 3; i++) append(log, batch(1, { valueBytes: 30 }), 1);
  disk.losePower();
  // The file system kept the length of a file, but not its bytes.
  disk.open('/data/a-0/00000000000000000003.log').write(0, [new Uint8Array(100)]);
  logs.close({ clean: false });
  const reopened = openDirectory(disk);
  const again = reopened.openLog('a', 0, { config: config({ segmentBytes: 150 }), nowWallMs: NOW });
  expect([again.recoveryPoint, again.endOffset, again.wasCut]).toEqual([2, 3, true]);
  expect(readAll(again).map((one) => readBatchHeader(one).baseOffset)).toEqual([0, 1, 2]);
});

test('after a failed write, the next opening lowers the recovery point again', () => {
  const { disk, logs: before, log, round } = setUp({ segmentBytes: 10_000 });
  log.flush(() => {});
  round(5);
  before.close({ clean: false });
  const file = disk.open('/data/a-0/00000000000000000000.log');
  file.truncate(file.size() - 10);
  const logs = openDirectory(disk);
  const open = () => logs.openLog('a', 0, { config: config(), nowWallMs: NOW });
  const writeFile = disk.writeFileAtomic.bind(disk);
  disk.writeFileAtomic = (path) => {
    throw new DiskError('ENOSPC', `${path}: no space left`);
  };
  expect(open).toThrow(`${RECOVERY_POINTS}: no space left`);
  disk.writeFileAtomic = writeFile;
  expect(open().endOffset).toBe(4);
  const content = new TextDecoder().decode(disk.readFile(`/data/${RECOVERY_POINTS}`));
  expect(content).toContain('a 0 4');
});

test('a log that is not open keeps its checkpointed high watermark', () => {
  const { disk, logs: before, round } = setUp();
  round(3);
  before.close({ clean: false });
  const logs = openDirectory(disk);
  logs.openLog('b', 0, { config: config(), nowWallMs: NOW });
  logs.tick(NOW, [{ topic: 'b', partition: 0, offset: 9 }]);
  expect([logs.highWatermark('a', 0), logs.highWatermark('b', 0)]).toEqual([3, 9]);
});
