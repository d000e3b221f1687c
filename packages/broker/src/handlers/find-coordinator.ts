/**
 * FindCoordinator (10): names the coordinator of a group: the broker that leads the group's partition of
 * `__consumer_offsets`. The first request creates this topic. Until the topic has a leader, the answer is
 * COORDINATOR_NOT_AVAILABLE, and clients retry.
 */
import type { NodeId } from '@millrace/base';
import { keyPartition } from '@millrace/coordinator';
import { OFFSETS_TOPIC } from '@millrace/metadata';
import { apis, CoordinatorType, ErrorCode, errorName } from '@millrace/protocol';
import { endpointOf } from '../cluster-view.ts';
import { type BrokerContext, defineHandler, type Request } from '../handler.ts';
import { offsetsTopic } from '../topics.ts';

interface Coordinator {
  readonly key: string;
  readonly nodeId: NodeId;
  readonly host: string;
  readonly port: number;
  readonly errorCode: ErrorCode;
  readonly errorMessage: string;
}

const MANY_KEYS_SINCE = 4;

export const findCoordinator = defineHandler(apis.findCoordinator, (broker, request, reply) => {
  const { body, version } = request;
  if (version >= MANY_KEYS_SINCE) {
    reply.send({ coordinators: body.coordinatorKeys.map((key) => find(broker, request, key)) });
    return;
  }
  const { key: _key, ...found } = find(broker, request, body.key);
  // In these versions Kafka sends the name of the error if there is no other message.
  reply.send({ ...found, errorMessage: found.errorMessage || errorName(found.errorCode) });
});

function find(
  broker: BrokerContext,
  { body, listenerName, clientId }: Request<{ keyType: number }>,
  key: string,
): Coordinator {
  const refuse = (errorCode: ErrorCode, errorMessage = ''): Coordinator => ({
    key,
    errorCode,
    errorMessage,
    nodeId: -1,
    host: '',
    port: -1,
  });
  switch (body.keyType) {
    case CoordinatorType.GROUP:
      break;
    case CoordinatorType.TRANSACTION:
      return refuse(ErrorCode.INVALID_REQUEST, 'This broker does not coordinate transactions.');
    case CoordinatorType.SHARE:
      return refuse(ErrorCode.INVALID_REQUEST, 'This broker does not coordinate share groups.');
    default:
      return refuse(ErrorCode.INVALID_REQUEST, `Unknown type of key: ${body.keyType}.`);
  }
  const image = broker.image();
  const topic = image.topic(OFFSETS_TOPIC);
  if (topic === undefined) {
    broker.autoTopics.create([offsetsTopic(broker.config.offsetsTopic, image)], clientId);
    return refuse(ErrorCode.COORDINATOR_NOT_AVAILABLE);
  }
  const { leader } = topic.partitions[keyPartition(key, topic.partitions.length)]!;
  const registration = image.broker(leader);
  const endpoint =
    registration === undefined || registration.fenced ? undefined : endpointOf(registration, listenerName);
  if (endpoint === undefined) return refuse(ErrorCode.COORDINATOR_NOT_AVAILABLE);
  const { nodeId, host, port } = endpoint;
  return { key, nodeId, host, port, errorCode: ErrorCode.NONE, errorMessage: '' };
}
