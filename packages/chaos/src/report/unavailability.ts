/** How long writers waited in each kind of fault. */
import type { ReportModel } from '../types.ts';
import { quantile } from './model.ts';

export interface Unavailability {
  /** The kind of the fault. */
  readonly kind: string;
  readonly faults: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** One value for each fault and writer. */
  readonly allMs: readonly number[];
}

/** One row for each kind of fault, the worst median first. */
export function unavailabilityOf({ faults, gaps }: ReportModel): Unavailability[] {
  const kindOf = new Map(faults.map(({ id, kind }) => [id, kind]));
  const byKind = Map.groupBy(gaps, ({ faultId }) => kindOf.get(faultId) ?? '');
  const rows = [...byKind].map(([kind, list]): Unavailability => {
    const allMs = list.map(({ gapMs }) => gapMs);
    return {
      kind,
      faults: new Set(list.map(({ faultId }) => faultId)).size,
      medianMs: quantile(allMs, 0.5) ?? 0,
      p99Ms: quantile(allMs, 0.99) ?? 0,
      maxMs: Math.max(...allMs),
      allMs,
    };
  });
  return rows.sort((a, b) => b.medianMs - a.medianMs);
}
