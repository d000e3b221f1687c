/**
 * Takes producer states back to an earlier end of the log. Truncates the states in memory if this loses no
 * state that the log still has. Otherwise collects all states again from the newest snapshot and the batches
 * after it.
 */
import type { Offset, WallMillis } from '@millrace/base';
import type { Segments } from '../segment/segments.ts';
import { loadProducers } from './load-producers.ts';
import type { ProducerStates } from './producer-states.ts';
import type { Snapshots } from './snapshots.ts';

/**
 * Call this after the segments were truncated to `endOffset`. Removes the snapshots above `endOffset`. May
 * throw DiskError.
 */
export function rewindProducers(
  producers: ProducerStates,
  snapshots: Snapshots,
  segments: Segments,
  endOffset: Offset,
  nowWallMs: WallMillis,
): void {
  snapshots.removeWhere((snapshot) => snapshot > endOffset);
  if (producers.truncate(endOffset)) return;
  const snapshot = snapshots.newest(endOffset);
  loadProducers(producers, snapshot, segments, nowWallMs);
  const from = snapshot?.offset ?? segments.list[0]!.baseOffset;
  for (let index = segments.indexFor(from); index < segments.list.length; index++) {
    const segment = segments.list[index]!;
    const position = segment.locate(from)?.position;
    if (position === undefined) continue;
    segment.scan(position, { checkCrc: false }, (header) => {
      producers.update(header, nowWallMs);
      return false;
    });
  }
}
