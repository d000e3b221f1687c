/**
 * Goal: after power losses and failed syncs, a log has what it flushed, and each batch still follows the
 * batch after which the log appended it. This also holds if an index names batches that the log has lost.
 * Method: random operations on one log on the simulator's disk, compared with a model.
 */
import { test } from 'vitest';
import type { Fate, PowerLoss } from '../../src/disk/index.ts';
import { LossyLog } from '../support/lossy-log.ts';

const STEPS = 30;

interface Dangers {
  readonly failedSyncs: boolean;
}

function run(seed: number, { failedSyncs }: Dangers): LossyLog {
  const one = new LossyLog(seed);
  const { random } = one;
  for (let step = 0; step < STEPS; step++) {
    const draw = random.below(17);
    if (one.isOffline) restart(one);
    else if (draw < 7) one.append();
    else if (draw < 8) one.newEpoch();
    else if (draw < 10) one.flush();
    else if (draw < 11) one.checkpoint();
    else if (draw < 12) one.truncate();
    else if (draw < 13 && failedSyncs) one.failSync();
    else if (draw < 14) one.wait();
    else restart(one);
  }
  one.restart('kill');
  return one;
}

function restart(one: LossyLog): void {
  const { random } = one;
  if (random.below(3) === 0) one.stop();
  if (random.below(3) === 0) one.restart('kill');
  else one.restart('power', powerLoss(random));
}

/**
 * Draws what a power loss leaves: anything, indexes and snapshots above a torn or lost log, names without
 * contents, or contents without names.
 */
function powerLoss(random: LossyLog['random']): PowerLoss {
  const logs: Fate = random.below(2) === 0 ? 'torn' : 'lost';
  return [
    {},
    {},
    { names: 'kept', logs, otherFiles: 'kept' },
    { names: 'kept', logs: 'lost', otherFiles: 'lost' },
    { names: 'undone', logs: 'kept', otherFiles: 'kept' },
  ][random.below(5)] as PowerLoss;
}

const SEEDS = 200;

test.each([
  ['power losses', { failedSyncs: false }],
  ['power losses and failed syncs', { failedSyncs: true }],
])(
  'a log through %s',
  (_name, dangers) => {
    for (let seed = 1; seed <= SEEDS; seed++) run(seed, dangers);
  },
  120_000,
);
