/**
 * Assertions state what must be true for the code to be correct. They are always on. One that fails is a bug
 * of ours, so it ends the node: nothing catches InvariantError but the outermost host.
 * Messages are constants: building a text for a check that passes would cost more than the check.
 */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** Marks a branch that the types say cannot be reached. */
export function unreachable(value: never): never {
  throw new InvariantError(`unreachable value: ${String(value)}`);
}
