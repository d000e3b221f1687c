/**
 * The handlers of clients' requests that brokers forward: one per API. Each decodes the request, asks the
 * controller or the quorum for the answer, and encodes it in the client's version.
 */
import type { Millis, RpcPeer } from '@millrace/base';
import type { Controller, RequestInfo } from '@millrace/controller';
import { type Api, apis, ErrorCode, joinedChunks } from '@millrace/protocol';
import { answerDescribeQuorum } from './describe-quorum.ts';
import type { ControlContext } from './handler.ts';

/** A client's request. The bytes of `body` are valid only during the call of the handler. */
export interface ForwardedCall {
  readonly body: Uint8Array;
  readonly info: RequestInfo;
  readonly now: Millis;
  /** The broker that forwards the request, not its client. */
  readonly peer: RpcPeer;
}

/**
 * Takes the encoded answer. Undefined: the controller was deposed before the decision was committed, and does
 * not know the outcome. The broker then asks the next controller.
 */
export type ForwardedReply = (answer: Uint8Array | undefined) => void;

export interface ForwardedHandler {
  readonly api: { readonly key: number };
  /** Handles the request. Throws DecodeError if the bytes are not a request of this API. */
  handle(context: ControlContext, call: ForwardedCall, reply: ForwardedReply): void;
}

/** Defines a handler for a request that the controller decides by writing records. */
function defineDecided<Request, RequestInput, Response extends ResponseInput, ResponseInput>(
  api: Api<Request, Response, RequestInput, ResponseInput>,
  decide: (
    controller: Controller,
    request: Request,
    info: RequestInfo,
    now: Millis,
    done: (response: Decided<ResponseInput>) => void,
  ) => void,
): ForwardedHandler {
  return {
    api,
    handle({ controller }, { body, info, now }, reply) {
      decide(controller, api.decodeRequest(info.version, body), info, now, ({ response, results }) => {
        const isDeposed = results.some(({ errorCode }) => errorCode === ErrorCode.NOT_CONTROLLER);
        reply(isDeposed ? undefined : joinedChunks(api.encodeResponse(info.version, response)));
      });
    },
  };
}

interface Decided<Response> {
  readonly response: Response;
  /** The parts of the response that have an error code. */
  readonly results: readonly { readonly errorCode: number }[];
}

const createTopics = defineDecided(apis.createTopics, (controller, request, info, now, done) =>
  controller.createTopics(request, info, now, (response) => done({ response, results: response.topics })),
);

const deleteTopics = defineDecided(apis.deleteTopics, (controller, request, info, now, done) =>
  controller.deleteTopics(request, info, now, (response) => done({ response, results: response.responses })),
);

const createPartitions = defineDecided(apis.createPartitions, (controller, request, info, now, done) =>
  controller.createPartitions(request, info, now, (response) =>
    done({ response, results: response.results }),
  ),
);

const alterConfigs = defineDecided(apis.alterConfigs, (controller, request, info, now, done) =>
  controller.alterConfigs(request, info, now, (response) => done({ response, results: response.responses })),
);

const incrementalAlterConfigs = defineDecided(
  apis.incrementalAlterConfigs,
  (controller, request, info, now, done) =>
    controller.incrementalAlterConfigs(request, info, now, (response) =>
      done({ response, results: response.responses }),
    ),
);

/** Answers from the quorum's own state, without a record. */
const describeQuorum: ForwardedHandler = {
  api: apis.describeQuorum,
  handle({ quorum, controllerListenerName }, { body, info: { version } }, reply) {
    const request = apis.describeQuorum.decodeRequest(version, body);
    const response = answerDescribeQuorum(request, quorum.describe(), controllerListenerName);
    reply(joinedChunks(apis.describeQuorum.encodeResponse(version, response)));
  },
};

/** The handlers by API key: the active controller answers these APIs, and refuses others. */
export const forwardedHandlers: ReadonlyMap<number, ForwardedHandler> = new Map(
  [createTopics, deleteTopics, createPartitions, alterConfigs, incrementalAlterConfigs, describeQuorum].map(
    (handler) => [handler.api.key, handler],
  ),
);
