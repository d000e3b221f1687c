/**
 * Assertions state what must be true for the code to be correct. They are always on. A failed assertion is a
 * bug in Millrace, so it stops the node: only the code that runs the whole node catches InvariantError. A
 * failed assertion in a job fails only that job. Messages of `assert` are constants, because building a text
 * would cost more than the check itself.
 */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** Marks a branch that cannot be reached according to the types. */
export function unreachable(value: never): never {
  throw new InvariantError(`unreachable value: ${String(value)}`);
}
