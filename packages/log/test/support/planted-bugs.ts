/** Bugs, each one wrong line, and the twin that must find every one. */
import type { LinePatch } from '@millrace/base/testing';

export interface TwinBug extends LinePatch {
  /** The bug, in words. */
  readonly sentence: string;
  /** What the twin says. */
  readonly says: RegExp;
}

const CLEANER = 'packages/log/src/cleaner';

/** The twin of compaction-twin.ts must find every one. */
export const compactionBugs: readonly TwinBug[] = [
  {
    name: 'tombstone-dropped-early',
    sentence: 'the first cleaning of a tombstone drops it',
    file: `${CLEANER}/clean-batches.ts`,
    find: 'return !header.hasDeleteHorizon || nowWallMs < header.baseTimestamp;',
    replace: 'return header.hasDeleteHorizon && nowWallMs < header.baseTimestamp;',
    says: /went before its time/,
  },
  {
    name: 'horizon-forgotten',
    sentence: 'each cleaning moves the delete horizon of a tombstone',
    file: `${CLEANER}/clean-batches.ts`,
    find: 'const getsHorizon = found.hasTombstone && !header.hasDeleteHorizon && !header.isTransactional;',
    replace: 'const getsHorizon = found.hasTombstone && !header.isTransactional;',
    says: /stays after its time/,
  },
  {
    name: 'full-map-believed',
    sentence: 'a cleaning whose offset map is full counts the whole dirty part as clean',
    file: `${CLEANER}/cleaning-run.ts`,
    find: 'this.mapEnd = offsetAt(keys, inserted.next);',
    replace: 'void offsetAt;',
    says: /an old record of .* stays below the clean end/,
  },
  {
    name: 'swap-not-synced',
    sentence: 'a swap renames the old segments before the device has the name of the new one',
    file: `${CLEANER}/segment-swap.ts`,
    find: 'this.syncNames(() => this.replace());',
    replace: 'this.replace();',
    says: /is lost|went back|after a crash the log/,
  },
  {
    name: 'swap-not-completed',
    sentence: 'recovery removes the new segment of an interrupted swap, although old segments are gone',
    file: 'packages/log/src/recovery/complete-swaps.ts',
    find: 'for (const baseOffset of swaps) yield* complete(folder, names, baseOffset);',
    replace: 'void complete;',
    says: /is lost|went back|after a crash the log/,
  },
  {
    name: 'old-segment-back',
    sentence: 'recovery keeps the old segments beside the new one of an interrupted swap',
    file: 'packages/log/src/recovery/complete-swaps.ts',
    find: 'for (const offset of [...old.filter((other) => other !== base), base])',
    replace: 'for (const offset of [base])',
    says: /an old record of .* stays below|no batch at/,
  },
  {
    name: 'uncommitted-compacted',
    sentence: 'the cleaner compacts records above the high watermark',
    file: `${CLEANER}/cleanable-range.ts`,
    find: 'const stableOffset = Math.min(highWatermark, recoveryPoint);',
    replace: 'const stableOffset = Math.max(highWatermark, recoveryPoint);',
    says: /is lost|went back|a truncation cut committed records|the tombstone of .* went before its time/,
  },
  {
    name: 'point-lowered-too-soon',
    sentence: 'a truncation below the clean part leaves the old recovery point on the device',
    file: 'packages/log/src/truncation.ts',
    find: 'flusher.truncated(endOffset);',
    replace: 'if (isCleanLowered) this.parts.offsetsLowered(endOffset); flusher.truncated(endOffset);',
    says: /a log lowers its recovery point before the files do/,
  },
  {
    name: 'clean-end-kept',
    sentence: 'a truncation below the clean part leaves the old end of this part on the device',
    file: 'packages/log/src/truncation.ts',
    find: 'if (isLowered || isCleanLowered) this.parts.offsetsLowered(endOffset);',
    replace: 'void isLowered;',
    says: /stays below the clean end|no batch at|is lost|after a crash the log/,
  },
];

/** The twin of divergence-twin.ts must find every one. */
export const divergenceBugs: readonly TwinBug[] = [
  {
    name: 'roll-not-settled',
    sentence: 'a roll does not wait for the names that the last truncation left',
    file: 'packages/log/src/log-writer.ts',
    find: 'names.settleCut();',
    replace: 'void names;',
    says: /follows batch/,
  },
  {
    name: 'cut-not-settled',
    sentence: 'a truncation that removes segments with records does not wait for the names',
    file: 'packages/log/src/cut.ts',
    find: 'if (segments.cut(place, config, nowWallMs)) names.settleCut();',
    replace: 'segments.cut(place, config, nowWallMs);',
    says: /follows batch/,
  },
  {
    name: 'recovery-not-settled',
    sentence: 'recovery cuts a log before the device has the names of an earlier truncation',
    file: 'packages/log/src/recovery/recover.ts',
    find: 'if (!o.cleanShutdown) syncNames(o);',
    replace: 'void syncNames;',
    says: /follows batch/,
  },
];
