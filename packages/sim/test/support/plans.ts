/** Plans for tests. */
import { PLAN_FORMAT, type Plan, type PlannedFault } from '../../src/plan/index.ts';

/** One incident with these faults; without faults only its peace comes. */
export function planWith(seed: number, faults: readonly PlannedFault[] = []): Plan {
  const incidents = [{ quietMs: 500, lastsMs: 1_000, faults }];
  return { format: PLAN_FORMAT, seed, overrides: {}, incidents };
}
