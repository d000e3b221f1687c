/**
 * CreateTopics (19), DeleteTopics (20), CreatePartitions (37): the active controller decides. The broker
 * forwards the body of the request and of the answer unchanged. If no controller answers in time, or the
 * request is too large to be forwarded, every topic gets an error.
 */
import { type AnyApi, apis, ErrorCode } from '@millrace/protocol';
import { type BrokerContext, defineHandler, type Reply, type Request } from '../handler.ts';

const NOT_CARRIED_OUT = 'The active controller did not answer in time.';
const TOO_LARGE = 'Unable to perform excessively large batch operation.';
const DELETE_BY_ID_SINCE = 6;

export const createTopics = defineHandler(apis.createTopics, (broker, request, reply) => {
  const { topics, timeoutMs } = request.body;
  forward(broker, { api: apis.createTopics, request, timeoutMs }, reply, (failed) => ({
    topics: topics.map(({ name }) => ({ name, ...failed })),
  }));
});

export const deleteTopics = defineHandler(apis.deleteTopics, (broker, request, reply) => {
  const { version, body } = request;
  const { topics, topicNames, timeoutMs } = body;
  forward(broker, { api: apis.deleteTopics, request, timeoutMs }, reply, (failed) => ({
    responses:
      version >= DELETE_BY_ID_SINCE
        ? topics.map(({ name, topicId }) => ({ name, topicId, ...failed }))
        : topicNames.map((name) => ({ name, ...failed })),
  }));
});

export const createPartitions = defineHandler(apis.createPartitions, (broker, request, reply) => {
  const { topics, timeoutMs } = request.body;
  forward(broker, { api: apis.createPartitions, request, timeoutMs }, reply, (failed) => ({
    results: topics.map(({ name }) => ({ name, ...failed })),
  }));
});

interface Failure {
  readonly errorCode: ErrorCode;
  readonly errorMessage: string;
}

/** Forwards the request until a controller has decided, or the client's timeout is over. */
function forward<Response>(
  broker: BrokerContext,
  asked: { readonly api: AnyApi; readonly request: Request<unknown>; readonly timeoutMs: number },
  reply: Reply<Response>,
  failed: (failure: Failure) => Response,
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
    // The request's bytes are valid only during this call, but `forward` may keep the body longer: copy it.
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
