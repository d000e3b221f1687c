/** Which seeds to run, as the command line says it. */

/** The largest seed there is. */
export const SEED_MAX = 0xffff_ffff;

export interface SeedRange {
  readonly from: number;
  /** The last one; undefined: no end but that of the time. */
  readonly to: number | undefined;
}

/** One seed; undefined when the text is none. */
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

/** Indices of faults: `3,7,9`, or nothing at all for none; undefined when the text is no such list. */
export function parseIndices(text: string): number[] | undefined {
  if (text === '' || text === 'none') return [];
  return /^\d{1,6}(,\d{1,6})*$/.test(text) ? text.split(',').map(Number) : undefined;
}

export function* seedsOf({ from, to }: SeedRange): Generator<number, void> {
  for (let seed = from; seed <= (to ?? SEED_MAX); seed++) yield seed;
}
