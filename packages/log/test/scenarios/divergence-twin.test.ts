/**
 * Goal: a log never joins records of two leaders' histories, whatever a power loss undoes. Method: random
 * runs of a follower whose leaders disagree.
 */
import { expect, test } from 'vitest';
import { playDivergence } from '../support/divergence-twin.ts';

/** FUZZ_RUNS=20000 for a long hunt. */
const SEEDS = Number(process.env['FUZZ_RUNS'] ?? 400);

test('a power loss never mixes records from before and after a truncation', { timeout: 600_000 }, () => {
  const failed: string[] = [];
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      playDivergence(seed);
    } catch (error) {
      failed.push(`seed ${seed}: ${(error as Error).message}`);
    }
  }
  expect(failed).toEqual([]);
});
