/**
 * The error for invalid settings. Its message has one line for each problem, with the key, the value and the
 * allowed values.
 */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}
