/**
 * CreateTopics (19), DeleteTopics (20), CreatePartitions (37): decided by the active controller. The request's body
 * goes there as it came, and the answer's body comes back; what could not be asked fails topic by topic.
 */
import { apis, ErrorCode } from '@millrace/protocol';
import { type BrokerContext, defineHandler, type ForwardedResponse, type Request } from '../handler.ts';

const NOT_CARRIED_OUT = 'The active controller did not answer in time.';

export const createTopics = defineHandler(apis.createTopics, (broker, request, reply) => {
  forward(broker, apis.createTopics.key, request, request.body.timeoutMs, ({ errorCode, body }) => {
    if (errorCode === ErrorCode.NONE) reply.send(apis.createTopics.decodeResponse(request.version, body));
    else {
      const failed = { errorCode, errorMessage: NOT_CARRIED_OUT };
      reply.send({ topics: request.body.topics.map(({ name }) => ({ name, ...failed })) });
    }
  });
});

const DELETE_BY_ID_SINCE = 6;

export const deleteTopics = defineHandler(apis.deleteTopics, (broker, request, reply) => {
  forward(broker, apis.deleteTopics.key, request, request.body.timeoutMs, ({ errorCode, body }) => {
    if (errorCode === ErrorCode.NONE) {
      reply.send(apis.deleteTopics.decodeResponse(request.version, body));
      return;
    }
    const failed = { errorCode, errorMessage: NOT_CARRIED_OUT };
    const responses =
      request.version >= DELETE_BY_ID_SINCE
        ? request.body.topics.map(({ name, topicId }) => ({ name, topicId, ...failed }))
        : request.body.topicNames.map((name) => ({ name, ...failed }));
    reply.send({ responses });
  });
});

export const createPartitions = defineHandler(apis.createPartitions, (broker, request, reply) => {
  forward(broker, apis.createPartitions.key, request, request.body.timeoutMs, ({ errorCode, body }) => {
    if (errorCode === ErrorCode.NONE) reply.send(apis.createPartitions.decodeResponse(request.version, body));
    else {
      const failed = { errorCode, errorMessage: NOT_CARRIED_OUT };
      reply.send({ results: request.body.topics.map(({ name }) => ({ name, ...failed })) });
    }
  });
});

function forward(
  broker: BrokerContext,
  apiKey: number,
  { version, clientId, bytes }: Request<unknown>,
  timeoutMs: number,
  done: (response: ForwardedResponse) => void,
): void {
  broker.forward({ apiKey, apiVersion: version, clientId, body: bytes, timeoutMs }, done);
}
