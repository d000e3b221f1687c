/**
 * CreateTopics (19), DeleteTopics (20), CreatePartitions (37): decided by the active controller. The request's body
 * goes there as it came, and the answer's body comes back; what could not be asked fails topic by topic.
 */
import { type AnyApi, apis, ErrorCode } from '@millrace/protocol';
import { type BrokerContext, defineHandler, type Request } from '../handler.ts';

const NOT_CARRIED_OUT = 'The active controller did not answer in time.';
const TOO_LARGE = 'Unable to perform excessively large batch operation.';
/** Pause before a request that met a controller on its way out is sent again. */
const RETRY_MS = 50;
const DELETE_BY_ID_SINCE = 6;

export const createTopics = defineHandler(apis.createTopics, (broker, request, reply) => {
  const { version, body } = request;
  forward(broker, apis.createTopics, request, body.timeoutMs, {
    answered: (bytes) => {
      const response = apis.createTopics.decodeResponse(version, bytes);
      if (response.topics.some(isNotController)) return false;
      reply.send(response);
      return true;
    },
    failed: (errorCode) => {
      const failed = { errorCode, errorMessage: whyNot(errorCode) };
      reply.send({ topics: body.topics.map(({ name }) => ({ name, ...failed })) });
    },
  });
});

export const deleteTopics = defineHandler(apis.deleteTopics, (broker, request, reply) => {
  const { version, body } = request;
  forward(broker, apis.deleteTopics, request, body.timeoutMs, {
    answered: (bytes) => {
      const response = apis.deleteTopics.decodeResponse(version, bytes);
      if (response.responses.some(isNotController)) return false;
      reply.send(response);
      return true;
    },
    failed: (errorCode) => {
      const failed = { errorCode, errorMessage: whyNot(errorCode) };
      const responses =
        version >= DELETE_BY_ID_SINCE
          ? body.topics.map(({ name, topicId }) => ({ name, topicId, ...failed }))
          : body.topicNames.map((name) => ({ name, ...failed }));
      reply.send({ responses });
    },
  });
});

export const createPartitions = defineHandler(apis.createPartitions, (broker, request, reply) => {
  const { version, body } = request;
  forward(broker, apis.createPartitions, request, body.timeoutMs, {
    answered: (bytes) => {
      const response = apis.createPartitions.decodeResponse(version, bytes);
      if (response.results.some(isNotController)) return false;
      reply.send(response);
      return true;
    },
    failed: (errorCode) => {
      const failed = { errorCode, errorMessage: whyNot(errorCode) };
      reply.send({ results: body.topics.map(({ name }) => ({ name, ...failed })) });
    },
  });
});

interface Answers {
  /** False: the controller lost its office before it had decided. */
  answered(body: Uint8Array): boolean;
  failed(errorCode: ErrorCode): void;
}

/** Asks until a controller has decided, or the client's time is over. */
function forward(
  broker: BrokerContext,
  api: AnyApi,
  request: Request<unknown>,
  timeoutMs: number,
  answers: Answers,
): void {
  const { clock, random } = broker;
  const { version, clientId } = request;
  // The request's bytes are lent for this call, and an attempt may come later.
  const body = new Uint8Array(request.bytes);
  if (timeoutMs <= 0) {
    // No controller can answer in no time, and what is answered as a timeout had better not happen.
    answers.failed(ErrorCode.REQUEST_TIMED_OUT);
    return;
  }
  const deadlineMs = clock.monotonicMs() + timeoutMs;
  const requestId = random.uuid();
  const attempt = (leftMs: number) => {
    const forwarded = { apiKey: api.key, apiVersion: version, clientId, body, timeoutMs: leftMs, requestId };
    broker.forward(forwarded, (answer) => {
      if (answer.errorCode !== ErrorCode.NONE) answers.failed(answer.errorCode);
      else if (!answers.answered(answer.body)) again();
    });
  };
  const again = () => {
    const leftMs = deadlineMs - clock.monotonicMs() - RETRY_MS;
    if (leftMs <= 0) answers.failed(ErrorCode.REQUEST_TIMED_OUT);
    else clock.setTimer(RETRY_MS, () => attempt(leftMs));
  };
  attempt(timeoutMs);
}

function whyNot(errorCode: ErrorCode): string {
  return errorCode === ErrorCode.POLICY_VIOLATION ? TOO_LARGE : NOT_CARRIED_OUT;
}

function isNotController({ errorCode }: { readonly errorCode: number }): boolean {
  return errorCode === ErrorCode.NOT_CONTROLLER;
}
