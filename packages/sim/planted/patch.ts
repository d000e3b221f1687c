/** What a planted bug is, and how its one line is replaced. Pure: knows nothing of files or processes. */

export interface PlantedBug {
  /** Kebab-case, unique. */
  readonly name: string;
  /** What is broken, in words. */
  readonly sentence: string;
  /** The one file of production code, from the root of the repository. */
  readonly file: string;
  /** A whole line of it without its indentation, which occurs once. */
  readonly find: string;
  /** The line that takes its place. */
  readonly replace: string;
  /** The checkers that name what is wrong. Whatever others find first does not count. */
  readonly expectedCheckers: readonly string[];
  /** What the checker must say; for those that find more than one thing. */
  readonly expectedSentence?: string;
}

/** The source with the bug in it. Throws, naming the bug, when the line is not there exactly once. */
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
}

export function isExpected(bug: PlantedBug, { checker, sentence }: Finding): boolean {
  return bug.expectedCheckers.includes(checker) && sentence.includes(bug.expectedSentence ?? '');
}
