/** Offset lookups of one partition: ListOffsets and OffsetForLeaderEpoch. Reads only. */
import type { LeaderEpoch, Offset } from '@millrace/base';
import type {
  CostlyBatch,
  LookupBudget,
  LookupFailure,
  OpenedBatch,
  PausedLookup,
  TimeLookup,
  TimestampHit,
} from '@millrace/log';
import { ErrorCode, type Timestamp } from '@millrace/protocol';
import type { Partition } from '../partition/partition.ts';
import type {
  ListOffsetsPartition,
  ListOffsetsQuery,
  ListOffsetsResult,
  OffsetForLeaderEpochPartition,
  OffsetForLeaderEpochResult,
} from '../types.ts';

/** Kafka's special timestamps for positions in a log, and the first API version that has each. */
const LATEST = -1;
const EARLIEST = -2;
const MAX_TIMESTAMP = -3;
const EARLIEST_LOCAL = -4;
const LATEST_TIERED = -5;
const EARLIEST_PENDING_UPLOAD = -6;
const FIRST_VERSION = new Map([
  [LATEST, 1],
  [EARLIEST, 1],
  [MAX_TIMESTAMP, 7],
  [EARLIEST_LOCAL, 8],
  [LATEST_TIERED, 9],
  [EARLIEST_PENDING_UPLOAD, 11],
]);
const CONSUMER = -1;
const DEBUGGER = -2;
const FIRST_VERSION_WITH_OFFSET_NOT_AVAILABLE = 5;

export function listedError(errorCode: ErrorCode): ListOffsetsResult {
  return { errorCode, offset: -1, timestamp: -1, leaderEpoch: -1 };
}

function listed(offset: Offset, timestamp: Timestamp, leaderEpoch: LeaderEpoch): ListOffsetsResult {
  return { errorCode: ErrorCode.NONE, offset, timestamp, leaderEpoch };
}

const NOTHING = listed(-1, -1, -1);

function firstVersion(timestamp: Timestamp): number {
  return (
    (typeof timestamp === 'number' ? FIRST_VERSION.get(timestamp) : undefined) ?? Number.POSITIVE_INFINITY
  );
}

interface Earlier {
  /**
   * The partition's leader epoch when the job started, or when the lookup paused. If it has changed, the log
   * may differ, so the search starts again.
   */
  readonly inLeaderEpoch: LeaderEpoch;
}

/** The result of searching a costly batch in a job. */
export interface Opened extends OpenedBatch, Earlier {
  readonly hit: TimestampHit | undefined;
}

/** A lookup that paused in an earlier turn. */
export interface Paused extends PausedLookup, Earlier {}

/**
 * ListOffsets of one partition, by time or by a special negative timestamp (KIP-79, KIP-734). May return a
 * costly batch. The caller then opens it in a job and calls again with the result (`earlier`). May also
 * pause. The caller then calls again in a later turn.
 */
export function listOffset(
  partition: Partition,
  wanted: ListOffsetsPartition,
  query: ListOffsetsQuery,
  budget: LookupBudget,
  earlier?: Opened | Paused,
): ListOffsetsResult | CostlyBatch | PausedLookup {
  const leaderError = checkLeader(partition, wanted.currentLeaderEpoch, query.replicaId === DEBUGGER);
  if (leaderError !== ErrorCode.NONE) return listedError(leaderError);
  const { timestamp } = wanted;
  if (timestamp < 0 && query.version < firstVersion(timestamp))
    return listedError(ErrorCode.UNSUPPORTED_VERSION);
  const { log } = partition;
  switch (timestamp) {
    case LATEST:
      if (query.replicaId !== CONSUMER) return listed(log.endOffset, -1, partition.leaderEpoch);
      if (!knowsHighWatermark(partition)) return notAvailable(query);
      return listed(consumerEnd(partition, query), -1, partition.leaderEpoch);
    case EARLIEST:
    case EARLIEST_LOCAL: {
      const first = log.epochs.entries[0];
      const epoch = first !== undefined && first.startOffset <= log.startOffset ? first.epoch : -1;
      return listed(log.startOffset, -1, epoch);
    }
    case LATEST_TIERED:
    case EARLIEST_PENDING_UPLOAD:
      return NOTHING;
    default: {
      const lookup = search(partition, timestamp, budget, earlier);
      if (lookup !== undefined && 'nextOffset' in lookup) return lookup;
      return searched(partition, lookup, query);
    }
  }
}

function search(
  partition: Partition,
  timestamp: Timestamp,
  budget: LookupBudget,
  earlier: Opened | Paused | undefined,
): TimeLookup {
  const { log } = partition;
  const hit = earlier !== undefined && 'batch' in earlier ? earlier.hit : undefined;
  // The log start offset may have passed the hit while the job searched. Then the search starts again.
  const isDeleted = hit !== undefined && hit.offset < log.startOffset;
  const counts = earlier?.inLeaderEpoch === partition.leaderEpoch && !isDeleted;
  if (counts && hit !== undefined) return hit;
  const wanted = timestamp === MAX_TIMESTAMP ? log.times.largest(budget) : timestamp;
  if (typeof wanted === 'object') return wanted;
  if (wanted < 0) return undefined;
  return log.times.find(wanted, budget, counts && hasPassed(earlier, wanted) ? earlier : undefined);
}

/**
 * Whether the batches before the position of `earlier` have only timestamps below `wanted`. A lookup of the
 * largest timestamp computes `wanted` again after a pause. If the log start offset has risen meanwhile,
 * `wanted` may be lower than before, and then the search starts again.
 */
function hasPassed(earlier: Opened | Paused | undefined, wanted: Timestamp): boolean {
  return earlier !== undefined && ('batch' in earlier || earlier.timestamp <= wanted);
}

function searched(
  partition: Partition,
  found: TimestampHit | LookupFailure | undefined,
  query: ListOffsetsQuery,
): ListOffsetsResult {
  if (found !== undefined && 'errorCode' in found) {
    partition.noticeOffline();
    if (found.damage !== undefined) partition.corruption.found(found.damage);
    return listedError(found.errorCode);
  }
  const end = query.replicaId === CONSUMER ? consumerEnd(partition, query) : partition.log.endOffset;
  if (found !== undefined && found.offset < end)
    return listed(found.offset, found.timestamp, found.leaderEpoch);
  if (query.replicaId === CONSUMER && !knowsHighWatermark(partition)) return notAvailable(query);
  return NOTHING;
}

function consumerEnd(partition: Partition, query: ListOffsetsQuery): Offset {
  return query.isolationLevel === 1 ? partition.lastStableOffset : partition.highWatermark;
}

/**
 * Whether the leader may report its high watermark. A new leader's high watermark may be lower than its
 * predecessor's, until it has passed the start offset of the new leader epoch.
 */
function knowsHighWatermark(partition: Partition): boolean {
  const { leadership } = partition;
  return leadership === undefined || partition.highWatermark >= leadership.startOffset;
}

function notAvailable(query: ListOffsetsQuery): ListOffsetsResult {
  return listedError(
    query.version >= FIRST_VERSION_WITH_OFFSET_NOT_AVAILABLE
      ? ErrorCode.OFFSET_NOT_AVAILABLE
      : ErrorCode.LEADER_NOT_AVAILABLE,
  );
}

function checkLeader(partition: Partition, currentLeaderEpoch: LeaderEpoch, anyReplica: boolean): ErrorCode {
  if (!anyReplica) return partition.checkLeader(currentLeaderEpoch);
  return partition.isOffline ? ErrorCode.KAFKA_STORAGE_ERROR : partition.checkEpoch(currentLeaderEpoch);
}

export function epochEndError(errorCode: ErrorCode): OffsetForLeaderEpochResult {
  return { errorCode, leaderEpoch: -1, endOffset: -1 };
}

/** Returns the end offset of a leader epoch, as far as this log knows it (KIP-101, KIP-320). */
export function epochEnd(
  partition: Partition,
  wanted: OffsetForLeaderEpochPartition,
): OffsetForLeaderEpochResult {
  const leaderError = partition.checkLeader(wanted.currentLeaderEpoch);
  if (leaderError !== ErrorCode.NONE) return epochEndError(leaderError);
  const { epoch, endOffset } = partition.log.endOffsetForEpoch(wanted.leaderEpoch);
  return { errorCode: ErrorCode.NONE, leaderEpoch: epoch, endOffset };
}
