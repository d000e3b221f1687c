/** Makes the errors of calls. */
import { RpcError } from '@millrace/base';

/**
 * Returns an error without a stack. An `RpcError` is the outcome of a call, and nobody reads its stack.
 * Capturing the stack would cost more than the rest of the call.
 */
export function rpcError(kind: RpcError['kind'], message: string): RpcError {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const error = new RpcError(kind, message);
  Error.stackTraceLimit = stackTraceLimit;
  return error;
}
