/** DescribeQuorum (KIP-595, KIP-836, KIP-853) from what the quorum says of itself. Pure. */
import type { Uuid } from '@millrace/base';
import { type apis, ErrorCode, type RequestOf, type ResponseInputOf } from '@millrace/protocol';
import type { QuorumDescription, ReplicaDescription } from '@millrace/raft';

type Response = ResponseInputOf<typeof apis.describeQuorum>;

const TOPIC = '__cluster_metadata';

export function answerDescribeQuorum(
  request: RequestOf<typeof apis.describeQuorum>,
  quorum: QuorumDescription,
  listenerName: string,
): Response {
  return {
    errorCode: ErrorCode.NONE,
    topics: request.topics.map(({ topicName, partitions }) => ({
      topicName,
      partitions: partitions.map(({ partitionIndex }) =>
        topicName === TOPIC && partitionIndex === 0
          ? describePartition(quorum)
          : unknownPartition(partitionIndex),
      ),
    })),
    nodes: quorum.nodes.map(({ id, host, port }) => ({
      nodeId: id,
      listeners: [{ name: listenerName, host, port }],
    })),
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
    leaderId: -1,
    leaderEpoch: -1,
    highWatermark: -1,
    currentVoters: [],
    observers: [],
  };
}
