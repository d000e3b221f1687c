/**
 * The vocabulary of the quorum: what a log batch is, what is kept on disk, who votes, and the settings.
 * Types only, and the defaults; no behaviour.
 */
import type { Millis, NodeId, Offset, QuorumEpoch, Uuid } from '@millrace/base';

/** What a batch holds. Control batches belong to the quorum itself and are never shown to the listener. */
export type BatchKind = 'data' | 'leaderChange' | 'voters';

/**
 * What one proposal (or the quorum itself) appended, never split: the unit of replication, truncation and
 * storage. Its records take the offsets baseOffset .. baseOffset + records.length - 1; there is at least one
 * record.
 */
export interface LogBatch {
  readonly baseOffset: Offset;
  /** Of the leader that appended it. Never falls along the log. */
  readonly epoch: QuorumEpoch;
  readonly kind: BatchKind;
  readonly records: readonly Uint8Array[];
}

/**
 * A committed data batch, as the listener sees it. Offsets between batches that it never sees are control
 * records.
 */
export interface CommittedBatch {
  readonly baseOffset: Offset;
  readonly epoch: QuorumEpoch;
  readonly records: readonly Uint8Array[];
}

export interface LeaderAndEpoch {
  readonly nodeId: NodeId;
  readonly epoch: QuorumEpoch;
}

/** A configured voter: `controller.quorum.voters`. */
export interface VoterAddress {
  readonly id: NodeId;
  readonly host: string;
  readonly port: number;
}

/**
 * What identifies a voter's storage: directory id and the id its database drew when it was created, so that
 * losing either one makes it another voter. Opaque: only compared.
 */
export type VoterKey = string;

export interface VoteState {
  readonly epoch: QuorumEpoch;
  /** -1: no vote in this epoch. */
  readonly votedFor: NodeId;
}

/** Settings; all durations in milliseconds. */
export interface QuorumConfig {
  /**
   * A follower that could not fetch for so long asks for an election. `controller.quorum.fetch.timeout.ms`
   * (ours is 1000).
   */
  readonly fetchTimeoutMs: Millis;
  /**
   * One round of votes; the real time is drawn from 1 to 2 times this.
   * `controller.quorum.election.timeout.ms` (ours is 300).
   */
  readonly electionTimeoutMs: Millis;
  /** How soon something that failed is tried again. `controller.quorum.retry.backoff.ms`. */
  readonly retryBackoffMs: Millis;
  /**
   * How long the leader may hold a fetch that has nothing to answer; at most half the fetch timeout makes
   * sense.
   */
  readonly fetchMaxWaitMs: Millis;
  /** Soft limit of one fetch answer; one batch is always sent whole. */
  readonly fetchMaxBytes: number;
}

export const defaultQuorumConfig: QuorumConfig = {
  fetchTimeoutMs: 1000,
  electionTimeoutMs: 300,
  retryBackoffMs: 20,
  fetchMaxWaitMs: 400,
  fetchMaxBytes: 1 << 20,
};

/** What the quorum tells its owner. Called in a turn of the quorum's own; may call back into it (propose). */
export interface RaftListener {
  /**
   * Committed data batches, in order, exactly once, on leader and followers, from offset 0 after a restart.
   */
  committed(batches: readonly CommittedBatch[]): void;
  /** This node leads and every record of earlier epochs has been passed to `committed`. */
  becameLeader(epoch: QuorumEpoch): void;
  /**
   * The end of a leadership that `becameLeader` announced. What was proposed and is not committed may be
   * lost.
   */
  resigned(epoch: QuorumEpoch): void;
  /** The leader known to this node (itself too); undefined while there is none. */
  leaderChanged(leader: LeaderAndEpoch | undefined): void;
}

export interface ReplicaDescription {
  readonly id: NodeId;
  readonly directoryId: Uuid;
  /** -1: unknown. */
  readonly logEndOffset: Offset;
  /** Wall clock milliseconds, -1: never (or this node does not lead). */
  readonly lastFetchTimestamp: number;
  readonly lastCaughtUpTimestamp: number;
}

/** What DescribeQuorum answers (KIP-595, KIP-836). Positions of others are known to the leader only. */
export interface QuorumDescription {
  readonly leaderId: NodeId;
  readonly leaderEpoch: QuorumEpoch;
  readonly highWatermark: Offset;
  readonly voters: readonly ReplicaDescription[];
  readonly observers: readonly ReplicaDescription[];
  readonly nodes: readonly VoterAddress[];
}
