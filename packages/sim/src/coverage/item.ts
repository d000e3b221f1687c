/**
 * What coverage is made of: something that has to happen over a set of seeds, and the counts of a run that
 * prove it.
 */

export interface CoverageItem {
  readonly name: string;
  readonly sentence: string;
  /** Names in `world.counts`: each of them proves it by itself. */
  readonly keys: readonly string[];
}

/** An error code that is in the source, and that no run is asked to bring about. */
export interface Exemption {
  readonly name: string;
  /** Why no simulated cluster can get there. */
  readonly reason: string;
}
