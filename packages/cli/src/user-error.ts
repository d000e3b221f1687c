/**
 * Something the person at the keyboard can mend. The message is one sentence that says what is wrong and what
 * to do.
 */
export class UserError extends Error {
  override readonly name = 'UserError';
}
