/** Why a node does not start, or cannot go on: one sentence that says what is wrong and what to do. */
export class StartError extends Error {
  override readonly name = 'StartError';
}
