/**
 * The error when a node cannot start, or cannot continue. The message is for a user: it names the problem
 * and, in most cases, the remedy.
 */
export class StartError extends Error {
  override readonly name = 'StartError';
}
