/** A run as one plain object, for `--json` and for worker processes. */
import type { RunReport } from '../run/index.ts';

export interface FaultSummary {
  readonly id: number;
  readonly atSeconds: number;
  readonly name: string;
  /** The victim and the duration. */
  readonly what: string;
}

export interface RunSummary {
  readonly seed: number;
  readonly hash: string;
  readonly verdict: 'passed' | 'violated';
  /** The checker of the violation, and its sentence; null when the run passed. */
  readonly checker: string | null;
  readonly sentence: string | null;
  readonly virtualSeconds: number;
  readonly events: number;
  /** The faults that struck. A planned fault that found no victim is not among them. */
  readonly faults: readonly FaultSummary[];
  readonly counts: Readonly<Record<string, number>>;
}

export function summaryOf(report: RunReport): RunSummary {
  const { plan, hash, verdict, checker, sentence, virtualUs, events, struck, counts } = report;
  const faults = struck.map(({ planned, atUs, text }) => {
    return { id: planned.id, atSeconds: atUs / 1e6, name: planned.kind, what: text };
  });
  return {
    seed: plan.seed,
    hash,
    verdict,
    checker: checker ?? null,
    sentence: sentence ?? null,
    virtualSeconds: virtualUs / 1e6,
    events,
    faults,
    counts: Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}
