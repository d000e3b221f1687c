/**
 * One partition's log: a sequence of record batches with offsets, in Kafka's layout on a Disk. Owns every
 * cursor of it (start offset, end offset, recovery point) and keeps segments, indexes, leader epochs, and
 * producer states in step. Knows no leaders, no replicas and no high watermark: who may append what is
 * decided above.
 *
 * Written = handed to the operating system when append returns. On the device = `flush` called back. A
 * failing disk is a value: the append is refused with KAFKA_STORAGE_ERROR and leaves no trace, or, if its
 * trace cannot be removed, the log goes offline (`offline` says why) and refuses everything until it is
 * opened again.
 */
import {
  assert,
  type Disk,
  DiskError,
  type LeaderEpoch,
  type Logger,
  type Offset,
  type Uuid,
  type WallMillis,
  ZERO_UUID,
} from '@millrace/base';
import {
  BatchHeader,
  type CompressionCodecs,
  ErrorCode,
  readBatchHeader,
  type WorkBudget,
} from '@millrace/protocol';
import { type Admission, admit, admitWhole } from './admit.ts';
import { appendedOf, judgeAgainstLog, judgeReplicated, judgeRetry, stampForLeader } from './append.ts';
import type { DoorOptions } from './door.ts';
import { deletedFolderName, isDeletedFolderName } from './file-names.ts';
import { Flusher, type Syncable } from './flusher.ts';
import { FolderNames } from './folder-names.ts';
import type { LeaderEpochs } from './leader-epochs.ts';
import { collectProducers } from './load-producers.ts';
import { LogHealth } from './log-health.ts';
import { LogTimes } from './log-times.ts';
import { type LogParts, type OpenLogOptions, openParts } from './open-log.ts';
import type { ProducerStates } from './producer-states.ts';
import type { AdmittedBatch } from './recompress.ts';
import { failedRead, type Segments } from './segments.ts';
import type { Snapshots } from './snapshots.ts';
import type {
  EpochEnd,
  FlushDone,
  FollowerAppend,
  LeaderAppend,
  LeaderAppended,
  LeaderAppendOptions,
  LogConfig,
  ReadOptions,
  ReadResult,
  Refusal,
} from './types.ts';

export class PartitionLog {
  config: LogConfig;
  /** Changes when the folder is renamed for deletion. */
  directory: string;
  readonly topicId: Uuid | undefined;
  /** `topic-partition`, as the folder was named when it was opened. */
  private readonly topicPartition: string;
  /** The first offset that is part of the log; only grows. */
  startOffset: Offset;
  /** Exclusive: the offset that the next record gets. */
  endOffset: Offset;
  readonly epochs: LeaderEpochs;
  readonly producers: ProducerStates;
  readonly times: LogTimes;
  /** Bytes of all segments. */
  sizeBytes: number;
  /** A damaged or torn end was cut off when it was opened: it may lack what it once held. */
  readonly wasCut: boolean;
  private readonly disk: Disk;
  private readonly segments: Segments;
  private readonly snapshots: Snapshots;
  private readonly flusher: Flusher;
  private readonly codecs: CompressionCodecs;
  private readonly logger: Logger;
  readonly health: LogHealth;
  private readonly recoveryPointLowered: () => void;
  /** Filled again and again: one header is looked at, at a time. */
  private readonly header = new BatchHeader();
  private readonly names: FolderNames;
  /** The newest wall time that was told. */
  private lastWallMs: WallMillis;

  /** Opens the log of a folder, or makes a new one there. May throw DiskError, or LogOpenError. */
  static open(o: OpenLogOptions): PartitionLog {
    return new PartitionLog(openParts(o));
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
    this.snapshots = parts.snapshots;
    this.sizeBytes = parts.segments.sizeBytes;
    this.disk = parts.disk;
    this.names = new FolderNames(parts.disk, parts.directory);
    this.codecs = parts.codecs;
    this.logger = parts.logger;
    this.health = new LogHealth(parts.logger, this);
    this.recoveryPointLowered = parts.recoveryPointLowered;
    this.lastWallMs = parts.nowWallMs;
    this.times = new LogTimes(this, parts.segments, parts.codecs, parts.logger);
    this.flusher = new Flusher(parts.recoveryPoint, parts.hasUnsyncedCut, {
      endOffset: () => this.endOffset,
      prepare: (fromOffset) => this.prepareFlush(fromOffset),
      failed: (error) => this.health.goOffline(`${error.code}: ${error.message}`),
    });
  }

  /** Why this log takes no more reads and writes; undefined = it works. */
  get offline(): string | undefined {
    return this.health.offline;
  }

  /** Everything below is on the device. */
  get recoveryPoint(): Offset {
    return this.flusher.recoveryPoint;
  }

  /** `flush.messages` records or more are not yet on the device: the owner should ask for a flush. */
  get flushDue(): boolean {
    return this.endOffset - this.flusher.recoveryPoint >= this.config.flushMessages;
  }

  get segmentCount(): number {
    return this.segments.list.length;
  }

  /** Counts from the next append on. */
  setConfig(config: LogConfig): void {
    this.config = config;
  }

  /** By what a client's batch is admitted. */
  doorOptions(nowWallMs: WallMillis, apiVersion?: number): DoorOptions {
    return { topicPartition: this.topicPartition, config: this.config, nowWallMs, apiVersion };
  }

  /**
   * The first step of a client's batch into the log. Undefined: it would hold up the event loop, and is for a
   * job.
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
   * For a batch that is too costly to admit here: the answer that it got before, if it is a retry of one of
   * the producer's last batches.
   */
  appendedBefore(batch: Uint8Array, nowWallMs: WallMillis, apiVersion?: number): LeaderAppended | undefined {
    if (this.offline !== undefined) return undefined;
    return judgeRetry(batch, this.header, this.doorOptions(nowWallMs, apiVersion), this);
  }

  /** Both steps, whatever they cost. */
  appendAsLeader(batch: Uint8Array, o: LeaderAppendOptions): LeaderAppend {
    const admission = admitWhole(batch, this.doorOptions(o.nowWallMs, o.apiVersion), this.codecs);
    return admission.ok ? this.append(admission, o) : admission;
  }

  /**
   * The second step, for a batch that was admitted: checks its sequence number, gives it offsets and the
   * leader epoch in place, and writes it. The bytes are the caller's again when this returns: readers are
   * served from the page cache.
   */
  append(admitted: AdmittedBatch, o: LeaderAppendOptions): LeaderAppend {
    if (this.offline !== undefined) return this.health.refuseOffline();
    assert(o.leaderEpoch >= this.epochs.latest, 'a leader appends with the newest epoch');
    const { header, config } = this;
    const batch = admitted.bytes.subarray(0, admitted.sizeBytes);
    readBatchHeader(batch, 0, header);
    const known = judgeAgainstLog(header, this, o.nowWallMs);
    if (known !== undefined) return known;
    stampForLeader(batch, header, this.endOffset, o, config, admitted.maxTimestamp);
    const failure = this.write(batch, o.nowWallMs);
    return failure ?? appendedOf(header, this, o.nowWallMs);
  }

  /**
   * Appends what a leader's Fetch returned: whole batches that continue this log; a last one that is cut is
   * left out. The bytes are the caller's again when this returns.
   */
  appendAsFollower(records: Uint8Array, nowWallMs: WallMillis): FollowerAppend {
    if (this.offline !== undefined) return this.health.refuseOffline();
    const judged = judgeReplicated(records, this.header, this.endOffset);
    if ('ok' in judged) return judged;
    try {
      return this.appendReplicated(records.subarray(0, judged.wholeBytes), nowWallMs);
    } catch (error) {
      if (error instanceof DiskError) return this.health.refuseWrite(error);
      throw error;
    }
  }

  /** May throw DiskError. */
  private appendReplicated(records: Uint8Array, nowWallMs: WallMillis): FollowerAppend {
    let start = 0;
    let position = 0;
    // A run of batches is one write; it ends where a new segment has to begin.
    while (position < records.length) {
      readBatchHeader(records, position, this.header);
      const full = this.segments.active.isFullFor(this.header, position - start, nowWallMs, this.config);
      if (full && position > start) {
        const failure = this.write(records.subarray(start, position), nowWallMs);
        if (failure !== undefined) return failure;
        start = position;
        readBatchHeader(records, position, this.header);
      }
      position += this.header.sizeBytes;
    }
    if (position > start) {
      const failure = this.write(records.subarray(start, position), nowWallMs);
      if (failure !== undefined) return failure;
    }
    return { ok: true, endOffset: this.endOffset };
  }

  /**
   * Whole batches from the one that holds `fromOffset`; the caller has checked startOffset <= fromOffset <=
   * endOffset. May return less than there is (the end of a segment): read on from where it ends.
   */
  read(o: ReadOptions): ReadResult {
    if (this.offline !== undefined) return failedRead();
    assert(
      o.fromOffset >= this.startOffset && o.fromOffset <= this.endOffset,
      'a read begins within the log',
    );
    if (o.fromOffset >= Math.min(o.endOffsetMax, this.endOffset))
      return { chunks: [], sizeBytes: 0, errorCode: ErrorCode.NONE };
    try {
      const found = this.segments.read(o, this.header);
      if (found.damage !== undefined) return this.health.refuseRead(o.fromOffset, found.damage);
      return { chunks: found.chunks, sizeBytes: found.sizeBytes, errorCode: ErrorCode.NONE };
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      return this.health.refuseRead(o.fromOffset, error);
    }
  }

  /**
   * The log ends at `offset`, or at the beginning of the batch that holds it. Nothing happens when it ends
   * there or earlier.
   */
  truncateTo(offset: Offset): void {
    assert(offset >= 0, 'an offset to truncate to');
    if (this.offline !== undefined || offset > this.endOffset) return;
    if (offset < this.startOffset) {
      this.truncateFullyAndStartAt(offset);
      return;
    }
    const oldEndOffset = this.endOffset;
    this.health.orOffline(() => {
      if (offset < oldEndOffset) this.cutAt(offset);
      this.epochs.truncateFromEnd(this.endOffset);
    });
    if (this.endOffset < oldEndOffset)
      this.logger.info('log-truncated', this.facts({ endOffset: this.endOffset, oldEndOffset }));
  }

  /** Deletes everything; the log is empty and begins at `offset`. */
  truncateFullyAndStartAt(offset: Offset): void {
    assert(offset >= 0, 'an offset to start at');
    if (this.offline !== undefined) return;
    const { endOffset: oldEndOffset, recoveryPoint } = this;
    this.producers.clear();
    this.endOffset = offset;
    this.startOffset = offset;
    this.sizeBytes = 0;
    this.names.changed();
    this.flusher.restarted(offset);
    this.health.orOffline(() => {
      if (offset < recoveryPoint) this.recoveryPointLowered();
      this.snapshots.removeWhere(() => true);
      this.epochs.clear();
      this.segments.replaceAll(offset, this.config, this.lastWallMs);
    });
    this.logger.info('log-truncated', this.facts({ endOffset: offset, oldEndOffset, startOffset: offset }));
  }

  /**
   * Raises the log start offset (DeleteRecords, or a follower that learns its leader's); segments wholly
   * below are removed.
   */
  advanceStartOffset(offset: Offset): void {
    assert(offset <= this.endOffset, 'a log starts no later than it ends');
    if (this.offline !== undefined || offset <= this.startOffset) return;
    this.startOffset = offset;
    this.health.orOffline(() => {
      this.epochs.truncateFromStart(offset);
      const removed = this.segments.removeBefore(offset);
      if (removed.length === 0) return;
      const first = this.segments.list[0]!.baseOffset;
      this.snapshots.removeWhere((snapshot) => snapshot < first);
      this.sizeBytes = this.segments.sizeBytes;
      this.names.changed();
    });
  }

  /** A new leader notes its epoch at its end offset, even before the first append. */
  assignLeaderEpoch(epoch: LeaderEpoch, startOffset: Offset): void {
    if (this.offline !== undefined) return;
    this.health.orOffline(() => {
      try {
        if (this.epochs.assign(epoch, startOffset)) this.names.changed();
      } catch (error) {
        // On a full disk the next append writes it.
        if (!(error instanceof DiskError && error.isTransient)) throw error;
      }
    });
  }

  /** The largest known epoch <= `epoch` and where it ended; (-1, -1) when that is unknown. */
  endOffsetForEpoch(epoch: LeaderEpoch): EpochEnd {
    return this.epochs.endOffsetFor(epoch, this.endOffset);
  }

  /**
   * Calls when everything appended before is on the device; at once when it is already. Calls with an error
   * when that failed; the log is offline then. Many callers share one sync.
   */
  flush(done: FlushDone): void {
    if (this.offline !== undefined) done(new DiskError('EIO', this.offline));
    else this.flusher.flush(done);
  }

  /** Ends the use of the log. Clean: everything is synced, and the next open has nothing to check. */
  close(o: { clean: boolean }): void {
    if (o.clean && this.offline === undefined)
      this.health.orOffline(() => {
        this.segments.active.seal();
        // A power loss would bring back what is cut off there: it is synced although no record is new.
        if (this.segments.active.trim()) this.flusher.truncated(this.endOffset);
        if (this.epochs.dirty) this.epochs.write();
        this.snapshots.write(this.endOffset, this.producers);
        this.flusher.flushNow();
      });
    this.health.offline ??= 'the log is closed';
    this.segments.close();
  }

  /** Ends the use of the log and renames its folder out of the way. May throw DiskError. */
  renameFolder(name: string): void {
    this.close({ clean: false });
    const target = this.directory.slice(0, this.directory.lastIndexOf('/') + 1) + name;
    this.disk.rename(this.directory, target);
    this.directory = target;
  }

  /**
   * Removes the log from the disk: renamed first, so that a crash in between leaves no half log. May throw
   * DiskError.
   */
  delete(): void {
    const name = this.directory.slice(this.directory.lastIndexOf('/') + 1);
    if (!isDeletedFolderName(name)) this.renameFolder(deletedFolderName(name, this.topicId ?? ZERO_UUID));
    this.disk.removeInBackground(this.directory);
  }

  /** Now and then: forgets expired producers. */
  tick(nowWallMs: WallMillis): void {
    this.producers.expire(nowWallMs, this.config.producerIdExpirationMs);
  }

  /**
   * Writes whole batches, whose offsets are final, to the active segment, or to a new one when it is full.
   */
  private write(bytes: Uint8Array, nowWallMs: WallMillis): Refusal | undefined {
    const { header, segments } = this;
    this.lastWallMs = nowWallMs;
    try {
      readBatchHeader(bytes, 0, header);
      if (segments.active.isFullFor(header, 0, nowWallMs, this.config)) this.roll(nowWallMs);
      this.assignEpochs(bytes);
      segments.active.write(bytes, () => this.health.goOffline('a failed write could not be cut back'));
    } catch (error) {
      if (error instanceof DiskError) return this.health.refuseWrite(error);
      throw error;
    }
    // From here on nothing fails: memory follows what was written.
    const segment = segments.active;
    for (let position = 0; position < bytes.length; position += header.sizeBytes) {
      readBatchHeader(bytes, position, header);
      segment.note(header, segment.sizeBytes, this.config.indexIntervalBytes);
      this.producers.update(header, nowWallMs);
    }
    this.sizeBytes += bytes.length;
    this.endOffset = header.lastOffset + 1;
    return undefined;
  }

  private assignEpochs(bytes: Uint8Array): void {
    const { header } = this;
    for (let position = 0; position < bytes.length; position += header.sizeBytes) {
      readBatchHeader(bytes, position, header);
      if (header.leaderEpoch !== this.epochs.latest) this.epochs.note(header.leaderEpoch, header.baseOffset);
    }
    if (!this.epochs.dirty) return;
    this.epochs.write();
    this.names.changed();
  }

  /**
   * Closes the active segment and begins a new one at the end offset. May throw DiskError: then nothing has
   * changed.
   */
  private roll(nowWallMs: WallMillis): void {
    this.segments.active.seal();
    this.segments.active.trim();
    this.snapshots.write(this.endOffset, this.producers);
    this.segments.add(this.endOffset, this.config, nowWallMs, () =>
      this.health.goOffline('a new segment could not be made'),
    );
    this.names.changed();
    // In the background, so that after a crash at most the last segment has to be checked.
    if (!this.flusher.busy) this.flusher.flush(() => {});
  }

  private cutAt(offset: Offset): void {
    const { segments } = this;
    const found = segments.locate(offset);
    if (found === undefined) throw new DiskError('EIO', `${this.directory}: no batch holds offset ${offset}`);
    const endOffset = Math.min(offset, found.located.baseOffset);
    if (endOffset < this.startOffset) {
      // The batch began before the log does: a log never ends below its start.
      this.truncateFullyAndStartAt(this.startOffset);
      return;
    }
    const isLowered = endOffset < this.recoveryPoint;
    this.flusher.truncated(endOffset);
    segments.forgetHints();
    this.endOffset = endOffset;
    this.names.changed();
    // Before anything is written there: after a crash the old one would vouch for what is not on the device
    // yet.
    if (isLowered) this.recoveryPointLowered();
    segments.removeAfter(found.index);
    found.segment.truncate(found.located.position, endOffset);
    this.sizeBytes = segments.sizeBytes;
    this.snapshots.removeWhere((snapshot) => snapshot > endOffset);
    if (!this.producers.truncate(endOffset))
      collectProducers(this.producers, this.snapshots.newest(endOffset), segments, this.lastWallMs);
  }

  private prepareFlush(fromOffset: Offset): Syncable[] {
    const { list } = this.segments;
    const files: Syncable[] = [];
    // From the batch before: where a log was cut, and then rolled, the cut end of the older segment has to be
    // on the device too.
    for (let index = this.segments.indexFor(Math.max(0, fromOffset - 1)); index < list.length; index++)
      files.push(...list[index]!.filesToSync(index === list.length - 1));
    const epochs = this.epochs.takeUnsynced();
    if (epochs.length > 0) this.names.changed();
    return [...files, ...epochs, ...this.names.takeUnsynced()];
  }

  private facts(more: Record<string, unknown>): Record<string, unknown> {
    return { directory: this.directory, ...more };
  }
}
