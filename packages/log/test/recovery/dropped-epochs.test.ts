/**
 * Goal: recovery knows the leader epochs below the first entry of the epoch file. Method: raise the log start
 * offset, append with a new epoch, which writes the file without the epochs below the start, and let a kill
 * undo the raise.
 */
import { MemoryDisk } from '@millrace/base/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PartitionLog } from '../../src/index.ts';
import { append, batch, DIRECTORY, openLog } from '../support/logs.ts';

const CONFIG = { segmentBytes: 300 };

/** A flushed log with one record of each of these epochs. Most segments hold two records. */
async function filled(disk: MemoryDisk, epochs: readonly number[]): Promise<PartitionLog> {
  const log = openLog({ disk, config: CONFIG });
  for (const epoch of epochs) append(log, batch(1, { valueBytes: 60 }), epoch);
  await new Promise<void>((done) => log.flush(() => done()));
  return log;
}

function epochFile(disk: MemoryDisk): string {
  return new TextDecoder().decode(disk.readFile(`${DIRECTORY}/leader-epoch-checkpoint`));
}

test('recovery finds the epochs below a start that was raised, but never reached its checkpoint', async () => {
  const disk = new MemoryDisk();
  const epochs = [3, 3, 3, 3, 4, 5, 5, 5, 5, 5, 5, 5];
  const log = await filled(disk, epochs);
  log.advanceStartOffset(10);
  expect(log.epochs.entries).toEqual([{ epoch: 5, startOffset: 10 }]);
  append(log, batch(1), 6);
  expect(epochFile(disk)).toBe('0\n2\n5 10\n6 12\n');
  const again = openLog({ disk, config: CONFIG, recoveryPoint: 12 });
  expect(again.epochs.entries).toEqual([
    { epoch: 3, startOffset: 0 },
    { epoch: 4, startOffset: 4 },
    { epoch: 5, startOffset: 5 },
    { epoch: 6, startOffset: 12 },
  ]);
  // A follower with records of epoch 4 from offset 5 on must truncate them.
  expect(again.endOffsetForEpoch(4)).toEqual({ epoch: 4, endOffset: 5 });
});

test('for any epochs and any two start offsets, recovery knows the epochs of all records from its start on', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(4), { minLength: 1, maxLength: 14 }),
      fc.nat(13),
      fc.nat(13),
      fc.boolean(),
      async (unsorted, raised, checkpointed, cleanShutdown) => {
        const epochs = [...unsorted].sort((a, b) => a - b);
        const disk = new MemoryDisk();
        const log = await filled(disk, epochs);
        log.advanceStartOffset(Math.min(raised, epochs.length));
        append(log, batch(1), 5);
        const startOffset = Math.min(checkpointed, raised, epochs.length);
        const recoveryPoint = epochs.length;
        const again = openLog({ disk, config: CONFIG, recoveryPoint, startOffset, cleanShutdown });
        expect(again.startOffset).toBe(startOffset);
        for (let offset = startOffset; offset < epochs.length; offset++)
          expect(again.epochs.epochAt(offset)).toBe(epochs[offset]);
      },
    ),
  );
});
