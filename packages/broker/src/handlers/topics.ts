/**
 * CreateTopics (19), DeleteTopics (20), CreatePartitions (37): the active controller decides. The broker
 * forwards the body of the request and of the answer unchanged. If no controller answers in time, or the
 * request is too large to be forwarded, every topic gets an error.
 */
import { type AnyApi, apis } from '@millrace/protocol';
import { type BrokerContext, defineHandler, type Reply, type Request } from '../handler.ts';
import { type ForwardFailure, forward } from './forward.ts';

const DELETE_BY_ID_SINCE = 6;

export const createTopics = defineHandler(apis.createTopics, (broker, request, reply) => {
  const { topics, timeoutMs } = request.body;
  forwardWhole(broker, { api: apis.createTopics, request, timeoutMs }, reply, (failed) => ({
    topics: topics.map(({ name }) => ({ name, ...failed })),
  }));
});

export const deleteTopics = defineHandler(apis.deleteTopics, (broker, request, reply) => {
  const { version, body } = request;
  const { topics, topicNames, timeoutMs } = body;
  forwardWhole(broker, { api: apis.deleteTopics, request, timeoutMs }, reply, (failed) => ({
    responses:
      version >= DELETE_BY_ID_SINCE
        ? topics.map(({ name, topicId }) => ({ name, topicId, ...failed }))
        : topicNames.map((name) => ({ name, ...failed })),
  }));
});

export const createPartitions = defineHandler(apis.createPartitions, (broker, request, reply) => {
  const { topics, timeoutMs } = request.body;
  forwardWhole(broker, { api: apis.createPartitions, request, timeoutMs }, reply, (failed) => ({
    results: topics.map(({ name }) => ({ name, ...failed })),
  }));
});

function forwardWhole<Response>(
  broker: BrokerContext,
  asked: { readonly api: AnyApi; readonly request: Request<unknown>; readonly timeoutMs: number },
  reply: Reply<Response>,
  failed: (failure: ForwardFailure) => Response,
): void {
  const { api, request, timeoutMs } = asked;
  const { version, clientId, bytes } = request;
  forward(broker, { api, version, clientId, bytes, timeoutMs }, (answer) => {
    if ('body' in answer) reply.sendEncoded(answer.body);
    else reply.send(failed(answer));
  });
}
