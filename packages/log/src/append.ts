/**
 * What leader and follower do to bytes before they are written: stamping, and checking what was replicated.
 * Pure.
 */
import type { Offset, WallMillis } from '@millrace/base';
import {
  BATCH_HEADER_BYTES,
  type BatchHeader,
  checkBatchCrc,
  DecodeError,
  ErrorCode,
  LOOP_WORK_MAX,
  readBatchHeader,
  setLogAppendTime,
  setMaxTimestamp,
  stampBatch,
  type Timestamp,
} from '@millrace/protocol';
import { CHECKSUM_WORK, type DoorOptions, judgeFrame, judgeHeader, refuse } from './door.ts';
import type { ProducerBatch, ProducerStates } from './producer-states.ts';
import type { LeaderAppend, LeaderAppended, LeaderAppendOptions, LogConfig, Refusal } from './types.ts';

const ATTRIBUTES_LOW_AT = 22;
const LOG_APPEND_TIME_BIT = 0x08;

/**
 * Offsets, leader epoch, and where they are other than the header says timestamp type and largest timestamp,
 * in place.
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
  if (config.timestampType === 'LogAppendTime') {
    setLogAppendTime(batch, 0, o.nowWallMs);
    return;
  }
  if (maxTimestamp === header.maxTimestamp && !header.isLogAppendTime) return;
  // A client's claim that only a broker may make.
  batch[ATTRIBUTES_LOW_AT]! &= ~LOG_APPEND_TIME_BIT;
  setMaxTimestamp(batch, 0, maxTimestamp);
}

interface LogState {
  readonly config: LogConfig;
  readonly startOffset: Offset;
  readonly producers: ProducerStates;
}

/**
 * What only the log can say of a batch: undefined when it may be appended, else why not, or where it was
 * appended before.
 */
export function judgeAgainstLog(
  header: BatchHeader,
  { config, startOffset, producers }: LogState,
  nowWallMs: WallMillis,
): LeaderAppend | undefined {
  if (header.sizeBytes > config.segmentBytes)
    return refuse(
      ErrorCode.RECORD_LIST_TOO_LARGE,
      `the batch is larger than segment.bytes ${config.segmentBytes}`,
    );
  if (header.producerId >= 0) {
    const judged = producers.check(header, nowWallMs, config.producerIdExpirationMs);
    if (judged !== undefined) return 'ok' in judged ? judged : duplicateOf(judged, config, startOffset);
  }
  // No transaction can be open: nothing verifies one yet (KIP-890).
  if (header.isTransactional)
    return refuse(ErrorCode.INVALID_TXN_STATE, 'the transaction is not known in this partition');
  return undefined;
}

/**
 * The answer to a batch that was appended before, found by its header and its checksum alone; undefined: not
 * known to be one. Its records were checked when it came first, and a retry of what was costly to check is
 * costly again: a late broker would check the same backlog twice, and answer late again. May look at all
 * bytes of the batch.
 */
export function judgeRetry(
  bytes: Uint8Array,
  header: BatchHeader,
  o: DoorOptions,
  { config, startOffset, producers }: LogState,
): LeaderAppended | undefined {
  if (judgeHeader(bytes, header, o) !== undefined || header.producerId < 0) return undefined;
  // To compute more of a checksum would hold up the event loop.
  if (header.sizeBytes * CHECKSUM_WORK > LOOP_WORK_MAX) return undefined;
  const known = producers.check(header, o.nowWallMs, config.producerIdExpirationMs);
  if (known === undefined || 'ok' in known) return undefined;
  if (judgeFrame(bytes, header, o) !== undefined) return undefined;
  return duplicateOf(known, config, startOffset);
}

/** The answer to a batch that is in the log now. */
export function appendedOf(
  { baseOffset, lastOffset }: BatchHeader,
  { config, startOffset }: LogState,
  nowWallMs: WallMillis,
): LeaderAppend {
  const logAppendTimeMs = config.timestampType === 'LogAppendTime' ? nowWallMs : -1;
  return { ok: true, baseOffset, lastOffset, logAppendTimeMs, startOffset, duplicate: false };
}

/** The answer to a batch that was appended before: as the first time. */
function duplicateOf(known: ProducerBatch, config: LogConfig, startOffset: Offset): LeaderAppended {
  const { lastOffset, offsetDelta, timestamp } = known;
  // A time beyond the safe integers is none that a broker wrote.
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

/** How many bytes are whole batches that continue a log at `endOffset`; a cut last batch does not count. */
export function judgeReplicated(
  records: Uint8Array,
  header: BatchHeader,
  endOffset: Offset,
): { readonly wholeBytes: number } | Refusal {
  let position = 0;
  let nextOffset = endOffset;
  try {
    while (records.length - position >= BATCH_HEADER_BYTES) {
      readBatchHeader(records, position, header);
      if (header.sizeBytes > records.length - position) break;
      if (header.magic !== 2) return corrupt('a replicated batch has an unknown format');
      if (!checkBatchCrc(records, position, header.sizeBytes))
        return corrupt('the checksum of a replicated batch is wrong');
      if (header.baseOffset !== nextOffset)
        return corrupt(`a replicated batch begins at ${header.baseOffset}, the log goes on at ${nextOffset}`);
      if (header.lastOffsetDelta < 0 || header.leaderEpoch < 0)
        return corrupt('a replicated batch has impossible offsets or no leader epoch');
      nextOffset = header.lastOffset + 1;
      position += header.sizeBytes;
    }
  } catch (error) {
    if (error instanceof DecodeError) return corrupt(error.message);
    throw error;
  }
  return { wholeBytes: position };
}

function corrupt(message: string): Refusal {
  return refuse(ErrorCode.CORRUPT_MESSAGE, message);
}
