/**
 * The operations of one run. Each one has a number of its own, from which it draws everything. So an
 * operation does the same when others are left out, and a failing plan can be made shorter.
 */
import { Prng } from '@millrace/base';

/** The operations, with their weights. */
const WEIGHTS = {
  append: 24,
  replicate: 5,
  resend: 1,
  epoch: 2,
  flush: 5,
  flushLater: 3,
  settle: 3,
  writeBack: 2,
  commit: 5,
  tick: 3,
  time: 3,
  truncate: 4,
  truncateCommitted: 1,
  startAt: 1,
  deleteRecords: 2,
  retain: 3,
  clean: 6,
  look: 3,
  settings: 2,
  crash: 3,
  crashLater: 3,
  stop: 2,
  recreate: 1,
  fill: 1,
  failSync: 1,
} as const;

/** In the seeds of `openFilesMaxOf`, also these. */
const FEW_FILES_WEIGHTS = { limitDescriptors: 2, failWriteBack: 3, settle: 3, failSync: 1 } as const;

export type Kind = keyof typeof WEIGHTS | keyof typeof FEW_FILES_WEIGHTS;

export interface Operation {
  readonly kind: Kind;
  readonly dice: number;
}

const OPERATIONS_MAX = 60;
/** Without these a run finds nothing. */
const ALWAYS: ReadonlySet<string> = new Set<Kind>(['append', 'crash']);
/** In a third of the runs: what compaction needs. */
const COMPACTION = {
  append: 30,
  commit: 12,
  time: 8,
  clean: 16,
  tick: 2,
  crash: 3,
  truncate: 2,
  deleteRecords: 2,
};

/** True if the log of this seed is compacted most of the time. */
export function isCompactionSeed(seed: number): boolean {
  return seed % 3 === 0;
}

/**
 * The number of segment and index files that the log of this seed may keep open. In two of five seeds a few.
 * Undefined: as many as usual.
 */
export function openFilesMaxOf(seed: number): number | undefined {
  const random = new Prng(seed).fork('open files');
  return [1, 2].includes(seed % 5) ? 1 + random.below(4) : undefined;
}

/** The factors of the weights: in each run, some operations are frequent, and some do not occur. */
const FACTORS = [0, 0, 1, 1, 4];

export function planOf(seed: number): Operation[] {
  const random = new Prng(seed);
  const isCompaction = isCompactionSeed(seed) && random.below(4) > 0;
  const kinds = Object.entries(isCompaction ? COMPACTION : WEIGHTS).flatMap(([kind, weight]) => {
    const factor = isCompaction || ALWAYS.has(kind) ? 1 : FACTORS[random.below(FACTORS.length)]!;
    return Array<Kind>(weight * factor).fill(kind as Kind);
  });
  if (openFilesMaxOf(seed) !== undefined)
    for (const [kind, weight] of Object.entries(FEW_FILES_WEIGHTS))
      kinds.push(...Array<Kind>(weight).fill(kind as Kind));
  const count = 4 + random.below(isCompaction ? 2 * OPERATIONS_MAX : OPERATIONS_MAX);
  return Array.from({ length: count }, () => ({
    kind: kinds[random.below(kinds.length)]!,
    dice: random.below(1_000_000),
  }));
}

/** For example `append:17 crash:4711`. */
export function textOf(plan: readonly Operation[]): string {
  return plan.map(({ kind, dice }) => `${kind}:${dice}`).join(' ');
}

/** Reads what `textOf` wrote. Throws an error if the text is not a plan. */
export function planFrom(text: string): Operation[] {
  return text.split(/[\s,]+/).map((word) => {
    const [kind = '', dice = ''] = word.split(':');
    if (!(Object.hasOwn(WEIGHTS, kind) || Object.hasOwn(FEW_FILES_WEIGHTS, kind)) || !/^\d+$/.test(dice))
      throw new Error(`'${word}' is no operation: write for example append:17`);
    return { kind: kind as Kind, dice: Number(dice) };
  });
}

/** Leaves out operations as long as the rest still fails. */
export function shrink(
  plan: readonly Operation[],
  fails: (plan: readonly Operation[]) => boolean,
): Operation[] {
  let left = [...plan];
  for (let size = Math.ceil(left.length / 2); size >= 1; size = size > 1 ? Math.ceil(size / 2) : 0)
    for (let from = 0; from < left.length; ) {
      const without = [...left.slice(0, from), ...left.slice(from + size)];
      if (without.length > 0 && fails(without)) left = without;
      else from += size;
    }
  return left;
}
