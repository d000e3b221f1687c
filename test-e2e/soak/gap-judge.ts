/**
 * Decides whether hostile clients stall other clients. Windows with hostile clients alternate with quiet
 * windows of the same length. The judge compares the longest gaps in the two kinds of windows. A busy machine
 * can cause a long gap in either kind of window. So if a comparison fails, the judge repeats it with more
 * windows of both kinds, up to a limit. If hostile clients stall the broker, each hostile window has a long
 * gap, and more quiet windows do not hide this.
 */

/** By writer: the longest gap between acks in milliseconds, in two windows of the same length. */
export interface WindowPair {
  readonly quiet: readonly number[];
  readonly hostile: readonly number[];
}

export interface GapJudgement {
  /** By writer: the longest gap over all windows of the kind. */
  readonly quiet: readonly number[];
  readonly hostile: readonly number[];
  readonly isHeldUp: boolean;
}

const FACTOR = 2;

export function judgeGaps(pairs: readonly WindowPair[]): GapJudgement {
  const quiet = longest(pairs.map((pair) => pair.quiet));
  const hostile = longest(pairs.map((pair) => pair.hostile));
  return { quiet, hostile, isHeldUp: hostile.some((gapMs, writer) => gapMs > FACTOR * (quiet[writer] ?? 0)) };
}

/**
 * Measures pairs of windows until there are at least `atLeast` pairs and no writer is stalled, or until there
 * are `atMost` pairs.
 */
export async function measurePairs(
  measure: () => Promise<WindowPair>,
  { atLeast, atMost }: { atLeast: number; atMost: number },
): Promise<GapJudgement & { readonly pairs: number }> {
  const pairs: WindowPair[] = [];
  while (pairs.length < atLeast || (judgeGaps(pairs).isHeldUp && pairs.length < atMost)) {
    pairs.push(await measure());
  }
  return { ...judgeGaps(pairs), pairs: pairs.length };
}

function longest(windows: readonly (readonly number[])[]): number[] {
  const writers = Math.max(0, ...windows.map((window) => window.length));
  return Array.from({ length: writers }, (_, writer) =>
    Math.max(...windows.map((window) => window[writer] ?? 0)),
  );
}
