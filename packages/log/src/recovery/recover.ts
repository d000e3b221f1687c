/**
 * Recovers a log from its folder. After a clean stop, recovery checks only the tail, and segments whose index
 * files are missing or torn. After an unclean stop it also checks every batch above the recovery point. It
 * cuts the log at the first damage that it finds. The batches are the truth: recovery makes indexes, leader
 * epochs and producer states agree with them, and can rebuild all three.
 */
import type { Disk, LeaderEpoch, Logger, Offset, WallMillis } from '@millrace/base';
import { BATCH_HEADER_BYTES, type BatchHeader } from '@millrace/protocol';
import { LeaderEpochs } from '../epochs/leader-epochs.ts';
import { FAILED_SYNC_FILE, notingFailedSync, writeAgain } from '../files/failed-sync.ts';
import type { FileHandle } from '../files/file-handle.ts';
import {
  EPOCHS_FILE,
  LOG_SUFFIX,
  OFFSET_INDEX_SUFFIX,
  offsetFileName,
  offsetOfFileName,
  TIME_INDEX_SUFFIX,
  TRANSACTION_INDEX_SUFFIX,
} from '../files/file-names.ts';
import { HAS_GAPS_FILE, writeCommittedEnd } from '../files/has-gaps.ts';
import type { OpenFiles } from '../files/open-files.ts';
import { writeTopicIdAgain } from '../files/partition-metadata.ts';
import { FILES_STEP_WORK, RECOVERY_STEP_BYTES, RELATIVE_OFFSET_MAX, SEGMENTS_PER_STEP } from '../limits.ts';
import { loadProducers } from '../producers/load-producers.ts';
import { ProducerStates } from '../producers/producer-states.ts';
import { Snapshots } from '../producers/snapshots.ts';
import type { ScanEnd } from '../segment/batch-scan.ts';
import { Segment } from '../segment/segment.ts';
import { preallocatedBytes, Segments } from '../segment/segments.ts';
import type { LogConfig } from '../types.ts';
import { completeSwaps } from './complete-swaps.ts';
import { findDroppedEpochs } from './dropped-epochs.ts';
import { scanSegment } from './scan-in-steps.ts';
import type { Steps } from './steps.ts';

const ZEROS = 'zeros follow the last batch';

export interface RecoverOptions {
  readonly disk: Disk;
  readonly files: OpenFiles;
  readonly directory: string;
  readonly nowWallMs: WallMillis;
  readonly cleanShutdown: boolean;
  readonly recoveryPoint: Offset;
  readonly startOffset: Offset | undefined;
  /** The end of the clean part; undefined: the log was never cleaned. */
  readonly cleanedTo?: Offset | undefined;
  readonly config: LogConfig;
  readonly logger: Logger;
}

export interface Recovered {
  readonly segments: Segments;
  readonly epochs: LeaderEpochs;
  readonly producers: ProducerStates;
  readonly snapshots: Snapshots;
  readonly startOffset: Offset;
  readonly endOffset: Offset;
  /** Recovery cut off the end of the log at the first damage, or the log ended below its start offset. */
  readonly cut: boolean;
}

/** Starts the log of a new, empty folder. May throw DiskError. */
export function begin(o: RecoverOptions): Recovered {
  const { disk, files, directory } = o;
  const startOffset = o.startOffset ?? 0;
  const first = new Segment(files, directory, startOffset, o.nowWallMs);
  first.createNew(preallocatedBytes(o.config));
  return {
    segments: new Segments(files, directory, [first]),
    epochs: new LeaderEpochs(disk, `${directory}/${EPOCHS_FILE}`, { isNew: true }),
    producers: new ProducerStates(),
    snapshots: new Snapshots(disk, directory, []),
    startOffset,
    endOffset: startOffset,
    cut: false,
  };
}

/**
 * Recovers the log of an existing folder. May throw DiskError. If a step fails, or the caller ends the steps
 * early, this closes the log's files. The next recovery begins from the start.
 */
export function* recover(o: RecoverOptions): Steps<Recovered> {
  const names = yield* sweep(o);
  const segments = yield* openSegments(o, names);
  let isOpen = false;
  try {
    const recovered = yield* recoverSegments({ o, names, segments });
    isOpen = true;
    return recovered;
  } finally {
    if (!isOpen) segments.close();
  }
}

function* recoverSegments({
  o,
  names,
  segments,
}: {
  readonly o: RecoverOptions;
  readonly names: readonly string[];
  readonly segments: Segments;
}): Steps<Recovered> {
  const epochs = new LeaderEpochs(o.disk, `${o.directory}/${EPOCHS_FILE}`);
  const producers = new ProducerStates();
  const snapshots = new Snapshots(o.disk, o.directory, names, { afterCleanStop: o.cleanShutdown });
  segments.mayHaveGaps = o.cleanedTo !== undefined || names.includes(HAS_GAPS_FILE);
  if (segments.mayHaveGaps && !names.includes(HAS_GAPS_FILE)) {
    // Kafka cleaned this log, or a power loss took the name of the file. From now on the log does not depend
    // on the cleaner's checkpoint, which may be lost or damaged later.
    notingFailedSync(o.disk, o.directory, () => writeCommittedEnd(o.disk, o.directory, o.cleanedTo ?? 0));
  }
  const state: Replay = {
    o,
    segments,
    epochs,
    producers,
    snapshots,
    endOffset: 0,
    latestEpoch: -1,
    damage: undefined,
    damageAt: 0,
  };
  yield* replay(state, yield* chooseRebuilds(state, names));
  if (names.includes(FAILED_SYNC_FILE)) yield* writeTailAgain(state);
  const { endOffset } = state;
  if (state.damage !== undefined || !o.cleanShutdown) epochs.truncateFromEnd(endOffset);
  const startOffset = Math.max(o.startOffset ?? 0, segments.list[0]!.baseOffset);
  const cut = state.damage !== undefined;
  if (startOffset > endOffset) return restart(state, startOffset);
  // Retention removes the segments below the start. Removing them here would take long.
  epochs.truncateFromStart(startOffset);
  const bases = new Set(segments.list.map((segment) => segment.baseOffset));
  snapshots.removeWhere((offset) => offset > endOffset || (!bases.has(offset) && offset !== endOffset));
  return { segments, epochs, producers, snapshots, startOffset, endOffset, cut };
}

interface Replay {
  readonly o: RecoverOptions;
  readonly segments: Segments;
  readonly epochs: LeaderEpochs;
  readonly producers: ProducerStates;
  readonly snapshots: Snapshots;
  endOffset: Offset;
  /** The largest leader epoch in the segments that recovery rebuilt so far; -1: none yet. */
  latestEpoch: LeaderEpoch;
  damage: string | undefined;
  /** Where the damage begins in the segment that has it. */
  damageAt: number;
}

/** After a failed sync: makes the next sync cover everything above the recovery point. */
function* writeTailAgain({ o, segments, epochs }: Replay): Steps<void> {
  const { list } = segments;
  for (let index = segments.indexFor(Math.max(0, o.recoveryPoint - 1)); index < list.length; index++)
    for (const handle of list[index]!.handles()) yield* writeAgainInSteps(handle);
  epochs.write();
  writeTopicIdAgain(o.disk, o.directory);
  // Keep the file if a sync of what this function wrote has failed.
  o.files.lostWrites.check(o.directory);
  o.disk.remove(`${o.directory}/${FAILED_SYNC_FILE}`);
}

function* writeAgainInSteps(handle: FileHandle): Steps<void> {
  const sizeBytes = handle.file().size();
  for (let from = 0; from < sizeBytes; from += RECOVERY_STEP_BYTES) {
    const to = Math.min(sizeBytes, from + RECOVERY_STEP_BYTES);
    writeAgain(handle.file(), to, from);
    yield { workBytes: to - from };
  }
}

/** Removes leftover files of interrupted work. Returns the names of the other files. */
function* sweep(o: RecoverOptions): Steps<string[]> {
  const names = yield* completeSwaps(o, o.disk.list(o.directory));
  const logs = new Set(names.filter((name) => offsetOfFileName(name, LOG_SUFFIX) !== undefined));
  const stale = (name: string): boolean => {
    if (/\.(tmp|deleted|cleaned|swap)$/.test(name)) return true;
    for (const suffix of [OFFSET_INDEX_SUFFIX, TIME_INDEX_SUFFIX, TRANSACTION_INDEX_SUFFIX]) {
      const offset = offsetOfFileName(name, suffix);
      if (offset !== undefined) return !logs.has(offsetFileName(offset, LOG_SUFFIX));
    }
    return false;
  };
  for (const name of names) {
    if (!stale(name)) continue;
    const path = `${o.directory}/${name}`;
    // A removed segment may be large. Nothing waits for its removal: no file of this log has such a name.
    if (name.endsWith('.deleted')) o.files.unlinker.unlink([path]);
    else o.disk.remove(path);
  }
  return names.filter((name) => !stale(name));
}

function* openSegments(o: RecoverOptions, names: readonly string[]): Steps<Segments> {
  const bases = names
    .map((name) => offsetOfFileName(name, LOG_SUFFIX))
    .filter((offset) => offset !== undefined)
    .sort((a, b) => a - b);
  const list = bases.map((base) => new Segment(o.files, o.directory, base, o.nowWallMs));
  noteUnsynced(o, list);
  let isOpen = false;
  try {
    for (const [index, segment] of list.entries()) {
      segment.sizeBytes = segment.log.file().size();
      if ((index + 1) % SEGMENTS_PER_STEP === 0) yield { workBytes: FILES_STEP_WORK };
    }
    if (list.length === 0) {
      const first = new Segment(o.files, o.directory, o.startOffset ?? 0, o.nowWallMs);
      list.push(first);
      first.create(preallocatedBytes(o.config));
    }
    isOpen = true;
    return new Segments(o.files, o.directory, list);
  } finally {
    if (!isOpen) for (const segment of list) segment.close();
  }
}

/**
 * A killed process may have written records above the recovery point that the device still lacks. If the
 * system loses them now, only a sync of this process can tell. Recovery writes the indexes of these segments
 * itself.
 */
function noteUnsynced(o: RecoverOptions, list: readonly Segment[]): void {
  if (o.cleanShutdown) return;
  for (const [index, segment] of list.entries()) {
    const endOffset = list[index + 1]?.baseOffset ?? Number.POSITIVE_INFINITY;
    // The recovery point may lie where a truncation cut the end of a segment off; see `needsRebuild`.
    if (endOffset >= o.recoveryPoint) segment.log.foundUnsynced();
  }
}

/** Chooses the segments in which recovery checks all checksums and rebuilds the indexes. */
function* chooseRebuilds(state: Replay, names: readonly string[]): Steps<boolean[]> {
  const { list } = state.segments;
  const present = new Set(names);
  const rebuild: boolean[] = [];
  for (const [index, segment] of list.entries()) {
    rebuild.push(needsRebuild(state, segment, { next: list[index + 1], present }));
    if ((index + 1) % SEGMENTS_PER_STEP === 0) yield { workBytes: FILES_STEP_WORK };
  }
  return rebuild;
}

function needsRebuild(
  { o }: Replay,
  segment: Segment,
  { next, present }: { readonly next: Segment | undefined; readonly present: ReadonlySet<string> },
): boolean {
  const last = next === undefined;
  // The rebuild of an empty segment reads nothing, and clears leftovers in its indexes.
  if (segment.sizeBytes === 0 && last) return true;
  const file = (suffix: string): boolean => present.has(offsetFileName(segment.baseOffset, suffix));
  if (!file(OFFSET_INDEX_SUFFIX) || !file(TIME_INDEX_SUFFIX)) return true;
  if (!segment.offsetIndex.wholeEntries() || !segment.timeIndex.wholeEntries()) return true;
  if (o.cleanShutdown) return last && !tailLooksRight(segment);
  // Use `>=` here. After a truncation to the recovery point and a roll, a power loss may restore the
  // cut-off bytes of this segment.
  return last || next.baseOffset >= o.recoveryPoint;
}

/**
 * Whether a segment looks intact after a clean stop: the last index entries fit the log file, and every batch
 * from there on is intact.
 */
function tailLooksRight(segment: Segment): boolean {
  const entry = segment.offsetIndex.last();
  if (entry !== undefined && (entry.position <= 0 || entry.position >= segment.sizeBytes)) return false;
  const { end, nextOffset } = segment.resume({ checkCrc: true });
  if (end.damage !== undefined) return false;
  if (entry !== undefined && entry.relativeOffset >= nextOffset - segment.baseOffset) return false;
  const lastTime = segment.timeIndex.last();
  return lastTime === undefined || segment.confirms(lastTime);
}

/** Scans the segments that need it, oldest first. At the first damage it cuts the log and stops. */
function* replay(state: Replay, rebuild: readonly boolean[]): Steps<void> {
  const { o, segments, epochs, producers, snapshots } = state;
  const { list } = segments;
  const firstRebuild = rebuild.indexOf(true);
  const snapshotMax = firstRebuild < 0 ? Number.MAX_SAFE_INTEGER : list[firstRebuild]!.baseOffset;
  if (firstRebuild >= 0) snapshots.removeWhere((offset) => offset > snapshotMax);
  const snapshot = snapshots.newest(snapshotMax);
  loadProducers(producers, snapshot, segments, o.nowWallMs);
  const replayFrom = snapshot?.offset ?? 0;
  const missingEpochs = epochs.damaged || epochs.latest === -1;
  if (!missingEpochs)
    yield* findDroppedEpochs(epochs, segments, Math.max(o.startOffset ?? 0, list[0]!.baseOffset));
  state.endOffset = list[0]!.baseOffset;
  for (let index = 0; index < list.length; index++) {
    const segment = list[index]!;
    const next = list[index + 1];
    const visit = (header: BatchHeader): void => {
      if (header.lastOffset >= replayFrom) producers.update(header, o.nowWallMs);
      if (header.leaderEpoch >= 0 && (header.leaderEpoch > epochs.latest || rebuild[index] || missingEpochs))
        noteEpoch(epochs, header);
    };
    if (rebuild[index]) {
      if (index > 0 && segment.baseOffset > replayFrom) snapshots.write(segment.baseOffset, producers);
      const strict = !o.cleanShutdown && (next === undefined || next.baseOffset >= o.recoveryPoint);
      yield* rebuildSegment(state, segment, { strict, endOffsetMax: next?.baseOffset }, visit);
      if (
        strict &&
        state.damage === undefined &&
        next !== undefined &&
        lacksRecords(state, next.baseOffset)
      ) {
        state.damage = 'records are missing before the next segment';
        state.damageAt = segment.sizeBytes;
      }
    } else {
      state.endOffset = next?.baseOffset ?? segment.resume().nextOffset;
      if (missingEpochs) yield* visitFrom(segment, 0, visit);
      else if (state.endOffset > replayFrom)
        yield* visitFrom(segment, segment.locate(replayFrom)?.position, visit);
    }
    if (state.damage === undefined) continue;
    cutBehind(state, index);
    break;
  }
  if (epochs.dirty || epochs.damaged) epochs.write();
}

/**
 * Whether records are lost between the segment that ends at `state.endOffset` and the next one. Our cleaner
 * leaves no gap between segments. Kafka's cleaner may, but only where it has cleaned.
 */
function lacksRecords({ o, segments, endOffset }: Replay, nextBaseOffset: Offset): boolean {
  if (endOffset === nextBaseOffset) return false;
  if (!segments.mayHaveGaps) return true;
  // The log writer begins a segment above a gap that no index spans.
  if (nextBaseOffset - endOffset > RELATIVE_OFFSET_MAX / 2) return false;
  return nextBaseOffset > Math.max(o.recoveryPoint, o.cleanedTo ?? 0);
}

/**
 * Notes the leader epoch of a batch, unless the list has this epoch at the batch's offset. The note removes
 * entries that contradict the batches.
 */
function noteEpoch(epochs: LeaderEpochs, header: BatchHeader): void {
  if (epochs.epochAt(header.baseOffset) !== header.leaderEpoch)
    epochs.note(header.leaderEpoch, header.baseOffset);
}

/**
 * Rebuilds the indexes of a segment from its batches, and cuts the segment at the first damage. `strict`: a
 * gap in the offsets counts as damage, too, unless the log may have gaps.
 * `endOffsetMax`: base offset of the next segment. If there are batches at or above it, a truncation cut them
 * off, and a power loss restored them. Recovery cuts off these batches again, and keeps the next segments.
 */
function* rebuildSegment(
  state: Replay,
  segment: Segment,
  { strict, endOffsetMax }: { readonly strict: boolean; readonly endOffsetMax: Offset | undefined },
  visit: (header: BatchHeader) => void,
): Steps<void> {
  const { indexIntervalBytes } = state.o.config;
  segment.startRebuild(true);
  state.endOffset = segment.baseOffset;
  const end: ScanEnd = yield* scanSegment(segment, { checkCrc: true }, (header, position) => {
    if (header.lastOffset - segment.baseOffset > RELATIVE_OFFSET_MAX) return true;
    if (endOffsetMax !== undefined && header.baseOffset >= endOffsetMax) return true;
    const isGap = header.baseOffset !== state.endOffset;
    if (strict && isGap && !state.segments.mayHaveGaps) return true;
    // Leader epochs never fall along a log. A truncation cut this batch off, and a power loss restored it.
    if (header.leaderEpoch >= 0 && header.leaderEpoch < state.latestEpoch) return true;
    const { sizeBytes } = segment;
    segment.note(header, position, indexIntervalBytes);
    segment.sizeBytes = sizeBytes;
    visit(header);
    state.endOffset = header.lastOffset + 1;
    state.latestEpoch = Math.max(state.latestEpoch, header.leaderEpoch);
    return false;
  });
  const bytesLost = segment.sizeBytes - end.position;
  if (bytesLost > 0) {
    const reason = holdsZeros(segment, end.position)
      ? ZEROS
      : (end.damage ?? 'offsets jump, or leader epochs fall');
    // The log continues in the next segment, so the cut needs no new one.
    if (state.endOffset === endOffsetMax) segment.log.file().truncate(end.position);
    else {
      state.damage = reason;
      state.damageAt = end.position;
    }
    segment.sizeBytes = end.position;
    const { endOffset, o } = state;
    o.logger.warn('log-cut', { directory: o.directory, reason, endOffset, bytesLost });
  }
  segment.seal();
}

/**
 * True if there are zeros where a batch should begin. Such bytes were never written, or were lost in a power
 * loss.
 */
function holdsZeros(segment: Segment, position: number): boolean {
  const start = new Uint8Array(BATCH_HEADER_BYTES);
  segment.log.file().read(position, start);
  return start.every((byte) => byte === 0);
}

function* visitFrom(
  segment: Segment,
  from: number | undefined,
  visit: (header: BatchHeader) => void,
): Steps<void> {
  if (from === undefined) return;
  yield* scanSegment(segment, { from, checkCrc: false }, (header) => {
    visit(header);
    return false;
  });
}

/**
 * Cuts the log at the damage, and continues it in a new segment; see ../cut.ts. Removes the segments after
 * the damage. Keeping them would leave a gap in the offsets.
 */
function cutBehind(state: Replay, index: number): void {
  const { segments, o, endOffset, damageAt: position } = state;
  const segmentsLost = segments.list.length - 1 - index;
  if (segmentsLost > 0) {
    const { damage: reason } = state;
    o.logger.warn('log-segments-dropped', { directory: o.directory, reason, endOffset, segmentsLost });
  }
  cutFiles(state, { index, position, endOffset });
  if (segments.list.length > 1) state.snapshots.write(endOffset, state.producers);
}

/** Empties a log that ends below its start offset: it holds only deleted records. */
function restart(state: Replay, startOffset: Offset): Recovered {
  const { o, segments, epochs, producers, snapshots } = state;
  o.logger.warn('log-restarted', { directory: o.directory, startOffset, endOffset: state.endOffset });
  cutFiles(state, { index: 0, position: 0, endOffset: startOffset });
  epochs.clear();
  producers.clear();
  snapshots.removeWhere(() => true);
  return { segments, epochs, producers, snapshots, startOffset, endOffset: startOffset, cut: true };
}

/** Cuts the files by the rules of ../cut.ts. May throw DiskError. */
function cutFiles({ o, segments }: Replay, place: Parameters<Segments['cut']>[0]): void {
  // After an unclean stop, the device may lack the names that an earlier run's cut left.
  if (!o.cleanShutdown) syncNames(o);
  if (segments.cut(place, o.config, o.nowWallMs)) syncNames(o);
}

/** Waits until the device has the names in the folder. May throw DiskError. */
function syncNames({ disk, directory }: RecoverOptions): void {
  notingFailedSync(disk, directory, () => disk.syncDirectory(directory));
}
