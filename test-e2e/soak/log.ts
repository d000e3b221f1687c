/**
 * `npm run soak:log`: kills one node (broker and controller) with kill -9 at random moments, while three
 * idempotent writers write, the cleaner compacts and retention removes segments. After each restart, every
 * acknowledged record must be read back, except those that compaction and retention may have removed.
 *
 *   KILLS=200     the number of kills
 *
 * Prints a line for each kill, and a summary. Exits with code 1 in these cases:
 *
 * - A record is lost, altered, duplicate or out of order, or a removed record is back.
 * - An error reaches a writer.
 * - The node reports damage or ends by itself.
 * - There were 50 kills or more, and none interrupted a cleaning.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../lib/paths.ts';
import { median } from '../lib/table.ts';
import { type KillResult, runTrial, type TrialResult } from './log/trial.ts';

/** With this many kills, at least one must interrupt a cleaning. */
const ENOUGH_KILLS = 50;

const kills = Number(process.env['KILLS'] ?? 200);
if (!Number.isInteger(kills) || kills < 1) {
  process.stderr.write(`soak:log: KILLS takes a whole number from 1 on, not '${process.env['KILLS']}'\n`);
  process.exit(1);
}
const folder = mkdtempSync(join(cacheFolder('clusters'), 'soak-log-'));
const problems: string[] = [];
try {
  const result = await runTrial({
    folder,
    kills,
    killed: (kill) => process.stdout.write(`${describe(kill)}\n`),
  });
  process.stdout.write(`\n${summary(result)}\n`);
  problems.push(...result.violations);
  if (kills >= ENOUGH_KILLS && interrupted(result).length === 0)
    problems.push('no kill interrupted a cleaning');
} catch (error) {
  problems.push((error as Error).message);
}
for (const problem of problems) process.stdout.write(`VIOLATED: ${problem}\n`);
if (problems.length === 0) rmSync(folder, { recursive: true, force: true });
else process.stdout.write(`kept: ${folder}\n`);
process.exit(problems.length === 0 ? 0 : 1);

function interrupted({ kills }: TrialResult): KillResult[] {
  return kills.filter(({ leftovers: { cleaned, swap } }) => cleaned + swap > 0);
}

function describe({ number, leftovers, startMs, acked, violations }: KillResult): string {
  const { cleaned, swap, deleted } = leftovers;
  const left = `left .cleaned ${cleaned}, .swap ${swap}, .deleted ${deleted}`;
  const verdict = violations.length === 0 ? 'ok' : `VIOLATED: ${violations.length}`;
  return `kill ${number}: ${left}; serves after ${startMs} ms; ${acked} acks; ${verdict}`;
}

function summary(result: TrialResult): string {
  const { kills, acked, gone, events } = result;
  const withSwap = kills.filter(({ leftovers }) => leftovers.swap > 0).length;
  const withDeleted = kills.filter(({ leftovers }) => leftovers.deleted > 0).length;
  const starts = kills.map(({ startMs }) => startMs);
  const count = (event: string) => events.get(event) ?? 0;
  return [
    `${kills.length} kills, ${acked} records acknowledged`,
    `${interrupted(result).length} kills interrupted a cleaning, ${withSwap} of them in a swap; ${withDeleted} came before the files of a removed segment were unlinked`,
    `${count('log-swap-completed')} swaps completed by recovery, ${count('log-cut')} torn ends cut, ${count('log-cleaned')} cleanings, ${count('log-segment-removed')} segments removed by retention`,
    `serves after ${median(starts).toFixed(0)} ms (median), ${Math.max(...starts)} ms at most`,
    `acknowledged and gone: ${Object.entries(gone)
      .map(([partition, records]) => `${partition} ${records}`)
      .join(', ')}`,
  ].join('\n');
}
