/** Why the configs of a resource cannot be described or altered. */
import type { ErrorCode } from '@millrace/protocol';

export interface ResourceError {
  readonly errorCode: ErrorCode;
  readonly errorMessage: string;
}

export function resourceError(errorCode: ErrorCode, errorMessage: string): ResourceError {
  return { errorCode, errorMessage };
}
