/**
 * The messages between voters and observers, as values. The names are from KIP-595, KIP-853 and KIP-996. The
 * wire form is in wire.ts. Every response carries the epoch and the leader that the responding node knows
 * (leaderId -1: none). A vote response names the leader only if the leader still answers (hearsLeader in
 * election.ts).
 */
import type { Millis, NodeId, Offset, QuorumEpoch } from '@millrace/base';
import type { EpochEnd } from './log.ts';
import type { LogBatch, SnapshotId, SnapshotManifest, VoterKey } from './types.ts';

/** The error codes of Kafka that the quorum uses. */
export const RaftErrorCode = {
  NONE: 0,
  OFFSET_OUT_OF_RANGE: 1,
  NOT_LEADER_OR_FOLLOWER: 6,
  FENCED_LEADER_EPOCH: 74,
  UNKNOWN_LEADER_EPOCH: 75,
  INCONSISTENT_VOTER_SET: 94,
  SNAPSHOT_NOT_FOUND: 98,
  INCONSISTENT_CLUSTER_ID: 104,
  INVALID_VOTER_KEY: 125,
} as const;
export type RaftErrorCode = (typeof RaftErrorCode)[keyof typeof RaftErrorCode];

export interface VoteRequest {
  readonly type: 'vote';
  /** '' if the candidate does not know the cluster yet. */
  readonly clusterId: string;
  /** The epoch of the vote. A pre-vote does not raise it (KIP-996). */
  readonly epoch: QuorumEpoch;
  readonly candidateId: NodeId;
  readonly candidateKey: VoterKey;
  /**
   * The key of the voter that receives this request; it identifies the voter's storage. '' during formation,
   * when keys are not known yet.
   */
  readonly voterKey: VoterKey;
  readonly logEndOffset: Offset;
  readonly logLastEpoch: QuorumEpoch;
  readonly preVote: boolean;
  /** True if the candidate's log is empty. The election then forms the quorum, and needs every vote. */
  readonly formation: boolean;
}

export interface VoteResponse {
  readonly type: 'vote';
  readonly errorCode: number;
  readonly epoch: QuorumEpoch;
  readonly leaderId: NodeId;
  readonly granted: boolean;
  readonly logEmpty: boolean;
  readonly voterKey: VoterKey;
}

export interface BeginRequest {
  readonly type: 'begin';
  readonly clusterId: string;
  readonly leaderId: NodeId;
  readonly epoch: QuorumEpoch;
}

export interface EndRequest {
  readonly type: 'end';
  readonly clusterId: string;
  readonly leaderId: NodeId;
  readonly epoch: QuorumEpoch;
  /** The other voters, the one with the longest log first. */
  readonly preferredSuccessors: readonly NodeId[];
}

/** The response to BeginQuorumEpoch and EndQuorumEpoch. */
export interface EpochResponse {
  readonly type: 'begin' | 'end';
  readonly errorCode: number;
  readonly epoch: QuorumEpoch;
  readonly leaderId: NodeId;
}

export interface FetchRequest {
  readonly type: 'fetch';
  readonly clusterId: string;
  readonly replicaId: NodeId;
  readonly replicaKey: VoterKey;
  /** True: the sender is an observer. It gets only committed records, and does not count for a majority. */
  readonly observer: boolean;
  readonly epoch: QuorumEpoch;
  /** The log end of the replica. A voter has fsynced everything below it. */
  readonly fetchOffset: Offset;
  readonly lastFetchedEpoch: QuorumEpoch;
  /**
   * The high watermark that the replica knows. If the leader knows a higher one, it answers the fetch
   * (KIP-1166): a voter's fetch at once, an observer's after a short pause at most.
   */
  readonly highWatermark: Offset;
  readonly maxWaitMs: Millis;
  /**
   * The leader's round that the last response carried; 0: none. It shows that this voter still followed the
   * leader after that round began.
   */
  readonly round: number;
}

export interface FetchResponse {
  readonly type: 'fetch';
  readonly errorCode: number;
  readonly epoch: QuorumEpoch;
  readonly leaderId: NodeId;
  readonly clusterId: string;
  readonly highWatermark: Offset;
  /**
   * Defined if the replica's log is not a prefix of the leader's log. A voter truncates its log to this point
   * or an earlier one (`cut` in follower.ts) and fetches again. An observer logs an error.
   */
  readonly diverging: EpochEnd | undefined;
  /**
   * Defined if the leader's log no longer has what the replica needs next. The replica loads this snapshot
   * instead, and continues from its end (KIP-630).
   */
  readonly snapshot: SnapshotId | undefined;
  readonly batches: readonly LogBatch[];
  /** The leader's latest round (leader.ts, startRound); 0 in a refusal. */
  readonly round: number;
}

/** Asks the leader for one part of a snapshot. Like a fetch, it shows the leader that the voter follows. */
export interface FetchSnapshotRequest {
  readonly type: 'fetchSnapshot';
  readonly clusterId: string;
  readonly replicaId: NodeId;
  readonly replicaKey: VoterKey;
  readonly observer: boolean;
  readonly epoch: QuorumEpoch;
  readonly snapshot: SnapshotId;
  readonly part: number;
  /** The leader's round that the last response carried, as in FetchRequest. */
  readonly round: number;
}

export interface FetchSnapshotResponse {
  readonly type: 'fetchSnapshot';
  readonly errorCode: number;
  readonly epoch: QuorumEpoch;
  readonly leaderId: NodeId;
  /** Undefined in a refusal. */
  readonly manifest: SnapshotManifest | undefined;
  readonly part: number;
  readonly content: Uint8Array;
  readonly round: number;
}

export type RaftRequest = VoteRequest | BeginRequest | EndRequest | FetchRequest | FetchSnapshotRequest;
export type RaftResponse = VoteResponse | EpochResponse | FetchResponse | FetchSnapshotResponse;
