/**
 * Finds the leader epochs of records that are part of the log again. When the log start offset rises, the
 * epoch file loses the entries below it. The process may die before the checkpoint has the new start, and
 * before retention removes the segments. Then the log begins below the first entry of the file. Without the
 * lost entries, a follower that has other records of these epochs would not truncate them.
 *
 * Leader epochs never fall along a log. So if a segment and the next one begin with the same epoch, the first
 * of the two has only this epoch, and reading one header of it is enough.
 */
import type { LeaderEpoch, Offset } from '@millrace/base';
import { BATCH_HEADER_BYTES, type BatchHeader } from '@millrace/protocol';
import type { EpochEntry, LeaderEpochs } from '../epochs/leader-epochs.ts';
import { FILES_STEP_WORK, SEGMENTS_PER_STEP } from '../limits.ts';
import type { Segment } from '../segment/segment.ts';
import type { Segments } from '../segment/segments.ts';
import { scanSegment } from './scan-in-steps.ts';
import type { Steps } from './steps.ts';

/** Adds the entries between `startOffset` and the first entry that the file has. May throw DiskError. */
export function* findDroppedEpochs(
  epochs: LeaderEpochs,
  segments: Segments,
  startOffset: Offset,
): Steps<void> {
  const first = epochs.entries[0];
  if (first === undefined || first.startOffset <= startOffset) return;
  const found: EpochEntry[] = [];
  const visit = ({ leaderEpoch, baseOffset }: BatchHeader): boolean => {
    if (baseOffset >= first.startOffset || leaderEpoch > first.epoch) return true;
    if (leaderEpoch > (found.at(-1)?.epoch ?? -1))
      found.push({ epoch: leaderEpoch, startOffset: baseOffset });
    return false;
  };
  const { list } = segments;
  for (let index = segments.indexFor(startOffset); index < list.length; index++) {
    const segment = list[index]!;
    if (segment.baseOffset >= first.startOffset) break;
    const next = list[index + 1];
    const follows =
      next === undefined || next.baseOffset >= first.startOffset ? first.epoch : visitFirst(next);
    if (visitFirst(segment, visit) !== follows) yield* scanSegment(segment, { checkCrc: false }, visit);
    else if ((index + 1) % SEGMENTS_PER_STEP === 0) yield { workBytes: FILES_STEP_WORK };
  }
  epochs.prepend(found);
}

/** Visits the first batch of a segment. Returns its epoch; undefined if there is no batch. */
function visitFirst(segment: Segment, visit?: (header: BatchHeader) => boolean): LeaderEpoch | undefined {
  let epoch: LeaderEpoch | undefined;
  segment.scan(0, { checkCrc: false, windowBytes: BATCH_HEADER_BYTES }, (header) => {
    epoch = header.leaderEpoch;
    visit?.(header);
    return true;
  });
  return epoch;
}
