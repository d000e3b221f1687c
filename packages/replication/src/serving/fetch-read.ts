/**
 * Reads one partition for a fetch of a consumer or a follower. Does the checks in Kafka's order, then returns
 * whole batches as the log has them. Notes for each follower the offset from which the leader last sent
 * batches.
 */
import type { BrokerEpoch, LeaderEpoch, NodeId, Offset } from '@millrace/base';
import { batchSizeAt, checkBatchCrc, ErrorCode } from '@millrace/protocol';
import type { Partition } from '../partition/partition.ts';
import type { CurrentLeader, Divergence, FetchItem } from '../types.ts';

/** The consumer or follower that fetches. */
export interface Reader {
  /** The follower's broker id; negative: the reader is a consumer. */
  readonly replicaId: NodeId;
  readonly replicaEpoch: BrokerEpoch;
  readonly isFollower: boolean;
  readonly readsCommitted: boolean;
}

/** One partition of a fetch response. */
export interface FetchedPartition {
  partitionIndex: number;
  errorCode: ErrorCode;
  highWatermark: Offset;
  lastStableOffset: Offset;
  logStartOffset: Offset;
  divergingEpoch: { epoch: LeaderEpoch; endOffset: Offset } | undefined;
  currentLeader: CurrentLeader | undefined;
  /**
   * The aborted transactions in the range. The list is empty, because there are no transactions yet. It is
   * null if the reader is a follower, does not ask for committed records, or gets a divergence or an error.
   * With the error for an unknown partition the list is empty, not null.
   */
  abortedTransactions: readonly never[] | null;
  preferredReadReplica: number;
  records: Uint8Array[];
  /** The size of `records`. */
  sizeBytes: number;
}

const NONE_ABORTED: readonly never[] = Object.freeze([]);

/** The response for a partition that cannot be read. */
export function failedPartition(
  partitionIndex: number,
  errorCode: ErrorCode,
  currentLeader?: CurrentLeader,
): FetchedPartition {
  return {
    partitionIndex,
    errorCode,
    highWatermark: -1,
    lastStableOffset: -1,
    logStartOffset: -1,
    divergingEpoch: undefined,
    currentLeader,
    // As in Kafka, the response for an unknown partition has an empty list at every isolation level.
    abortedTransactions: isUnknown(errorCode) ? NONE_ABORTED : null,
    preferredReadReplica: -1,
    records: [],
    sizeBytes: 0,
  };
}

/** The response for a partition that can be read, with its offsets and without records. */
function fetchedPartition(partition: Partition): FetchedPartition {
  return {
    partitionIndex: partition.index,
    errorCode: ErrorCode.NONE,
    highWatermark: partition.highWatermark,
    lastStableOffset: partition.lastStableOffset,
    logStartOffset: partition.log.startOffset,
    divergingEpoch: undefined,
    currentLeader: undefined,
    abortedTransactions: null,
    preferredReadReplica: -1,
    records: [],
    sizeBytes: 0,
  };
}

function isUnknown(errorCode: ErrorCode): boolean {
  return errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION || errorCode === ErrorCode.UNKNOWN_TOPIC_ID;
}

/**
 * Checks whether this replica can serve the item. Returns NONE, an error, or the point to which the reader
 * must truncate.
 */
export function inspect(partition: Partition, item: FetchItem, reader: Reader): ErrorCode | Divergence {
  // In a Fetch, Kafka treats any negative epoch as "no epoch". In an offset lookup, only -1 means this.
  const leaderError = partition.checkLeader(Math.max(-1, item.currentLeaderEpoch));
  if (leaderError !== ErrorCode.NONE) return leaderError;
  if (reader.isFollower && !partition.leadership?.remotes.has(reader.replicaId)) return strangerError(item);
  const { log } = partition;
  if (item.lastFetchedEpoch >= 0) {
    const end = log.endOffsetForEpoch(item.lastFetchedEpoch);
    if (end.epoch < 0 || end.endOffset < 0) return ErrorCode.OFFSET_OUT_OF_RANGE;
    if (end.epoch < item.lastFetchedEpoch || end.endOffset < item.fetchOffset) return end;
  }
  if (item.fetchOffset >= log.startOffset && item.fetchOffset <= log.endOffset) return ErrorCode.NONE;
  // A consumer without an epoch (before KIP-320) may have read further from a leader that replaced this one.
  // OFFSET_OUT_OF_RANGE would make the consumer reset its position, so it gets NOT_LEADER_OR_FOLLOWER.
  const mayBeReplaced = !reader.isFollower && item.fetchOffset > log.endOffset && partition.mayBeReplaced;
  return mayBeReplaced ? ErrorCode.NOT_LEADER_OR_FOLLOWER : ErrorCode.OFFSET_OUT_OF_RANGE;
}

/**
 * The error for a fetch from a broker that has no replica of the partition. If the fetch has a leader epoch,
 * the fetching broker may know a reassignment that this broker does not know yet. UNKNOWN_LEADER_EPOCH then
 * makes the fetching broker retry.
 */
function strangerError({ currentLeaderEpoch }: FetchItem): ErrorCode {
  return currentLeaderEpoch < 0 ? ErrorCode.NOT_LEADER_OR_FOLLOWER : ErrorCode.UNKNOWN_LEADER_EPOCH;
}

/** The offset below which the reader may read. */
export function visibleEnd(partition: Partition, reader: Reader): Offset {
  if (reader.isFollower) return partition.log.endOffset;
  return reader.readsCommitted ? partition.lastStableOffset : partition.highWatermark;
}

/**
 * Reads whole batches of up to `maxBytes` together, if `inspect` found no error. `atLeastOneBatch`: returns
 * the first batch even if it exceeds `maxBytes`, so that the reader makes progress.
 */
export function readPartition(
  partition: Partition,
  item: FetchItem,
  reader: Reader,
  inspected: ReturnType<typeof inspect>,
  limit: { readonly maxBytes: number; readonly atLeastOneBatch: boolean },
): FetchedPartition {
  if (typeof inspected === 'number' && inspected !== ErrorCode.NONE) return unreadable(partition, inspected);
  const { log } = partition;
  const fetched = fetchedPartition(partition);
  if (typeof inspected !== 'number') {
    fetched.divergingEpoch = { epoch: inspected.epoch, endOffset: inspected.endOffset };
    return fetched;
  }
  if (reader.readsCommitted && !reader.isFollower) fetched.abortedTransactions = NONE_ABORTED;
  const end = visibleEnd(partition, reader);
  const maxBytes = Math.min(item.partitionMaxBytes, limit.maxBytes);
  if (item.fetchOffset >= end || (maxBytes <= 0 && !limit.atLeastOneBatch)) return fetched;
  const read = log.read({
    fromOffset: item.fetchOffset,
    endOffsetMax: end,
    maxBytes: Math.max(0, maxBytes),
    atLeastOneBatch: limit.atLeastOneBatch,
  });
  if (read.errorCode !== ErrorCode.NONE) {
    partition.noticeOffline();
    if (read.damage !== undefined) partition.corruption.found(read.damage);
    return unreadable(partition, read.errorCode);
  }
  if (reader.isFollower && !isIntact(partition, item, reader, read.chunks)) {
    partition.corruption.found('the checksum of a batch is wrong');
    return unreadable(partition, ErrorCode.KAFKA_STORAGE_ERROR);
  }
  fetched.records = read.chunks;
  fetched.sizeBytes = read.sizeBytes;
  return fetched;
}

/**
 * Whether the batches are intact. Readers verify checksums, so the leader does not verify them on the hot
 * path. But a follower that fetches from the same offset again may have found the batches corrupt, so the
 * leader verifies them then. Without this check, the leader might send corrupt bytes for ever.
 */
function isIntact(
  partition: Partition,
  item: FetchItem,
  reader: Reader,
  chunks: readonly Uint8Array[],
): boolean {
  const remote = partition.leadership?.remotes.get(reader.replicaId);
  if (remote === undefined) return true;
  const isRepeated = remote.servedOffset === item.fetchOffset;
  remote.servedOffset = item.fetchOffset;
  return !isRepeated || chunks.every(areBatchesIntact);
}

function areBatchesIntact(batches: Uint8Array): boolean {
  for (let position = 0; position < batches.length; ) {
    const sizeBytes = batchSizeAt(batches, position);
    if (sizeBytes === undefined || !checkBatchCrc(batches, position, sizeBytes)) return false;
    position += sizeBytes;
  }
  return true;
}

/** Like `failedPartition`, but names the new leader for a client that knows an old leader (KIP-951). */
function unreadable(partition: Partition, errorCode: ErrorCode): FetchedPartition {
  const isStale =
    errorCode === ErrorCode.NOT_LEADER_OR_FOLLOWER || errorCode === ErrorCode.FENCED_LEADER_EPOCH;
  return failedPartition(partition.index, errorCode, isStale ? partition.currentLeader : undefined);
}
