/**
 * Metadata (3): shows brokers, topics and partitions as clients of this listener may see them. Also creates
 * missing topics.
 */
import { type Uuid, ZERO_UUID } from '@millrace/base';
import { isInternalTopic, type MetadataImage, OFFSETS_TOPIC, type TopicImage } from '@millrace/metadata';
import { apis, ErrorCode, type RequestOf, type ResponseInputOf, validateTopicName } from '@millrace/protocol';
import { ALL_CLUSTER_OPERATIONS, ALL_TOPIC_OPERATIONS, NOT_REQUESTED } from '../authorized-operations.ts';
import type { WantedTopic } from '../auto-topic-creation.ts';
import { describePartition, liveEndpoints, namedController } from '../cluster-view.ts';
import { type BrokerContext, defineHandler, type Request } from '../handler.ts';
import { offsetsTopic } from '../topics.ts';

type MetadataRequest = RequestOf<typeof apis.metadata>;
type MetadataResponse = ResponseInputOf<typeof apis.metadata>;
type MetadataTopic = NonNullable<MetadataResponse['topics']>[number];

const BY_ID_SINCE = 12;
const LISTENER_ERROR_SINCE = 6;

export const metadata = defineHandler(apis.metadata, (broker, request, reply) => {
  const { body, version, listenerName } = request;
  if (
    version < BY_ID_SINCE &&
    body.topics?.some(({ name, topicId }) => name === null || topicId !== ZERO_UUID)
  ) {
    reply.send({ topics: body.topics.map(invalidTopic) });
    return;
  }
  const image = broker.image();
  const brokers = liveEndpoints(image, listenerName);
  reply.send({
    brokers,
    clusterId: broker.clusterId() ?? null,
    controllerId: namedController(brokers, broker.brokerId),
    topics: selectTopics(broker, image, request),
    clusterAuthorizedOperations: body.includeClusterAuthorizedOperations
      ? ALL_CLUSTER_OPERATIONS
      : NOT_REQUESTED,
  });
});

function invalidTopic({ name, topicId }: { name: string | null; topicId: Uuid }): MetadataTopic {
  return { name: name ?? '', topicId, errorCode: ErrorCode.INVALID_REQUEST };
}

function selectTopics(
  broker: BrokerContext,
  image: MetadataImage,
  request: Request<MetadataRequest>,
): MetadataTopic[] {
  const { body, version } = request;
  const describe = (topic: TopicImage) => describeTopic(image, topic, request);
  if (body.topics === null || (version === 0 && body.topics.length === 0))
    return image.topicNames.map((name) => describe(image.topic(name)!));

  if (body.topics.some(({ topicId }) => topicId !== ZERO_UUID)) {
    // If the request has topic ids, ignore its topic names.
    const ids = new Set(body.topics.map(({ topicId }) => topicId).filter((id) => id !== ZERO_UUID));
    return [...ids].map((topicId) => {
      const topic = image.topicById(topicId);
      return topic ? describe(topic) : { name: null, topicId, errorCode: ErrorCode.UNKNOWN_TOPIC_ID };
    });
  }

  const missing: WantedTopic[] = [];
  const topicAuthorizedOperations = topicOperations(body);
  const names = new Set(body.topics.map(({ name }) => name ?? ''));
  const topics = [...names].map((name) => {
    const topic = image.topic(name);
    if (topic !== undefined) return describe(topic);
    if (validateTopicName(name) !== undefined)
      return { name, errorCode: ErrorCode.INVALID_TOPIC_EXCEPTION, topicAuthorizedOperations };
    // The other internal topics need settings of their own, so no request of a client creates them.
    if (name === OFFSETS_TOPIC) missing.push(offsetsTopic(broker.config.offsetsTopic, image));
    else if (!isInternalTopic(name)) missing.push({ name });
    return { name, errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, topicAuthorizedOperations };
  });
  if (missing.length > 0 && body.allowAutoTopicCreation && broker.config.autoCreateTopics)
    broker.autoTopics.create(missing, request.clientId);
  return topics;
}

function describeTopic(
  image: MetadataImage,
  topic: TopicImage,
  request: Request<MetadataRequest>,
): MetadataTopic {
  const { version, listenerName, body } = request;
  const tellListenerNotFound = version >= LISTENER_ERROR_SINCE;
  return {
    name: topic.name,
    topicId: topic.id,
    isInternal: isInternalTopic(topic.name),
    partitions: topic.partitions.map((partition, index) => {
      const view = describePartition(image, partition, index, listenerName, { tellListenerNotFound });
      return version === 0 ? withoutDeadReplicas(image, view) : view;
    }),
    topicAuthorizedOperations: topicOperations(body),
  };
}

function topicOperations({ includeTopicAuthorizedOperations }: MetadataRequest): number {
  return includeTopicAuthorizedOperations ? ALL_TOPIC_OPERATIONS : NOT_REQUESTED;
}

type PartitionView = ReturnType<typeof describePartition>;

/**
 * Version 0 has no field for offline replicas, so the answer leaves out dead replicas. The partition then
 * gets REPLICA_NOT_AVAILABLE, if it has no other error.
 */
function withoutDeadReplicas(image: MetadataImage, view: PartitionView): PartitionView {
  const replicaNodes = view.replicaNodes.filter((id) => image.isAlive(id));
  const isrNodes = view.isrNodes.filter((id) => image.isAlive(id));
  const complete =
    replicaNodes.length === view.replicaNodes.length && isrNodes.length === view.isrNodes.length;
  const missing = view.errorCode === ErrorCode.NONE && !complete;
  return {
    ...view,
    errorCode: missing ? ErrorCode.REPLICA_NOT_AVAILABLE : view.errorCode,
    replicaNodes,
    isrNodes,
  };
}
