/** The error of a checker: the checker's name, and the broken promise in one sentence. */
export class Violation extends Error {
  override readonly name = 'Violation';
  /** The checker's name in kebab-case, for example `lost-write`. */
  readonly checker: string;
  readonly sentence: string;

  constructor(checker: string, sentence: string, options?: ErrorOptions) {
    super(`${checker}: ${sentence}`, options);
    this.checker = checker;
    this.sentence = sentence;
  }
}
