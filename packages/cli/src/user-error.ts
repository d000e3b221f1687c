/** An error that the user can fix. The message says the problem, and mostly what to do. */
export class UserError extends Error {
  override readonly name = 'UserError';
}
