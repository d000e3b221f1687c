/**
 * The inputs and outputs of the replica manager: plain data, no logic. Error codes are Kafka's. The results
 * carry operating errors as values; nothing throws them.
 */
import type { LeaderEpoch, Millis, NodeId, Offset, Uuid } from '@millrace/base';
import type { apis, ErrorCode, RequestOf, ResponseInputOf, Timestamp } from '@millrace/protocol';

/**
 * Cancels the request, timer or read whose start returned this function. A second or a late call does
 * nothing.
 */
export type Cancel = () => void;

/** An accepted fetch. After the fetch is answered, neither function does anything. */
export interface RunningFetch {
  readonly cancel: Cancel;
  /**
   * Call this when another request of the same sender arrives after this fetch. The broker then answers a
   * follower's fetch at once, with the available data. A consumer's fetch keeps waiting, as in Kafka.
   */
  readonly nextRequestArrived: () => void;
}

/** KIP-951: the present leader, for a client that asked the wrong broker. -1 when unknown. */
export interface CurrentLeader {
  readonly leaderId: NodeId;
  readonly leaderEpoch: LeaderEpoch;
}

/** Why this broker cannot serve a partition. */
export interface PartitionError {
  readonly errorCode: ErrorCode;
  /** Set for a client that asked the wrong broker. */
  readonly currentLeader: CurrentLeader | undefined;
}

export interface ProducePartition {
  /**
   * The topic's id. If the metadata does not know the topic: the id from the request, or ZERO_UUID if the
   * request has only a name.
   */
  readonly topicId: Uuid;
  readonly topic: string;
  readonly partition: number;
  /**
   * Set if the metadata does not know the topic or the partition. This error is then the result for every
   * value of acks.
   */
  readonly unknown?: ErrorCode | undefined;
  /** Set if the client may not write these records. This error is then the result if the acks are valid. */
  readonly forbidden?: ErrorCode | undefined;
  /**
   * Exactly one record batch v2. The log writes offset and epoch into the bytes in place. The caller may
   * reuse the bytes when the call returns.
   */
  readonly records: Uint8Array | null;
}

export interface ProduceRequest {
  /**
   * The acks of the request: -1 all, 0 none, 1 leader. Any other value fails each known partition with
   * INVALID_REQUIRED_ACKS.
   */
  readonly acks: number;
  /** How long the broker may park the request. */
  readonly timeoutMs: Millis;
  readonly apiVersion: number;
  readonly partitions: readonly ProducePartition[];
}

/** One per requested partition, in the order of the request. With an error, base offset and time are -1. */
export interface ProduceResult {
  errorCode: ErrorCode;
  baseOffset: Offset;
  logAppendTimeMs: number;
  logStartOffset: Offset;
  message?: string;
  recordErrors?: readonly { readonly batchIndex: number; readonly message: string }[];
  currentLeader?: CurrentLeader;
}

/** A decoded Fetch request and its version. */
export type FetchRequest = RequestOf<typeof apis.fetch> & {
  readonly version: number;
  readonly clientHost?: string;
  /**
   * Returns how many bytes the response may have, given the free memory. Called when the log is read, for
   * consumers only. Undefined: no limit.
   */
  readonly memoryBytes?: () => number;
};
/**
 * The response that the front end encodes. The front end fills `nodeEndpoints`, because it knows the client's
 * listener.
 */
export type FetchResponse = ResponseInputOf<typeof apis.fetch>;

export interface ListOffsetsPartition {
  readonly topicId: Uuid;
  readonly topic: string;
  readonly partition: number;
  /** -1: not checked. */
  readonly currentLeaderEpoch: LeaderEpoch;
  /**
   * A time in ms since 1970, or one of Kafka's special negative values (-1 latest, -2 earliest, -3 largest
   * timestamp, …).
   */
  readonly timestamp: Timestamp;
}

export interface ListOffsetsQuery {
  readonly version: number;
  /**
   * The sender: -1 a consumer; -2 a debugging client, which any replica answers; >= 0 a broker. Only a
   * consumer's answer stops at the high watermark.
   */
  readonly replicaId: NodeId;
  readonly isolationLevel: number;
  readonly partitions: readonly ListOffsetsPartition[];
  /** How long the answer may take. Undefined before version 10. */
  readonly timeoutMs?: Millis | undefined;
}

export interface ListOffsetsResult {
  readonly errorCode: ErrorCode;
  readonly offset: Offset;
  readonly timestamp: Timestamp;
  readonly leaderEpoch: LeaderEpoch;
}

export interface DeleteRecordsRequest {
  readonly clientId: string | null;
  /** How long the answer may wait for followers. */
  readonly timeoutMs: Millis;
  readonly partitions: readonly {
    readonly topicId: Uuid;
    readonly partition: number;
    /** The offset of the first record to keep; -1: the high watermark. */
    readonly offset: Offset;
  }[];
}

/** One per requested partition, in the order of the request. */
export interface RecordsDeleted {
  readonly errorCode: ErrorCode;
  /** The smallest log start offset of the live replicas; -1 with any error except REQUEST_TIMED_OUT. */
  readonly lowWatermark: Offset;
}

export interface OffsetForLeaderEpochPartition {
  readonly topicId: Uuid;
  readonly topic: string;
  readonly partition: number;
  readonly currentLeaderEpoch: LeaderEpoch;
  readonly leaderEpoch: LeaderEpoch;
}

export interface OffsetForLeaderEpochResult {
  readonly errorCode: ErrorCode;
  readonly leaderEpoch: LeaderEpoch;
  readonly endOffset: Offset;
}

/**
 * The broker's lease: the broker acknowledges records only while the lease holds. The controller fences a
 * silent broker only after the lease has ended (docs/leases.md).
 */
export interface BrokerLease {
  /**
   * The epoch of this broker's registration. This broker sends it in follower fetches and AlterPartition
   * requests.
   */
  readonly brokerEpoch: number;
  /**
   * The end of the lease, by the monotonic clock. The lease counts from the moment when the broker sent the
   * heartbeat that the controller answered.
   */
  readonly validUntilMs: Millis;
}

/** A fetch of one partition. */
export interface FetchItem {
  readonly topic: string;
  readonly topicId: Uuid;
  readonly partition: number;
  readonly fetchOffset: Offset;
  /** -1: not checked. */
  readonly currentLeaderEpoch: LeaderEpoch;
  /** Epoch of the last record the reader has; -1: unknown, no divergence check. */
  readonly lastFetchedEpoch: LeaderEpoch;
  readonly logStartOffset: Offset;
  readonly partitionMaxBytes: number;
}

/**
 * Set if the reader's log diverged below its fetch offset (KIP-595): the largest leader epoch that both logs
 * can share, and the offset where this epoch ends in the leader's log.
 */
export interface Divergence {
  readonly epoch: LeaderEpoch;
  readonly endOffset: Offset;
}

/** The partitions that a request asks about, by topic. Null: all. */
export type AskedReplicas = ReadonlyMap<string, ReadonlySet<number>> | null;

export interface ReplicaDescription {
  readonly topic: string;
  readonly partition: number;
  /** Bytes of the log's segments. */
  readonly sizeBytes: number;
  /** How many committed records the replica lacks. -1: the replica is offline or not assigned yet. */
  readonly offsetLag: number;
}

export interface LogDirDescription {
  /** NONE, or KAFKA_STORAGE_ERROR if the directory or its file system failed. */
  readonly errorCode: ErrorCode;
  /** Absolute. */
  readonly path: string;
  readonly replicas: readonly ReplicaDescription[];
  /** The size of the file system; -1: unknown. */
  readonly totalBytes: number;
  /** The bytes that this broker may still write; -1: unknown. */
  readonly usableBytes: number;
}
