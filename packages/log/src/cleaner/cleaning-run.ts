/**
 * One cleaning of one log. First the run indexes the keys of the dirty part. Then it writes cleaned segments,
 * group by group. It hands each cleaned segment to the owner of the run, who swaps it for the old segments.
 * Reads or writes at most about `chunkBytes` in one turn of the event loop; jobs look at the records, one
 * chunk at a time (job-line.ts). Decides nothing: the owner chose the range.
 *
 * If the offset map is full before the dirty part ends, the run cleans only up to the first key that has no
 * place. Groups are cleaned in the order of the log. So when a tombstone goes, all older records of its key
 * are gone.
 *
 * If nothing changes in a group of one segment, the group costs no writes. The run begins to write a cleaned
 * segment at the first change, and then first copies what lies before the change.
 */
import { DiskError, type JobKind, type Jobs, type Offset, type WallMillis } from '@millrace/base';
import { BatchHeader, readBatchHeader } from '@millrace/protocol';
import { CLEANED_SUFFIX } from '../files/file-names.ts';
import type { OpenFiles } from '../files/open-files.ts';
import { Segment } from '../segment/segment.ts';
import type { LogConfig } from '../types.ts';
import { groupSegments } from './groups.ts';
import { offsetAt } from './index-keys.ts';
import { insertKeys } from './insert-keys.ts';
import { JobLine } from './job-line.ts';
import type { CleanerJobs, Damage } from './jobs.ts';
import { DirtyProducers, type KnownProducer, type LastBatches } from './last-batches.ts';
import type { OffsetMap } from './offset-map.ts';
import { type BatchChunk, type Place, readBatches } from './read-batches.ts';
import { tryDiscard } from './unfinished.ts';

export interface RunOptions {
  readonly files: OpenFiles;
  readonly directory: string;
  /** The segments below the end of the range, oldest first. */
  readonly segments: readonly Segment[];
  readonly firstDirtyOffset: Offset;
  /** The run cleans up to this offset: the end of the last segment that it cleans. */
  readonly endOffset: Offset;
  readonly config: LogConfig;
  readonly map: OffsetMap;
  readonly nowWallMs: WallMillis;
  /** Bytes that one turn of the event loop reads. */
  readonly chunkBytes: number;
}

export interface RunPorts {
  readonly jobs: Jobs;
  readonly kinds: CleanerJobs;
  /** Counts `bytes` as read or written. Calls `next` in a later turn, when the throttle allows it. */
  pause(bytes: number, next: () => void): void;
  /** Called when no job can start now. Calls `next` after a while. */
  wait(next: () => void): void;
  /** The producers of the log. */
  producers(): readonly KnownProducer[];
  /** Whether the segment has an index of aborted transactions. */
  hasTransactionIndex(segment: Segment): boolean;
  /** Puts the cleaned segment in the place of the old ones. Calls `done` in a later turn. */
  swap(old: readonly Segment[], cleaned: Segment, done: (failure?: DiskError) => void): void;
}

/** What a run did. */
export interface RunResult {
  /** The log is clean below this offset. */
  readonly cleanedTo: Offset;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly recordsDropped: number;
}

/** The failure of a job without an answer, for example if its worker ran out of memory. The log is intact. */
export class JobFailure {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

/** A chunk, and the segment that it lies in. */
interface SegmentChunk extends BatchChunk {
  readonly segment: Segment;
  /** Where the chunk begins. */
  readonly place: Place;
  /** True if no batch of the segments that the run reads now follows. */
  readonly endsGroup: boolean;
}

export class CleaningRun {
  private readonly o: RunOptions;
  private readonly ports: RunPorts;
  private readonly done: (result: RunResult | DiskError | JobFailure) => void;
  private readonly header = new BatchHeader();
  private isOver = false;
  /** The jobs of the present step. */
  private line: Pick<JobLine<never, unknown, unknown>, 'stop'> | undefined;
  /** Memory of handled chunks, for the next reads: one chunk waits while a job has the other. */
  private readonly spares: Uint8Array[] = [];
  /** Bytes that the run has read and written, but not yet reported to the throttle. */
  private unreportedBytes = 0;
  private mapEnd: Offset;
  private groups: Segment[][] = [];
  private readonly dirtyProducers = new DirtyProducers();
  /** The producers' last batches in the range. A batch that a producer appends later lies above the range. */
  private lastBatches: LastBatches = { offsets: [], producersKept: new Set() };
  /** The segment that the run writes. Undefined: nothing in the group has changed so far. */
  private cleaned: Segment | undefined;
  private bytesRead = 0;
  private bytesWritten = 0;
  private recordsDropped = 0;

  /** `done` is called once, unless the run is cancelled. */
  constructor(o: RunOptions, ports: RunPorts, done: (result: RunResult | DiskError | JobFailure) => void) {
    this.o = o;
    this.ports = ports;
    this.done = done;
    this.mapEnd = o.endOffset;
  }

  /** Starts the run, in this turn. */
  start(): void {
    this.guarded(() => {
      const { segments, firstDirtyOffset } = this.o;
      const found = segments.findLastIndex(({ baseOffset }) => baseOffset <= firstDirtyOffset);
      const index = Math.max(0, found);
      const located = segments[index]!.locate(firstDirtyOffset);
      this.index(index, located && { position: located.position, offset: located.baseOffset });
    });
  }

  /** Ends the run and removes the segment that it writes. */
  cancel(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.line?.stop();
    this.discard();
  }

  // ------------------------------------------------------------------ keys

  /** Indexes the segments from this place on; undefined: the first segment has no more batches. */
  private index(index: number, place: Place | undefined): void {
    const { segments, firstDirtyOffset: fromOffset } = this.o;
    const rest = segments.slice(place === undefined ? index + 1 : index);
    this.runJobs(this.ports.kinds.indexKeys, rest, place, {
      parameters: (chunk) => {
        // A job takes the bytes over, so look at them before.
        this.dirtyProducers.note(chunk.bytes.subarray(0, chunk.sizeBytes));
        return { sizeBytes: chunk.sizeBytes, fromOffset };
      },
      handle: ({ segment }, value, bytes, next) => {
        if ('damage' in value) throw damageOf(segment, value);
        const keys = new Int32Array(bytes.buffer, bytes.byteOffset, value.keysBytes / 4);
        this.insert(keys, 0, () => {
          this.spares.push(bytes);
          next();
        });
      },
      ended: () => this.pause(() => this.startFilter()),
    });
  }

  private insert(keys: Int32Array, from: number, next: () => void): void {
    const inserted = insertKeys(this.o.map, keys, from);
    if (inserted.isFull) {
      this.mapEnd = offsetAt(keys, inserted.next);
      this.line!.stop();
      this.pause(() => this.startFilter());
    } else if (inserted.next === keys.length) next();
    else this.pause(() => this.insert(keys, inserted.next, next));
  }

  // ------------------------------------------------------------------ filter

  private startFilter(): void {
    const { segments, config, endOffset } = this.o;
    this.lastBatches = this.dirtyProducers.lastBelow(endOffset, this.ports.producers());
    const count = segments.filter(({ baseOffset }) => baseOffset < this.mapEnd).length;
    const measured = segments.slice(0, count).map((segment) => ({
      segment,
      baseOffset: segment.baseOffset,
      sizeBytes: segment.sizeBytes,
      offsetIndexBytes: segment.offsetIndex.sizeBytes,
      timeIndexBytes: segment.timeIndex.sizeBytes,
      hasTransactionIndex: this.ports.hasTransactionIndex(segment),
    }));
    this.groups = groupSegments(measured, this.endOf(count - 1), config).map((group) =>
      group.map(({ segment }) => segment),
    );
    this.nextGroup();
  }

  private nextGroup(): void {
    const group = this.groups.shift();
    if (group === undefined) {
      this.finish(this.result());
      return;
    }
    if (group.every(({ sizeBytes }) => sizeBytes === 0)) {
      this.nextGroup();
      return;
    }
    if (group.length > 1) this.create(group);
    this.filter(group);
  }

  private create(group: readonly Segment[]): void {
    const { files, directory, nowWallMs } = this.o;
    this.cleaned = new Segment(files, directory, group[0]!.baseOffset, nowWallMs, CLEANED_SUFFIX);
    this.cleaned.create();
  }

  private filter(group: readonly Segment[]): void {
    const { map, nowWallMs, config } = this.o;
    this.runJobs(this.ports.kinds.cleanBatches, group, undefined, {
      parameters: ({ sizeBytes, next, endsGroup }) => ({
        sizeBytes,
        tables: map.shared,
        mapEnd: this.mapEnd,
        nowWallMs,
        deleteRetentionMs: config.deleteRetentionMs,
        producersLast: this.producersLastUpTo(next.offset),
        producersKept: this.lastBatches.producersKept,
        endsSegment: endsGroup,
      }),
      handle: (chunk, value, bytes, next) => {
        if ('damage' in value) throw damageOf(chunk.segment, value);
        this.recordsDropped += value.recordsDropped;
        const write = (): void => {
          this.write(bytes.subarray(0, value.keptBytes));
          this.spares.push(bytes);
          next();
        };
        if (this.cleaned !== undefined) write();
        else if (value.isChanged) {
          this.create(group);
          this.copy(chunk.segment, startOf(chunk.segment), chunk.place.position, write);
        } else {
          this.spares.push(bytes);
          next();
        }
      },
      ended: () => this.closeGroup(group),
    });
  }

  /** Copies the batches before the first change, up to the position `to`. */
  private copy(segment: Segment, place: Place, to: number, next: () => void): void {
    if (place.position >= to) {
      next();
      return;
    }
    // The filter read the same chunks, so one of them ends at `to`.
    const chunk = this.read(segment, place);
    this.write(chunk.bytes.subarray(0, chunk.sizeBytes));
    this.spares.push(chunk.bytes);
    this.pause(() => this.copy(segment, chunk.next, to, next));
  }

  /** Takes the producers' last batches of the next chunk, which ends at `endOffset`. */
  private producersLastUpTo(endOffset: Offset): ReadonlySet<Offset> {
    const { offsets } = this.lastBatches;
    const next = offsets.findIndex((offset) => offset >= endOffset);
    return new Set(offsets.splice(0, next < 0 ? offsets.length : next));
  }

  private write(batches: Uint8Array): void {
    if (batches.length === 0) return;
    const { header, cleaned } = this;
    const segment = cleaned!;
    // After a failed write the run ends and removes this file, so it is harmless if the file cannot be cut
    // back.
    segment.write(batches, () => {});
    for (let at = 0; at < batches.length; at += header.sizeBytes) {
      readBatchHeader(batches, at, header);
      segment.note(header, segment.sizeBytes, this.o.config.indexIntervalBytes);
    }
    this.bytesWritten += batches.length;
    this.unreportedBytes += batches.length;
  }

  private closeGroup(group: readonly Segment[]): void {
    const segment = this.cleaned;
    if (segment === undefined) {
      this.pause(() => this.nextGroup());
      return;
    }
    segment.seal();
    this.cleaned = undefined;
    this.ports.swap(group, segment, (failure) => {
      if (failure === undefined) this.pause(() => this.nextGroup());
      else this.finish(failure);
    });
  }

  // ------------------------------------------------------------------ steps

  /**
   * Runs a job for each chunk of these segments, in order. `place`: where the first chunk begins, by default
   * at the beginning of the first segment.
   */
  private runJobs<Parameters, Value>(
    kind: JobKind<Parameters, Value>,
    segments: readonly Segment[],
    place: Place | undefined,
    o: {
      parameters(chunk: SegmentChunk): Parameters;
      handle(chunk: SegmentChunk, value: Value, bytes: Uint8Array, next: () => void): void;
      ended(): void;
    },
  ): void {
    const left = segments.filter(({ sizeBytes }) => sizeBytes > 0);
    let at = place ?? startOf(left[0]);
    const read = (): SegmentChunk | undefined => {
      const [segment] = left;
      if (segment === undefined) return undefined;
      const chunk = this.read(segment, at);
      const begin = at;
      if (chunk.isLast) left.shift();
      at = chunk.isLast ? startOf(left[0]) : chunk.next;
      return { ...chunk, segment, place: begin, endsGroup: left.length === 0 };
    };
    const line = new JobLine(
      { kind, read, ...o },
      {
        jobs: this.ports.jobs,
        pause: (next) => this.pause(next),
        wait: (next) => this.ports.wait(() => this.guarded(next)),
        guarded: (step) => this.guarded(step),
        failed: (reason) => this.finish(new JobFailure(`a job of the cleaner failed: ${reason}`)),
      },
    );
    this.line = line;
    line.read();
  }

  private read(segment: Segment, place: Place): BatchChunk {
    const endOffset = this.endOf(this.o.segments.indexOf(segment));
    const chunk = readBatches(segment, place, endOffset, this.o.chunkBytes, this.spares.pop());
    this.bytesRead += chunk.sizeBytes;
    this.unreportedBytes += chunk.sizeBytes;
    return chunk;
  }

  private pause(next: () => void): void {
    const bytes = this.unreportedBytes;
    this.unreportedBytes = 0;
    this.ports.pause(bytes, () => this.guarded(next));
  }

  private guarded(step: () => void): void {
    if (this.isOver) return;
    try {
      step();
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      this.finish(error);
    }
  }

  private finish(result: RunResult | DiskError | JobFailure): void {
    if (this.isOver) return;
    this.isOver = true;
    this.line?.stop();
    this.discard();
    this.done(result);
  }

  /** Removes the unfinished segment. If that fails, the next cleaning or recovery removes it. */
  private discard(): void {
    const { cleaned } = this;
    this.cleaned = undefined;
    if (cleaned !== undefined) tryDiscard(this.o.files, cleaned);
  }

  private endOf(index: number): Offset {
    return this.o.segments[index + 1]?.baseOffset ?? this.o.endOffset;
  }

  private result(): RunResult {
    const { mapEnd: cleanedTo, bytesRead, bytesWritten, recordsDropped } = this;
    return { cleanedTo, bytesRead, bytesWritten, recordsDropped };
  }
}

/** The place of the first batch. */
function startOf(segment: Segment | undefined): Place {
  return { position: 0, offset: segment?.baseOffset ?? 0 };
}

function damageOf(segment: Segment, { damage }: Damage): DiskError {
  return new DiskError('EIO', `${segment.log.path}: ${damage}`);
}
