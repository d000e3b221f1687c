/** A planted bug, and the failures that identify it. The code of this file uses no files and no processes. */
import type { LinePatch } from '@millrace/base/testing';

export interface PlantedBug extends LinePatch {
  /** The bug, in words. */
  readonly sentence: string;
  /** The checkers that identify the bug. Earlier failures of other checkers do not count. */
  readonly expectedCheckers: readonly string[];
  /** A part of the checker's sentence, for checkers that find more than one thing. */
  readonly expectedSentence?: string;
  /** The name of a plan in packages/sim/test/scenarios/plans. The plan runs instead of the seeds. */
  readonly plan?: string;
}

export interface Finding {
  readonly seed: number;
  readonly checker: string;
  readonly sentence: string;
  /** The line of the story at which the violation began, if the story marks one. */
  readonly origin?: string;
}

export function isExpected(bug: PlantedBug, { checker, sentence }: Finding): boolean {
  return bug.expectedCheckers.includes(checker) && sentence.includes(bug.expectedSentence ?? '');
}
