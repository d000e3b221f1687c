/**
 * The common part of all handlers of the control service. A handler is a plain synchronous function. It takes
 * a decoded request, and gives the response now or later. It decides nothing: the controller does.
 */
import type { Clock, Logger, Millis, RpcError, RpcPeer } from '@millrace/base';
import type { ControlMethod } from '@millrace/control';
import type { Controller } from '@millrace/controller';
import { DecodeError } from '@millrace/protocol';
import type { Quorum } from '@millrace/raft';

/** Everything that a handler may use of its node. */
export interface ControlContext {
  readonly quorum: Pick<Quorum, 'handle' | 'leader' | 'describe'>;
  readonly controller: Controller;
  readonly controllerListenerName: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called when the controller got a message, because its next deadline may be earlier now. */
  touched(): void;
}

/** One received call. */
export interface Received<Request> {
  readonly request: Request;
  readonly now: Millis;
  /** The sender of the call. */
  readonly peer: RpcPeer;
}

/** Takes the answer in its wire form. */
export type RawReply = (answer: Uint8Array | RpcError) => void;

export interface CallHandler {
  readonly method: { readonly name: string };
  /**
   * Handles the request. Throws if the bytes are not a request of this method; `isMalformed` recognises the
   * error.
   */
  handle(context: ControlContext, body: Uint8Array, peer: RpcPeer, reply: RawReply): void;
}

/** The handler calls `reply` once, now or later. */
export function defineCallHandler<Request, Response>(
  method: ControlMethod<Request, Response>,
  handle: (context: ControlContext, received: Received<Request>, reply: (response: Response) => void) => void,
): CallHandler {
  return {
    method,
    handle(context, body, peer, reply) {
      const request = decodeMessage(method.request, body);
      handle(context, { request, now: context.clock.monotonicMs(), peer }, (response) =>
        reply(method.response.encode(response)),
      );
    },
  };
}

class MalformedError extends Error {}

export function decodeMessage<T>(message: { decode(bytes: Uint8Array): T }, body: Uint8Array): T {
  try {
    return message.decode(body);
  } catch (error) {
    throw new MalformedError(String(error));
  }
}

/**
 * Whether the error comes from malformed bytes of the sender: a control message, or the client's request in
 * it.
 */
export function isMalformed(error: unknown): boolean {
  return error instanceof MalformedError || error instanceof DecodeError;
}
