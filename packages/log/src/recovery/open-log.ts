/**
 * Opens one partition's log: creates its folder or recovers the log in it, and checks the topic id. Returns
 * the parts of a PartitionLog.
 */
import type { Disk, Logger, Offset, Uuid, WallMillis } from '@millrace/base';
import type { CompressionCodecs } from '@millrace/protocol';
import { notingFailedSync } from '../files/failed-sync.ts';
import { readCommittedEnd, writeCommittedEnd } from '../files/has-gaps.ts';
import { OpenFiles } from '../files/open-files.ts';
import { readTopicId, writeTopicId } from '../files/partition-metadata.ts';
import type { LogConfig } from '../types.ts';
import { begin, type Recovered, type RecoverOptions, recover } from './recover.ts';
import type { Steps } from './steps.ts';

export interface OpenLogOptions {
  readonly disk: Disk;
  /** The partition's folder; created if it does not exist. */
  readonly directory: string;
  readonly topicId?: Uuid;
  readonly config: LogConfig;
  readonly nowWallMs: WallMillis;
  /** True after a clean stop: recovery trusts the log's content and checks only the tail. */
  readonly cleanShutdown: boolean;
  /** After an unclean stop, recovery need not check records below this offset. Default 0: it checks all. */
  readonly recoveryPoint?: Offset;
  /** Checkpointed log start offset; default: where the first segment begins. */
  readonly startOffset?: Offset;
  /** Checkpointed end of the part that the cleaner has cleaned; default: the log was never cleaned. */
  readonly cleanedTo?: Offset;
  readonly codecs: CompressionCodecs;
  readonly logger: Logger;
  /** The open files, shared by all logs of a node; default: an object for this log alone. */
  readonly files?: OpenFiles;
  /**
   * Called when a truncation lowers the log's recovery point or its start offset, before the truncation
   * changes the files. Also called when recovery keeps fewer records than `recoveryPoint` covers. Gets the
   * new recovery point. May throw DiskError.
   */
  readonly offsetsLowered?: (recoveryPoint: Offset) => void;
}

/** The parts of a PartitionLog. */
export interface LogParts extends Recovered {
  readonly disk: Disk;
  readonly files: OpenFiles;
  readonly directory: string;
  readonly topicId: Uuid | undefined;
  readonly config: LogConfig;
  readonly nowWallMs: WallMillis;
  readonly recoveryPoint: Offset;
  readonly cleanedTo: Offset | undefined;
  /** See `Gaps`. */
  readonly committedEnd: Offset;
  /** An earlier run, or recovery, may have cut off bytes that a power loss would restore. */
  readonly hasUnsyncedCut: boolean;
  readonly codecs: CompressionCodecs;
  readonly logger: Logger;
  readonly offsetsLowered: (recoveryPoint: Offset) => void;
}

/**
 * Thrown when the folder holds the log of another topic of the same name (`found`), or when nothing says
 * which topic its records belong to (`found` is undefined).
 */
export class LogOpenError extends Error {
  override readonly name = 'LogOpenError';
  readonly found: Uuid | undefined;
  constructor(directory: string, found: Uuid | undefined, wanted: Uuid) {
    super(
      found === undefined
        ? `${directory} has records but no topic id, so they may not belong to ${wanted}`
        : `${directory} belongs to topic id ${found}, not ${wanted}`,
    );
    this.found = found;
  }
}

/** Opens or creates the log. May throw DiskError, or LogOpenError. */
export function* openParts(o: OpenLogOptions): Steps<LogParts> {
  const files = o.files ?? new OpenFiles(o.disk);
  const { lostWrites } = files;
  lostWrites.watch(o.directory);
  let parts: LogParts | undefined;
  let isOpen = false;
  try {
    parts = yield* partsOf(o, files);
    // Recovery may have written to a file that was then synced and closed.
    lostWrites.check(o.directory);
    isOpen = true;
    return parts;
  } finally {
    if (!isOpen) {
      parts?.segments.close();
      lostWrites.unwatch(o.directory);
    }
  }
}

function* partsOf(o: OpenLogOptions, files: OpenFiles): Steps<LogParts> {
  const { disk, directory } = o;
  // Do not call `exists` here: it returns false after an I/O error, and this function would then overwrite a
  // log. `makeDirectory` says reliably whether the folder is new.
  const isNew = disk.makeDirectory(directory);
  const found = isNew ? undefined : readTopicId(disk, directory);
  if (found !== undefined && o.topicId !== undefined && found !== o.topicId)
    throw new LogOpenError(directory, found, o.topicId);
  const options: RecoverOptions = {
    disk,
    files,
    directory,
    nowWallMs: o.nowWallMs,
    cleanShutdown: o.cleanShutdown,
    recoveryPoint: o.recoveryPoint ?? 0,
    startOffset: o.startOffset,
    cleanedTo: o.cleanedTo,
    config: o.config,
    logger: o.logger,
  };
  const recovered = isNew ? begin(options) : yield* recover(options);
  let isDone = false;
  try {
    const parts = { ...completed(o, recovered, { found, isNew }), files };
    isDone = true;
    return parts;
  } finally {
    if (!isDone) recovered.segments.close();
  }
}

/** Writes what the log's folder and the checkpoints lack. May throw DiskError or LogOpenError. */
function completed(
  o: OpenLogOptions,
  recovered: Recovered,
  { found, isNew }: { readonly found: Uuid | undefined; readonly isNew: boolean },
): Omit<LogParts, 'files'> {
  const { disk, directory } = o;
  const { endOffset } = recovered;
  if (found === undefined && o.topicId !== undefined) nameTopic(o, recovered, { topicId: o.topicId, isNew });
  // The log appends from `endOffset` on, so no checkpointed recovery point or clean part may reach beyond it.
  if (endOffset < Math.max(o.recoveryPoint ?? 0, o.cleanedTo ?? 0)) o.offsetsLowered?.(endOffset);
  const noted = isNew ? 0 : readCommittedEnd(disk, directory);
  // Records that the log appends from now on are not committed yet.
  if (noted > endOffset)
    notingFailedSync(disk, directory, () => writeCommittedEnd(disk, directory, endOffset));
  return {
    ...recovered,
    disk,
    directory,
    topicId: found ?? o.topicId,
    config: o.config,
    committedEnd: Math.min(noted, endOffset),
    cleanedTo: o.cleanedTo,
    hasUnsyncedCut: (!isNew && !o.cleanShutdown) || recovered.cut,
    recoveryPoint: o.cleanShutdown && !recovered.cut ? endOffset : Math.min(o.recoveryPoint ?? 0, endOffset),
    codecs: o.codecs,
    nowWallMs: o.nowWallMs,
    logger: o.logger,
    offsetsLowered: o.offsetsLowered ?? (() => {}),
  };
}

/**
 * Writes the topic id into a folder that has none. If the folder has records, or begins above 0, the last
 * stop shows which topic it belongs to. After a clean stop, a Kafka older than 2.8 wrote the folder, and it
 * belongs to this topic. After an unclean stop, this throws, because the folder may belong to an earlier
 * topic of this name.
 * This breaks no promise. A kill keeps the id, and the log's first round of syncs covers it. So a power loss
 * removed the id before that round ended, when the broker had not yet promised that the device has the
 * records.
 */
function nameTopic(
  { disk, directory, cleanShutdown }: OpenLogOptions,
  { startOffset, endOffset }: Recovered,
  { topicId, isNew }: { readonly topicId: Uuid; readonly isNew: boolean },
): void {
  const hasRecords = endOffset > startOffset;
  if ((hasRecords || startOffset > 0) && !cleanShutdown)
    throw new LogOpenError(directory, undefined, topicId);
  notingFailedSync(disk, directory, () => writeTopicId(disk, directory, topicId, { isNew, hasRecords }));
}
