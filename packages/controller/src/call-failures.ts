/** Answers that the controller may give to any request. */
import type { HeartbeatResponse } from '@millrace/control';
import { ErrorCode } from '@millrace/protocol';
import { apiError } from './assignments.ts';

export const NOT_CONTROLLER = apiError(ErrorCode.NOT_CONTROLLER, 'this node is not the active controller');
export const TIMED_OUT = apiError(
  ErrorCode.REQUEST_TIMED_OUT,
  'not committed in time; the change may still be made',
);

/** Kafka's answer to a request that would write too many records. */
export const TOO_LARGE = apiError(
  ErrorCode.POLICY_VIOLATION,
  'Unable to perform excessively large batch operation.',
);

/** The answer to a heartbeat that renews no lease. */
export function noLease(errorCode: ErrorCode): HeartbeatResponse {
  return { errorCode, isCaughtUp: false, isFenced: true, shouldShutDown: false, leaseMs: 0 };
}
