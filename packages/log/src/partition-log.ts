/**
 * One partition's log: a sequence of record batches with offsets, in Kafka's layout on a Disk. Owns all
 * cursors of the log (start offset, end offset, recovery point) and keeps segments, indexes, leader epochs,
 * and producer states in step. Knows nothing of leaders, replicas or the high watermark: the caller decides
 * who may append.
 *
 * When an append succeeds, the operating system has the bytes. When `flush` calls back without an error, the
 * device has them. A disk error is a return value: the log refuses the append with KAFKA_STORAGE_ERROR and
 * removes the bytes that it wrote. If the log cannot remove them, or if every later write would fail too, the
 * log goes offline (`offline` says why). It then refuses reads and writes until it is opened again.
 */
import {
  assert,
  type Disk,
  DiskError,
  type LeaderEpoch,
  type Offset,
  type Uuid,
  type WallMillis,
} from '@millrace/base';
import {
  BatchHeader,
  type CompressionCodecs,
  ErrorCode,
  readBatchHeader,
  type WorkBudget,
} from '@millrace/protocol';
import { CleanStop } from './clean-stop.ts';
import type { CleanableRange } from './cleaner/cleanable-range.ts';
import { type CleaningFailure, type CleaningPorts, type CleaningResult, Compaction } from './compaction.ts';
import { type Admission, admit, admitWhole } from './door/admit.ts';
import { appendedOf, judgeAgainstLog, judgeReplicated, judgeRetry, stampForLeader } from './door/append.ts';
import type { DoorOptions } from './door/door.ts';
import type { AdmittedBatch } from './door/recompress.ts';
import type { LeaderEpochs } from './epochs/leader-epochs.ts';
import { noteFailedSync } from './files/failed-sync.ts';
import { afterSyncsOf } from './files/file-handle.ts';
import { Flusher } from './files/flusher.ts';
import { FolderNames } from './files/folder-names.ts';
import { Gaps } from './files/has-gaps.ts';
import { LogHealth } from './log-health.ts';
import { LogWriter } from './log-writer.ts';
import { LogTimes } from './lookup/log-times.ts';
import type { ProducerStates } from './producers/producer-states.ts';
import { type LogParts, type OpenLogOptions, openParts } from './recovery/open-log.ts';
import { runToEnd, type Steps } from './recovery/steps.ts';
import { Retention } from './retention.ts';
import { failedRead, type Segments } from './segment/segments.ts';
import { Truncation } from './truncation.ts';
import type {
  EpochEnd,
  ExpireResult,
  FlushDone,
  FollowerAppend,
  LeaderAppend,
  LeaderAppended,
  LeaderAppendOptions,
  LogConfig,
  ReadOptions,
  ReadResult,
  RemovedSegment,
} from './types.ts';
import { Unsynced } from './unsynced.ts';

export class PartitionLog {
  config: LogConfig;
  /** The log's folder. Its name changes when the log is deleted or set aside. */
  directory: string;
  readonly topicId: Uuid | undefined;
  /** `topic-partition`: the folder's name when the log was opened. */
  private readonly topicPartition: string;
  /** The first offset of the log. Only a truncation of the whole log may lower it. */
  startOffset: Offset;
  /** The end of the log, exclusive: the offset that the next record gets. */
  endOffset: Offset;
  readonly epochs: LeaderEpochs;
  readonly producers: ProducerStates;
  readonly times: LogTimes;
  /** Bytes of all segments. */
  sizeBytes: number;
  /** Wall time of the last append, or of opening the log. */
  lastWallMs: WallMillis;
  /**
   * True if recovery cut off the end of the log at the first damage, or the log ended below its start offset.
   * Then the log may lack records that the broker acknowledged.
   */
  readonly wasCut: boolean;
  /** Called at the end of `advanceStartOffset`. */
  startAdvanced: (() => void) | undefined;
  /**
   * Called when a sync failed and the log went offline. Nobody waits for the sync that a new segment starts,
   * so no other call reports its failure. The call may come within an append, which then refuses the batch.
   */
  syncFailed: (() => void) | undefined;
  private readonly disk: Disk;
  private readonly stopListening: () => void;
  private readonly segments: Segments;
  private readonly flusher: Flusher;
  private readonly writer: LogWriter;
  private readonly truncation: Truncation;
  private readonly retention: Retention;
  private readonly compaction: Compaction;
  private readonly cleanStop: CleanStop;
  private readonly codecs: CompressionCodecs;
  readonly health: LogHealth;
  /** Reused for every batch: the log reads one header at a time. */
  private readonly header = new BatchHeader();
  private readonly names: FolderNames;
  private readonly gaps: Gaps;

  static open(o: OpenLogOptions): PartitionLog {
    return runToEnd(PartitionLog.openInSteps(o));
  }

  /** Opens the log of a folder, or makes a new one there. May throw DiskError, or LogOpenError. */
  static *openInSteps(o: OpenLogOptions): Steps<PartitionLog> {
    return new PartitionLog(yield* openParts(o));
  }

  private constructor(parts: LogParts) {
    this.config = parts.config;
    this.directory = parts.directory;
    this.topicPartition = parts.directory.slice(parts.directory.lastIndexOf('/') + 1);
    this.topicId = parts.topicId;
    this.startOffset = parts.startOffset;
    this.endOffset = parts.endOffset;
    this.wasCut = parts.cut;
    this.epochs = parts.epochs;
    this.producers = parts.producers;
    this.segments = parts.segments;
    this.sizeBytes = parts.segments.sizeBytes;
    this.disk = parts.disk;
    const { hasUnsyncedCut } = parts;
    const syncFailed = (error: DiskError): void => this.noteSyncFailure(error);
    this.names = new FolderNames(parts.disk, parts.directory, { hasUnsyncedCut, failed: syncFailed });
    this.gaps = new Gaps(this, parts, () => this.names.changed());
    this.codecs = parts.codecs;
    this.health = new LogHealth(parts.logger, this);
    this.lastWallMs = parts.nowWallMs;
    this.times = new LogTimes(this, parts.segments, parts.codecs, parts.logger);
    const unsynced = new Unsynced(this, { ...parts, names: this.names, gaps: this.gaps });
    this.flusher = new Flusher(parts.recoveryPoint, hasUnsyncedCut, {
      endOffset: () => this.endOffset,
      prepare: (fromOffset) => unsynced.take(fromOffset),
      failed: syncFailed,
      notStarted: () => unsynced.putBack(),
    });
    this.stopListening = parts.files.lostWrites.listen(parts.directory, {
      lost: (error) => this.lostWrites(error),
      tell: () => this.tellSyncFailed(),
    });
    const { flusher, names, health, header, gaps } = this;
    this.cleanStop = new CleanStop(this, { ...parts, flusher, names, unsynced, health });
    this.writer = new LogWriter(this, { ...parts, flusher, names, health, header });
    const cleaning = { ...parts, names, health, gaps, syncFailed };
    this.compaction = new Compaction(this, cleaning, parts.cleanedTo);
    const { writer, compaction } = this;
    this.truncation = new Truncation(this, {
      ...parts,
      flusher,
      names,
      health,
      beforeCut: (endOffset, o) => {
        gaps.cut(endOffset);
        return compaction.beforeCut(endOffset, o);
      },
    });
    this.retention = new Retention(this, {
      ...parts,
      names,
      health,
      writer,
      raiseStart: (offset) => this.advanceStartOffset(offset),
      isCleaning: () => compaction.isRunning,
      syncFailed,
    });
  }

  /** Why this log refuses reads and writes; undefined = it works. */
  get offline(): string | undefined {
    return this.health.offline;
  }

  /** Everything below this offset is on the device. */
  get recoveryPoint(): Offset {
    return this.flusher.recoveryPoint;
  }

  /**
   * True if `flush.messages` records or more are not on the device. Then the owner should ask for a flush.
   */
  get flushDue(): boolean {
    return this.endOffset - this.flusher.recoveryPoint >= this.config.flushMessages;
  }

  /**
   * The first offset of the active segment, or the end offset if there is no segment. An offline log may have
   * none: the disk may fail after the removal of all segments, before the log has a new one.
   */
  get activeBaseOffset(): Offset {
    return this.segments.list.at(-1)?.baseOffset ?? this.endOffset;
  }

  /** The first offset of the oldest segment: at most the log start offset. */
  get firstSegmentOffset(): Offset {
    return this.segments.list[0]?.baseOffset ?? this.endOffset;
  }

  get segmentCount(): number {
    return this.segments.list.length;
  }

  /** Changes the settings, from the next append on. */
  setConfig(config: LogConfig): void {
    this.config = config;
  }

  /** Options for admitting a client's batch. */
  doorOptions(nowWallMs: WallMillis, apiVersion?: number): DoorOptions {
    return { topicPartition: this.topicPartition, config: this.config, nowWallMs, apiVersion };
  }

  /**
   * First step of appending a client's batch. Undefined: the work would block the event loop, so the caller
   * must use a job.
   */
  admit(
    batch: Uint8Array,
    nowWallMs: WallMillis,
    apiVersion?: number,
    budget: WorkBudget = { work: this.config.loopWorkMax },
  ): Admission | undefined {
    return admit(batch, this.doorOptions(nowWallMs, apiVersion), this.codecs, budget);
  }

  /**
   * If the batch is a retry of one of its producer's last batches, returns the offsets of the first append.
   * Used for batches that are too costly to admit on the event loop.
   */
  appendedBefore(batch: Uint8Array, nowWallMs: WallMillis, apiVersion?: number): LeaderAppended | undefined {
    if (this.offline !== undefined) return undefined;
    return judgeRetry(batch, this.header, this.doorOptions(nowWallMs, apiVersion), this);
  }

  /** Like `admit`, without a limit of work. For small batches that this broker itself builds. */
  admitWhole(batch: Uint8Array, nowWallMs: WallMillis, apiVersion?: number): Admission {
    return admitWhole(batch, this.doorOptions(nowWallMs, apiVersion), this.codecs);
  }

  /** Appends a client's batch: does both steps, without a limit of work. */
  appendAsLeader(batch: Uint8Array, o: LeaderAppendOptions): LeaderAppend {
    const admission = this.admitWhole(batch, o.nowWallMs, o.apiVersion);
    return admission.ok ? this.append(admission, o) : admission;
  }

  /**
   * Second step, for an admitted batch: checks its sequence number, stamps offsets and the leader epoch in
   * place, and writes it. When this returns, the caller may reuse the bytes: reads come from the page cache.
   */
  append(admitted: AdmittedBatch, o: LeaderAppendOptions): LeaderAppend {
    if (this.offline !== undefined) return this.health.offlineFailure();
    assert(o.leaderEpoch >= this.epochs.latest, 'a leader appends with the newest epoch');
    const { header, config } = this;
    const batch = admitted.bytes.subarray(0, admitted.sizeBytes);
    readBatchHeader(batch, 0, header);
    const known = judgeAgainstLog(header, this, o.nowWallMs);
    if (known !== undefined) return known;
    stampForLeader(batch, header, this.endOffset, o, config, admitted.maxTimestamp);
    const failure = this.writer.write(batch, o.nowWallMs);
    return failure ?? appendedOf(header, this, o.nowWallMs);
  }

  /**
   * Appends the records of a leader's Fetch response: whole batches that continue this log. If the log is
   * empty, the first batch may begin below the log start offset and end above it. Leaves out an incomplete
   * last batch. When this returns, the caller may reuse the bytes. `leaderHighWatermark`: the leader may have
   * compacted the records below it, so their offsets may have gaps.
   */
  appendAsFollower(records: Uint8Array, nowWallMs: WallMillis, leaderHighWatermark = 0): FollowerAppend {
    if (this.offline !== undefined) return this.health.offlineFailure();
    const judged = judgeReplicated(records, this.header, this, leaderHighWatermark);
    if ('ok' in judged) return judged;
    const { wholeBytes, baseOffset, gapsEnd } = judged;
    const append = () => this.appendWhole(records.subarray(0, wholeBytes), nowWallMs, gapsEnd);
    return baseOffset < this.startOffset ? this.truncation.aroundStart(baseOffset, append) : append();
  }

  private appendWhole(batches: Uint8Array, nowWallMs: WallMillis, gapsEnd: Offset): FollowerAppend {
    if (this.offline !== undefined) return this.health.offlineFailure();
    try {
      const problem = gapsEnd > 0 ? this.gaps.allow(gapsEnd) : undefined;
      if (problem !== undefined) return this.health.writeFailure(problem);
      const failure = this.writer.writeRuns(batches, nowWallMs);
      return failure ?? { ok: true, endOffset: this.endOffset };
    } catch (error) {
      if (error instanceof DiskError) return this.health.writeFailure(error);
      throw error;
    } finally {
      // After a failed append, the log may end below the committed end that `allow` noted.
      if (this.offline === undefined) this.health.orOffline(() => this.gaps.cut(this.endOffset));
    }
  }

  /**
   * Reads whole batches, beginning with the batch that contains `fromOffset`. The caller has checked
   * startOffset <= fromOffset <= endOffset. The result may end before the log does, at `maxBytes` or at the
   * end of a segment. For more, the caller reads again from there.
   */
  read(o: ReadOptions): ReadResult {
    const { startOffset, endOffset, offline } = this;
    if (offline !== undefined) return failedRead();
    assert(o.fromOffset >= startOffset && o.fromOffset <= endOffset, 'a read begins within the log');
    if (o.fromOffset >= Math.min(o.endOffsetMax, endOffset))
      return { chunks: [], sizeBytes: 0, errorCode: ErrorCode.NONE };
    try {
      const { damage, ...found } = this.segments.read({ ...o, endOffset });
      if (damage !== undefined) return this.health.refuseRead(o.fromOffset, damage);
      return { ...found, errorCode: ErrorCode.NONE };
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      return this.health.refuseRead(o.fromOffset, error);
    }
  }

  /**
   * Truncates the log to `offset`. If `offset` lies within a batch, truncates to the beginning of this batch.
   * If compaction left a gap there, truncates to the end of the batch before the gap. If the log ends exactly
   * at `offset`, only removes leader epochs that begin there. If the log ends earlier, does nothing. If
   * `offset` lies below the log start offset, empties the log, which then starts at `offset`.
   */
  truncateTo(offset: Offset): void {
    assert(offset >= 0, 'an offset to truncate to');
    this.truncation.to(offset);
  }

  /** Deletes all records. The empty log then begins at `offset`. */
  truncateFullyAndStartAt(offset: Offset): void {
    assert(offset >= 0, 'an offset to start at');
    this.truncation.fullyAndStartAt(offset);
  }

  /**
   * Raises the log start offset to `offset`. The caller has checked that `offset` is at most the high
   * watermark. The segments below it stay on the disk until `removeNext` removes them.
   */
  advanceStartOffset(offset: Offset): void {
    this.truncation.before(offset);
    this.startAdvanced?.();
  }

  /**
   * Raises the log start offset above the records that expired by `retention.ms` or `retention.bytes`, but
   * not above the high watermark. May begin a new active segment. Judges at most `JUDGED_BY_TIME_MAX`
   * segments by time. If the result has `hasMore`, the caller must look again.
   */
  expire(highWatermark: Offset, nowWallMs: WallMillis): ExpireResult {
    return this.retention.expire(highWatermark, nowWallMs);
  }

  /** True if a segment lies wholly below the log start offset, so that `removeNext` can remove it. */
  get hasExpired(): boolean {
    return this.retention.hasExpired;
  }

  /**
   * Removes the oldest segment, if it lies wholly below the log start offset: syncs the folder, then renames
   * the segment's files. Calls `done` with the removed segment, at once or in a later turn. Undefined: no
   * segment was removed, because none has expired, the log changed during the sync, or the disk failed.
   */
  removeNext(done: (removed: RemovedSegment | undefined) => void): void {
    this.retention.removeNext(done);
  }

  /** True if compaction may have left gaps between the offsets, here or at the leader. */
  get mayHaveGaps(): boolean {
    return this.segments.mayHaveGaps;
  }

  /** All records below this offset are committed, as far as the log knows from its gaps. */
  get committedEnd(): Offset {
    return this.gaps.committedEnd;
  }

  /** The log is compacted below this offset. Undefined: it was never cleaned. */
  get cleanedTo(): Offset | undefined {
    return this.compaction.cleanedTo;
  }

  /** Why the cleaner cannot clean this log. Undefined: it can, as far as it knows. */
  get uncleanable(): string | undefined {
    return this.compaction.uncleanable;
  }

  /** The part that the cleaner may clean now, or why the log cannot be read. */
  cleanable(highWatermark: Offset, nowWallMs: WallMillis): CleanableRange | CleaningFailure {
    return this.compaction.range(highWatermark, nowWallMs);
  }

  /**
   * Cleans the part that `cleanable` returned in this turn. Calls `done` once, with undefined if a
   * truncation, `close` or a new cleanup policy cancelled the cleaning. One cleaning runs at a time.
   */
  clean(
    range: CleanableRange,
    ports: CleaningPorts,
    nowWallMs: WallMillis,
    done: (result: CleaningResult) => void,
  ): void {
    this.compaction.clean(range, ports, nowWallMs, done);
  }

  /** Cancels the cleaning. Only `CleaningPorts.pause` may call this: no swap is in progress then. */
  stopCleaning(): void {
    this.compaction.close();
  }

  /**
   * A new leader notes its epoch at its end offset, before the first append. The next write of the epoch file
   * saves the entry. A crash before that write loses the entry. The loss is harmless: no record has that
   * epoch, so no truncation needs the entry.
   */
  assignLeaderEpoch(epoch: LeaderEpoch, startOffset: Offset): void {
    this.epochs.note(epoch, startOffset);
  }

  /** The end offset of `epoch`; see `LeaderEpochs.endOffsetFor`. */
  endOffsetForEpoch(epoch: LeaderEpoch): EpochEnd {
    return this.epochs.endOffsetFor(epoch, this.endOffset);
  }

  /**
   * Syncs the log. Calls `done` when the device has everything that was appended so far, perhaps at once. If
   * the sync fails, the log goes offline and `done` gets an error. Many callers share one sync.
   */
  flush(done: FlushDone): void {
    if (this.offline !== undefined) done(new DiskError('EIO', this.offline));
    else this.flusher.flush(done);
  }

  /** Calls `done` when no sync of this log is in flight: at once, or in a later turn. */
  whenIdle(done: () => void): void {
    this.flusher.whenIdle(() => afterSyncsOf(this.segments.handles(), done));
  }

  /**
   * Syncs in the background what a clean `close` would wait for. Calls `done` then, or if that fails: the log
   * is offline then. What the log gets meanwhile is left to `close`.
   */
  prepareStop(done: () => void): void {
    this.cleanStop.prepare(done);
  }

  /**
   * Closes the log. With `clean`, first syncs everything, so that the next open checks only the tail. Returns
   * true if the log was closed cleanly: it was not offline, and no sync ran.
   */
  close(o: { clean: boolean }): boolean {
    const isClean = o.clean && this.cleanStop.finish();
    this.health.offline ??= 'the log is closed';
    this.flusher.stop();
    this.compaction.close();
    this.segments.close();
    this.stopListening();
    return isClean;
  }

  /** Closes the log and renames its folder out of the way. May throw DiskError. */
  renameFolder(name: string): void {
    this.close({ clean: false });
    const target = this.directory.slice(0, this.directory.lastIndexOf('/') + 1) + name;
    this.disk.rename(this.directory, target);
    this.directory = target;
  }

  /** Called periodically: forgets expired producers. */
  tick(nowWallMs: WallMillis): void {
    this.producers.expire(nowWallMs, this.config.producerIdExpirationMs);
  }

  /** After a failed sync, the device may lack any of the written records. */
  private noteSyncFailure(error: DiskError): void {
    this.lostWrites(error);
    this.tellSyncFailed();
  }

  private lostWrites(error: DiskError): void {
    this.health.goOffline(`${error.code}: ${error.message}`);
    noteFailedSync(this.disk, this.directory);
    this.flusher.lost(error);
  }

  private tellSyncFailed(): void {
    this.syncFailed?.();
  }
}
