/** Reads the sections and the sizes of a run of `bench:log` from the command line. */
import { parseArgs } from 'node:util';

export const sectionNames = ['append', 'read', 'lookup', 'crash', 'compaction', 'tail'] as const;
export type SectionName = (typeof sectionNames)[number];

export interface Sizes {
  readonly rounds: number;
  /** Bytes that each round appends in batches of one size, and reads again. */
  readonly streamBytes: number;
  /** The size of the log for lookups and for the start after a clean stop. */
  readonly logBytes: number;
  readonly lookups: number;
  /** The size of a segment of the log that a kill interrupts. */
  readonly crashSegmentBytes: number;
  /** Bytes of the log to compact. Also of each log that is compacted while a client produces. */
  readonly dirtyBytes: number;
  readonly compactionRounds: number;
  readonly tailRounds: number;
}

export interface Options {
  readonly sizes: Sizes;
  readonly sections: ReadonlySet<SectionName>;
}

const MB = 1_000_000;

const full: Sizes = {
  rounds: 7,
  streamBytes: 256 * MB,
  logBytes: 10_000 * MB,
  lookups: 50_000,
  crashSegmentBytes: 256 * MB,
  dirtyBytes: 512 * MB,
  compactionRounds: 3,
  tailRounds: 5,
};

const quick: Sizes = {
  ...full,
  rounds: 5,
  streamBytes: 64 * MB,
  logBytes: 1000 * MB,
  lookups: 20_000,
  crashSegmentBytes: 64 * MB,
  dirtyBytes: 128 * MB,
  compactionRounds: 1,
  tailRounds: 3,
};

/** Throws if an option is invalid. */
export function optionsFrom(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
      gigabytes: { type: 'string' },
    },
  });
  const base = values.quick ? quick : full;
  const gigabytes = values.gigabytes === undefined ? base.logBytes / 1e9 : Number(values.gigabytes);
  if (!(gigabytes >= 0.1 && gigabytes <= 1000))
    throw new Error('--gigabytes takes a number from 0.1 to 1000');
  return { sizes: { ...base, logBytes: gigabytes * 1e9 }, sections: new Set(sectionsOf(values.only)) };
}

function sectionsOf(only: string | undefined): readonly SectionName[] {
  if (only === undefined) return sectionNames;
  return only.split(',').map((name) => {
    const found = sectionNames.find((one) => one === name);
    if (found === undefined) throw new Error(`--only takes ${sectionNames.join(', ')}`);
    return found;
  });
}
