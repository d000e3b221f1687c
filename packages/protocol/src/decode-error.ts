/**
 * The only error for bytes that violate the protocol. Only this package throws it. A caller that passes
 * foreign bytes (a connection, the log's recovery) catches it and closes the connection or cuts the log.
 */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}
