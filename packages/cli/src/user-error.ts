/** An error that the user can fix. The message names the problem, and usually says what to do. */
export class UserError extends Error {
  override readonly name = 'UserError';
}
