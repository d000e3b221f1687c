/**
 * An item of coverage: an event that must happen in a set of seeds, and the counts of a run that prove that
 * it happened.
 */

export interface CoverageItem {
  readonly name: string;
  readonly sentence: string;
  /** Names in `world.counts`. A count above 0 of any of them proves the event. */
  readonly keys: readonly string[];
}

/** An error code, or another event, that the seeds need not reach. */
export interface Exemption {
  readonly name: string;
  /** Why the seeds need not reach it. */
  readonly reason: string;
}
