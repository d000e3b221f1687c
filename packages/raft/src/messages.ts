/**
 * What voters and observers say to each other, as values. Vocabulary of KIP-595, KIP-853 and KIP-996; the
 * wire form is in wire.ts. Every answer carries the epoch and leader known to the answering node (leaderId
 * -1: none).
 */
import type { Millis, NodeId, Offset, QuorumEpoch } from '@millrace/base';
import type { EpochEnd } from './log.ts';
import type { LogBatch, VoterKey } from './types.ts';

/** Kafka's numbers for what can go wrong here. */
export const RaftErrorCode = {
  NONE: 0,
  OFFSET_OUT_OF_RANGE: 1,
  NOT_LEADER_OR_FOLLOWER: 6,
  FENCED_LEADER_EPOCH: 74,
  UNKNOWN_LEADER_EPOCH: 75,
  INCONSISTENT_VOTER_SET: 94,
  INCONSISTENT_CLUSTER_ID: 104,
  INVALID_VOTER_KEY: 125,
} as const;
export type RaftErrorCode = (typeof RaftErrorCode)[keyof typeof RaftErrorCode];

export interface VoteRequest {
  readonly type: 'vote';
  /** '' when the candidate knows none yet. */
  readonly clusterId: string;
  /** A real vote is asked for in this epoch; a pre-vote does not raise it (KIP-996). */
  readonly epoch: QuorumEpoch;
  readonly candidateId: NodeId;
  readonly candidateKey: VoterKey;
  /** The storage that is asked: only it may vote. '' during formation, when keys are not known yet. */
  readonly voterKey: VoterKey;
  readonly logEndOffset: Offset;
  readonly logLastEpoch: QuorumEpoch;
  readonly preVote: boolean;
  /** The candidate's log is empty: the quorum is being formed, which needs every voter. */
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
  /** Voters by how much of the log they have, best first. */
  readonly preferredSuccessors: readonly NodeId[];
}

/** Answer to begin and end. */
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
  /** Asks for committed records only and is never counted. */
  readonly observer: boolean;
  readonly epoch: QuorumEpoch;
  /** A voter says by this that everything below is on its device. */
  readonly fetchOffset: Offset;
  readonly lastFetchedEpoch: QuorumEpoch;
  /** What the replica knows; the leader answers at once when it knows more (KIP-1166). */
  readonly highWatermark: Offset;
  readonly maxWaitMs: Millis;
  /**
   * The leader's round that the last answer carried; 0: none. It tells the leader that it was followed after
   * that round began.
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
  /** The replica's log is no prefix of the leader's: cut to this and ask again. */
  readonly diverging: EpochEnd | undefined;
  readonly batches: readonly LogBatch[];
  /** The leader's latest round (leader.ts, startRound); 0 from a node that does not lead. */
  readonly round: number;
}

export type RaftRequest = VoteRequest | BeginRequest | EndRequest | FetchRequest;
export type RaftResponse = VoteResponse | EpochResponse | FetchResponse;
