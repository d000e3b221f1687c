/**
 * Completes swaps of the cleaner that a crash interrupted. A log file named `.swap` is whole on the device,
 * and replaces the segments that begin in the range of its offsets. Some of them may be gone already, so
 * recovery always completes the swap. It keeps to the order of `SegmentSwap`: a crash within recovery leaves
 * the `.swap` file, or the complete change.
 */
import { type Disk, DiskError, type Logger, type Offset } from '@millrace/base';
import type { BatchHeader } from '@millrace/protocol';
import { markDeleted } from '../files/deleted-files.ts';
import { notingFailedSync } from '../files/failed-sync.ts';
import {
  CLEANED_SUFFIX,
  LOG_SUFFIX,
  OFFSET_INDEX_SUFFIX,
  offsetFileName,
  offsetOfFileName,
  SWAP_SUFFIX,
  TIME_INDEX_SUFFIX,
} from '../files/file-names.ts';
import type { OpenFiles } from '../files/open-files.ts';
import { scanInSteps } from './scan-in-steps.ts';
import type { Steps } from './steps.ts';

interface Folder {
  readonly disk: Disk;
  readonly files: OpenFiles;
  readonly directory: string;
  readonly logger: Logger;
}

const INDEX_SUFFIXES = [OFFSET_INDEX_SUFFIX, TIME_INDEX_SUFFIX];

/** Completes the swaps. Returns the names of the folder's files afterwards. May throw DiskError. */
export function* completeSwaps(folder: Folder, names: readonly string[]): Steps<readonly string[]> {
  const cleaned = offsetsOf(names, LOG_SUFFIX + CLEANED_SUFFIX);
  // Kafka renames several new segments one after the other when it splits one. If a new segment is not yet
  // complete, the `.swap` files from its offset on are not, either. Such files are removed later.
  const incompleteFrom = Math.min(...cleaned, Number.MAX_SAFE_INTEGER);
  const swaps = offsetsOf(names, LOG_SUFFIX + SWAP_SUFFIX).filter((offset) => offset < incompleteFrom);
  for (const baseOffset of swaps) yield* complete(folder, names, baseOffset);
  return swaps.length === 0 ? names : folder.disk.list(folder.directory);
}

function* complete(
  { disk, files, directory, logger }: Folder,
  names: readonly string[],
  base: Offset,
): Steps<void> {
  const swapName = offsetFileName(base, LOG_SUFFIX) + SWAP_SUFFIX;
  const endOffset = yield* endOf(disk, `${directory}/${swapName}`, base);
  // A damaged file replaces nothing, as long as the old segments are there.
  if (endOffset === undefined && names.includes(offsetFileName(base, LOG_SUFFIX))) return;
  const old = offsetsOf(names, LOG_SUFFIX).filter(
    (offset) => offset >= base && offset < Math.max(endOffset ?? 0, base + 1),
  );
  const removed: string[] = [];
  for (const suffix of [LOG_SUFFIX, ...INDEX_SUFFIXES])
    for (const offset of [...old.filter((other) => other !== base), base])
      removed.push(...deleted(disk, `${directory}/${offsetFileName(offset, suffix)}`));
  syncNames(disk, directory);
  for (const suffix of INDEX_SUFFIXES) {
    const name = offsetFileName(base, suffix);
    // Without its index files, recovery rebuilds the segment's indexes.
    if (names.includes(name + SWAP_SUFFIX))
      disk.rename(`${directory}/${name}${SWAP_SUFFIX}`, `${directory}/${name}`);
  }
  disk.rename(`${directory}/${swapName}`, `${directory}/${offsetFileName(base, LOG_SUFFIX)}`);
  // The next cleaning writes a `.cleaned` file. If a power loss restored the `.swap` file beside it, recovery
  // would treat the swap as incomplete, and remove the only copy of the records.
  syncNames(disk, directory);
  files.unlinker.unlink(removed);
  logger.info('log-swap-completed', { directory, baseOffset: base, segmentsReplaced: old.length });
}

/** A device reports a lost change of names only once, so the next recovery must know of it. */
function syncNames(disk: Disk, directory: string): void {
  notingFailedSync(disk, directory, () => disk.syncDirectory(directory));
}

function deleted(disk: Disk, path: string): string[] {
  const marked = markDeleted(disk, path);
  return marked === undefined ? [] : [marked];
}

/** The offset after the last batch; undefined if the file is damaged. */
function* endOf(disk: Disk, path: string, base: Offset): Steps<Offset | undefined> {
  const file = disk.open(path);
  try {
    let endOffset = base;
    const options = { from: 0, to: file.size(), checkCrc: false, minimumOffset: base };
    const visit = (header: BatchHeader): boolean => {
      endOffset = header.lastOffset + 1;
      return false;
    };
    const end = yield* scanInSteps(() => file, options, visit);
    return end.damage === undefined ? endOffset : undefined;
  } catch (error) {
    if (!(error instanceof DiskError) || error.isTransient) throw error;
    return undefined;
  } finally {
    file.close();
  }
}

/** The offsets of the files with this suffix, ascending. */
function offsetsOf(names: readonly string[], suffix: string): Offset[] {
  return names
    .map((name) => offsetOfFileName(name, suffix))
    .filter((offset) => offset !== undefined)
    .sort((a, b) => a - b);
}
