/**
 * Prepares batches before the log writes them: finds duplicates, stamps a leader's batches, checks replicated
 * batches. Reads no clock and no disk.
 */
import type { Offset, WallMillis } from '@millrace/base';
import {
  BATCH_HEADER_BYTES,
  type BatchHeader,
  checkBatchCrc,
  DELETE_HORIZON_BIT,
  DecodeError,
  ErrorCode,
  LOOP_WORK_MAX,
  readBatchHeader,
  setLogAppendTime,
  setMaxTimestamp,
  stampBatch,
  type Timestamp,
} from '@millrace/protocol';
import type { ProducerBatch, ProducerStates } from '../producers/producer-states.ts';
import type {
  AppendFailure,
  LeaderAppend,
  LeaderAppended,
  LeaderAppendOptions,
  LogConfig,
} from '../types.ts';
import { appendFailure, CHECKSUM_WORK, type DoorOptions, judgeFrame, judgeHeader } from './door.ts';

const ATTRIBUTES_LOW_AT = 22;
/**
 * Only a broker sets these bits: the bit of LogAppendTime, and the bit of a delete horizon (KIP-534). If a
 * client could choose a delete horizon, the first cleaning could drop a tombstone before any consumer got it.
 */
const BROKER_BITS = 0x08 | DELETE_HORIZON_BIT;

/**
 * Stamps base offset and leader epoch in place. Also corrects the timestamp type and the largest timestamp in
 * the header, and clears bits that only a broker sets. The checksum of a batch covers neither the base offset
 * nor the leader epoch (Kafka's format), so stamping these two leaves the checksum as it is.
 */
export function stampForLeader(
  batch: Uint8Array,
  header: BatchHeader,
  baseOffset: Offset,
  o: LeaderAppendOptions,
  config: LogConfig,
  maxTimestamp: Timestamp,
): void {
  stampBatch(batch, 0, baseOffset, o.leaderEpoch);
  batch[ATTRIBUTES_LOW_AT]! &= ~BROKER_BITS;
  if (config.timestampType === 'LogAppendTime') setLogAppendTime(batch, 0, o.nowWallMs);
  else if (maxTimestamp !== header.maxTimestamp || (header.attributes & BROKER_BITS) !== 0)
    setMaxTimestamp(batch, 0, maxTimestamp);
}

interface LogState {
  readonly config: LogConfig;
  readonly startOffset: Offset;
  readonly producers: ProducerStates;
}

/**
 * Checks a batch against the log's state. Undefined: the batch may be appended. Else: the failure, or the
 * answer to a duplicate.
 */
export function judgeAgainstLog(
  header: BatchHeader,
  { config, startOffset, producers }: LogState,
  nowWallMs: WallMillis,
): LeaderAppend | undefined {
  if (header.sizeBytes > config.segmentBytes)
    return appendFailure(
      ErrorCode.RECORD_LIST_TOO_LARGE,
      `the batch is larger than segment.bytes ${config.segmentBytes}`,
    );
  if (header.producerId >= 0) {
    const judged = producers.check(header, nowWallMs, config.producerIdExpirationMs);
    if (judged !== undefined) return 'ok' in judged ? judged : duplicateOf(judged, config, startOffset);
  }
  // Refuse every transactional batch. Nothing verifies transactions yet (KIP-890), so no transaction is open.
  if (header.isTransactional)
    return appendFailure(ErrorCode.INVALID_TXN_STATE, 'the transaction is not known in this partition');
  return undefined;
}

/**
 * Recognises a duplicate by its header and checksum alone, and returns the answer to it. Returns undefined if
 * the batch is no known duplicate, or if the checksum would take too long. Does not check the records: the
 * leader checked them when the batch first arrived. If it checked them again, a slow broker would spend the
 * same time on each retry, and answer late again. Reads all bytes of the batch only if its header looks like
 * that of a duplicate.
 */
export function judgeRetry(
  bytes: Uint8Array,
  header: BatchHeader,
  o: DoorOptions,
  { config, startOffset, producers }: LogState,
): LeaderAppended | undefined {
  if (judgeHeader(bytes, header, o) !== undefined || header.producerId < 0) return undefined;
  // The checksum of a larger batch would block the event loop.
  if (header.sizeBytes * CHECKSUM_WORK > LOOP_WORK_MAX) return undefined;
  const known = producers.check(header, o.nowWallMs, config.producerIdExpirationMs);
  if (known === undefined || 'ok' in known) return undefined;
  if (judgeFrame(bytes, header, o) !== undefined) return undefined;
  return duplicateOf(known, config, startOffset);
}

/** The result for a new batch, after its append. */
export function appendedOf(
  { baseOffset, lastOffset }: BatchHeader,
  { config, startOffset }: LogState,
  nowWallMs: WallMillis,
): LeaderAppend {
  const logAppendTimeMs = config.timestampType === 'LogAppendTime' ? nowWallMs : -1;
  return { ok: true, baseOffset, lastOffset, logAppendTimeMs, startOffset, duplicate: false };
}

/** The result for a duplicate: offsets and append time are those of the first append. */
function duplicateOf(known: ProducerBatch, config: LogConfig, startOffset: Offset): LeaderAppended {
  const { lastOffset, offsetDelta, timestamp } = known;
  // A timestamp beyond the safe integers (a bigint) is from a client. No broker writes such an append time.
  const isAppendTime = config.timestampType === 'LogAppendTime' && typeof timestamp === 'number';
  return {
    ok: true,
    baseOffset: lastOffset - offsetDelta,
    lastOffset,
    logAppendTimeMs: isAppendTime ? timestamp : -1,
    startOffset,
    duplicate: true,
  };
}

interface LogRange {
  readonly startOffset: Offset;
  readonly endOffset: Offset;
}

interface ReplicatedBatches {
  /** Size of the whole batches. An incomplete last batch does not count. */
  readonly wholeBytes: number;
  /** Where the batches begin: at the log end offset, or below it if the log is empty. */
  readonly baseOffset: Offset;
  /**
   * Where the last gap ends; 0: there is no gap. After a gap, a batch begins above the end of the batch
   * before it.
   */
  readonly gapsEnd: Offset;
}

/**
 * Judges batches that continue a log. If the log is empty, the first batch may begin below the end of the log
 * and end above it. Compaction at the leader may leave gaps: all offsets of a gap lie below `gapsBelow`.
 */
export function judgeReplicated(
  records: Uint8Array,
  header: BatchHeader,
  { startOffset, endOffset }: LogRange,
  gapsBelow: Offset,
): ReplicatedBatches | AppendFailure {
  let gapsEnd = 0;
  let position = 0;
  let baseOffset = endOffset;
  let nextOffset = endOffset;
  try {
    while (records.length - position >= BATCH_HEADER_BYTES) {
      readBatchHeader(records, position, header);
      if (header.sizeBytes > records.length - position) break;
      if (header.magic !== 2) return corrupt('a replicated batch has an unknown format');
      if (!checkBatchCrc(records, position, header.sizeBytes))
        return corrupt('the checksum of a replicated batch is wrong');
      if (position === 0 && startOffset === endOffset && isWithin(header, endOffset))
        nextOffset = baseOffset = header.baseOffset;
      const isGap = header.baseOffset > nextOffset && header.baseOffset <= gapsBelow;
      if (isGap) gapsEnd = header.baseOffset;
      if (header.baseOffset !== nextOffset && !isGap)
        return corrupt(`a replicated batch begins at ${header.baseOffset}, expected ${nextOffset}`);
      if (header.lastOffsetDelta < 0 || header.leaderEpoch < 0)
        return corrupt('a replicated batch has impossible offsets or no leader epoch');
      nextOffset = header.lastOffset + 1;
      position += header.sizeBytes;
    }
  } catch (error) {
    if (error instanceof DecodeError) return corrupt(error.message);
    throw error;
  }
  return { wholeBytes: position, baseOffset, gapsEnd };
}

/** True if the batch begins below `offset` and ends at or above it. */
function isWithin({ baseOffset, lastOffset }: BatchHeader, offset: Offset): boolean {
  return baseOffset >= 0 && baseOffset < offset && lastOffset >= offset;
}

function corrupt(message: string): AppendFailure {
  return appendFailure(ErrorCode.CORRUPT_MESSAGE, message);
}
