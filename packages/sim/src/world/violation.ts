/** The error of a checker: the broken promise in one sentence, and the checker's name. Ends the run. */
export class Violation extends Error {
  override readonly name = 'Violation';
  /** The checker's name, kebab-case: `lost-write`, `high-watermark-fell`, … */
  readonly checker: string;
  readonly sentence: string;

  constructor(checker: string, sentence: string, options?: ErrorOptions) {
    super(`${checker}: ${sentence}`, options);
    this.checker = checker;
    this.sentence = sentence;
  }
}

/**
 * Thrown through production code to end its process in the middle of a turn, like kill -9. Never reaches a
 * checker.
 */
export class CrashSignal extends Error {
  override readonly name = 'CrashSignal';
}
