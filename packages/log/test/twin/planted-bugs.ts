/** Bugs of a log, each one wrong line. The twin finds every one. */
import type { LinePatch } from '@millrace/base/testing';
import { compactionBugs } from '../support/planted-bugs.ts';

export interface LogBug extends LinePatch {
  /** The bug, in words. */
  readonly sentence: string;
  /** A seed that finds the bug. */
  readonly seed: number;
}

function ofCompaction(name: string, seed: number): LogBug {
  return { ...compactionBugs.find((bug) => bug.name === name)!, seed };
}

export const logBugs: readonly LogBug[] = [
  ofCompaction('tombstone-dropped-early', 3),
  {
    name: 'swap-order-wrong',
    sentence: 'a swap removes the old segments before the new one has the name .swap',
    file: 'packages/log/src/cleaner/segment-swap.ts',
    find: 'this.nameSwap();',
    replace: 'this.replace();',
    seed: 78,
  },
  ofCompaction('horizon-forgotten', 84),
  {
    name: 'full-map-keeps-old-value',
    sentence: 'a cleaning whose offset map is full keeps the old value of a key that has no place in the map',
    file: 'packages/log/src/cleaner/cleaning-run.ts',
    find: 'this.mapEnd = offsetAt(keys, inserted.next);',
    replace: 'void offsetAt;',
    seed: 30,
  },
  {
    name: 'retention-past-high-watermark',
    sentence: 'retention removes expired records that are not committed',
    file: 'packages/log/src/segment/expired-segments.ts',
    find: 'if ((next?.baseOffset ?? endOffset) > highWatermark || !mayGo(segment, next)) break;',
    replace:
      'if ((next?.baseOffset ?? endOffset) > endOffset + highWatermark || !mayGo(segment, next)) break;',
    seed: 350,
  },
  {
    name: 'deleted-segments-resurrected',
    sentence: 'recovery gives the files of removed segments their names back',
    file: 'packages/log/src/recovery/recover.ts',
    find: "if (name.endsWith('.deleted')) o.files.unlinker.unlink([path]);",
    replace: "if (name.endsWith('.deleted')) o.disk.rename(path, path.slice(0, -'.deleted'.length));",
    seed: 3,
  },
  ofCompaction('swap-not-completed', 69),
  ofCompaction('old-segment-back', 78),
  ofCompaction('uncommitted-compacted', 3),
  {
    name: 'latest-record-compacted',
    sentence: 'the cleaner drops the latest record of a key, too',
    file: 'packages/log/src/cleaner/clean-batches.ts',
    find: 'if (latestOffset(tables, this.md5.words) > offset) return false;',
    replace: 'if (latestOffset(tables, this.md5.words) >= offset) return false;',
    seed: 3,
  },
  {
    name: 'names-not-synced',
    sentence: 'a flush does not sync the names of the files',
    file: 'packages/log/src/unsynced.ts',
    find: 'return [...id, ...replaced, ...this.gaps.takeUnsynced(), ...this.names.takeUnsynced()];',
    replace: 'return [...id, ...replaced, ...this.gaps.takeUnsynced()];',
    seed: 19,
  },
  {
    name: 'removal-not-synced',
    sentence: 'retention removes the next segment before the device has the removal of the last one',
    file: 'packages/log/src/files/sync-files.ts',
    find: 'disk.syncFolder(directory, synced);',
    replace: 'synced();',
    seed: 501,
  },
  {
    name: 'recovery-point-not-lowered',
    sentence: 'a truncation does not lower the recovery point',
    file: 'packages/log/src/files/flusher.ts',
    find: 'this.recoveryPoint = Math.min(this.recoveryPoint, endOffset);',
    replace: 'void endOffset;',
    seed: 3,
  },
  {
    name: 'dirty-file-closed',
    sentence: 'a log closes a file with unsynced writes to open another one, without a sync',
    file: 'packages/log/src/files/open-files.ts',
    find: 'oldest.syncNow();',
    replace: 'void oldest;',
    seed: 291,
  },
  {
    name: 'inherited-writes-forgotten',
    sentence: 'recovery closes a file that an earlier process has left dirty, without a sync',
    file: 'packages/log/src/recovery/recover.ts',
    find: 'if (endOffset >= o.recoveryPoint) segment.log.foundUnsynced();',
    replace: 'void endOffset;',
    seed: 7132,
  },
  {
    name: 'loss-before-close-untold',
    sentence: 'a log does not learn that the sync before the close of its file failed',
    file: 'packages/log/src/files/open-files.ts',
    find: 'if (lost !== undefined) this.lostWrites.found(oldest.path, lost);',
    replace: 'void lost;',
    seed: 96,
  },
  {
    name: 'background-loss-untold',
    sentence: 'a log does not learn that a background sync of its file failed',
    file: 'packages/log/src/files/open-files.ts',
    find: 'this.lostWrites.foundInTurn(path, error);',
    replace: 'void path;',
    seed: 192,
  },
  {
    name: 'round-succeeds-after-loss',
    sentence: 'a round of syncs succeeds although another sync reported a lost write of the log',
    file: 'packages/log/src/files/flusher.ts',
    find: 'this.loss ??= error;',
    replace: 'void error;',
    seed: 252,
  },
  {
    name: 'failed-sync-untold',
    sentence: 'a log does not tell its replica that a sync failed',
    file: 'packages/log/src/partition-log.ts',
    find: 'this.syncFailed?.();',
    replace: '',
    seed: 6,
  },
  {
    name: 'lacking-sync-forgotten',
    sentence: 'a flush does not sync what the last one could not sync for lack of descriptors',
    file: 'packages/log/src/unsynced.ts',
    find: 'this.again.push(...this.taken);',
    replace: 'this.again.push();',
    seed: 892,
  },
  {
    name: 'crc-not-checked',
    sentence: 'recovery does not check the checksums of the last segment',
    file: 'packages/log/src/recovery/recover.ts',
    find: 'const end: ScanEnd = yield* scanSegment(segment, { checkCrc: true }, (header, position) => {',
    replace: 'const end: ScanEnd = yield* scanSegment(segment, { checkCrc: false }, (header, position) => {',
    seed: 255,
  },
  {
    name: 'snapshot-of-later-producers',
    sentence: 'a truncation leaves the producer states as they are',
    file: 'packages/log/src/producers/rewind-producers.ts',
    find: 'if (producers.truncate(endOffset)) return;',
    replace: 'if (endOffset >= 0) return;',
    seed: 3,
  },
];
