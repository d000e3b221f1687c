/** A planted bug, and the replacement of its one line. Pure: knows nothing of files or processes. */

export interface PlantedBug {
  /** Kebab-case, unique. */
  readonly name: string;
  /** The bug, in words. */
  readonly sentence: string;
  /** The one file of the product's code, from the root of the repository. */
  readonly file: string;
  /** A whole line of the file, without its indentation. The file must contain the line exactly once. */
  readonly find: string;
  /** The line that replaces it. */
  readonly replace: string;
  /** The checkers that identify the bug. Earlier failures of other checkers do not count. */
  readonly expectedCheckers: readonly string[];
  /** A part of the checker's sentence, for checkers that find more than one thing. */
  readonly expectedSentence?: string;
  /** The name of a plan in packages/sim/test/scenarios/plans. The plan runs instead of the seeds. */
  readonly plan?: string;
}

/**
 * Returns the source with the bug. Throws an error with the bug's name if the line does not occur exactly
 * once, or if `find` or `replace` is not a whole line without indentation.
 */
export function plant(bug: PlantedBug, source: string): string {
  const { name, file, find, replace } = bug;
  for (const line of [find, replace])
    if (line.includes('\n') || line !== line.trim())
      throw new Error(`planted bug ${name}: a whole line without indentation is found and replaced`);
  const lines = source.split('\n');
  const places = lines.flatMap((line, index) => (line.trim() === find ? [index] : []));
  if (places.length !== 1)
    throw new Error(`planted bug ${name}: ${file} has the line '${find}' ${places.length} times, not once`);
  const index = places[0]!;
  lines[index] = lines[index]!.replace(find, () => replace);
  return lines.join('\n');
}

export interface Finding {
  readonly seed: number;
  readonly checker: string;
  readonly sentence: string;
  /** The line of the story where the violated fact arose, if the story marks one. */
  readonly origin?: string;
}

export function isExpected(bug: PlantedBug, { checker, sentence }: Finding): boolean {
  return bug.expectedCheckers.includes(checker) && sentence.includes(bug.expectedSentence ?? '');
}
