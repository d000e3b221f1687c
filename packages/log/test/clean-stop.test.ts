/** What a clean stop leaves on the device: all that the next start trusts. */
import { DiskError } from '@millrace/base';
import { expect, test } from 'vitest';
import { append, config, DIRECTORY, NOW, openDirectory, openLog, sequenced } from './support/logs.ts';
import { NamesDisk } from './support/names-disk.ts';

const CONFIG = { segmentBytes: 700, indexIntervalBytes: 100 };

/** The files that the next start trusts. It needs only the newest snapshot. */
function filesOf(disk: { list(path: string): string[]; readFile(path: string): Uint8Array | undefined }) {
  const snapshots = disk.list(DIRECTORY).filter((name) => name.endsWith('.snapshot'));
  const names = disk.list(DIRECTORY).filter((name) => !snapshots.slice(0, -1).includes(name));
  return Object.fromEntries(names.map((name) => [name, String(disk.readFile(`${DIRECTORY}/${name}`))]));
}

test('after a clean stop, a power loss takes no index entry, no snapshot and no leader epoch', () => {
  for (const isFlushed of [false, true]) {
    const disk = new NamesDisk();
    disk.makeDirectory(DIRECTORY);
    const log = openLog({ disk, config: CONFIG });
    for (let i = 0; i < 20; i++) append(log, sequenced(i % 2, i >> 1, 1), i >> 3);
    if (isFlushed) log.flush(() => {});
    disk.settle();
    expect(log.close({ clean: true })).toBe(true);
    const files = filesOf(disk);
    expect(Object.keys(files).filter((name) => name.endsWith('.timeindex')).length).toBeGreaterThan(2);
    expect(files['00000000000000000020.snapshot']).toBeDefined();
    expect(filesOf(disk.afterAnyLoss(() => false))).toEqual(files);
  }
});

test('a clean stop does not wait for the device if nothing has changed since the last one', () => {
  const disk = new NamesDisk();
  disk.makeDirectory(DIRECTORY);
  const log = openLog({ disk, config: CONFIG });
  for (let i = 0; i < 20; i++) append(log, sequenced(1, i, 1));
  disk.settle();
  expect(log.close({ clean: true })).toBe(true);
  const again = openLog({ disk, config: CONFIG, cleanShutdown: true });
  disk.deviceWaits = 0;
  expect(again.close({ clean: true })).toBe(true);
  expect(disk.deviceWaits).toBe(0);
  const third = openLog({ disk, config: CONFIG, cleanShutdown: true });
  append(third, sequenced(1, 20, 1));
  third.close({ clean: true });
  expect(filesOf(disk.afterAnyLoss(() => false))).toEqual(filesOf(disk));
});

test('if the sync of an index fails, the stop is not clean', () => {
  class Failing extends NamesDisk {
    override open(path: string): ReturnType<NamesDisk['open']> {
      const file = super.open(path);
      if (path.endsWith('.timeindex'))
        file.syncNow = () => {
          throw new DiskError('EIO', `${path}: planted`);
        };
      return file;
    }
  }
  const disk = new Failing();
  disk.makeDirectory('/data');
  const logs = openDirectory(disk);
  const log = logs.openLog('topic', 0, { config: config(CONFIG), nowWallMs: NOW });
  append(log, sequenced(1, 0, 1));
  logs.close({ clean: true });
  expect(disk.list('/data')).not.toContain('.kafka_cleanshutdown');
  expect(disk.list(DIRECTORY)).toContain('sync-failed');
});

test('a clean stop syncs a few logs at a time in the background, and then waits for the checkpoints only', () => {
  const disk = new NamesDisk();
  disk.makeDirectory('/data');
  const logs = openDirectory(disk);
  for (let index = 0; index < 100; index++) {
    const log = logs.openLog('topic', index, { config: config(CONFIG), nowWallMs: NOW });
    for (let i = 0; i < 5; i++) append(log, sequenced(1, i, 1));
  }
  let isPrepared = false;
  logs.prepareStop(() => {
    isPrepared = true;
  });
  expect(isPrepared).toBe(false);
  disk.settle();
  expect(isPrepared).toBe(true);
  disk.deviceWaits = 0;
  logs.close({ clean: true });
  // The three checkpoint files that exist, their folder, and the marker.
  expect(disk.deviceWaits).toBeLessThanOrEqual(6);
  expect(disk.list('/data')).toContain('.kafka_cleanshutdown');
  expect(filesOf(disk.afterAnyLoss(() => false))).toEqual(filesOf(disk));
});

test('records that come after the preparation of a clean stop are on the device after the stop', () => {
  const disk = new NamesDisk();
  disk.makeDirectory(DIRECTORY);
  const log = openLog({ disk, config: CONFIG });
  append(log, sequenced(1, 0, 1));
  log.prepareStop(() => append(log, sequenced(1, 1, 1)));
  disk.settle();
  expect(log.close({ clean: true })).toBe(true);
  const left = disk.afterAnyLoss(() => false);
  expect(filesOf(left)).toEqual(filesOf(disk));
  expect(openLog({ disk: left, config: CONFIG, cleanShutdown: true }).endOffset).toBe(2);
});

test('what the preparation could not sync for lack of descriptors, the stop syncs', () => {
  class Lacking extends NamesDisk {
    isLacking = false;
    override syncFolder(directory: string, done: (error?: DiskError) => void): void {
      const lack = this.isLacking ? new DiskError('EMFILE', `${directory}: too many open files`) : undefined;
      super.syncFolder(directory, (error) => done(lack ?? error));
    }
  }
  const disk = new Lacking();
  disk.makeDirectory(DIRECTORY);
  const log = openLog({ disk, config: CONFIG });
  for (let i = 0; i < 20; i++) append(log, sequenced(1, i, 1), i >> 3);
  disk.isLacking = true;
  let isPrepared = false;
  log.prepareStop(() => {
    isPrepared = true;
  });
  disk.settle();
  expect([isPrepared, log.offline]).toEqual([true, undefined]);
  disk.isLacking = false;
  expect(log.close({ clean: true })).toBe(true);
  expect(filesOf(disk.afterAnyLoss(() => false))).toEqual(filesOf(disk));
});

test('if a sync fails during the preparation, the stop is not clean', () => {
  class Failing extends NamesDisk {
    override open(path: string): ReturnType<NamesDisk['open']> {
      const file = super.open(path);
      if (path.endsWith('.snapshot.tmp') || path.endsWith('.snapshot'))
        file.sync = (done) => this.syncFolder('/data', () => done(new DiskError('EIO', `${path}: planted`)));
      return file;
    }
  }
  const disk = new Failing();
  disk.makeDirectory('/data');
  const logs = openDirectory(disk);
  const log = logs.openLog('topic', 0, { config: config(CONFIG), nowWallMs: NOW });
  append(log, sequenced(1, 0, 1));
  logs.prepareStop(() => {});
  disk.settle();
  logs.close({ clean: true });
  expect(disk.list('/data')).not.toContain('.kafka_cleanshutdown');
  expect(disk.list(DIRECTORY)).toContain('sync-failed');
});
