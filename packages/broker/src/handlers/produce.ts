/**
 * Produce (0). Resolves topic names and ids, and does the checks that need no log. Unless the whole request
 * fails, passes all partitions to the replica manager, some of them with an error. The replica manager
 * returns the results when each partition has its acks, an error or a timeout. The answer lists the results
 * in the order of the request.
 */
import { type Uuid, ZERO_UUID } from '@millrace/base';
import { isInternalTopic, type MetadataImage } from '@millrace/metadata';
import {
  apis,
  ErrorCode,
  isTransactionalBatch,
  type RequestOf,
  type ResponseInputOf,
} from '@millrace/protocol';
import type { ProducePartition, ProduceResult } from '@millrace/replication';
import { leaderEndpoints } from '../cluster-view.ts';
import { type BrokerContext, defineHandler, type Reply, type Request } from '../handler.ts';

type ProduceRequest = RequestOf<typeof apis.produce>;
type ProduceResponse = ResponseInputOf<typeof apis.produce>;

const STORAGE_ERROR_SINCE = 4;
const TOPIC_IDS_SINCE = 13;
/** By Kafka's convention, only a client with this id may produce to internal topics. */
const ADMIN_CLIENT_ID = '__admin_client';

export const produce = defineHandler(apis.produce, handleProduce);

function handleProduce(
  broker: BrokerContext,
  request: Request<ProduceRequest>,
  reply: Reply<ProduceResponse>,
): void {
  const { version, body } = request;
  const { acks, timeoutMs } = body;
  const image = broker.image();
  const partitions = partitionsOf(image, request);
  if (lacksTransactionalId(body)) {
    const failure = failed(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
    answer(
      request,
      partitions.map(() => failure),
      image,
      reply,
    );
    return;
  }
  let release: (() => void) | undefined;
  const cancel = broker.replicas.produce(
    { acks, timeoutMs, apiVersion: version, partitions },
    (results) => answer(request, results, broker.image(), reply),
    () => release?.(),
  );
  if (cancel === undefined) return;
  release = reply.hold();
  // A client with acks=0 may close right after it sent the request, so nothing cancels the append. With acks,
  // a client that closes after `ANSWER_AWAITED_MS` has waited for the answer, and retries. So the broker
  // cancels its first attempt.
  if (acks !== 0) reply.onAbandoned(cancel);
}

/** True if the request has transactional records and no transactional id. All its partitions then fail. */
function lacksTransactionalId({ transactionalId, topicData }: ProduceRequest): boolean {
  if (transactionalId !== null) return false;
  return topicData.some(({ partitionData }) =>
    partitionData.some(({ records }) => records !== null && isTransactionalBatch(records)),
  );
}

function partitionsOf(image: MetadataImage, request: Request<ProduceRequest>): ProducePartition[] {
  const partitions: ProducePartition[] = [];
  for (const topicData of request.body.topicData) {
    const topic = resolve(image, topicData, request.version);
    for (const { index, records } of topicData.partitionData)
      partitions.push({
        topicId: topic?.id ?? topicData.topicId,
        topic: topic?.name ?? topicData.name,
        partition: index,
        unknown: unknownError(image, topic, index, request.version),
        forbidden: topic === undefined ? undefined : forbiddenError(topic.name, records, request.clientId),
        records,
      });
  }
  return partitions;
}

function unknownError(
  image: MetadataImage,
  topic: { readonly id: Uuid } | undefined,
  index: number,
  version: number,
): ErrorCode | undefined {
  if (topic === undefined && version >= TOPIC_IDS_SINCE) return ErrorCode.UNKNOWN_TOPIC_ID;
  const isKnown = topic !== undefined && image.topicById(topic.id)?.partitions[index] !== undefined;
  return isKnown ? undefined : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
}

function forbiddenError(
  topic: string,
  records: Uint8Array | null,
  clientId: string | null,
): ErrorCode | undefined {
  // Transactions are not supported yet, so none can be open in this log.
  if (records !== null && isTransactionalBatch(records)) return ErrorCode.INVALID_TXN_STATE;
  if (isInternalTopic(topic) && clientId !== ADMIN_CLIENT_ID) return ErrorCode.INVALID_TOPIC_EXCEPTION;
  return undefined;
}

function resolve(
  image: MetadataImage,
  { name, topicId }: { name: string; topicId: Uuid },
  version: number,
): { id: Uuid; name: string } | undefined {
  return version >= TOPIC_IDS_SINCE ? image.topicById(topicId) : image.topic(name);
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
      const { message, recordErrors, currentLeader, errorCode, ...result } = results[next++]!;
      if (currentLeader !== undefined && currentLeader.leaderId >= 0) leaders.push(currentLeader.leaderId);
      return {
        index,
        errorCode: knownError(errorCode, version),
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

/**
 * Producers that send version 3 or less do not know KAFKA_STORAGE_ERROR and would give up. After
 * NOT_LEADER_OR_FOLLOWER they look for the leader and retry (KIP-112).
 */
function knownError(errorCode: ErrorCode, version: number): ErrorCode {
  const isUnknown = errorCode === ErrorCode.KAFKA_STORAGE_ERROR && version < STORAGE_ERROR_SINCE;
  return isUnknown ? ErrorCode.NOT_LEADER_OR_FOLLOWER : errorCode;
}
