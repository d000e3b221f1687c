/**
 * Looks up random offsets of a large log, and opens the log again after a clean stop. The log has batches of
 * 16 KB, and segments and indexes of the default sizes.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { type Goals, percentileOf } from '../goals.ts';
import type { Sizes } from './options.ts';
import { copiesOf, type OpenedLog, openLogIn } from './scratch.ts';

const BATCH_BYTES = 16_000;
const CLEAN_OPEN_GOAL_MS = 300;
const OPENS = 5;
/** The log gives the event loop a turn after this many bytes, so that its syncs can end. */
const TURN_BYTES = 64 << 20;
/** The size of the log that shows whether the time after a clean stop depends on the size. */
const SMALL_BYTES = 100e6;

export async function lookup(folder: string, { logBytes, lookups }: Sizes, goals: Goals): Promise<void> {
  for (const bytes of new Set([Math.min(SMALL_BYTES, logBytes), logBytes])) {
    const name = `${(bytes / 1e9).toFixed(1)} GB`;
    const path = join(folder, `lookup-${bytes}`);
    const filled = await filledLog(path, bytes);
    if (bytes === logBytes) measureLookups(filled, lookups, name, goals);
    await closeCleanly(filled);
    for (let open = 0; open < OPENS; open++) {
      const start = performance.now();
      const opened = openLogIn(path);
      const title = `open of ${name} after a clean stop`;
      goals.add({ title, unit: 'ms', atMost: CLEAN_OPEN_GOAL_MS }, performance.now() - start);
      await closeCleanly(opened);
    }
    fs.rmSync(path, { recursive: true });
  }
}

async function filledLog(path: string, bytes: number): Promise<OpenedLog> {
  const opened = openLogIn(path);
  const { log } = opened;
  const options = { leaderEpoch: 0, nowWallMs: Date.now() };
  const admitted = copiesOf(BATCH_BYTES).map((copy) => {
    const admission = log.admitWhole(copy, Date.now());
    if (!admission.ok) throw new Error(admission.message);
    return admission;
  });
  let nextTurn = TURN_BYTES;
  for (let index = 0; log.sizeBytes < bytes; index++) {
    const answer = log.append(admitted[index % admitted.length]!, options);
    if (!answer.ok) throw new Error(answer.message);
    if (log.sizeBytes < nextTurn) continue;
    nextTurn += TURN_BYTES;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return opened;
}

/**
 * Each lookup finds the batch of a random offset and reads it. On a busy machine, the system takes the core
 * from this process during some lookups. The goal counts only for the other lookups. A lookup that waits for
 * the device counts.
 */
function measureLookups({ log, directory }: OpenedLog, lookups: number, name: string, goals: Goals): void {
  const all: number[] = [];
  const undisturbed: number[] = [];
  for (let count = 0; count < lookups; count++) {
    const fromOffset = Math.floor(Math.random() * log.endOffset);
    const { involuntaryContextSwitches: before } = process.resourceUsage();
    const start = performance.now();
    const read = log.read({ fromOffset, endOffsetMax: log.endOffset, maxBytes: 1, atLeastOneBatch: true });
    const ms = performance.now() - start;
    all.push(ms);
    if (process.resourceUsage().involuntaryContextSwitches === before) undisturbed.push(ms);
    if (read.chunks.length !== 1) throw new Error(`the log did not find offset ${fromOffset}`);
    directory.spares.give(read.chunks[0]!);
  }
  goals.add({ title: `lookup in ${name}, p50`, unit: 'ms' }, percentileOf(all, 0.5));
  goals.add({ title: `lookup in ${name}, p99`, unit: 'ms' }, percentileOf(all, 0.99));
  const title = `lookup in ${name}, p99 of those that kept the core`;
  goals.add({ title, unit: 'ms', atMost: 1 }, percentileOf(undisturbed, 0.99));
  const disturbed = (1 - undisturbed.length / all.length) * 100;
  goals.add({ title: 'lookups that lost the core', unit: '%' }, disturbed);
}

async function closeCleanly({ directory }: OpenedLog): Promise<void> {
  await new Promise<void>((resolve) => directory.prepareStop(resolve));
  directory.close({ clean: true });
}
