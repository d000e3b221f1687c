/**
 * Writes whole batches to the end of one log. The offsets and leader epochs in the batches must be final.
 * Begins a new segment when the active one is full. Keeps indexes, leader epochs and producer states in step.
 * A failed `write` appends no batch. A failed `writeRuns` keeps the runs that it wrote before. If a failed
 * write noted a new leader epoch, that epoch stays, without records.
 */
import { DiskError, type Offset, type WallMillis } from '@millrace/base';
import { type BatchHeader, readBatchHeader } from '@millrace/protocol';
import type { Flusher } from './files/flusher.ts';
import type { FolderNames } from './files/folder-names.ts';
import { RELATIVE_OFFSET_MAX } from './limits.ts';
import type { LogHealth } from './log-health.ts';
import type { LogParts } from './recovery/open-log.ts';
import type { AppendFailure, LogConfig } from './types.ts';

/** The log that the batches are written to. */
interface Owner {
  readonly config: LogConfig;
  lastWallMs: WallMillis;
  endOffset: Offset;
  sizeBytes: number;
}

export interface WriterParts extends Pick<LogParts, 'segments' | 'epochs' | 'producers' | 'snapshots'> {
  readonly flusher: Flusher;
  readonly names: FolderNames;
  readonly health: LogHealth;
  /** The log's own header object. After a write it holds the header of the last batch. */
  readonly header: BatchHeader;
}

export class LogWriter {
  private readonly log: Owner;
  private readonly parts: WriterParts;

  constructor(log: Owner, parts: WriterParts) {
    this.log = log;
    this.parts = parts;
  }

  /**
   * Writes batches of any total size: one write covers a run of batches, up to where a new segment must
   * begin. May throw DiskError.
   */
  writeRuns(records: Uint8Array, nowWallMs: WallMillis): AppendFailure | undefined {
    const { header, segments } = this.parts;
    let start = 0;
    let position = 0;
    while (position < records.length) {
      readBatchHeader(records, position, header);
      const full = segments.active.isFullFor(header, position - start, nowWallMs, this.log.config);
      if (full && position > start) {
        const failure = this.write(records.subarray(start, position), nowWallMs);
        if (failure !== undefined) return failure;
        start = position;
        readBatchHeader(records, position, header);
      }
      position += header.sizeBytes;
    }
    return position > start ? this.write(records.subarray(start, position), nowWallMs) : undefined;
  }

  /** Writes batches to one segment: the active one, or a new one if the first batch needs it. */
  write(bytes: Uint8Array, nowWallMs: WallMillis): AppendFailure | undefined {
    const { log } = this;
    const { header, segments, producers, health } = this.parts;
    log.lastWallMs = nowWallMs;
    try {
      readBatchHeader(bytes, 0, header);
      if (segments.active.isFullFor(header, 0, nowWallMs, log.config)) this.roll(nowWallMs, this.baseFor());
      // The sync that `roll` starts may fail at once.
      if (health.offline !== undefined) return health.offlineFailure();
      this.assignEpochs(bytes);
      // The first write may create the file.
      if (segments.active.sizeBytes === 0) this.parts.names.changed();
      segments.active.write(bytes, this.cutBackFailed);
      // Opening a file may have closed another file of this log, and the sync before that may have failed.
      if (health.offline !== undefined) return health.offlineFailure();
    } catch (error) {
      if (error instanceof DiskError) return health.writeFailure(error);
      throw error;
    }
    // Nothing below can fail: update memory to match the file.
    const segment = segments.active;
    for (let position = 0; position < bytes.length; position += header.sizeBytes) {
      this.readHeader(bytes, position);
      segment.note(header, segment.sizeBytes, log.config.indexIntervalBytes);
      producers.update(header, nowWallMs);
    }
    log.sizeBytes += bytes.length;
    log.endOffset = header.lastOffset + 1;
    this.settleCutSoon();
    return undefined;
  }

  /**
   * A roll waits until the device has the names that the last cut left. If the active segment is half full,
   * starts a sync in the background, so that the roll finds them there.
   */
  private settleCutSoon(): void {
    const { names, flusher, segments } = this.parts;
    if (!names.hasUnsyncedCut || flusher.busy) return;
    if (2 * segments.active.sizeBytes >= this.log.config.segmentBytes) flusher.flush(() => {});
  }

  /**
   * Reads the header at `position`. If the bytes are one batch, `write` has read its header already. This is
   * the usual case, because a leader appends one batch at a time. Measured with batches of 1 KB: two further
   * reads of the header took half of the time that the log spends on an append, apart from the write.
   */
  private readHeader(bytes: Uint8Array, position: number): void {
    const { header } = this.parts;
    if (position > 0 || header.sizeBytes !== bytes.length) readBatchHeader(bytes, position, header);
  }

  private assignEpochs(bytes: Uint8Array): void {
    const { header, epochs, names } = this.parts;
    for (let position = 0; position < bytes.length; position += header.sizeBytes) {
      this.readHeader(bytes, position);
      if (header.leaderEpoch !== epochs.latest) epochs.note(header.leaderEpoch, header.baseOffset);
    }
    if (!epochs.dirty) return;
    epochs.write();
    names.changed();
  }

  /**
   * The base offset of a new segment for the batch in `header`: the log end offset. If compaction left a gap
   * there that is too wide for an index: the base offset of the batch.
   */
  private baseFor(): Offset {
    const { baseOffset, lastOffset } = this.parts.header;
    const { endOffset } = this.log;
    return lastOffset - endOffset > RELATIVE_OFFSET_MAX ? baseOffset : endOffset;
  }

  /**
   * Closes the active segment and begins a new one, by default at the end offset. May throw DiskError: then
   * the old segment stays active. Starts a sync. If the sync fails at once, this call takes the log offline.
   */
  roll(nowWallMs: WallMillis, baseOffset: Offset = this.log.endOffset): void {
    const { endOffset, config } = this.log;
    const { segments, snapshots, producers, names, flusher } = this.parts;
    names.settleCut();
    segments.active.seal();
    segments.active.trim();
    snapshots.write(endOffset, producers);
    segments.add(baseOffset, config, nowWallMs, this.newSegmentFailed);
    names.changed();
    // Flush in the background, so that recovery after a crash does not check all old segments.
    if (!flusher.busy) flusher.flush(() => {});
  }

  private readonly cutBackFailed = (): void =>
    this.parts.health.goOffline('a failed write could not be cut back');

  private readonly newSegmentFailed = (): void =>
    this.parts.health.goOffline('a new segment could not be made');
}
