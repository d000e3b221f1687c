/**
 * Fetch (1), of consumers and followers alike. The replica manager answers; this handler adds the addresses
 * of the leaders that the answer names, on the client's listener (KIP-951). While the broker handles a Fetch,
 * it handles no other request of the connection, because one answer may have tens of megabytes.
 */
import { apis, ErrorCode, type RequestOf, type ResponseInputOf } from '@millrace/protocol';
import { leaderEndpoints } from '../cluster-view.ts';
import { defineHandler } from '../handler.ts';
import { isKnownIsolationLevel } from '../isolation-level.ts';

const TOPIC_IDS_SINCE = 13;
const ENDPOINTS_SINCE = 16;

export const fetch = defineHandler(
  apis.fetch,
  (broker, { version, listenerName, remoteAddress, body }, reply) => {
    if (!isKnownIsolationLevel(body.isolationLevel)) {
      reply.send(failed(body, version));
      return;
    }
    const memoryBytes = () => broker.answerBytesMax();
    const request = Object.assign(body, { version, clientHost: remoteAddress, memoryBytes });
    const running = broker.replicas.fetch(request, (response) => {
      if (version < ENDPOINTS_SINCE) {
        reply.send(response);
        return;
      }
      const leaders = new Set<number>();
      for (const { partitions } of response.responses ?? []) {
        for (const { currentLeader } of partitions ?? []) {
          const leaderId = currentLeader?.leaderId;
          if (typeof leaderId === 'number' && leaderId >= 0) leaders.add(leaderId);
        }
      }
      if (leaders.size === 0) reply.send(response);
      else reply.send({ ...response, nodeEndpoints: leaderEndpoints(broker.image(), leaders, listenerName) });
    });
    reply.onGone(running.cancel);
    reply.onNextRequest(running.nextRequestArrived);
  },
  // While a fetch waits, the replica manager keeps each partition once, and drops the decoded topics.
  { exclusive: true, keepsRequest: false },
);

/** Fails the whole request. Old clients look for the error at each partition. */
function failed(
  { sessionId, topics }: RequestOf<typeof apis.fetch>,
  version: number,
): ResponseInputOf<typeof apis.fetch> {
  const errorCode = ErrorCode.UNKNOWN_SERVER_ERROR;
  if (version >= TOPIC_IDS_SINCE) return { errorCode, sessionId };
  const responses = topics.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map(({ partition }) => ({
      partitionIndex: partition,
      errorCode,
      highWatermark: -1,
      abortedTransactions: [],
      records: [],
    })),
  }));
  return { errorCode, sessionId, responses };
}
