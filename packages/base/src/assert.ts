/**
 * Assertions state what must be true if the code is correct. They are always on. A failed assertion shows a
 * bug in Millrace. Outside of jobs it stops the node: only the code that runs the whole node catches
 * InvariantError. Inside a job it fails only that job. The message of `assert` is a constant, because
 * building a text for each check would cost more than the check itself.
 */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/**
 * Marks a branch that the code cannot reach according to the types. Throws InvariantError if the code reaches
 * it after all.
 */
export function unreachable(value: never): never {
  throw new InvariantError(`unreachable value: ${String(value)}`);
}
