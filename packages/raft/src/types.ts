/** The types of the quorum: log batches, stored votes, voters and settings. */
import type { Millis, NodeId, Offset, QuorumEpoch, Uuid } from '@millrace/base';
import type { SnapshotSource } from './snapshot-writer.ts';

/**
 * The content of a batch. All kinds except 'data' are control batches of the quorum itself. The listener
 * never sees them.
 */
export type BatchKind = 'data' | 'leaderChange' | 'voters';

/**
 * The records that one proposal (or the quorum itself) appended, at least one. The quorum never splits a
 * batch: it replicates, truncates and stores whole batches. The records have the offsets baseOffset ..
 * baseOffset + records.length - 1.
 */
export interface LogBatch {
  readonly baseOffset: Offset;
  /** The epoch of the leader that appended the batch. Never decreases along the log. */
  readonly epoch: QuorumEpoch;
  readonly kind: BatchKind;
  readonly records: readonly Uint8Array[];
}

/** A committed data batch, as the listener sees it. Control records use the offsets between these batches. */
export interface CommittedBatch {
  readonly baseOffset: Offset;
  readonly epoch: QuorumEpoch;
  readonly records: readonly Uint8Array[];
}

/**
 * Identifies a snapshot. The snapshot holds the state after all committed records below `endOffset`, which is
 * a batch border. `epoch` is the epoch of the record before `endOffset`.
 */
export interface SnapshotId {
  readonly endOffset: Offset;
  readonly epoch: QuorumEpoch;
}

/** Describes a complete snapshot. */
export interface SnapshotManifest {
  readonly id: SnapshotId;
  /**
   * The log's first record, which names the voters and the cluster. The log after the snapshot does not have
   * it.
   */
  readonly voters: Uint8Array;
  /** The number of parts, numbered from 0; at least one. A part is a list of whole records (parts.ts). */
  readonly parts: number;
  readonly bytes: number;
  /** The checksum of all parts (checksumOf in parts.ts). */
  readonly checksum: number;
}

/** A snapshot with its parts, as the owner decodes it. */
export interface Snapshot {
  readonly manifest: SnapshotManifest;
  readonly parts: readonly Uint8Array[];
}

export interface LeaderAndEpoch {
  readonly nodeId: NodeId;
  readonly epoch: QuorumEpoch;
}

/** A voter's id and address: from `controller.quorum.voters`, or from the log's first record. */
export interface VoterAddress {
  readonly id: NodeId;
  readonly host: string;
  readonly port: number;
}

/**
 * Identifies a voter's storage: the directory id, and the random id that the storage got at its creation. If
 * either id changes, the storage counts as another voter. An observer's key is its directory id alone. Code
 * only compares keys, except that describe.ts reads the directory id.
 */
export type VoterKey = string;

export interface VoteState {
  readonly epoch: QuorumEpoch;
  /** The candidate that this node voted for in this epoch; -1: none. */
  readonly votedFor: NodeId;
}

/** The settings of the quorum; all durations in milliseconds. */
export interface QuorumConfig {
  /**
   * `controller.quorum.fetch.timeout.ms`: a follower starts a pre-vote when no fetch succeeded for this long.
   */
  readonly fetchTimeoutMs: Millis;
  /**
   * `controller.quorum.election.timeout.ms`: a node waits a random time, from 1 to 2 times this setting, for
   * the result of a round of votes. After a lost round, the node mostly begins the next one sooner.
   */
  readonly electionTimeoutMs: Millis;
  /** `controller.quorum.retry.backoff.ms`: pause before a retry. Some retries wait a multiple of it. */
  readonly retryBackoffMs: Millis;
  /**
   * How long a fetch without news may stay parked at the leader. The leader's own limit is half its fetch
   * timeout.
   */
  readonly fetchMaxWaitMs: Millis;
  /** Limit of one fetch response. It has whole batches; the first one may exceed the limit. */
  readonly fetchMaxBytes: number;
  /**
   * Limit of the records that a node commits in one turn: its owner applies them within this turn. The node
   * commits whole batches; the first one may exceed the limit.
   */
  readonly commitMaxBytes: number;
}

/** When a node takes snapshots. */
export interface SnapshotConfig {
  /**
   * `metadata.log.max.record.bytes.between.snapshots`: a node takes a snapshot when it has committed this
   * many bytes of records since the last one.
   */
  readonly maxBytes: number;
  /**
   * `metadata.log.max.snapshot.interval.ms`: a node takes a snapshot this long after the last one, if it
   * has committed records since. 0: only the bytes count.
   */
  readonly intervalMs: Millis;
  /** The size of a part of a snapshot. The last record of a part may exceed it. */
  readonly partBytes: number;
}

/** The owner's state machine, as far as snapshots need it. */
export interface SnapshotOwner {
  /** The state after all committed batches. Undefined: there was none. */
  snapshot(): SnapshotSource | undefined;
  /**
   * Decodes a snapshot, perhaps over several turns, and changes nothing yet. Calls `done` with a function
   * that replaces the owner's state by the decoded one, or with an Error if it cannot read the snapshot.
   */
  decodeSnapshot(snapshot: Snapshot, done: (install: (() => void) | Error) => void): void;
}

/**
 * The quorum's calls to its owner, never within `propose` or `confirmLeadership`. The owner may call back
 * into the quorum (propose).
 */
export interface RaftListener {
  /**
   * Gets the committed data batches, in order, each at most once, on leader and followers. A snapshot that
   * the owner installs replaces all batches before its end. After a restart, the batches begin at the end of
   * the snapshot that the node started from, or at offset 0 if it has none.
   */
  committed(batches: readonly CommittedBatch[]): void;
  /** This node became leader, and every record of earlier epochs was passed to `committed`. */
  becameLeader(epoch: QuorumEpoch): void;
  /** The leadership that `becameLeader` announced has ended. Uncommitted proposals may be lost. */
  resigned(epoch: QuorumEpoch): void;
  /** Reports the leader that this node knows (perhaps itself); undefined while it knows none. */
  leaderChanged(leader: LeaderAndEpoch | undefined): void;
}

export interface ReplicaDescription {
  readonly id: NodeId;
  readonly directoryId: Uuid;
  /** The end of the replica's log; -1: unknown. */
  readonly logEndOffset: Offset;
  /** Wall clock milliseconds; -1: the replica has not fetched, or this node does not lead. */
  readonly lastFetchTimestamp: number;
  readonly lastCaughtUpTimestamp: number;
}

/**
 * The content of a DescribeQuorum response (KIP-595, KIP-836). Only the leader knows the positions of others.
 */
export interface QuorumDescription {
  readonly leaderId: NodeId;
  readonly leaderEpoch: QuorumEpoch;
  readonly highWatermark: Offset;
  readonly voters: readonly ReplicaDescription[];
  readonly observers: readonly ReplicaDescription[];
  readonly nodes: readonly VoterAddress[];
}
