/** Forwards a client's request that changes something to the active controller, and returns its answer. */
import { type AnyApi, ErrorCode } from '@millrace/protocol';
import type { BrokerContext, Reply, Request } from '../handler.ts';

const NOT_CARRIED_OUT = 'The active controller did not answer in time.';
const TOO_LARGE = 'Unable to perform excessively large batch operation.';

export interface ForwardFailure {
  readonly errorCode: ErrorCode;
  readonly errorMessage: string;
}

/** Forwards the request until a controller has decided, or the client's timeout is over. */
export function forward<Response>(
  broker: BrokerContext,
  asked: { readonly api: AnyApi; readonly request: Request<unknown>; readonly timeoutMs: number },
  reply: Reply<Response>,
  failed: (failure: ForwardFailure) => Response,
): void {
  const { api, request, timeoutMs } = asked;
  const fail = (errorCode: ErrorCode) => reply.send(failed({ errorCode, errorMessage: whyNot(errorCode) }));
  if (timeoutMs <= 0) {
    // No controller can answer within 0 ms. The broker then reports a timeout without asking, so that a
    // request reported as failed does not succeed later.
    fail(ErrorCode.REQUEST_TIMED_OUT);
    return;
  }
  const forwarded = {
    apiKey: api.key,
    apiVersion: request.version,
    clientId: request.clientId,
    // The request's bytes are valid only during this call, and `forward` may keep its bytes: copy them.
    body: new Uint8Array(request.bytes),
    timeoutMs,
    requestId: broker.random.uuid(),
  };
  broker.forward(forwarded, ({ errorCode, body }) => {
    if (errorCode === ErrorCode.NONE) reply.sendEncoded(body);
    else fail(errorCode);
  });
}

function whyNot(errorCode: ErrorCode): string {
  return errorCode === ErrorCode.POLICY_VIOLATION ? TOO_LARGE : NOT_CARRIED_OUT;
}
