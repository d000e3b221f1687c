/**
 * The only error for bytes that violate the protocol. A caller that passes bytes from outside must catch it.
 * For example, the server then closes the connection, and the log's recovery truncates the log.
 */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}
