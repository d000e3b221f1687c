/**
 * Forwards client requests that only the active controller can answer. Passes on the bodies of the requests
 * and of the answers unchanged.
 */
import type { Clock } from '@millrace/base';
import { controlCalls, type ForwardResponse } from '@millrace/control';
import { ErrorCode } from '@millrace/protocol';
import type { Forward } from '../handler.ts';
import type { ControllerChannel } from './controller-channel.ts';

const NOTHING = new Uint8Array(0);
/**
 * A body of this size fits into a control plane message, with room to spare. A request that does not fit
 * would fail on every controller in turn.
 */
export const FORWARDED_BYTES_MAX = 16 << 20;

export function forwardOver(channel: Pick<ControllerChannel, 'request'>, clock: Clock): Forward {
  return ({ apiKey, apiVersion, clientId, body, timeoutMs, requestId }, done) => {
    if (body.length > FORWARDED_BYTES_MAX) {
      clock.soon(() => done({ errorCode: ErrorCode.POLICY_VIOLATION, body: NOTHING }));
      return;
    }
    const request = { apiKey, apiVersion, clientId: clientId ?? undefined, body, requestId };
    const answered = (response: ForwardResponse | undefined) => {
      if (response === undefined) done({ errorCode: ErrorCode.REQUEST_TIMED_OUT, body: NOTHING });
      else done({ errorCode: response.errorCode as ErrorCode, body: response.body });
    };
    // Do not repeat a request only because the controller is slow. If another controller takes over, the
    // channel repeats the request there.
    channel.request(controlCalls.forward, request, timeoutMs, answered, timeoutMs);
  };
}
