/**
 * Runs a plan with the real codecs and with the guard (outside.ts) on. Commands and most tests run plans
 * through this function.
 */
import type { CompressionCodecs } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import type { Plan } from '../plan/index.ts';
import { type RunReport, simulate } from '../run/index.ts';
import { guarded } from './outside.ts';

/** Code that reaches for the outside gets an error, and the run fails even if the code swallows it. */
export function simulateGuarded(plan: Plan, codecs: CompressionCodecs = compressionCodecs): RunReport {
  const { result, reached } = guarded(() => simulate({ plan, codecs }));
  if (reached === undefined) return result;
  return { ...result, verdict: 'violated', checker: 'stays-inside', sentence: reached };
}
