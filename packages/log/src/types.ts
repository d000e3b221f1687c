/**
 * The types between a log and its owner: settings, and the results of appends, reads and lookups. No defaults
 * and no state.
 */
import type { DiskError, LeaderEpoch, Millis, Offset, WallMillis } from '@millrace/base';
import type { Compression, ErrorCode, RecordError, Timestamp } from '@millrace/protocol';

/** The topic's codec, if `compression.type` is not `producer`. */
export interface TopicCompression {
  readonly codec: Compression;
  /** The compression level. Undefined: the codec's default, or the codec has no levels. */
  readonly level: number | undefined;
}

/** A log's settings. Most are Kafka's topic settings (`segment.bytes`, `segment.ms`, …). */
export interface LogConfig {
  /** The log closes a segment before it would grow beyond this size. */
  readonly segmentBytes: number;
  /**
   * The log closes a segment before the timestamps of its records span more than this. If the first batch of
   * the segment, or the batch to append, has no timestamps, the age of the segment counts instead.
   */
  readonly segmentMs: Millis;
  /**
   * The log closes a segment up to this much earlier than `segmentMs` demands. Each segment uses its own
   * share of this time, so that not all logs of a broker roll at once.
   */
  readonly segmentJitterMs: Millis;
  /**
   * True: the log creates a segment file in full size, filled with zeros, and cuts it to its batches when it
   * closes the segment.
   */
  readonly preallocate: boolean;
  /** The log adds an index entry when it has appended more than this many bytes since the last entry. */
  readonly indexIntervalBytes: number;
  /**
   * Largest size of an index file. The log closes a segment whose index is full. An append of many batches
   * may exceed the size.
   */
  readonly segmentIndexBytes: number;
  /** Flush after this many records; 1 = every append is flushed (group commit). */
  readonly flushMessages: number;
  /** The log forgets a producer that wrote nothing for this long. */
  readonly producerIdExpirationMs: Millis;
  /** Largest batch that a client may append, in bytes. */
  readonly maxMessageBytes: number;
  /** True if `cleanup.policy` contains `compact`. Each record must then have a key. */
  readonly isCompacted: boolean;
  /**
   * `delete.retention.ms`: how long a compacted log keeps a tombstone after the cleaning that first saw it.
   */
  readonly deleteRetentionMs: Millis;
  /** `min.cleanable.dirty.ratio`: the cleaner cleans a log when its dirty share is larger. */
  readonly minCleanableDirtyRatio: number;
  /** `min.compaction.lag.ms`: no record is cleaned before it has this age. */
  readonly minCompactionLagMs: Millis;
  /** `max.compaction.lag.ms`: the cleaner cleans a log whose oldest dirty record is older. */
  readonly maxCompactionLagMs: Millis;
  /** True if `cleanup.policy` contains `delete`: time and size limit the log. */
  readonly deletesOldRecords: boolean;
  /** `retention.ms`: the log drops segments whose records are all older; negative: no limit. */
  readonly retentionMs: Millis;
  /**
   * `retention.bytes`: the log drops its oldest segment while the other segments have at least this size
   * together; negative: no limit.
   */
  readonly retentionBytes: number;
  /** `file.delete.delay.ms`: how long the files of a dropped segment stay on the disk. */
  readonly fileDeleteDelayMs: Millis;
  /** `compression.type`; undefined means `producer`: batches keep the client's compression. */
  readonly compression: TopicCompression | undefined;
  /**
   * The most work that the event loop does for one batch, measured in bytes to decompress. A batch that needs
   * more goes to a job.
   */
  readonly loopWorkMax: number;
  readonly timestampType: 'CreateTime' | 'LogAppendTime';
  /** How far a record's timestamp may lie in the past. */
  readonly timestampBeforeMaxMs: Millis;
  /** How far a record's timestamp may lie in the future. */
  readonly timestampAfterMaxMs: Millis;
}

export interface LeaderAppendOptions {
  readonly leaderEpoch: LeaderEpoch;
  readonly nowWallMs: WallMillis;
  /** Version of the Produce request; absent = newest. */
  readonly apiVersion?: number;
}

/** Why a batch was not appended: it is invalid, or the log cannot be written. */
export interface AppendFailure {
  readonly ok: false;
  readonly errorCode: ErrorCode;
  readonly message: string;
  /** The invalid records of the batch, by index; only with INVALID_RECORD and INVALID_TIMESTAMP. */
  readonly recordErrors?: readonly RecordError[];
  /** Set if the disk is damaged: a retry will not help. */
  readonly damage?: string;
}

export interface LeaderAppended {
  readonly ok: true;
  readonly baseOffset: Offset;
  readonly lastOffset: Offset;
  /** The append time when the topic uses LogAppendTime, else -1. */
  readonly logAppendTimeMs: WallMillis;
  /** The log start offset. */
  readonly startOffset: Offset;
  /**
   * True if the batch is a duplicate: the retry of an idempotent producer. The offsets are those of the first
   * append.
   */
  readonly duplicate: boolean;
}

export type LeaderAppend = LeaderAppended | AppendFailure;
export type FollowerAppend = { readonly ok: true; readonly endOffset: Offset } | AppendFailure;

export interface ReadOptions {
  readonly fromOffset: Offset;
  /** The read returns no batch that holds this offset or a later one. */
  readonly endOffsetMax: Offset;
  readonly maxBytes: number;
  /** The read returns the first batch even if it is larger than `maxBytes`. */
  readonly atLeastOneBatch: boolean;
}

export interface ReadResult {
  /**
   * Whole batches, in order; the caller must not change them. The first one holds `fromOffset`. The caller
   * may give the memory back to `LogDirectory.spares`.
   */
  readonly chunks: Uint8Array[];
  readonly sizeBytes: number;
  /** NONE, or KAFKA_STORAGE_ERROR if the log is offline, the disk failed, or the data is damaged. */
  readonly errorCode: ErrorCode;
  /** Set if bytes on the disk are damaged or cannot be read: a retry will not help. */
  readonly damage?: string | undefined;
}

/** A segment that retention removed from the log. */
export interface RemovedSegment {
  readonly baseOffset: Offset;
  readonly sizeBytes: number;
  /** Its files, under their new names. The caller unlinks them after `file.delete.delay.ms`. */
  readonly paths: readonly string[];
}

/** What a look for expired records did. */
export interface ExpireResult {
  /** True if the log start offset rose. */
  readonly isRaised: boolean;
  /** True if a new active segment began, and a sync of the old one started. */
  readonly isRolled: boolean;
  /** True if the look reached its limit: more segments may have expired. */
  readonly hasMore: boolean;
  readonly failure?: RetentionFailure;
}

/** Retention could not read the whole log, or could not write. */
export interface RetentionFailure {
  /** Set if the bytes on the disk are damaged. */
  readonly damage: string | undefined;
}

export interface TimestampHit {
  readonly offset: Offset;
  readonly timestamp: Timestamp;
  readonly leaderEpoch: LeaderEpoch;
}

export interface EpochEnd {
  readonly epoch: LeaderEpoch;
  readonly endOffset: Offset;
}

export type FlushDone = (error?: DiskError) => void;
