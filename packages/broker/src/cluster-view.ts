/**
 * The committed metadata, in the form in which a client of one listener gets it. Reads the image, changes
 * nothing.
 */
import type { NodeId } from '@millrace/base';
import type { BrokerRegistration, MetadataImage, PartitionImage } from '@millrace/metadata';
import { ErrorCode } from '@millrace/protocol';

export interface NodeEndpoint {
  readonly nodeId: NodeId;
  readonly host: string;
  readonly port: number;
  readonly rack: string | null;
}

/**
 * The address that a broker advertises for a listener, even if the broker is fenced. Undefined: the broker
 * does not have the listener.
 */
export function endpointOf(broker: BrokerRegistration, listenerName: string): NodeEndpoint | undefined {
  const listener = broker.listeners.find(({ name }) => name === listenerName);
  if (listener === undefined) return undefined;
  return { nodeId: broker.id, host: listener.host, port: listener.port, rack: broker.rack ?? null };
}

/** The addresses of the live brokers that have this listener, in the order of their ids. */
export function liveEndpoints(image: MetadataImage, listenerName: string): NodeEndpoint[] {
  const endpoints: NodeEndpoint[] = [];
  for (const broker of image.sortedBrokers()) {
    if (broker.fenced) continue;
    const endpoint = endpointOf(broker, listenerName);
    if (endpoint !== undefined) endpoints.push(endpoint);
  }
  return endpoints;
}

/**
 * The broker that a response names as the controller. Clients send this broker the requests that only the
 * controller can handle. Every broker forwards such requests, so a broker names itself: the client can reach
 * it. A fenced broker instead names a live broker, or -1 if there is none.
 */
export function namedController(endpoints: readonly NodeEndpoint[], self: NodeId): NodeId {
  if (endpoints.some(({ nodeId }) => nodeId === self)) return self;
  return endpoints[0]?.nodeId ?? -1;
}

/**
 * KIP-951: the addresses of the leaders that a response names. Leaves out leaders that are unknown or fenced,
 * or that do not have this listener.
 */
export function leaderEndpoints(
  image: MetadataImage,
  leaderIds: Iterable<NodeId>,
  listenerName: string,
): NodeEndpoint[] {
  const endpoints: NodeEndpoint[] = [];
  for (const nodeId of new Set(leaderIds)) {
    const broker = image.brokers.get(nodeId);
    if (broker === undefined || broker.fenced) continue;
    const endpoint = endpointOf(broker, listenerName);
    if (endpoint !== undefined) endpoints.push(endpoint);
  }
  return endpoints.sort((a, b) => a.nodeId - b.nodeId);
}

export interface PartitionView {
  readonly errorCode: ErrorCode;
  readonly partitionIndex: number;
  readonly leaderId: NodeId;
  readonly leaderEpoch: number;
  readonly replicaNodes: readonly NodeId[];
  readonly isrNodes: readonly NodeId[];
  readonly offlineReplicas: readonly NodeId[];
}

/**
 * A partition as Metadata and DescribeTopicPartitions show it. Shows the current leader epoch, even if the
 * partition has no leader.
 */
export function describePartition(
  image: MetadataImage,
  partition: PartitionImage,
  partitionIndex: number,
  listenerName: string,
  o: {
    /** False before Metadata v6: those clients do not know LISTENER_NOT_FOUND. */
    readonly tellListenerNotFound: boolean;
  },
): PartitionView {
  const { replicas, isr, leader, leaderEpoch } = partition;
  const offlineReplicas = replicas.filter((id) => !image.isAlive(id));
  const shared = { partitionIndex, leaderEpoch, replicaNodes: replicas, isrNodes: isr, offlineReplicas };
  const broker = image.brokers.get(leader);
  if (broker === undefined || broker.fenced)
    return { errorCode: ErrorCode.LEADER_NOT_AVAILABLE, leaderId: -1, ...shared };
  if (endpointOf(broker, listenerName) === undefined) {
    const errorCode = o.tellListenerNotFound ? ErrorCode.LISTENER_NOT_FOUND : ErrorCode.LEADER_NOT_AVAILABLE;
    return { errorCode, leaderId: -1, ...shared };
  }
  return { errorCode: ErrorCode.NONE, leaderId: leader, ...shared };
}
