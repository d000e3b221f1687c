/** A node does not start, or cannot continue. The message is one sentence: the problem, and what to do. */
export class StartError extends Error {
  override readonly name = 'StartError';
}
