/**
 * Values of the packages' settings that no user can change. All but `loopWorkMax` are defined only here.
 * Kafka either has no property for the value, or has one with which a user could only break the node.
 */
import { LOOP_WORK_MAX } from '@millrace/protocol';

export const fixedSettings = {
  /** If no response settled an ISR change, the broker sends the change again after this pause, in ms. */
  alterPartitionRetryMs: 100,
  /** Limit for the number of parked fetches of a broker. */
  maxParkedFetches: 100_000,
  /** Limit for the deletions of records that wait on a broker. Each partition of a request counts as one. */
  maxParkedDeletions: 20_000,
  /**
   * The limit for a leader's response frame is at least this large; package-settings.ts computes the limit.
   */
  responseFrameBytesMaxFloor: 128 * 1024 * 1024,
  /** Limit for the work on batches within one turn of the event loop, in decompressed bytes. */
  loopWorkMax: LOOP_WORK_MAX,
  /** At this number of pending requests, the broker stops reading a connection. */
  connectionMaxRequests: 128,
  /** At this number of held bytes, the broker stops reading a connection. One request may be larger. */
  connectionMaxBytes: 16 * 1024 * 1024,
  /** While memory is short, the broker drops a peer that makes no progress for this long, in ms. */
  stalledPeerMs: 5_000,
  /** How long a peer may take to close its end of a connection, in ms. */
  closeGraceMs: 1_000,
  /** How long the controller may take to move the leaderships away from a stopping broker, in ms. */
  controlledShutdownMaxMs: 10_000,
  /** Limit for the number of partitions that one CreateTopics or CreatePartitions request may create. */
  maxPartitionsPerRequest: 10_000,
  /** At this size the controller begins a new batch of the metadata log. One fetch carries about as much. */
  metadataBatchBytes: 1024 * 1024,
  /** Soft limit of one fetch response of the quorum, in bytes. */
  quorumFetchMaxBytes: 1024 * 1024,
  /** Soft limit for the records of the quorum that a controller applies in one turn, in bytes. */
  quorumCommitMaxBytes: 128 * 1024,
  /**
   * The size of one part of a metadata snapshot, in bytes. One write, or one answer to a replica, has one
   * part.
   */
  snapshotPartBytes: 64 * 1024,
  /** How many producer ids a broker gets at once, as in Kafka. */
  producerIdBlockSize: 1000,
} as const;

export type FixedSettings = typeof fixedSettings;
