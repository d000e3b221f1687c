/**
 * The one way in which commands and tests run a seed: with the real codecs, and with the outside out of
 * reach.
 */
import { compressionCodecs } from '@millrace/protocol/io';
import { type RunOptions, type RunReport, simulate } from '../run/index.ts';
import { guarded } from './outside.ts';

export type GuardedOptions = Omit<RunOptions, 'codecs'> & Partial<Pick<RunOptions, 'codecs'>>;

/** What reaches for the outside gets an error, and its run is violated even where that is swallowed. */
export function simulateGuarded(options: GuardedOptions): RunReport {
  const { result, reached } = guarded(() => simulate({ codecs: compressionCodecs, ...options }));
  if (reached === undefined) return result;
  return { ...result, verdict: 'violated', checker: 'stays-inside', sentence: reached };
}
