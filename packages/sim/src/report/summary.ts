/** A run as one plain object: what `--json` prints and what a worker process hands back. */
import type { RunReport } from '../run/index.ts';

export interface FaultSummary {
  readonly index: number;
  readonly atSeconds: number;
  readonly name: string;
  /** To whom, and how long. */
  readonly what: string;
}

export interface RunSummary {
  readonly seed: number;
  readonly hash: string;
  readonly verdict: 'passed' | 'violated';
  /** Who found the violation, and what it says; null when the run passed. */
  readonly checker: string | null;
  readonly sentence: string | null;
  readonly virtualSeconds: number;
  readonly events: number;
  /** The faults that struck. Planned ones that found nobody to strike are not among them. */
  readonly faults: readonly FaultSummary[];
  readonly counts: Readonly<Record<string, number>>;
}

export function summaryOf(report: RunReport): RunSummary {
  const { seed, hash, verdict, checker, sentence, virtualUs, events, plan, counts } = report;
  const faults = plan.flatMap(({ index, atUs, name, text }) =>
    text === undefined ? [] : [{ index, atSeconds: atUs / 1e6, name, what: text }],
  );
  return {
    seed,
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
