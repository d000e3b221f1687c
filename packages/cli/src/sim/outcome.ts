/** The outcome of one seed that a worker process ran. */
import type { RunSummary } from '@millrace/sim';

export interface Outcome {
  readonly seed: number;
  /** Undefined when there is a crash. */
  readonly summary?: RunSummary;
  /**
   * Why there is no summary: the simulator itself failed, the worker process ended, or it did not answer in
   * time.
   */
  readonly crash?: string;
}

export function runsOf(outcome: Outcome): 'passed' | 'violated' | 'crashed' {
  return outcome.summary?.verdict ?? 'crashed';
}
