/** The log directory while its logs open over several turns: deletion, stop, and what the marker says. */
import { DiskError, type Uuid } from '@millrace/base';
import { ManualJobs, MemoryDisk } from '@millrace/base/testing';
import { expect, test } from 'vitest';
import { OpenFiles } from '../../src/files/open-files.ts';
import type { LogDirectory, Opened, PartitionLog } from '../../src/index.ts';
import { append, batch, config, NOW, openDirectory } from '../support/logs.ts';

const TOPIC = 'bbbbbbbbbbbbbbbbbbbbbA' as Uuid;
const LOG = { config: config(), nowWallMs: NOW, topicId: TOPIC };
const MARKER = '/data/.kafka_cleanshutdown';

/** A disk with two logs of three batches. */
function stopped(how: { clean: boolean }): MemoryDisk {
  const disk = new MemoryDisk();
  const logs = openDirectory(disk);
  for (const topic of ['a', 'b']) {
    const log = logs.openLog(topic, 0, LOG);
    for (let i = 0; i < 3; i++) append(log, batch(1, { valueBytes: 150 }));
  }
  logs.close({ ...how, brokerEpoch: 7 });
  return disk;
}

class Trial {
  readonly jobs = new ManualJobs();
  readonly turns: (() => void)[] = [];
  readonly opened: string[] = [];
  readonly logs: LogDirectory;

  constructor(disk: MemoryDisk) {
    this.logs = openDirectory(disk);
  }

  start(topic: string): void {
    const { jobs, turns, opened } = this;
    const ports = { jobs, budget: { work: 0 }, later: (callback: () => void) => void turns.push(callback) };
    this.logs.startOpening(topic, 0, { ...LOG, ports }, (result: Opened<PartitionLog>) =>
      opened.push(result.ok ? `${topic} ends at ${result.value.endOffset}` : String(result.error)),
    );
  }

  finish(): void {
    while (this.turns.length + this.jobs.waiting.length > 0)
      if (this.turns.length > 0) this.turns.shift()!();
      else this.jobs.finishOne();
  }
}

test('two logs open at the same time, and each reports its own end', () => {
  const trial = new Trial(stopped({ clean: false }));
  trial.start('a');
  trial.start('b');
  expect(trial.logs.isOpening('a', 0)).toBe(true);
  expect(trial.logs.log('a', 0)).toBeUndefined();
  trial.finish();
  expect(trial.opened).toEqual(['a ends at 3', 'b ends at 3']);
  expect(trial.logs.isOpening('a', 0)).toBe(false);
  expect(trial.logs.log('a', 0)?.endOffset).toBe(3);
});

test('a stop during an opening writes no marker, and the opening ends', () => {
  const disk = stopped({ clean: true });
  disk.remove('/data/b-0/00000000000000000000.index');
  const trial = new Trial(disk);
  expect(trial.logs.cleanShutdownBrokerEpoch).toBe(7);
  trial.start('a');
  trial.finish();
  trial.start('b');
  expect(trial.logs.isOpening('b', 0)).toBe(true);
  trial.logs.close({ clean: true, brokerEpoch: 8 });
  trial.finish();
  expect(trial.opened).toEqual(['a ends at 3']);
  expect(disk.exists(MARKER)).toBe(false);
  expect(openDirectory(disk).cleanShutdownBrokerEpoch).toBeUndefined();
});

test('after the stop no opening starts', () => {
  const trial = new Trial(stopped({ clean: false }));
  trial.logs.close({ clean: false });
  trial.start('a');
  trial.finish();
  expect(trial.opened).toEqual([]);
});

test('a log that is deleted while it opens stays deleted', () => {
  const disk = stopped({ clean: false });
  const trial = new Trial(disk);
  trial.start('a');
  trial.logs.deleteLog('a', 0);
  trial.finish();
  expect(trial.opened).toEqual([]);
  expect(disk.exists('/data/a-0')).toBe(false);
  expect(trial.logs.openLog('a', 0, LOG).endOffset).toBe(0);
});

test('an opening in the present turn ends an opening over several turns', () => {
  const trial = new Trial(stopped({ clean: false }));
  trial.start('a');
  expect(trial.logs.openLog('a', 0, LOG).endOffset).toBe(3);
  trial.finish();
  expect(trial.opened).toEqual([]);
});

test('an interrupted opening does not hide a cut from the next opening', () => {
  const disk = stopped({ clean: true });
  const path = '/data/a-0/00000000000000000000.log';
  const bytes = disk.readFile(path)!;
  disk.writeFileAtomic(path, bytes.subarray(0, bytes.length - 1));
  disk.remove('/data/a-0/00000000000000000000.index');
  const trial = new Trial(disk);
  trial.start('a');
  expect(trial.logs.isOpening('a', 0)).toBe(true);
  // The opening is interrupted when it has cut the log file, but before it has the log.
  disk.failWrites = 'ENOSPC';
  trial.finish();
  expect(trial.opened).toEqual([expect.stringContaining('write refused')]);
  disk.failWrites = undefined;
  let syncs = 0;
  const open = disk.open.bind(disk);
  disk.open = (path) => {
    const file = open(path);
    file.syncNow = () => void (path.endsWith('.log') && syncs++);
    return file;
  };
  const log = trial.logs.openLog('a', 0, LOG);
  expect(log.endOffset).toBe(2);
  // The log does not count as cleanly closed, so the stop syncs the cut, although there is no new record.
  expect(log.close({ clean: true })).toBe(true);
  expect(syncs).toBe(1);
  expect(trial.logs.cleanShutdownBrokerEpoch).toBeUndefined();
});

test('an opening that is cancelled, or fails, leaves no file open', () => {
  const disk = new MemoryDisk();
  const before = openDirectory(disk);
  const log = before.openLog('a', 0, { ...LOG, config: config({ segmentBytes: 400 }) });
  for (let i = 0; i < 50; i++) append(log, batch(1, { valueBytes: 300 }));
  before.close({ clean: false });
  const files = new OpenFiles(disk);
  const logs = openDirectory(disk, { files });
  const turns: (() => void)[] = [];
  const ports = {
    jobs: new ManualJobs(),
    budget: { work: 0 },
    later: (call: () => void) => void turns.push(call),
  };
  logs.startOpening('a', 0, { ...LOG, ports }, () => expect.unreachable());
  expect([files.openCount > 0, turns.length]).toEqual([true, 1]);
  logs.deleteLog('a', 0);
  expect(files.openCount).toBe(0);

  disk.makeDirectory('/data/b-0');
  const open = disk.open.bind(disk);
  disk.open = (path) => {
    if (path.includes('partition.metadata')) throw new DiskError('ENOSPC', path);
    return open(path);
  };
  for (let i = 0; i < 3; i++) expect(() => logs.openLog('b', 0, LOG)).toThrow(DiskError);
  expect(files.openCount).toBe(0);
});
