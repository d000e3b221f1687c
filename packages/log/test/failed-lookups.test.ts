/**
 * Goal: a lookup by time never says that there is no such record because bytes could not be read. Method:
 * batches of small segments are overwritten, and time indexes removed, behind the log's back.
 */
import { DiskError } from '@millrace/base';
import { MemoryDisk } from '@millrace/base/testing';
import { ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { append, batch, config, DIRECTORY, NOW, openLog } from './support.ts';

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

test('of the largest timestamp, when the index has to be built anew and a batch is damaged', () => {
  const disk = twoSegments();
  const log = reopened(disk);
  overwrite(disk, 1);
  const index = disk.open(`${FIRST}.timeindex`);
  index.truncate(0);
  index.close();
  expect(log.times.largest()).toEqual(failure);
  expect(log.times.find(NOW + 2, { work: 1_000_000 })).toEqual(failure);
  // Asked again it does not go by the part that could be read.
  expect(log.times.largest()).toEqual(failure);
});

test('of the largest timestamp, in a segment whose beginning is no part of the log', () => {
  const disk = twoSegments();
  const log = reopened(disk);
  log.advanceStartOffset(1);
  overwrite(disk, 2);
  expect(log.times.largest()).toEqual(failure);
});

test('whatever the disk says, but for what may pass', () => {
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
