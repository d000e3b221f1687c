/** Plays a plan. Throws an error that says what is wrong. */
import { DiskError, Prng } from '@millrace/base';
import { Crash } from './device.ts';
import { operations } from './operations.ts';
import { isCompactionSeed, type Kind, type Operation, openFilesMaxOf, planOf } from './plan.ts';
import { LogTwin } from './twin.ts';

/** These operations end syncs that earlier ones began, and do not change the log otherwise. */
const ENDS_SYNCS: ReadonlySet<Kind> = new Set<Kind>(['settle', 'flush', 'commit']);

export function play(seed: number, plan: readonly Operation[] = planOf(seed)): void {
  const twin = new LogTwin(new Prng(seed).fork('log'), isCompactionSeed(seed), openFilesMaxOf(seed));
  for (const { kind, dice } of plan) {
    const random = new Prng(dice);
    twin.device.draws(random.fork('device'));
    try {
      operations[kind](twin, random);
      // An offline log works again when the process has started again.
      if (twin.log.offline !== undefined) {
        if (!twin.isDiskFaulty) throw new Error(`the log is offline: ${twin.log.offline}`);
        // Nobody else tells the replica, because the call that began the sync has returned.
        if (ENDS_SYNCS.has(kind) && !twin.isTold)
          throw new Error(`the replica does not know that the log is offline: ${twin.log.offline}`);
        twin.crash(random.below(2) === 0);
      }
      twin.checkEnds();
      if (random.below(4) === 0) twin.checkContent();
    } catch (error) {
      if (!isExpected(twin, error)) throw error;
      twin.crash(random.below(3) > 0);
      twin.checkEnds();
    }
  }
  twin.device.crashWithin(undefined);
  try {
    twin.checkContent();
  } catch (error) {
    if (!isExpected(twin, error)) throw error;
    twin.crash(false);
    twin.checkContent();
  }
}

/** After a disk error outside of a log, the broker opens the log again when it has started again. */
function isExpected(twin: LogTwin, error: unknown): boolean {
  return error instanceof Crash || (error instanceof DiskError && twin.isDiskFaulty);
}

/** The message of the error with which a plan fails; undefined: it does not fail. */
export function failureOf(seed: number, plan?: readonly Operation[]): string | undefined {
  try {
    play(seed, plan);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
