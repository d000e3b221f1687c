/**
 * Loads producer states from a snapshot, if there is one. Then reads from the log the earlier batches that
 * clients may still retry. Writes nothing.
 */
import type { Offset, WallMillis } from '@millrace/base';
import { RECALLED_BYTES } from '../limits.ts';
import type { Segments } from '../segment/segments.ts';
import type { ProducerStates } from './producer-states.ts';
import type { LoadedSnapshot } from './snapshots.ts';

/**
 * May throw DiskError. Does not check the segments below the snapshot. If one of them is damaged, the states
 * only lack some of a producer's earlier batches.
 */
export function loadProducers(
  producers: ProducerStates,
  snapshot: LoadedSnapshot | undefined,
  segments: Segments,
  nowWallMs: WallMillis,
): void {
  for (const bytes of RECALLED_BYTES) {
    producers.load(snapshot?.entries ?? [], nowWallMs);
    if (snapshot === undefined || producers.complete) return;
    recall(producers, snapshot.offset, segments, bytes);
    if (producers.complete) return;
  }
}

function recall(producers: ProducerStates, endOffset: Offset, segments: Segments, bytes: number): void {
  const { list } = segments;
  const last = segments.indexFor(endOffset - 1);
  let first = last;
  let left = bytes - list[last]!.sizeBytes;
  while (first > 0 && left > 0) left -= list[--first]!.sizeBytes;
  for (let index = first; index <= last; index++) {
    // Read the later segments whole, but of the oldest segment only as much of its end as `bytes` allows.
    const wanted = index === first ? left + list[first]!.sizeBytes : list[index]!.sizeBytes;
    list[index]!.scanLast(wanted, (header) => {
      if (header.baseOffset >= endOffset) return true;
      producers.recall(header);
      return false;
    });
  }
}
