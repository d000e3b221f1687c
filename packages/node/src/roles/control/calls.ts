/** The handlers of single calls: one per method of `controlCalls`. A missing handler does not compile. */
import { isUuid, type Uuid } from '@millrace/base';
import { type ControlCallName, controlCalls, type ForwardRequest } from '@millrace/control';
import { ErrorCode } from '@millrace/protocol';
import { forwardedHandlers } from './forwarded.ts';
import { type CallHandler, defineCallHandler } from './handler.ts';

const NOTHING = new Uint8Array(0);
/** An answer of this size fits into a message to the broker, with room to spare. */
const ANSWER_BYTES_MAX = 48 << 20;

const alterPartition = defineCallHandler(
  controlCalls.alterPartition,
  ({ controller }, { request, now }, reply) => controller.alterPartition(request, now, reply),
);

const allocateProducerIds = defineCallHandler(
  controlCalls.allocateProducerIds,
  ({ controller }, { request, now }, reply) => controller.allocateProducerIds(request, now, reply),
);

/** Passes a client's request to the handler of its API (forwarded.ts). Sends back the encoded answer. */
const forward = defineCallHandler(controlCalls.forward, (context, { request, now, peer }, reply) => {
  const refuse = (errorCode: ErrorCode) => reply({ errorCode, body: NOTHING });
  const handler = forwardedHandlers.get(request.apiKey);
  if (!context.controller.isActive) refuse(ErrorCode.NOT_CONTROLLER);
  else if (handler === undefined) refuse(ErrorCode.INVALID_REQUEST);
  else {
    const { apiVersion: version, clientId = null } = request;
    const info = { version, clientId, requestId: requestIdOf(request) };
    handler.handle(context, { body: request.body, info, now, peer }, (answer) => {
      // Only the answer to a refused request, or to one with validateOnly, can exceed this limit. A decision
      // that enters the log has a lower limit.
      if (answer === undefined) refuse(ErrorCode.NOT_CONTROLLER);
      else if (answer.length > ANSWER_BYTES_MAX) refuse(ErrorCode.POLICY_VIOLATION);
      else reply({ errorCode: ErrorCode.NONE, body: answer });
    });
  }
});

export const callHandlers: { readonly [Name in ControlCallName]: CallHandler } = {
  alterPartition,
  allocateProducerIds,
  forward,
};

/**
 * The request id; undefined if it is missing or malformed. Without an id, the controller does not recognise
 * another copy of the request.
 */
function requestIdOf({ requestId }: ForwardRequest): Uuid | undefined {
  return requestId !== undefined && isUuid(requestId) ? requestId : undefined;
}
