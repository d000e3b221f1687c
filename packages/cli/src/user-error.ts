/** An error that the user can fix. The message is one sentence: the problem, and what to do. */
export class UserError extends Error {
  override readonly name = 'UserError';
}
