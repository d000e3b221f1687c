/** Client requests that only the active controller can answer, sent there and back as bytes. */
import { ControlMethod, ForwardRequest, ForwardResponse } from '@millrace/metadata';
import { ErrorCode } from '@millrace/protocol';
import type { Forward } from '../handler.ts';
import type { ControllerChannel } from './controller-channel.ts';

const NOTHING = new Uint8Array(0);

export function forwardOver(channel: ControllerChannel): Forward {
  return ({ apiKey, apiVersion, clientId, body, timeoutMs }, done) => {
    const request = ForwardRequest.encode({ apiKey, apiVersion, clientId: clientId ?? undefined, body });
    channel.request(ControlMethod.forward, request, ForwardResponse, timeoutMs, (response) => {
      if (response === undefined) done({ errorCode: ErrorCode.REQUEST_TIMED_OUT, body: NOTHING });
      else done({ errorCode: response.errorCode as ErrorCode, body: response.body });
    });
  };
}
