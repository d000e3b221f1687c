/** The error for a resource whose configs this broker cannot describe or alter. */
import type { ErrorCode } from '@millrace/protocol';

export interface ResourceError {
  readonly errorCode: ErrorCode;
  readonly errorMessage: string;
}

export function resourceError(errorCode: ErrorCode, errorMessage: string): ResourceError {
  return { errorCode, errorMessage };
}
