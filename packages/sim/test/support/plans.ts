/** Plans for tests. */
import { PLAN_FORMAT, type Plan, type PlannedFault } from '../../src/plan/index.ts';

/** A plan of one incident with these faults, or with none, and the peace after it. */
export function planWith(seed: number, faults: readonly PlannedFault[] = []): Plan {
  const incidents = [{ quietMs: 500, lastsMs: 1_000, faults }];
  return { format: PLAN_FORMAT, seed, overrides: {}, incidents };
}
