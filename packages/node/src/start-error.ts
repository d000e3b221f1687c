/**
 * The node cannot start, or cannot continue. The message is one sentence: the problem, and how to solve it.
 */
export class StartError extends Error {
  override readonly name = 'StartError';
}
