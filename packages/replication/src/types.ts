/**
 * What goes in and out of the replica manager: plain data, no logic. Error codes are Kafka's; operating
 * errors are values in the results and never thrown.
 */
import type { LeaderEpoch, Millis, NodeId, Offset, Uuid } from '@millrace/base';
import type { apis, ErrorCode, RequestOf, ResponseInputOf, Timestamp } from '@millrace/protocol';

/**
 * Whoever asked has gone away: the answer is not wanted any more. Calling it again, or late, does nothing.
 */
export type Cancel = () => void;

/** A fetch that was taken; when it has been answered, neither does anything. */
export interface RunningFetch {
  readonly cancel: Cancel;
  /**
   * Whoever asked has sent another request behind it. A follower's is answered now, with what there is; a
   * consumer's waits on, as in Kafka.
   */
  readonly followed: () => void;
}

/** KIP-951: who leads now, for a client that asked the wrong broker. -1 when unknown. */
export interface CurrentLeader {
  readonly leaderId: NodeId;
  readonly leaderEpoch: LeaderEpoch;
}

export interface ProducePartition {
  readonly topicId: Uuid;
  readonly topic: string;
  readonly partition: number;
  /**
   * Exactly one record batch v2. It is stamped in place, and the log keeps a reference: the caller gives it
   * away.
   */
  readonly records: Uint8Array | null;
}

export interface ProduceRequest {
  /** -1 all, 0 none, 1 leader. Anything else: INVALID_REQUIRED_ACKS for each partition. */
  readonly acks: number;
  /** How long an answer may be parked. */
  readonly timeoutMs: Millis;
  readonly apiVersion: number;
  readonly partitions: readonly ProducePartition[];
}

/** One per requested partition, in the order of the request. Offsets and times are -1 with an error. */
export interface ProduceResult {
  errorCode: ErrorCode;
  baseOffset: Offset;
  logAppendTimeMs: number;
  logStartOffset: Offset;
  message?: string;
  recordErrors?: readonly { readonly batchIndex: number; readonly message: string }[];
  currentLeader?: CurrentLeader;
}

/** A decoded Fetch request and the version it came in. */
export type FetchRequest = RequestOf<typeof apis.fetch> & {
  readonly version: number;
  readonly clientHost?: string;
  /**
   * Asked of consumers only, when it is read: how large an answer there is memory for. Undefined: no limit.
   */
  readonly memoryBytes?: () => number;
};
/**
 * What the front end encodes. `nodeEndpoints` is left to the front end: it knows which listener was asked.
 */
export type FetchResponse = ResponseInputOf<typeof apis.fetch>;

export interface ListOffsetsPartition {
  readonly topicId: Uuid;
  readonly topic: string;
  readonly partition: number;
  /** -1: not checked. */
  readonly currentLeaderEpoch: LeaderEpoch;
  /**
   * A time in ms since 1970, or one of Kafka's negative names (-1 latest, -2 earliest, -3 largest timestamp,
   * …).
   */
  readonly timestamp: Timestamp;
}

export interface ListOffsetsQuery {
  readonly version: number;
  /** -1 consumer, -2 debugging (answered by any replica), >= 0 a broker (sees up to the log end). */
  readonly replicaId: NodeId;
  readonly isolationLevel: number;
  readonly partitions: readonly ListOffsetsPartition[];
  /** How long the answer may take; since version 10, else undefined. */
  readonly timeoutMs?: Millis | undefined;
}

export interface ListOffsetsResult {
  readonly errorCode: ErrorCode;
  readonly offset: Offset;
  readonly timestamp: Timestamp;
  readonly leaderEpoch: LeaderEpoch;
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

/** The broker's lease: while it holds, the controller has not given this broker's partitions to others. */
export interface BrokerSession {
  /**
   * The epoch the controller registered this broker with: it goes into followers' fetches and AlterPartition.
   */
  readonly brokerEpoch: number;
  /** By the monotonic clock. Measured from when the answered heartbeat was SENT. */
  readonly validUntilMs: Millis;
}

/** What is wanted of one partition. */
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
 * The largest epoch both logs can share, when the reader's log went another way below its fetch offset
 * (KIP-595).
 */
export interface Divergence {
  readonly epoch: LeaderEpoch;
  readonly endOffset: Offset;
}
