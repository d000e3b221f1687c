/** What came of a seed that some process was asked to run. */
import type { RunSummary } from '@millrace/sim';

export interface Outcome {
  readonly seed: number;
  /** Undefined when there is a crash. */
  readonly summary?: RunSummary;
  /** The simulator itself failed, or its process ended or never answered: what is known about it. */
  readonly crash?: string;
}

export function runsOf(outcome: Outcome): 'passed' | 'violated' | 'crashed' {
  return outcome.summary?.verdict ?? 'crashed';
}
