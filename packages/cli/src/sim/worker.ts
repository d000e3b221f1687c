/**
 * A worker process of `millrace sim --seeds`: runs the seeds that its parent sends, one at a time, until the
 * parent disconnects.
 */

import { planOf, summaryOf } from '@millrace/sim';
import { simulateGuarded } from '@millrace/sim/io';
import type { Outcome } from './outcome.ts';

export interface WorkerTask {
  readonly seed: number;
}

export function serveSeeds(): Promise<void> {
  // A Ctrl-C at the terminal also sends SIGINT to this process. It ignores the signal, because the parent
  // handles it.
  process.on('SIGINT', () => {});
  process.on('message', ({ seed }: WorkerTask) => process.send?.(outcomeOf(seed)));
  return new Promise((resolve) => process.once('disconnect', resolve));
}

function outcomeOf(seed: number): Outcome {
  try {
    return { seed, summary: summaryOf(simulateGuarded(planOf(seed))) };
  } catch (error) {
    return { seed, crash: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}
