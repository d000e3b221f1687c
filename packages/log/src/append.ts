/** What leader and follower do to bytes before they are written: stamping, and checking what was replicated. Pure. */
import type { Offset, WallMillis } from '@millrace/base';
import {
  BATCH_HEADER_BYTES,
  type BatchHeader,
  type CompressionCodecs,
  checkBatchCrc,
  DecodeError,
  ErrorCode,
  readBatchHeader,
  readRecords,
  setLogAppendTime,
  setMaxTimestamp,
  stampBatch,
} from '@millrace/protocol';
import type { LeaderAppend, LeaderAppendOptions, LogConfig, Refusal } from './types.ts';
import { isMaxTimestampSuspect, refuse } from './validate.ts';

const ATTRIBUTES_LOW_AT = 22;
const LOG_APPEND_TIME_BIT = 0x08;

/** Offsets, leader epoch, timestamp type and where need be the largest timestamp, in place; `header` is read anew. */
export function stampForLeader(
  batch: Uint8Array,
  header: BatchHeader,
  baseOffset: Offset,
  o: LeaderAppendOptions,
  config: LogConfig,
  codecs: CompressionCodecs,
): void {
  stampBatch(batch, 0, baseOffset, o.leaderEpoch);
  if (config.timestampType === 'LogAppendTime') {
    setLogAppendTime(batch, 0, o.nowWallMs);
    return;
  }
  const isWrong = isMaxTimestampSuspect(header, o.nowWallMs, config);
  if (!isWrong && !header.isLogAppendTime) return;
  // A client's claim that only a broker may make.
  batch[ATTRIBUTES_LOW_AT]! &= ~LOG_APPEND_TIME_BIT;
  setMaxTimestamp(batch, 0, isWrong ? largestTimestamp(batch, codecs) : header.maxTimestamp);
}

function largestTimestamp(batch: Uint8Array, codecs: CompressionCodecs): WallMillis {
  let largest: WallMillis = -1;
  for (const { timestamp } of readRecords(batch, codecs)) largest = Math.max(largest, timestamp);
  return largest;
}

/** The answer to a batch that was appended before: as the first time. */
export function duplicateOf(
  known: { readonly lastOffset: Offset; readonly offsetDelta: number; readonly timestamp: WallMillis },
  { config, startOffset }: { readonly config: LogConfig; readonly startOffset: Offset },
): LeaderAppend {
  return {
    ok: true,
    baseOffset: known.lastOffset - known.offsetDelta,
    lastOffset: known.lastOffset,
    logAppendTimeMs: config.timestampType === 'LogAppendTime' ? known.timestamp : -1,
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
