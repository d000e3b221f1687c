/**
 * CreateTopics (19), DeleteTopics (20), CreatePartitions (37): the active controller decides. The broker
 * forwards the body of the request and of the answer unchanged. If no controller answers in time, or the
 * request is too large to be forwarded, every topic gets an error.
 */
import { apis } from '@millrace/protocol';
import { defineHandler } from '../handler.ts';
import { forward } from './forward.ts';

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
