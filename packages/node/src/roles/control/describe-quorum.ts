/** Makes a DescribeQuorum response (KIP-595, KIP-836, KIP-853) from the quorum's own description. Pure. */
import type { Uuid } from '@millrace/base';
import { type apis, ErrorCode, type RequestOf, type ResponseInputOf } from '@millrace/protocol';
import type { QuorumDescription, ReplicaDescription } from '@millrace/raft';

type Request = RequestOf<typeof apis.describeQuorum>;
type Response = ResponseInputOf<typeof apis.describeQuorum>;

const TOPIC = '__cluster_metadata';

export function answerDescribeQuorum(
  request: Request,
  quorum: QuorumDescription,
  listenerName: string,
): Response {
  if (!asksOnlyForTheMetadata(request)) return unknownPartitions(request);
  return {
    errorCode: ErrorCode.NONE,
    topics: request.topics.map(({ topicName, partitions }) => ({
      topicName,
      partitions: partitions.map(() => describePartition(quorum)),
    })),
    nodes: quorum.nodes.map(({ id, host, port }) => ({
      nodeId: id,
      listeners: [{ name: listenerName, host, port }],
    })),
  };
}

/**
 * Whether the request names only the metadata partition. Kafka's raft client knows only this partition, and
 * refuses the whole request if it names another.
 */
function asksOnlyForTheMetadata({ topics }: Request): boolean {
  const [topic] = topics;
  return (
    topics.length === 1 &&
    topic!.topicName === TOPIC &&
    topic!.partitions.length === 1 &&
    topic!.partitions[0]!.partitionIndex === 0
  );
}

function unknownPartitions({ topics }: Request): Response {
  return {
    errorCode: ErrorCode.NONE,
    topics: topics.map(({ topicName, partitions }) => ({
      topicName,
      partitions: partitions.map(({ partitionIndex }) => unknownPartition(partitionIndex)),
    })),
    nodes: [],
  };
}

function describePartition(quorum: QuorumDescription) {
  const { leaderId, leaderEpoch, highWatermark } = quorum;
  return {
    partitionIndex: 0,
    errorCode: ErrorCode.NONE,
    leaderId,
    leaderEpoch,
    highWatermark,
    currentVoters: quorum.voters.map(describeReplica),
    observers: quorum.observers.map(describeReplica),
  };
}

function describeReplica(replica: ReplicaDescription) {
  return {
    replicaId: replica.id,
    replicaDirectoryId: replica.directoryId as Uuid,
    logEndOffset: replica.logEndOffset,
    lastFetchTimestamp: replica.lastFetchTimestamp,
    lastCaughtUpTimestamp: replica.lastCaughtUpTimestamp,
  };
}

function unknownPartition(partitionIndex: number) {
  return {
    partitionIndex,
    errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    errorMessage: 'This server does not host this topic-partition.',
    leaderId: 0,
    leaderEpoch: 0,
    highWatermark: 0,
    currentVoters: [],
    observers: [],
  };
}
