/**
 * Reading one partition for a fetch, of a consumer or a follower: the checks in Kafka's order, then batches
 * by reference. Notes where each follower was last served.
 */
import type { BrokerEpoch, LeaderEpoch, NodeId, Offset } from '@millrace/base';
import { batchSizeAt, checkBatchCrc, ErrorCode } from '@millrace/protocol';
import type { Partition } from '../partition/partition.ts';
import type { CurrentLeader, Divergence, FetchItem } from '../types.ts';

/** Who reads. */
export interface Reader {
  /** -1: a consumer. */
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
   * There are no transactions yet. Null: the reader does not ask for committed records, or the log was not
   * read.
   */
  abortedTransactions: readonly never[] | null;
  preferredReadReplica: number;
  records: Uint8Array[];
  /** Of `records`. */
  sizeBytes: number;
}

const NONE_ABORTED: readonly never[] = Object.freeze([]);

export function failedFetch(
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
    // As Kafka: what is not in the metadata is told with an empty list, whatever the reader's level.
    abortedTransactions: isUnknown(errorCode) ? NONE_ABORTED : null,
    preferredReadReplica: -1,
    records: [],
    sizeBytes: 0,
  };
}

function isUnknown(errorCode: ErrorCode): boolean {
  return errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION || errorCode === ErrorCode.UNKNOWN_TOPIC_ID;
}

/** Whether this replica can serve the item: NONE, an error, or where the reader has to go back to. */
export function inspect(partition: Partition, item: FetchItem, reader: Reader): ErrorCode | Divergence {
  // Kafka's Fetch takes any negative epoch for none; its lookups only -1.
  const refusal = partition.checkLeader(Math.max(-1, item.currentLeaderEpoch));
  if (refusal !== ErrorCode.NONE) return refusal;
  if (reader.isFollower && !partition.leadership?.remotes.has(reader.replicaId)) return strangerError(item);
  const { log } = partition;
  if (item.lastFetchedEpoch >= 0) {
    const end = log.endOffsetForEpoch(item.lastFetchedEpoch);
    if (end.epoch < 0 || end.endOffset < 0) return ErrorCode.OFFSET_OUT_OF_RANGE;
    if (end.epoch < item.lastFetchedEpoch || end.endOffset < item.fetchOffset) return end;
  }
  if (item.fetchOffset >= log.startOffset && item.fetchOffset <= log.endOffset) return ErrorCode.NONE;
  // A consumer that names no epoch (before KIP-320) may have read on from a successor: to say that its
  // position does not exist would have it start anew.
  const mayBeReplaced = !reader.isFollower && item.fetchOffset > log.endOffset && partition.mayBeReplaced;
  return mayBeReplaced ? ErrorCode.NOT_LEADER_OR_FOLLOWER : ErrorCode.OFFSET_OUT_OF_RANGE;
}

/**
 * A stranger that names the epoch of this leader may know of a reassignment that this broker does not, and
 * asks again.
 */
function strangerError({ currentLeaderEpoch }: FetchItem): ErrorCode {
  return currentLeaderEpoch < 0 ? ErrorCode.NOT_LEADER_OR_FOLLOWER : ErrorCode.UNKNOWN_LEADER_EPOCH;
}

/** Offset up to which the reader may see. */
export function visibleEnd(partition: Partition, reader: Reader): Offset {
  if (reader.isFollower) return partition.log.endOffset;
  return reader.readsCommitted ? partition.lastStableOffset : partition.highWatermark;
}

/**
 * Reads what `inspect` has allowed, up to `maxBytes`; with `atLeastOneBatch` the first batch comes whatever
 * its size, so that a reader gets on. Whole batches only.
 */
export function readPartition(
  partition: Partition,
  item: FetchItem,
  reader: Reader,
  inspected: ReturnType<typeof inspect>,
  limit: { readonly maxBytes: number; readonly atLeastOneBatch: boolean },
): FetchedPartition {
  if (typeof inspected === 'number' && inspected !== ErrorCode.NONE) return refused(partition, inspected);
  const { log } = partition;
  const fetched = failedFetch(partition.index, ErrorCode.NONE);
  fetched.highWatermark = partition.highWatermark;
  fetched.lastStableOffset = partition.lastStableOffset;
  fetched.logStartOffset = log.startOffset;
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
    if (read.damage !== undefined) partition.foundDamaged(read.damage);
    return refused(partition, read.errorCode);
  }
  if (reader.isFollower && !isIntact(partition, item, reader, read.chunks)) {
    partition.foundDamaged('the checksum of a batch is wrong');
    return refused(partition, ErrorCode.KAFKA_STORAGE_ERROR);
  }
  fetched.records = read.chunks;
  fetched.sizeBytes = read.sizeBytes;
  return fetched;
}

/**
 * Checksums are the readers' business: nobody on the hot path looks. But a follower that asks for the same
 * batches again may have found them damaged, and nobody else would tell this leader that its disk is to
 * blame.
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

function refused(partition: Partition, errorCode: ErrorCode): FetchedPartition {
  // KIP-951: whoever has a stale leader is told the new one.
  const isStale =
    errorCode === ErrorCode.NOT_LEADER_OR_FOLLOWER || errorCode === ErrorCode.FENCED_LEADER_EPOCH;
  return failedFetch(partition.index, errorCode, isStale ? partition.currentLeader : undefined);
}
