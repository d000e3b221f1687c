/**
 * Cleans one log: what stays, what the files look like, what is left after a crash at any point, and what
 * appends, reads, retention and truncations do meanwhile.
 */
import type { MemoryDisk } from '@millrace/base/testing';
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { readBatches } from '../src/cleaner/read-batches.ts';
import { OpenFiles } from '../src/files/open-files.ts';
import { Segment } from '../src/segment/segment.ts';
import { allRecords, Cleaning, cleanLog, headerOf, keyed, rangeOf, stateOf } from './support/cleaning.ts';
import { CONFIG, fill, setUp } from './support/compacted-log.ts';
import { append, concat, DIRECTORY, NOW, openLog, readAll } from './support/logs.ts';
import { NamesDisk } from './support/names-disk.ts';

test('keeps the latest record of each key below the active segment, and merges segments', () => {
  const { log, disk, names, logger } = setUp();
  fill(log, disk, ['a=1 b=1 c=1', 'a=2 d=1', 'b=2', 'a=3', 'c=2 e=1', 'a=4', 'b=3']);
  const before = allRecords(log);
  expect(log.segmentCount).toBeGreaterThan(2);
  const { activeBaseOffset, endOffset } = log;
  const cleaning = cleanLog(log, disk);
  expect(cleaning.results).toMatchObject([{ ok: true, cleanedTo: activeBaseOffset }]);
  expect(log.cleanedTo).toBe(activeBaseOffset);
  expect([log.endOffset, log.startOffset, log.offline]).toEqual([endOffset, 0, undefined]);
  expect(stateOf(allRecords(log))).toEqual(stateOf(before));
  const clean = allRecords(log).filter((record) => Number.parseInt(record, 10) < activeBaseOffset);
  const keys = clean.map((record) => /:(.)/.exec(record)![1]);
  expect(new Set(keys).size).toBe(keys.length);
  expect(names(/\.(cleaned|swap)$/)).toEqual([]);
  // The files of the old segments wait for their removal.
  expect(cleaning.replaced.sort()).toEqual(names(/deleted$/).map((name) => `${DIRECTORY}/${name}`));
  expect(log.segmentCount).toBe(3);
  expect(log.sizeBytes).toBe(readAll(log).reduce((sum, batch) => sum + batch.length, 0));
  expect(logger.events.filter(({ level }) => level === 'error')).toEqual([]);
  // Nothing is dirty, so another look finds nothing to do.
  expect(log.cleanable(endOffset, NOW)).toMatchObject({ isDue: false, dirtyBytes: 0 });
});

test('a tombstone stays for delete.retention.ms after the first cleaning, and then goes', () => {
  const { log, disk } = setUp();
  fill(log, disk, ['a=1 b=1', 'a', 'x=1', 'x=2', 'x=3']);
  cleanLog(log, disk, { nowWallMs: NOW });
  expect(allRecords(log)).toContain('2:a');
  fill(log, disk, ['x=4', 'x=5', 'x=6']);
  cleanLog(log, disk, { nowWallMs: NOW + 999 });
  expect(allRecords(log)).toContain('2:a');
  fill(log, disk, ['x=7', 'x=8', 'x=9']);
  cleanLog(log, disk, { nowWallMs: NOW + 1000 });
  expect(allRecords(log)).not.toContain('2:a');
  expect(stateOf(allRecords(log))).toEqual({ b: '1', x: '9' });
});

test('if the map is full, a cleaning ends at the first key without a place, and the next cleaning continues there', () => {
  const { log, disk } = setUp();
  const all = Array.from({ length: 12 }, (_, i) => `k${i % 6}=${i}`);
  fill(log, disk, all);
  const expected = stateOf(allRecords(log));
  const first = cleanLog(log, disk, { keysMax: 4 });
  expect(first.results).toMatchObject([{ ok: true, cleanedTo: 4 }]);
  expect(stateOf(allRecords(log))).toEqual(expected);
  const second = cleanLog(log, disk, { keysMax: 4 });
  expect(second.range.firstDirtyOffset).toBe(4);
  expect(second.results).toMatchObject([{ ok: true, cleanedTo: 8 }]);
  expect(stateOf(allRecords(log))).toEqual(expected);
});

test('after a cleaning, the log still recognises a retry, and recovery still finds the last sequence number of a producer', () => {
  const { log, disk } = setUp();
  for (let i = 0; i < 8; i++) fill(log, disk, ['a=1'], { producerId: 5, producerEpoch: 0, baseSequence: i });
  fill(log, disk, ['a=2', 'a=3', 'a=4']);
  cleanLog(log, disk);
  const retry = log.appendAsLeader(keyed(['a=1'], { producerId: 5, producerEpoch: 0, baseSequence: 7 }), {
    leaderEpoch: 0,
    nowWallMs: NOW,
  });
  expect(retry).toMatchObject({ ok: true, duplicate: true, baseOffset: 7 });
  // The producer's last batch is still in the log, without a record, so recovery finds the sequence number.
  for (const name of disk.list(DIRECTORY))
    if (name.endsWith('.snapshot')) disk.remove(`${DIRECTORY}/${name}`);
  log.close({ clean: false });
  const again = openLog({ disk, config: CONFIG, recoveryPoint: log.recoveryPoint });
  expect(again.producers.get(5)?.batches.at(-1)).toMatchObject({ lastSequence: 7, lastOffset: 7 });
  expect(readAll(again).some((batch) => headerOf(batch).recordCount === 0)).toBe(true);
});

test('if the records above the end of the cleaning are lost, the log still knows the last sequence number of each producer', () => {
  const { log, disk } = setUp();
  const sequences = new Map<number, number>();
  const by = (producerId: number, batches: readonly string[]): void => {
    for (const text of batches) {
      const baseSequence = sequences.get(producerId) ?? 0;
      fill(log, disk, [text], { producerId, producerEpoch: 0, baseSequence });
      sequences.set(producerId, baseSequence + 1);
    }
  };
  const lastBelow = (endOffset: number): Map<number, number> =>
    new Map(
      readAll(log)
        .map(headerOf)
        .filter(({ producerId, lastOffset }) => producerId >= 0 && lastOffset < endOffset)
        .map(({ producerId, baseSequence }) => [producerId, baseSequence]),
    );
  by(5, ['a=1', 'a=2']);
  by(6, ['b=1', 'b=2']);
  by(7, ['a=3', 'a=4', 'b=3', 'b=4', 'a=5', 'b=5']);
  for (let round = 0; round < 4; round++) {
    // In some rounds a producer appends only above the end of the cleaning, in others only below.
    by(5 + (round % 3), ['a=6']);
    const { endOffset } = rangeOf(log);
    const expected = lastBelow(endOffset);
    cleanLog(log, disk);
    expect(lastBelow(endOffset)).toEqual(expected);
    by(7, ['a=7', 'b=7', 'a=8', 'b=8']);
  }
  // Not each batch stays: only the last one of each producer, and the last one of each segment.
  cleanLog(log, disk);
  const clean = readAll(log).filter((one) => headerOf(one).lastOffset < log.cleanedTo!);
  expect(clean.length).toBeLessThan(8);
  expect(log.endOffset).toBeGreaterThan(25);
  // A truncation to the end of the cleaning, and a restart.
  const { cleanedTo } = log;
  const expected = lastBelow(cleanedTo!);
  log.truncateTo(cleanedTo!);
  const again = openLog({ disk: disk.afterKill(), config: CONFIG });
  for (const [producerId, sequence] of expected)
    for (const { producers } of [log, again])
      expect(producers.get(producerId)?.batches.at(-1)?.lastSequence).toBe(sequence);
});

test('after a start, a look for old records reads some segments, and later looks read the others', () => {
  const { log, disk } = setUp({ config: { segmentBytes: 80 } });
  fill(
    log,
    disk,
    Array.from({ length: 60 }, (_, i) => `a=${i}`),
  );
  log.close({ clean: true });
  const read = vi.spyOn(Segment.prototype, 'scan');
  try {
    for (const limits of [{ minCompactionLagMs: 1000 }, { maxCompactionLagMs: 1000 }]) {
      const again = openLog({
        disk,
        config: { ...CONFIG, ...limits, segmentBytes: 80 },
        cleanShutdown: true,
      });
      const looks = Array.from({ length: 4 }, () => {
        read.mockClear();
        const { endOffset, overdueMs } = rangeOf(again, 60, NOW + 5000);
        expect(overdueMs).toBe('maxCompactionLagMs' in limits ? 4000 : 0);
        return { endOffset, segments: new Set(read.mock.contexts).size };
      });
      const ends = 'maxCompactionLagMs' in limits ? [59, 59, 59, 59] : [20, 40, 59, 59];
      expect(looks.map(({ endOffset }) => endOffset)).toEqual(ends);
      expect(looks.map(({ segments }) => segments)).toEqual([20, 20, 19, 0]);
    }
  } finally {
    read.mockRestore();
  }
});

test('records above the high watermark stay', () => {
  const { log, disk } = setUp();
  fill(log, disk, ['a=1', 'a=2', 'a=3', 'a=4', 'a=5', 'a=6', 'a=7', 'a=8', 'a=9']);
  const cleaning = cleanLog(log, disk, { highWatermark: 4 });
  expect(cleaning.range.endOffset).toBeLessThanOrEqual(4);
  expect(allRecords(log).filter((record) => Number.parseInt(record, 10) >= 4)).toHaveLength(5);
});

test('appends and reads continue while a cleaning runs', () => {
  const { log, disk } = setUp();
  fill(log, disk, ['a=1 b=1', 'a=2', 'b=2', 'a=3', 'c=1', 'a=4', 'b=3']);
  const twin = allRecords(log);
  const cleaning = new Cleaning(log, disk);
  for (let i = 0; cleaning.turns(1); i++) {
    append(log, keyed([`n${i % 3}=${i}`]));
    twin.push(`${log.endOffset - 1}:n${i % 3}=${i}`);
    expect(stateOf(allRecords(log))).toEqual(stateOf(twin));
  }
  expect(cleaning.results).toMatchObject([{ ok: true }]);
});

test('retention removes no segment while a cleaning runs', () => {
  const { log, disk } = setUp({ config: { deletesOldRecords: true, retentionBytes: 1 } });
  fill(log, disk, ['a=1', 'a=2', 'a=3', 'a=4', 'a=5', 'a=6', 'a=7', 'a=8']);
  const cleaning = new Cleaning(log, disk);
  log.expire(log.endOffset, NOW);
  expect([log.startOffset > 0, log.hasExpired]).toEqual([true, false]);
  cleaning.turns();
  expect([cleaning.results.length, log.hasExpired]).toEqual([1, true]);
});

test('close cancels a cleaning, at any point', () => {
  for (let turns = 0; ; turns++) {
    const { log, disk } = setUp();
    fill(log, disk, ['a=1', 'a=2', 'b=1', 'a=3', 'b=2', 'a=4', 'a=5', 'b=3']);
    const expected = stateOf(allRecords(log));
    const cleaning = new Cleaning(log, disk);
    const isRunning = cleaning.turns(turns) && cleaning.results.length === 0;
    log.close({ clean: true });
    cleaning.turns();
    if (isRunning) expect(cleaning.results).toEqual([undefined]);
    const again = openLog({ disk, config: CONFIG, cleanShutdown: true });
    expect(stateOf(allRecords(again))).toEqual(expected);
    expect(disk.list(DIRECTORY).filter((name) => /(cleaned|swap)$/.test(name))).toEqual([]);
    if (!isRunning) break;
  }
});

test('when the topic is no longer compacted, a cleaning ends, and the log keeps all records', () => {
  const { log, disk, names } = setUp();
  fill(log, disk, ['a=1', 'a=2', 'b=1', 'a=3', 'b=2', 'a=4', 'a=5', 'b=3']);
  const before = allRecords(log);
  const cleaning = new Cleaning(log, disk);
  cleaning.turns(1);
  log.setConfig({ ...log.config, isCompacted: false });
  cleaning.turns();
  expect(cleaning.results).toEqual([undefined]);
  expect([allRecords(log), names(/(cleaned|swap)$/), log.uncleanable]).toEqual([before, [], undefined]);
});

test('a truncation below the end of the cleaning cancels it, at any point, and lowers the clean part', () => {
  for (const isEmptied of [false, true]) {
    for (let turns = 0; ; turns++) {
      const lowered: number[] = [];
      const disk = new NamesDisk();
      const log = openLog({ disk, config: CONFIG, offsetsLowered: (point) => void lowered.push(point) });
      fill(log, disk, ['a=1', 'b=1', 'c=1', 'd=1', 'e=1', 'f=1', 'a=2', 'g=1', 'h=1', 'i=1']);
      const cleaning = new Cleaning(log, disk);
      const isRunning = cleaning.turns(turns) && cleaning.results.length === 0;
      if (isEmptied) log.truncateFullyAndStartAt(50);
      else log.truncateTo(4);
      expect([log.offline, log.endOffset]).toEqual([undefined, isEmptied ? 50 : 4]);
      if (!isEmptied) expect(lowered).toContain(4);
      expect(log.cleanedTo ?? 0).toBeLessThanOrEqual(log.endOffset);
      cleaning.turns();
      if (isRunning) expect(cleaning.results).toEqual([undefined]);
      fill(log, disk, ['z=1', 'z=2', 'z=3']);
      const expected = stateOf(allRecords(log));
      const again = openLog({ disk: disk.afterKill(), config: CONFIG, recoveryPoint: log.recoveryPoint });
      expect(stateOf(allRecords(again))).toEqual(expected);
      if (!isEmptied) expect(expected).toMatchObject({ b: '1', c: '1', d: '1', z: '3' });
      expect(expected).not.toHaveProperty('g');
      cleanLog(log, disk);
      expect(stateOf(allRecords(log))).toEqual(expected);
      if (!isRunning) break;
    }
  }
});

test('a cleaning does not write a segment in which nothing changes; at the first change, it copies the batches before', () => {
  const created = new Set<string>();
  class Noting extends NamesDisk {
    override open(path: string) {
      if (path.endsWith('.log.cleaned')) created.add(path);
      return super.open(path);
    }
  }
  const disk = new Noting();
  const { log } = setUp({ disk, config: { segmentBytes: 620 } });
  const unique = (from: number, count: number): string[] =>
    Array.from({ length: count }, (_, i) => `k${String(from + i).padStart(2, '0')}=1`);
  fill(log, disk, [...unique(0, 8), ...unique(8, 6), 'x00=1', 'y00=1', 'x00=2', ...unique(20, 7)]);
  fill(log, disk, unique(30, 2));
  expect([log.segmentCount, log.activeBaseOffset]).toEqual([4, 24]);
  const before = allRecords(log);
  const { results } = cleanLog(log, disk, { chunkBytes: 160 });
  expect(results).toMatchObject([{ ok: true, cleanedTo: 24, recordsDropped: 1 }]);
  expect(allRecords(log)).toEqual(before.filter((record) => record !== '14:x00=1'));
  expect([...created]).toEqual([`${DIRECTORY}/00000000000000000008.log.cleaned`]);
  const again = openLog({ disk: disk.afterKill(), config: CONFIG });
  expect([again.wasCut, allRecords(again)]).toEqual([false, allRecords(log)]);
});

test('the chunk that ends where the segment ends is the last one, although a restored batch follows', () => {
  const files = new OpenFiles(new NamesDisk());
  const segment = new Segment(files, DIRECTORY, 0, NOW);
  files.disk.makeDirectory(DIRECTORY);
  segment.create();
  const batches = [0, 1, 2].map((baseOffset) => keyed(['a=1'], { baseOffset }));
  const bytes = concat(batches);
  segment.write(bytes, () => {});
  segment.sizeBytes = bytes.length;
  const { length } = batches[0]!;
  const chunk = readBatches(segment, { position: 0, offset: 0 }, 2, 2 * length);
  expect([chunk.sizeBytes, chunk.isLast]).toEqual([2 * length, true]);
});

const batchText = fc
  .array(
    fc
      .tuple(fc.constantFrom(...'abcdef'), fc.nat(9), fc.boolean())
      .map(([key, value, isTombstone]) => (isTombstone ? key : `${key}=${value}`)),
    { minLength: 1, maxLength: 3 },
  )
  .map((records) => records.join(' '));

test('a crash at any step leaves the same state: after a kill, and after a power loss that keeps any of the unsynced changes and bytes', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(batchText, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 1, max: 8 }),
      fc.infiniteStream(fc.boolean()),
      (rounds, keysMax, isKept) => {
        const { log, disk } = setUp();
        let sequence = 0;
        for (const [round, batches] of rounds.entries()) {
          for (const batch of batches) {
            fill(log, disk, [batch], { producerId: 1, producerEpoch: 0, baseSequence: sequence });
            sequence += batch.split(' ').length;
          }
          const expected = stateOf(allRecords(log));
          const original = new Set(allRecords(log));
          const last = log.producers.get(1)!.batches.at(-1)!.lastSequence;
          const { endOffset } = log;
          const nowWallMs = NOW + round * 700;
          const check = (left: MemoryDisk): void => {
            const again = openLog({
              disk: left,
              config: CONFIG,
              recoveryPoint: endOffset,
              ...(log.cleanedTo === undefined ? {} : { cleanedTo: log.cleanedTo }),
            });
            const records = allRecords(again);
            expect([again.endOffset, again.wasCut]).toEqual([endOffset, false]);
            expect(stateOf(records)).toEqual(expected);
            for (const record of records) expect(original).toContain(record);
            expect(again.producers.get(1)?.batches.at(-1)?.lastSequence).toBe(last);
            expect(left.list(DIRECTORY).filter((name) => /(cleaned|swap)$/.test(name))).toEqual([]);
            // What the crash left can be cleaned.
            if (isKept.next().value && isKept.next().value) return;
            cleanLog(again, left, { nowWallMs: nowWallMs + 100 });
            expect(stateOf(allRecords(again))).toEqual(expected);
          };
          disk.changed = () => {
            check(disk.afterKill());
            const draw = (): boolean => isKept.next().value;
            check(disk.afterPowerLoss(draw, draw));
          };
          cleanLog(log, disk, { keysMax, nowWallMs, chunkBytes: 100 * keysMax });
          disk.changed = () => {};
          check(disk.afterKill());
        }
      },
    ),
    { numRuns: Number(process.env['FUZZ_RUNS'] ?? 6) },
  );
});
