/** Parses the seeds of the command line. */

/** The largest seed. */
export const SEED_MAX = 0xffff_ffff;

export interface SeedRange {
  readonly from: number;
  /** The last seed; undefined: only the time limit ends the runs. */
  readonly to: number | undefined;
}

/** One seed; undefined when the text is not a seed. */
export function parseSeed(text: string): number | undefined {
  const seed = Number(text);
  return /^\d{1,10}$/.test(text) && seed <= SEED_MAX ? seed : undefined;
}

/** `A..B`, both included, or `A..`; undefined when the text is neither. */
export function parseSeeds(text: string): SeedRange | undefined {
  const [first, last] = /^(\d+)\.\.(\d*)$/.exec(text)?.slice(1) ?? [];
  const from = parseSeed(first ?? '');
  const to = last === '' ? undefined : parseSeed(last ?? '');
  if (from === undefined || (to === undefined && last !== '') || (to !== undefined && to < from))
    return undefined;
  return { from, to };
}

export function* seedsOf({ from, to }: SeedRange): Generator<number, void> {
  for (let seed = from; seed <= (to ?? SEED_MAX); seed++) yield seed;
}
