/**
 * Produce (0). Resolves names and ids, does the checks that need no log, and passes the other partitions to
 * the replica manager, which says when each one has its acks. Answers in request order.
 */
import { type Uuid, ZERO_UUID } from '@millrace/base';
import type { MetadataImage } from '@millrace/metadata';
import { apis, ErrorCode, isRetriable, type RequestOf, type ResponseInputOf } from '@millrace/protocol';
import type { ProducePartition, ProduceResult } from '@millrace/replication';
import { leaderEndpoints } from '../cluster-view.ts';
import { defineHandler, type Reply, type Request } from '../handler.ts';
import { isInternalTopic } from '../topics.ts';

type ProduceRequest = RequestOf<typeof apis.produce>;
type ProduceResponse = ResponseInputOf<typeof apis.produce>;

const TOPIC_IDS_SINCE = 13;
/** Byte of a batch that holds the low half of its attributes, and the bit of it that says "transactional". */
const ATTRIBUTES_LOW_AT = 22;
const TRANSACTIONAL_BIT = 0x10;
/** The one client that may write to the cluster's own topics, by Kafka's convention. */
const ADMIN_CLIENT_ID = '__admin_client';

export const produce = defineHandler(apis.produce, (broker, request, reply) => {
  const { version, body } = request;
  const image = broker.image();
  const results: (ProduceResult | undefined)[] = [];
  const accepted: ProducePartition[] = [];
  const places: number[] = [];
  const refusal = refuseAll(body);
  for (const topicData of body.topicData) {
    const topic = resolve(image, topicData, version);
    for (const { index, records } of topicData.partitionData) {
      const errorCode =
        refusal !== ErrorCode.NONE ? refusal : refusePartition(image, topic, index, records, request);
      if (errorCode !== ErrorCode.NONE || topic === undefined) {
        if (isRetriable(errorCode))
          broker.replicas.refused(
            version >= TOPIC_IDS_SINCE ? topicData.topicId : topicData.name,
            index,
            records,
          );
        results.push(failed(errorCode));
        continue;
      }
      places.push(results.length);
      results.push(undefined);
      accepted.push({ topicId: topic.id, topic: topic.name, partition: index, records });
    }
  }
  if (accepted.length === 0) {
    answer(request, results as ProduceResult[], image, reply);
    return;
  }
  const { acks, timeoutMs } = body;
  let release: (() => void) | undefined;
  const cancel = broker.replicas.produce(
    { acks, timeoutMs, apiVersion: version, partitions: accepted },
    (done) => {
      for (let i = 0; i < places.length; i++) results[places[i]!] = done[i]!;
      answer(request, results as ProduceResult[], broker.image(), reply);
    },
    () => release?.(),
  );
  if (cancel === undefined) return;
  release = reply.hold();
  // With acks=0, a client may close right after it sent the request: nothing cancels the append. With acks, a
  // client that closes later retries.
  if (acks !== 0) reply.onGivenUp(cancel);
});

/** Transactional records without a transactional id: every partition of the request fails. */
function refuseAll({ transactionalId, topicData }: ProduceRequest): ErrorCode {
  if (transactionalId === null) {
    for (const { partitionData } of topicData)
      for (const { records } of partitionData)
        if (isTransactional(records)) return ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
  }
  return ErrorCode.NONE;
}

function refusePartition(
  image: MetadataImage,
  topic: { id: Uuid; name: string } | undefined,
  index: number,
  records: Uint8Array | null,
  request: Request<ProduceRequest>,
): ErrorCode {
  const unknown =
    request.version >= TOPIC_IDS_SINCE ? ErrorCode.UNKNOWN_TOPIC_ID : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
  if (topic === undefined) return unknown;
  if (image.topicById(topic.id)?.partitions[index] === undefined) return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
  const { acks } = request.body;
  if (acks < -1 || acks > 1) return ErrorCode.INVALID_REQUIRED_ACKS;
  // Transactions are not supported yet, so none can be open in this log.
  if (isTransactional(records)) return ErrorCode.INVALID_TXN_STATE;
  if (isInternalTopic(topic.name) && request.clientId !== ADMIN_CLIENT_ID)
    return ErrorCode.INVALID_TOPIC_EXCEPTION;
  return ErrorCode.NONE;
}

function resolve(
  image: MetadataImage,
  { name, topicId }: { name: string; topicId: Uuid },
  version: number,
): { id: Uuid; name: string } | undefined {
  return version >= TOPIC_IDS_SINCE ? image.topicById(topicId) : image.topic(name);
}

function isTransactional(records: Uint8Array | null): boolean {
  return records !== null && ((records[ATTRIBUTES_LOW_AT] ?? 0) & TRANSACTIONAL_BIT) !== 0;
}

function failed(errorCode: ErrorCode): ProduceResult {
  return { errorCode, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1 };
}

function answer(
  { version, listenerName, body }: Request<ProduceRequest>,
  results: readonly ProduceResult[],
  image: MetadataImage,
  reply: Reply<ProduceResponse>,
): void {
  if (body.acks === 0) {
    // The client expects no answer. Only a closed connection makes it refresh its metadata.
    if (results.some(({ errorCode }) => errorCode !== ErrorCode.NONE)) reply.close('acks=0 produce failed');
    else reply.nothing();
    return;
  }
  const leaders: number[] = [];
  let next = 0;
  // The answer leaves out topics without partitions, as Kafka does.
  const answered = body.topicData.filter(({ partitionData }) => partitionData.length > 0);
  const responses = answered.map(({ name, topicId, partitionData }) => ({
    name,
    topicId: version >= TOPIC_IDS_SINCE ? topicId : ZERO_UUID,
    partitionResponses: partitionData.map(({ index }) => {
      const { message, recordErrors, currentLeader, ...result } = results[next++]!;
      if (currentLeader !== undefined && currentLeader.leaderId >= 0) leaders.push(currentLeader.leaderId);
      return {
        index,
        ...result,
        recordErrors: recordErrors?.map((bad) => ({
          batchIndex: bad.batchIndex,
          batchIndexErrorMessage: bad.message,
        })),
        errorMessage: message,
        currentLeader,
      };
    }),
  }));
  const nodeEndpoints = leaders.length === 0 ? [] : leaderEndpoints(image, leaders, listenerName);
  reply.send({ responses, nodeEndpoints });
}
