/**
 * The one error for bytes that do not follow the protocol. Thrown only in this package; whoever hands us
 * foreign bytes (a connection, the log's recovery) catches it and answers for its source: close, or cut.
 */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}
