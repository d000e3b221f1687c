/**
 * The only error for bytes that violate the protocol. A caller that passes bytes from outside (a connection,
 * the log's recovery) catches it, and closes the connection or truncates the log.
 */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}
