/**
 * Plays seeds of the bug's twin in a process with the planted bug that PLANTED_BUG names. Prints the first
 * error. Arguments: the number of seeds.
 */
import { join } from 'node:path';
import { plantOnLoad } from '@millrace/base/testing';
import { compactionBugs, divergenceBugs } from './planted-bugs.ts';

const bug = [...compactionBugs, ...divergenceBugs].find(({ name }) => name === process.env['PLANTED_BUG'])!;
const planted = plantOnLoad(bug, join(import.meta.dirname, '..', '..', '..', '..'));
// Imported only now, so that the bug is in place.
const play = compactionBugs.includes(bug)
  ? (await import('./compaction-twin.ts')).playCompaction
  : (await import('./divergence-twin.ts')).playDivergence;
if (planted.modules !== 1) throw new Error(`planted bug ${bug.name}: ${bug.file} is not loaded`);
for (let seed = 1; seed <= Number(process.argv[2]); seed++) {
  try {
    play(seed);
  } catch (error) {
    process.stdout.write(`seed ${seed}: ${(error as Error).message}\n`);
    break;
  }
}
