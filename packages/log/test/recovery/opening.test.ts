/**
 * Goal: an opening over several turns gives the log that an opening in one turn gives, whatever jobs do.
 * Method: one log on a memory disk, with jobs and turns that the test runs by hand.
 */
import { ManualJobs, MemoryDisk, MemoryLogger } from '@millrace/base/testing';
import { compressionCodecs } from '@millrace/protocol/io';
import { expect, test } from 'vitest';
import type { OpenLogOptions } from '../../src/index.ts';
import { PartitionLog } from '../../src/index.ts';
import { type Opened, Opening } from '../../src/recovery/opening.ts';
import {
  append,
  config,
  DIRECTORY,
  hex,
  NOW,
  openLog,
  readAll,
  sequenced,
  TOPIC_ID,
} from '../support/logs.ts';

const CONFIG = { segmentBytes: 500, indexIntervalBytes: 150 };

/** A disk with the log of a process that was killed. */
function killed(): MemoryDisk {
  const disk = new MemoryDisk();
  const log = openLog({ disk, config: CONFIG, topicId: TOPIC_ID });
  for (let i = 0; i < 12; i++) append(log, sequenced(1, i, 1, { valueBytes: 50 }), Math.floor(i / 5));
  return disk;
}

/** The same disk, but the last batch of the first segment is damaged. */
function damaged(): MemoryDisk {
  const disk = killed();
  const path = `${DIRECTORY}/00000000000000000000.log`;
  const bytes = disk.readFile(path)!.slice();
  bytes[bytes.length - 1]! ^= 1;
  disk.writeFileAtomic(path, bytes);
  return disk;
}

class Trial {
  readonly jobs = new ManualJobs();
  readonly budget: { work: number };
  readonly turns: (() => void)[] = [];
  readonly logger = new MemoryLogger();
  opened: Opened<PartitionLog> | undefined;
  readonly opening: Opening<PartitionLog>;

  constructor(disk: MemoryDisk, { work, ...o }: { work: number } & Partial<OpenLogOptions>) {
    this.budget = { work };
    const { jobs, budget, turns, logger } = this;
    const steps = PartitionLog.openInSteps({
      disk,
      directory: DIRECTORY,
      config: config(CONFIG),
      nowWallMs: NOW,
      cleanShutdown: false,
      codecs: compressionCodecs,
      logger,
      ...o,
    });
    const later = (callback: () => void) => void turns.push(callback);
    this.opening = new Opening(steps, { jobs, budget, later }, (opened) => {
      expect(this.opened).toBeUndefined();
      this.opened = opened;
    });
    this.opening.start();
  }

  /** Runs the turns and the jobs until nothing waits. Returns how often something waited. */
  finish(runJob: () => void = () => this.jobs.finishOne()): number {
    let waits = 0;
    for (; this.turns.length + this.jobs.waiting.length > 0; waits++)
      if (this.turns.length > 0) this.turns.shift()!();
      else runJob();
    return waits;
  }

  get log(): PartitionLog {
    if (this.opened?.ok !== true) throw new Error('the log is not open');
    return this.opened.value;
  }
}

const content = (log: PartitionLog) => [log.endOffset, log.epochs.entries, hex(readAll(log)), log.sizeBytes];

test('a log opens in one turn if the turn has work left for it', () => {
  const { log, jobs } = new Trial(killed(), { work: 1_000_000 });
  expect(jobs.waiting).toHaveLength(0);
  expect(log.endOffset).toBe(12);
});

test('jobs check the checksums when the turn has no work left', () => {
  const trial = new Trial(killed(), { work: 0 });
  expect(trial.opened).toBeUndefined();
  expect(trial.jobs.waiting.map(({ name }) => name)).toEqual(['check-batches']);
  expect(trial.finish()).toBeGreaterThan(2);
  expect(content(trial.log)).toEqual(content(openLog({ disk: killed(), config: CONFIG })));
});

test('the event loop checks the bytes of a job whose worker died', () => {
  const trial = new Trial(killed(), { work: 0 });
  trial.finish(() => trial.jobs.failOne('the worker died'));
  expect(trial.log.endOffset).toBe(12);
});

test('the event loop checks the bytes in a later turn if no job can start', () => {
  const { endOffset } = openLog({ disk: damaged(), config: CONFIG });
  for (const answer of ['refused', 'died', 'finished'] as const) {
    const trial = new Trial(damaged(), { work: 0 });
    if (answer === 'refused') {
      trial.jobs.isFull = true;
      trial.jobs.failOne('the worker died');
    }
    trial.finish(() => (answer === 'died' ? trial.jobs.failOne('died') : trial.jobs.finishOne()));
    // Every way of checking finds the damage, and cuts the log there.
    expect(trial.log.wasCut).toBe(true);
    expect(trial.log.endOffset).toBe(endOffset);
  }
});

test('a cancelled opening does nothing more, and the log can be opened again', () => {
  const disk = killed();
  for (let steps = 0; steps < 3; steps++) {
    const trial = new Trial(disk, { work: 0 });
    for (let step = 0; step < steps && trial.jobs.waiting.length > 0; step++) trial.jobs.finishOne();
    trial.opening.cancel();
    expect(trial.jobs.waiting).toHaveLength(0);
    trial.finish();
    expect(trial.opened).toBeUndefined();
  }
  expect(openLog({ disk, config: CONFIG }).endOffset).toBe(12);
});

test('a kill during a rebuild leaves no partial index', () => {
  const disk = killed();
  const index = `${DIRECTORY}/00000000000000000000.timeindex`;
  const expected = disk.readFile(index);
  disk.remove(index);
  // The process dies at the first job: the rebuild of the first segment has begun.
  const trial = new Trial(disk, { work: 0, recoveryPoint: 12 });
  expect(trial.jobs.waiting).toHaveLength(1);
  expect(disk.exists(index)).toBe(false);
  openLog({ disk, config: CONFIG, recoveryPoint: 12 });
  expect(disk.readFile(index)).toEqual(expected);
});

test('an opening that fails says why', () => {
  const disk = killed();
  const other = `${TOPIC_ID.slice(0, -1)}Q` as typeof TOPIC_ID;
  const { opened } = new Trial(disk, { work: 1_000_000, topicId: other });
  expect(opened).toMatchObject({ ok: false, error: { name: 'LogOpenError', found: TOPIC_ID } });
});
