/** Runs a seed with the real codecs and the guard on. Commands and tests run every seed through it. */
import { compressionCodecs } from '@millrace/protocol/io';
import { type RunOptions, type RunReport, simulate } from '../run/index.ts';
import { guarded } from './outside.ts';

export type GuardedOptions = Omit<RunOptions, 'codecs'> & Partial<Pick<RunOptions, 'codecs'>>;

/** Code that reaches for the outside gets an error, and the run fails even if the code swallows it. */
export function simulateGuarded(options: GuardedOptions): RunReport {
  const { result, reached } = guarded(() => simulate({ codecs: compressionCodecs, ...options }));
  if (reached === undefined) return result;
  return { ...result, verdict: 'violated', checker: 'stays-inside', sentence: reached };
}
