/**
 * An item of coverage: an event that must happen in a set of seeds, and the counts of a run that prove it.
 */

export interface CoverageItem {
  readonly name: string;
  readonly sentence: string;
  /** Names in `world.counts`; each proves the event by itself. */
  readonly keys: readonly string[];
}

/** An error code, or another event, that the seeds need not reach. */
export interface Exemption {
  readonly name: string;
  /** Why the seeds need not reach it. */
  readonly reason: string;
}
