/**
 * Goal: after a failed sync, a restarted broker writes the tail of its log again, because the operating
 * system may keep pages that no later sync writes. Method: a disk that, like Linux, treats bytes as written
 * after a sync of them has failed.
 */
import { DiskError, type DiskFile } from '@millrace/base';
import { MemoryDisk } from '@millrace/base/testing';
import { expect, test } from 'vitest';
import { FAILED_SYNC_FILE } from '../../src/files/failed-sync.ts';
import { append, batch, DIRECTORY, openLog } from '../support/logs.ts';

/** Fails the first sync of a log file. After that, a sync does nothing until the next write to the file. */
class ForgetfulDisk extends MemoryDisk {
  failsNext = true;
  private isClean = false;

  constructor() {
    super((callback) => callback());
  }

  override open(path: string): DiskFile {
    const file = super.open(path);
    if (!path.endsWith('.log')) return file;
    const { sync, write } = { sync: file.sync.bind(file), write: file.write.bind(file) };
    file.write = (position, chunks) => {
      this.isClean = false;
      write(position, chunks);
    };
    file.sync = (done) => {
      if (this.failsNext) {
        this.failsNext = false;
        this.isClean = true;
        done(new DiskError('EIO', 'planted'));
      } else if (this.isClean) done();
      else sync(done);
    };
    return file;
  }
}

test('a log whose sync failed is on the device after a restart and a flush', () => {
  const disk = new ForgetfulDisk();
  const log = openLog({ disk });
  append(log, batch(1));
  log.flush(() => {});
  expect(log.offline).toMatch(/EIO/);
  expect(disk.exists(`${DIRECTORY}/${FAILED_SYNC_FILE}`)).toBe(true);
  log.close({ clean: true });
  const again = openLog({ disk });
  expect(disk.exists(`${DIRECTORY}/${FAILED_SYNC_FILE}`)).toBe(false);
  again.flush((error) => expect(error).toBeUndefined());
  expect(again.recoveryPoint).toBe(1);
  disk.losePower();
  expect(openLog({ disk }).endOffset).toBe(1);
});

test('if recovery cannot sync the folder after it has cut the log, the next recovery writes the tail again', () => {
  class Failing extends MemoryDisk {
    isFailing = false;
    override syncDirectory(directory: string): void {
      if (this.isFailing) throw new DiskError('EIO', `${directory}: planted`);
    }
  }
  const disk = new Failing();
  const log = openLog({ disk, config: { segmentBytes: 2 * batch(1).length } });
  for (let i = 0; i < 6; i++) append(log, batch(1));
  log.close({ clean: false });
  disk.open(`${DIRECTORY}/00000000000000000000.log`).truncate(100);
  disk.isFailing = true;
  expect(() => openLog({ disk })).toThrow('planted');
  expect(disk.exists(`${DIRECTORY}/${FAILED_SYNC_FILE}`)).toBe(true);
  disk.isFailing = false;
  expect(openLog({ disk }).endOffset).toBe(1);
  expect(disk.exists(`${DIRECTORY}/${FAILED_SYNC_FILE}`)).toBe(false);
});
