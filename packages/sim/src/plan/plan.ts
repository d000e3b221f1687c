/**
 * The plan of a run: everything that is decided before the run starts. A plan is plain JSON, so people and
 * programs can print it, keep it in a file, change it and make it smaller. All runs of a plan are the same.
 */
import type { Millis } from '@millrace/base';
import { type FaultKind, faultKinds, type Json, type Values } from '../faults/index.ts';

export const PLAN_FORMAT = 1;

export interface Plan {
  readonly format: typeof PLAN_FORMAT;
  /**
   * From 0 to 2^32-1. From the seed the simulator draws the scenario, to which it then applies the overrides.
   * It also draws from the seed every detail that the plan does not name.
   */
  readonly seed: number;
  /** Values of the scenario that replace the values drawn from the seed (overrides.ts). */
  readonly overrides: Overrides;
  /** A peace follows each incident. */
  readonly incidents: readonly Incident[];
}

export type Overrides = Readonly<Record<string, Json>>;

export interface Incident {
  /** Quiet time before the incident begins. */
  readonly quietMs: Millis;
  readonly lastsMs: Millis;
  readonly faults: readonly PlannedFault[];
}

export interface PlannedFault {
  /** Unique in the plan. */
  readonly id: number;
  readonly kind: string;
  /** Time from the beginning of its incident; less than `lastsMs`. */
  readonly atMs: Millis;
  readonly parameters: Values;
}

const kinds = new Map<string, FaultKind>(faultKinds.map((kind) => [kind.name, kind]));

export function kindNamed(name: string): FaultKind | undefined {
  return kinds.get(name);
}

export function faultsOf({ incidents }: Plan): PlannedFault[] {
  return incidents.flatMap(({ faults }) => faults);
}
