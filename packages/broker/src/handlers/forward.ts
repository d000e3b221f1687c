/** Forwards requests of clients that change the metadata to the active controller. */
import { ErrorCode } from '@millrace/protocol';
import type { BrokerContext } from '../handler.ts';

const NOT_CARRIED_OUT = 'The active controller did not answer in time.';
const TOO_LARGE = 'Unable to perform excessively large batch operation.';

export interface ForwardFailure {
  readonly errorCode: ErrorCode;
  readonly errorMessage: string;
}

export interface ForwardedAsk {
  readonly api: { readonly key: number };
  readonly version: number;
  readonly clientId: string | null;
  /** The encoded body. `forward` copies it during the call. */
  readonly bytes: Uint8Array;
  readonly timeoutMs: number;
}

/**
 * Forwards the request until a controller has decided, or `timeoutMs` is over. `done` gets the encoded body
 * of the answer, or the reason why there is no answer.
 */
export function forward(
  broker: BrokerContext,
  { api, version, clientId, bytes, timeoutMs }: ForwardedAsk,
  done: (answer: { readonly body: Uint8Array } | ForwardFailure) => void,
): void {
  const fail = (errorCode: ErrorCode) => done({ errorCode, errorMessage: whyNot(errorCode) });
  if (timeoutMs <= 0) {
    // No controller can answer within 0 ms. The broker then reports a timeout without asking, so that a
    // request reported as failed does not succeed later.
    fail(ErrorCode.REQUEST_TIMED_OUT);
    return;
  }
  const forwarded = {
    apiKey: api.key,
    apiVersion: version,
    clientId,
    // `broker.forward` may keep the bytes longer than this call: copy them.
    body: new Uint8Array(bytes),
    timeoutMs,
    requestId: broker.random.uuid(),
  };
  broker.forward(forwarded, ({ errorCode, body }) => {
    if (errorCode === ErrorCode.NONE) done({ body });
    else fail(errorCode);
  });
}

function whyNot(errorCode: ErrorCode): string {
  return errorCode === ErrorCode.POLICY_VIOLATION ? TOO_LARGE : NOT_CARRIED_OUT;
}
