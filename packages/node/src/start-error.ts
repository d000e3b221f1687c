/**
 * The node cannot start, or cannot continue. The message is for a user: it says the problem, and mostly how
 * to solve it.
 */
export class StartError extends Error {
  override readonly name = 'StartError';
}
