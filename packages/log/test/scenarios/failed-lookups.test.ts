/**
 * Goal: if bytes cannot be read, a lookup by time fails and never answers that the record does not exist.
 * Method: the tests overwrite batches of small segments and empty a time index while the log is open.
 */
import { DiskError } from '@millrace/base';
import { MemoryDisk } from '@millrace/base/testing';
import { ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { append, batch, config, DIRECTORY, NOW, openLog } from '../support/logs.ts';

const BATCH_BYTES = batch(1).length;
const FIRST = `${DIRECTORY}/00000000000000000000`;

/** Two segments of three batches; the timestamps are NOW .. NOW + 5. */
function twoSegments(disk = new MemoryDisk()) {
  const log = openLog({ disk, config: config({ segmentBytes: 3 * BATCH_BYTES }) });
  for (let i = 0; i < 6; i++) append(log, batch(1, { timestamps: [NOW + i] }));
  expect(log.segmentCount).toBe(2);
  log.close({ clean: true });
  return disk;
}

function reopened(disk: MemoryDisk) {
  return openLog({ disk, cleanShutdown: true, config: config({ segmentBytes: 3 * BATCH_BYTES }) });
}

function overwrite(disk: MemoryDisk, batchIndex: number): void {
  const file = disk.open(`${FIRST}.log`);
  file.write(batchIndex * BATCH_BYTES, [new Uint8Array(BATCH_BYTES)]);
  file.close();
}

const failure = { errorCode: ErrorCode.KAFKA_STORAGE_ERROR, damage: expect.any(String) };

test('a lookup fails if the log must rebuild the time index and a batch is damaged', () => {
  const disk = twoSegments();
  const log = reopened(disk);
  overwrite(disk, 1);
  const index = disk.open(`${FIRST}.timeindex`);
  index.truncate(0);
  index.close();
  expect(log.times.largest({ work: 1_000_000 })).toEqual(failure);
  expect(log.times.find(NOW + 2, { work: 1_000_000 })).toEqual(failure);
  // A second lookup fails as well: it does not answer from the readable part.
  expect(log.times.largest({ work: 1_000_000 })).toEqual(failure);
});

test('a lookup of the largest timestamp fails if a segment that begins below the log start offset is damaged', () => {
  const disk = twoSegments();
  const log = reopened(disk);
  log.advanceStartOffset(1);
  overwrite(disk, 2);
  expect(log.times.largest({ work: 1_000_000 })).toEqual(failure);
});

test('every disk error counts as damage, except transient ones', () => {
  let code: string | undefined;
  class Failing extends MemoryDisk {
    override open(path: string): ReturnType<MemoryDisk['open']> {
      const file = super.open(path);
      const read = file.read.bind(file);
      file.read = (position, target) => {
        if (code !== undefined && path.endsWith('.log')) throw new DiskError(code, `${path}: ${code}`);
        return read(position, target);
      };
      return file;
    }
  }
  const log = reopened(twoSegments(new Failing()));
  for (code of ['EIO', 'EACCES', 'ENXIO'])
    expect([code, log.times.find(NOW + 4, { work: 1_000_000 })]).toEqual([code, failure]);
  code = 'EMFILE';
  expect(log.times.find(NOW + 4, { work: 1_000_000 })).toEqual({ ...failure, damage: undefined });
});
