/**
 * Compares a log under compaction with a naive twin, which keeps every record. One seed is one run: random
 * appends, cleanings that stop anywhere, kills, power losses, truncations (also below the high watermark) and
 * deletions. The checkpoints have a disk of their own. Runs outside of vitest, too, so that a process with a
 * planted bug can run it. Throws an error that says what is wrong.
 */
import { Prng } from '@millrace/base';
import { MemoryDisk, MemoryLogger } from '@millrace/base/testing';
import { readBatchHeader } from '@millrace/protocol';
import { Checkpoints } from '../../src/directory/checkpoints.ts';
import type { PartitionLog } from '../../src/index.ts';
import { Cleaning, keyed, recordsOf } from './cleaning.ts';
import { append, DIRECTORY, NOW, openLog } from './logs.ts';
import { NamesDisk } from './names-disk.ts';

const DELETE_RETENTION_MS = 1000;
const KEYS = 'abcdef';
const CONFIG = {
  segmentBytes: 300,
  indexIntervalBytes: 100,
  deleteRetentionMs: DELETE_RETENTION_MS,
  isCompacted: true,
};
const STEPS = 60;
const FOLDER = 'topic-0';

interface Entry {
  readonly offset: number;
  readonly key: string;
  /** Undefined: the record deletes the key. */
  readonly value: string | undefined;
}

/** What a crash left. */
interface Crash {
  readonly left: NamesDisk;
  /** The process died, and nothing else. */
  readonly isKill: boolean;
  readonly recoveryPoint: number;
  readonly cleanedTo: number | undefined;
  /** The log ends at this offset or later. */
  readonly endOffsetMin: number;
}

/** Runs one seed. */
export function playCompaction(seed: number): void {
  const twin = new Twin(new Prng(seed), { hasUncleanElections: seed % 3 === 0 });
  for (let step = 0; step < STEPS; step++) {
    twin.step();
    twin.verify();
  }
}

class Twin {
  private readonly random: Prng;
  /**
   * If true, truncations may cut committed records, and after a crash the log gets its offsets from the
   * checkpoints, as they were last written.
   */
  private readonly hasUncleanElections: boolean;
  private disk = new NamesDisk();
  private readonly checkpointDisk = new MemoryDisk();
  private readonly opened = new Map<string, { topic: string; partition: number; log: PartitionLog }>();
  private checkpoints: Checkpoints;
  private log: PartitionLog;
  /** Every record of the log, whether the cleaner has dropped it or not. */
  private all: Entry[] = [];
  /** The ends of all batches, ascending. */
  private ends: number[] = [];
  private startOffset = 0;
  /** Cleanings and deletions reach at most up to here. Only an unclean election truncates below it. */
  private highWatermark = 0;
  private nowMs = NOW;
  private versions = 0;
  private sequence = 0;
  private cleaning: Cleaning | undefined;
  private cleaningFromMs = 0;
  /**
   * By offset of a tombstone: when the first cleaning began that covered the tombstone. The delete horizon of
   * the tombstone is at least DELETE_RETENTION_MS later.
   */
  private readonly firstBegun = new Map<number, number>();
  /**
   * By offset of a tombstone: when the first cleaning began that covered the tombstone and was completed. The
   * delete horizon of the tombstone is at most DELETE_RETENTION_MS later.
   */
  private readonly firstDone = new Map<number, number>();

  constructor(random: Prng, { hasUncleanElections }: { readonly hasUncleanElections: boolean }) {
    this.random = random;
    this.hasUncleanElections = hasUncleanElections;
    this.checkpointDisk.makeDirectory('/data');
    this.checkpoints = this.openCheckpoints();
    this.log = this.open(this.disk);
  }

  private openCheckpoints(): Checkpoints {
    const { checkpointDisk, opened } = this;
    opened.clear();
    const logger = new MemoryLogger();
    return new Checkpoints({ disk: checkpointDisk, directory: '/data', logger, open: opened });
  }

  private open(disk: NamesDisk, recoveryPoint = 0, cleanedTo?: number): PartitionLog {
    const cleaned = cleanedTo === undefined ? {} : { cleanedTo };
    const { startOffset, checkpoints } = this;
    const offsetsLowered = (point: number): void => checkpoints.lowered(FOLDER, point);
    const log = openLog({ disk, config: CONFIG, recoveryPoint, startOffset, ...cleaned, offsetsLowered });
    this.opened.set(FOLDER, { topic: 'topic', partition: 0, log });
    return log;
  }

  step(): void {
    const { random } = this;
    const drawn = random.below(24);
    if (drawn < 10) this.append();
    else if (drawn < 12) this.flush();
    else if (drawn < 14) this.nowMs += random.below(700);
    else if (drawn < 19) this.clean();
    else if (drawn < 20) this.crash();
    else if (drawn < 22) this.truncate();
    else if (drawn < 23) this.deleteRecords();
    else this.commit();
  }

  private append(): void {
    const { random, log } = this;
    const texts = Array.from({ length: 1 + random.below(3) }, () => {
      const key = KEYS[random.below(KEYS.length)]!;
      return random.below(4) === 0 ? key : `${key}=${++this.versions}`;
    });
    const producer = { producerId: 7, producerEpoch: 0, baseSequence: this.sequence };
    const isIdempotent = random.below(3) === 0;
    const baseOffset = append(log, keyed(texts, isIdempotent ? producer : {}));
    if (isIdempotent) this.sequence += texts.length;
    this.ends.push(log.endOffset);
    this.all.push(...texts.map((text, index) => entryOf(`${baseOffset + index}:${text}`)));
  }

  private flush(): void {
    this.log.flush(() => {});
    this.disk.settle();
  }

  /** Syncs the log, raises the high watermark to the end of some batch, and writes the checkpoints. */
  private commit(): void {
    this.flush();
    const later = this.ends.filter((end) => end > this.highWatermark);
    if (later.length > 0) this.highWatermark = later[this.random.below(later.length)]!;
    this.checkpoints.write([{ topic: 'topic', partition: 0, offset: this.highWatermark }]);
    // The device may get the files without a sync.
    for (const name of this.checkpointDisk.list('/data')) this.checkpointDisk.open(`/data/${name}`).syncNow();
  }

  /** Begins a cleaning, or continues the one that runs, perhaps not to its end. */
  private clean(): void {
    const { random, log, disk } = this;
    if (this.cleaning === undefined || this.isOver(this.cleaning)) {
      const keysMax = 1 + random.below(8);
      const chunkBytes = 100 * (1 + random.below(8));
      const { highWatermark, nowMs: nowWallMs } = this;
      this.cleaning = new Cleaning(log, disk, { highWatermark, keysMax, chunkBytes, nowWallMs });
      this.cleaningFromMs = nowWallMs;
      for (const { offset, value } of this.all)
        if (value === undefined && offset < this.cleaning.range.endOffset && !this.firstBegun.has(offset))
          this.firstBegun.set(offset, nowWallMs);
    }
    const crash = random.below(2) === 0 ? this.crashAfter(random.below(16)) : undefined;
    this.cleaning.turns(random.below(3) === 0 ? random.below(40) : Number.MAX_SAFE_INTEGER);
    disk.changed = () => {};
    if (crash?.taken !== undefined) {
      this.crash(crash.taken);
      return;
    }
    const [result] = this.cleaning.results;
    if (result === undefined) return;
    if (!result.ok) throw new Error(`a cleaning failed: ${result.reason}`);
    this.verifyClean(result.cleanedTo);
    this.cleaning = undefined;
  }

  /** Takes what a crash would leave after this number of changes of names and completed syncs. */
  private crashAfter(changes: number): { taken: Crash | undefined } {
    const crash: { taken: Crash | undefined } = { taken: undefined };
    let left = changes;
    this.disk.changed = () => {
      if (left-- === 0) crash.taken = this.afterCrash();
    };
    return crash;
  }

  private isOver({ results, range }: Cleaning): boolean {
    return results.length > 0 || range.dirtyBytes === 0;
  }

  /** What a crash would leave now. */
  private afterCrash(): Crash {
    const { random, log, disk } = this;
    const { recoveryPoint, endOffset, cleanedTo } = log;
    const draw = (): boolean => random.below(2) === 0;
    const isKill = draw();
    const left = isKill ? disk.afterKill() : disk.afterPowerLoss(draw, draw);
    return { left: copyOf(left), isKill, recoveryPoint, cleanedTo, endOffsetMin: isKill ? endOffset : 0 };
  }

  private crash({ left, isKill, recoveryPoint, cleanedTo, endOffsetMin }: Crash = this.afterCrash()): void {
    const { random } = this;
    this.disk = left;
    this.cleaning = undefined;
    // The checkpoint of the cleaner may be older than the crash.
    let cleaned = random.below(3) === 0 ? undefined : cleanedTo;
    let point: number | undefined = recoveryPoint;
    if (!isKill && this.hasUncleanElections) this.checkpointDisk.losePower();
    this.checkpoints = this.openCheckpoints();
    if (this.hasUncleanElections) {
      point = this.checkpoints.recoveryPoint(FOLDER);
      cleaned = this.checkpoints.cleanedTo(FOLDER);
    }
    this.log = this.open(left, point, cleaned);
    const { startOffset, endOffset } = this.log;
    if (endOffset < Math.max(recoveryPoint, this.highWatermark, endOffsetMin))
      throw new Error(`after a crash the log ends at ${endOffset}, synced up to ${recoveryPoint}`);
    if (startOffset > this.startOffset && recoveryPoint > this.startOffset)
      throw new Error(`after a crash the log begins at ${startOffset}, synced up to ${recoveryPoint}`);
    // A power loss may take a first segment that was never synced.
    this.startOffset = startOffset;
    this.highWatermark = Math.max(this.highWatermark, startOffset);
    this.endsAt(endOffset);
  }

  private truncate(): void {
    const { random, log } = this;
    const isUnclean = this.hasUncleanElections && random.below(2) === 0;
    const lowest = isUnclean ? this.belowClean() : this.highWatermark;
    const offset = log.endOffset - random.below(log.endOffset - lowest + 1);
    const before = this.records();
    log.truncateTo(offset);
    if (!isUnclean && log.endOffset < this.highWatermark)
      throw new Error('a truncation cut committed records');
    this.highWatermark = Math.min(this.highWatermark, log.endOffset);
    const left = this.records();
    const expected = before.filter((entry) => entry.offset < log.endOffset);
    if (
      left.length !== expected.length ||
      left.some((entry, index) => entry.offset !== expected[index]!.offset)
    )
      throw new Error(`a truncation to ${offset} left other records than those below ${log.endOffset}`);
    // The truncation may have cut off records that replaced others. The twin now expects only the records
    // that are left.
    if (isUnclean) this.all = left;
    this.endsAt(log.endOffset);
    // A power loss may undo a truncation until a sync covers a later append. The twin expects only one of the
    // two outcomes, so append and sync at once.
    this.append();
    this.flush();
    if (!isUnclean) return;
    for (let appends = random.below(8); appends > 0; appends--) this.append();
    if (random.below(2) === 0) this.crash();
  }

  /** A little below the clean part. */
  private belowClean(): number {
    const { log, highWatermark, startOffset } = this;
    return Math.max(startOffset, Math.min(highWatermark, log.cleanedTo ?? highWatermark) - 6);
  }

  /** Forgets what the log no longer has, because it now ends at `endOffset`. */
  private endsAt(endOffset: number): void {
    this.all = this.all.filter(({ offset }) => offset < endOffset);
    this.ends = this.ends.filter((end) => end <= endOffset);
    const state = this.log.producers.get(7)?.batches.at(-1);
    this.sequence = state === undefined ? 0 : state.lastSequence + 1;
    for (const map of [this.firstBegun, this.firstDone])
      for (const offset of map.keys()) if (offset >= endOffset) map.delete(offset);
  }

  private deleteRecords(): void {
    this.startOffset += this.random.below(Math.floor((this.highWatermark - this.startOffset) / 3) + 1);
    this.log.advanceStartOffset(this.startOffset);
    for (let removals = this.random.below(3); removals > 0; removals--) {
      this.log.removeNext(() => {});
      this.disk.settle();
    }
  }

  /** The records that a reader gets. */
  private records(): Entry[] {
    const { log, startOffset } = this;
    const found: Entry[] = [];
    for (let fromOffset = startOffset; fromOffset < log.endOffset; ) {
      const o = { fromOffset, endOffsetMax: log.endOffset, maxBytes: 400, atLeastOneBatch: true };
      const { chunks, damage } = log.read(o);
      if (chunks.length === 0) throw new Error(`no batch at ${fromOffset}: ${damage ?? 'a gap at the end'}`);
      for (const chunk of chunks)
        for (let at = 0; at < chunk.length; ) {
          const header = readBatchHeader(chunk, at);
          const batch = chunk.subarray(at, at + header.sizeBytes);
          found.push(...recordsOf(batch).map(entryOf));
          fromOffset = header.lastOffset + 1;
          at += header.sizeBytes;
        }
    }
    return found.filter(({ offset }) => offset >= startOffset);
  }

  /** What must hold at any time. */
  verify(): void {
    const { offline, startOffset } = this.log;
    if (offline !== undefined) throw new Error(`the log is offline: ${offline}`);
    if (startOffset !== this.startOffset) throw new Error(`the log begins at ${startOffset}`);
    const records = this.records();
    const known = new Map(this.all.map((entry) => [entry.offset, entry]));
    for (const { offset, key, value } of records) {
      const original = known.get(offset);
      if (original?.key !== key || original.value !== value)
        throw new Error(
          `the log has ${key}=${value} at ${offset}, and not ${original?.key}=${original?.value}`,
        );
    }
    const [expected, latest] = [latestOf(this.all, this.startOffset), latestOf(records, this.startOffset)];
    for (const [key, entry] of expected) {
      const found = latest.get(key);
      if (found?.offset === entry.offset) continue;
      if (found !== undefined)
        throw new Error(`key ${key} went back from ${entry.offset} to ${found.offset} (${found.value})`);
      if (entry.value !== undefined) throw new Error(`the latest value of ${key} at ${entry.offset} is lost`);
      const begunMs = this.firstBegun.get(entry.offset) ?? Number.POSITIVE_INFINITY;
      if (this.nowMs < begunMs + DELETE_RETENTION_MS)
        throw new Error(`the tombstone of ${key} at ${entry.offset} went before its time`);
    }
  }

  /** What must hold after a complete cleaning: below its end, only the latest record of each key is left. */
  private verifyClean(cleanedTo: number): void {
    const records = this.records().filter(({ offset }) => offset < cleanedTo);
    const latest = latestOf(
      this.all.filter(({ offset }) => offset < cleanedTo),
      this.startOffset,
    );
    for (const { offset, key, value } of records) {
      if (latest.get(key)!.offset > offset)
        throw new Error(`an old record of ${key} at ${offset} stays below the clean end ${cleanedTo}`);
      const doneMs = this.firstDone.get(offset) ?? Number.POSITIVE_INFINITY;
      if (value === undefined && this.cleaningFromMs >= doneMs + DELETE_RETENTION_MS)
        throw new Error(`the tombstone of ${key} at ${offset} stays after its time`);
    }
    for (const { offset, value } of records)
      if (value === undefined && !this.firstDone.has(offset)) this.firstDone.set(offset, this.cleaningFromMs);
  }
}

function entryOf(text: string): Entry {
  const colon = text.indexOf(':');
  const [key, value] = text.slice(colon + 1).split('=');
  return { offset: Number(text.slice(0, colon)), key: key!, value };
}

function latestOf(entries: readonly Entry[], startOffset: number): ReadonlyMap<string, Entry> {
  return new Map(entries.filter(({ offset }) => offset >= startOffset).map((entry) => [entry.key, entry]));
}

/** A disk with the files that a crash left. */
function copyOf(left: MemoryDisk): NamesDisk {
  const disk = new NamesDisk();
  disk.makeDirectory(DIRECTORY);
  for (const name of left.list(DIRECTORY)) {
    const file = disk.open(`${DIRECTORY}/${name}`);
    file.write(0, [left.readFile(`${DIRECTORY}/${name}`)!]);
    file.syncNow();
    file.close();
  }
  disk.syncDirectory(DIRECTORY);
  return disk;
}
