/** Recovery of a log after clean stops, kills, power losses and damage. */
import { MemoryDisk, MemoryLogger } from '@millrace/base/testing';
import { readBatchHeader } from '@millrace/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PartitionLog } from '../../src/index.ts';
import {
  append,
  batch,
  concat,
  DIRECTORY,
  hex,
  largestHitOf,
  NOW,
  openLog,
  readAll,
  sequenced,
  TOPIC_ID,
} from '../support/logs.ts';

const CONFIG = { segmentBytes: 500, indexIntervalBytes: 150 };

function filled(disk: MemoryDisk, batches = 12): PartitionLog {
  const log = openLog({ disk, config: CONFIG, topicId: TOPIC_ID });
  for (let i = 0; i < batches; i++) append(log, sequenced(1, i, 1, { valueBytes: 50 }), Math.floor(i / 5));
  return log;
}

function reopen(
  disk: MemoryDisk,
  cleanShutdown: boolean,
  o: { recoveryPoint?: number; logger?: MemoryLogger } = {},
): PartitionLog {
  return openLog({ disk, config: CONFIG, cleanShutdown, ...o });
}

function logFiles(disk: MemoryDisk): string[] {
  return disk
    .list(DIRECTORY)
    .filter((name) => name.endsWith('.log'))
    .map((name) => `${DIRECTORY}/${name}`);
}

function overwrite(disk: MemoryDisk, path: string, change: (bytes: Uint8Array) => Uint8Array): void {
  disk.writeFileAtomic(path, change(disk.readFile(path)!));
}

/** Counts the bytes read from log files. */
class CountingDisk extends MemoryDisk {
  bytesRead = 0;
  override open(path: string): ReturnType<MemoryDisk['open']> {
    const file = super.open(path);
    const { read } = file;
    file.read = (position, target) => {
      const count = read.call(file, position, target);
      if (path.endsWith('.log')) this.bytesRead += count;
      return count;
    };
    return file;
  }
}

test('after a clean stop the log is unchanged, and recovery reads little', () => {
  const disk = new CountingDisk();
  const log = openLog({ disk, config: { indexIntervalBytes: 1000 }, topicId: TOPIC_ID });
  for (let i = 0; i < 500; i++) append(log, sequenced(1, i, 1, { valueBytes: 1000 }), i >> 7);
  const before = [log.endOffset, log.sizeBytes, log.epochs.entries, hex(readAll(log).slice(-3))];
  log.close({ clean: true });
  disk.bytesRead = 0;
  const again = openLog({ disk, cleanShutdown: true });
  expect(disk.bytesRead).toBeLessThan(20_000);
  expect([again.endOffset, again.sizeBytes, again.epochs.entries, hex(readAll(again).slice(-3))]).toEqual(
    before,
  );
  expect(again.recoveryPoint).toBe(500);
  expect(again.topicId).toBe(TOPIC_ID);
});

test('after a kill, recovery checks only segments above the recovery point', () => {
  const disk = new MemoryDisk();
  const log = filled(disk, 30);
  const [first] = logFiles(disk);
  log.close({ clean: false });
  // Recovery does not look for damage below the recovery point.
  overwrite(disk, first!, (bytes) => bytes.with(100, 0xee));
  expect(reopen(disk, false, { recoveryPoint: 20 }).endOffset).toBe(30);
  expect(reopen(disk, false).endOffset).toBe(0);
});

test('recovery cuts a torn tail, and appends continue where the last whole batch ends', () => {
  const disk = new MemoryDisk();
  filled(disk).close({ clean: false });
  const last = logFiles(disk).at(-1)!;
  overwrite(disk, last, (bytes) => bytes.slice(0, -7));
  const logger = new MemoryLogger();
  const log = reopen(disk, false, { logger });
  expect(log.endOffset).toBe(11);
  expect(logger.events).toMatchObject([{ level: 'warn', event: 'log-cut', facts: { endOffset: 11 } }]);
  expect(append(log, sequenced(1, 11, 1), 2)).toBe(11);
  expect(readAll(log).length).toBe(12);
});

test('recovery cuts zeros after the data, as a power loss leaves them', () => {
  const disk = new MemoryDisk();
  filled(disk).close({ clean: false });
  overwrite(disk, logFiles(disk).at(-1)!, (bytes) => concat([bytes, new Uint8Array(4096)]));
  expect(readAll(reopen(disk, false)).length).toBe(12);
});

test('recovery drops everything after damage, also later segments and leader epochs', () => {
  const disk = new MemoryDisk();
  filled(disk).close({ clean: false });
  const files = logFiles(disk);
  expect(files.length).toBeGreaterThan(2);
  overwrite(disk, files[1]!, (bytes) => bytes.with(bytes.length - 5, 0xee));
  const logger = new MemoryLogger();
  const log = reopen(disk, false, { logger });
  // The second segment holds offsets 4 .. 7; its last batch is damaged.
  expect(log.endOffset).toBe(7);
  expect(log.epochs.latest).toBe(1);
  expect(log.producers.get(1)?.batches.at(-1)?.lastSequence).toBe(6);
  expect(logger.events.map((event) => event.event)).toEqual(['log-cut', 'log-segments-dropped']);
  // The log continues in a new file: a power loss may restore the bytes that recovery cut off.
  expect(logFiles(disk).length).toBe(3);
});

test('an offset that is too high or too low is damage, although no checksum covers it', () => {
  for (const wrong of [1, 200]) {
    const disk = new MemoryDisk();
    filled(disk).close({ clean: false });
    const second = logFiles(disk)[1]!;
    const size = readBatchHeader(disk.readFile(second)!).sizeBytes;
    overwrite(disk, second, (bytes) => bytes.with(size + 7, wrong));
    expect(reopen(disk, false).endOffset).toBe(5);
  }
});

test('recovery writes the snapshots of the segments that it scans', () => {
  const disk = new MemoryDisk();
  filled(disk).close({ clean: false });
  for (const name of disk.list(DIRECTORY))
    if (name.endsWith('.snapshot')) disk.remove(`${DIRECTORY}/${name}`);
  reopen(disk, false);
  expect(disk.list(DIRECTORY).filter((name) => name.endsWith('.snapshot'))).toEqual([
    '00000000000000000004.snapshot',
    '00000000000000000008.snapshot',
  ]);
});

test('a read notices an index entry that points into the middle of a batch', () => {
  const disk = new MemoryDisk();
  const before = filled(disk);
  const expected = hex(readAll(before));
  before.close({ clean: true });
  const index = `${DIRECTORY}/00000000000000000004.index`;
  expect(disk.readFile(index)!.length).toBeGreaterThan(0);
  overwrite(disk, index, (bytes) => bytes.with(7, bytes[7]! + 30));
  const log = reopen(disk, true);
  const { chunks } = log.read({ fromOffset: 7, endOffsetMax: 8, maxBytes: 1000, atLeastOneBatch: true });
  expect(hex(chunks)).toEqual(expected.slice(7, 8));
});

test('a read also notices an index entry that names the wrong batch', () => {
  const disk = new MemoryDisk();
  const before = filled(disk);
  const expected = hex(readAll(before));
  before.close({ clean: true });
  // The index entry of a later batch now claims the segment's first offset.
  overwrite(disk, `${DIRECTORY}/00000000000000000004.index`, (bytes) => bytes.with(3, 0));
  const log = reopen(disk, true);
  const { chunks } = log.read({ fromOffset: 4, endOffsetMax: 5, maxBytes: 1000, atLeastOneBatch: true });
  expect(hex(chunks)).toEqual(expected.slice(4, 5));
});

test('recovery drops the segments after one that ends too early', () => {
  const disk = new MemoryDisk();
  filled(disk).close({ clean: false });
  const files = logFiles(disk);
  overwrite(disk, files[1]!, () => new Uint8Array(0));
  const log = reopen(disk, false);
  expect(log.endOffset).toBe(4);
  expect(readAll(log).length).toBe(4);
  expect(append(log, sequenced(1, 4, 1), 2)).toBe(4);
});

test('recovery rebuilds missing and garbage index files', () => {
  for (const clean of [true, false]) {
    for (const damage of ['remove', 'empty', 'garbage', 'odd'] as const) {
      const disk = new MemoryDisk();
      const before = filled(disk);
      const expected = hex(readAll(before));
      const largest = largestHitOf(before);
      before.close({ clean });
      for (const name of disk.list(DIRECTORY).filter((one) => /index$/.test(one))) {
        const path = `${DIRECTORY}/${name}`;
        if (damage === 'remove') disk.remove(path);
        else if (damage === 'empty') disk.writeFileAtomic(path, new Uint8Array(0));
        else disk.writeFileAtomic(path, new Uint8Array(damage === 'odd' ? 31 : 24).fill(0x21));
      }
      const log = reopen(disk, clean);
      expect(hex(readAll(log, 100))).toEqual(expected);
      expect(largestHitOf(log)).toEqual(largest);
      log.truncateTo(4);
      expect(append(log, sequenced(1, 4, 1), 2)).toBe(4);
    }
  }
});

test('recovery rebuilds a missing or damaged epoch file from the batches', () => {
  for (const content of [undefined, '0\n9\n1 2\n']) {
    const disk = new MemoryDisk();
    const before = filled(disk);
    const { entries } = before.epochs;
    before.close({ clean: true });
    const path = `${DIRECTORY}/leader-epoch-checkpoint`;
    if (content === undefined) disk.remove(path);
    else disk.writeFileAtomic(path, new TextEncoder().encode(content));
    expect(reopen(disk, true).epochs.entries).toEqual(entries);
    expect(openLog({ disk, cleanShutdown: true }).epochs.damaged).toBe(false);
  }
});

test('after recovery, the log continues in an empty last segment', () => {
  for (const clean of [true, false]) {
    const disk = new MemoryDisk();
    filled(disk, 3).close({ clean });
    disk.writeFileAtomic(`${DIRECTORY}/00000000000000000003.log`, new Uint8Array(0));
    const log = reopen(disk, clean);
    expect(log.endOffset).toBe(3);
    expect(append(log, sequenced(1, 3, 1), 1)).toBe(3);
    expect(readAll(log).length).toBe(4);
  }
});

test('recovery removes leftovers of interrupted work', () => {
  const disk = new MemoryDisk();
  filled(disk, 3).close({ clean: false });
  const stray = [
    '00000000000000000900.index',
    '00000000000000000900.timeindex',
    'leader-epoch-checkpoint.tmp',
  ];
  for (const name of [...stray, '00000000000000000000.log.deleted'])
    disk.writeFileAtomic(`${DIRECTORY}/${name}`, new Uint8Array(8));
  reopen(disk, false);
  expect(disk.list(DIRECTORY).filter((name) => /0900|tmp|deleted/.test(name))).toEqual([]);
});

test('a log that ends below its checkpointed start offset starts empty at that offset', () => {
  const disk = new MemoryDisk();
  filled(disk).close({ clean: false });
  const log = openLog({ disk, config: CONFIG, startOffset: 50 });
  expect([log.startOffset, log.endOffset, log.epochs.latest]).toEqual([50, 50, -1]);
});

test('flushed records survive a power loss', () =>
  new Promise<void>((resolve) => {
    const disk = new MemoryDisk();
    const log = filled(disk, 8);
    log.flush(() => {
      for (let i = 8; i < 12; i++) append(log, sequenced(1, i, 1, { valueBytes: 50 }), 2);
      const flushed = log.recoveryPoint;
      disk.losePower();
      const again = reopen(disk, false, { recoveryPoint: flushed });
      expect(flushed).toBeGreaterThanOrEqual(8);
      expect(again.endOffset).toBeGreaterThanOrEqual(flushed);
      expect(readAll(again).length).toBe(again.endOffset);
      resolve();
    });
  }));

test('a segment cut at any byte: recovery keeps the whole batches, in order, and the log accepts appends', () => {
  const disk = new MemoryDisk();
  const written = hex(readAll(filled(disk, 9)));
  const content = new Map(disk.list(DIRECTORY).map((name) => [name, disk.readFile(`${DIRECTORY}/${name}`)!]));
  const sizes = logFiles(disk).map((path) => disk.readFile(path)!.length);
  fc.assert(
    fc.property(fc.nat(sizes.length - 1), fc.nat(600), fc.boolean(), (which, size, dropLater) => {
      const copy = new MemoryDisk();
      copy.makeDirectory(DIRECTORY);
      for (const [name, bytes] of content) copy.writeFileAtomic(`${DIRECTORY}/${name}`, bytes);
      const files = logFiles(copy);
      overwrite(copy, files[which]!, (bytes) => bytes.slice(0, size));
      if (dropLater) for (const path of files.slice(which + 1)) copy.remove(path);
      const log = reopen(copy, false);
      const kept = hex(readAll(log));
      expect(kept).toEqual(written.slice(0, kept.length));
      if (size >= sizes[which]! && !dropLater) expect(kept.length).toBe(9);
      expect(append(log, batch(1), 7, NOW)).toBe(kept.length);
    }),
    { numRuns: 300 },
  );
});

test('records flushed after a truncation at the end of a segment survive a power loss', async () => {
  const disk = new MemoryDisk();
  const log = openLog({ disk, config: { segmentBytes: 250 } });
  const flushed = () =>
    new Promise<void>((resolve, reject) =>
      log.flush((error) => (error === undefined ? resolve() : reject(error))),
    );
  append(log, batch(1));
  append(log, batch(1));
  await flushed();
  // A new leader: the log truncates the second batch, and the next batch no longer fits into the segment.
  log.truncateTo(1);
  append(log, batch(1, { valueBytes: 150 }), 1);
  append(log, batch(1), 1);
  expect(disk.list(log.directory).filter((name) => name.endsWith('.log')).length).toBeGreaterThan(1);
  await flushed();
  disk.losePower();
  // Without a checkpointed recovery point, recovery checks everything.
  const again = openLog({ disk, config: { segmentBytes: 250 } });
  expect(again.endOffset).toBe(3);
  expect(again.epochs.epochAt(1)).toBe(1);
});

test.each([
  [1, 'whole'],
  [1, 'torn'],
  [3, 'whole'],
  [3, 'torn'],
])(
  'the log never reads batches that a power loss restored at the end of an older segment (recovery point %i, %s)',
  (recoveryPoint, how) => {
    const disk = new MemoryDisk();
    const log = openLog({ disk, config: { segmentBytes: 250 } });
    append(log, batch(1));
    append(log, batch(1));
    const [, stale] = readAll(log);
    log.truncateTo(1);
    append(log, batch(1, { valueBytes: 150 }), 1);
    append(log, batch(1), 1);
    const expected = readAll(log);
    log.close({ clean: true });
    const file = disk.open(`${DIRECTORY}/00000000000000000000.log`);
    file.write(file.size(), [how === 'whole' ? stale! : stale!.subarray(0, 28)]);
    file.close();
    const logger = new MemoryLogger();
    const again = openLog({ disk, config: { segmentBytes: 250 }, recoveryPoint, logger });
    expect(hex(readAll(again))).toEqual(hex(expected));
    // Also read one batch at a time: each read begins where the previous one ended.
    expect(hex(readAll(again, 1))).toEqual(hex(expected));
    expect(again.endOffset).toBe(3);
    expect(again.epochs.epochAt(1)).toBe(1);
    again.truncateTo(2);
    expect(hex(readAll(again))).toEqual(hex(expected.slice(0, 2)));
  },
);

test('recovery cuts the log at a batch with a lower leader epoch, which a power loss may restore', () => {
  const old = openLog({ disk: new MemoryDisk() });
  for (const epoch of [1, 3, 3]) append(old, batch(1), epoch);
  const disk = new MemoryDisk();
  const log = openLog({ disk });
  for (const epoch of [1, 4]) append(log, batch(1), epoch);
  const kept = readAll(log);
  const file = disk.open(`${DIRECTORY}/${'0'.repeat(20)}.log`);
  file.write(file.size(), [readAll(old)[2]!]);
  const again = openLog({ disk });
  expect([again.endOffset, again.wasCut]).toEqual([2, true]);
  expect(again.epochs.entries).toEqual([
    { epoch: 1, startOffset: 0 },
    { epoch: 4, startOffset: 1 },
  ]);
  expect(hex(readAll(again))).toEqual(hex(kept));
});
