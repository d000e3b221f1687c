/**
 * Cuts the end off a log's files, so that no power loss can join old and new records. A power loss may undo
 * unsynced truncations and changes of names, each one or none. Leader epochs do not show such a mixture if
 * they do not fall. So the log keeps two rules:
 *
 * 1. It never writes to a file that it has cut. What follows the cut goes to a new file, whose name says
 *    where the cut is. Recovery cuts the old file there again.
 * 2. It creates no segment until the device has the names that the last cut left. Otherwise a power loss
 *    could restore what was cut off, and keep a later segment that joins it.
 *
 * If the cut removes later segments with records, the log also waits for the names before the first append.
 * Otherwise such a segment could join the new records below it.
 */
import type { Offset, WallMillis } from '@millrace/base';
import type { FolderNames } from './files/folder-names.ts';
import type { Segments } from './segment/segments.ts';
import type { LogConfig } from './types.ts';

export interface CutPlace {
  /** The segment that holds the cut, by its index in the list. */
  readonly index: number;
  /** Where the cut is in the file of this segment. */
  readonly position: number;
  /** The offset at which the log ends, and continues. */
  readonly endOffset: Offset;
}

/** The log's active segment is empty afterwards. May throw DiskError; then the cut may be incomplete. */
export function cutLog(
  { segments, names }: { readonly segments: Segments; readonly names: FolderNames },
  place: CutPlace,
  { config, nowWallMs }: { readonly config: LogConfig; readonly nowWallMs: WallMillis },
): void {
  names.settleCut();
  names.cut();
  if (segments.cut(place, config, nowWallMs)) names.settleCut();
}
