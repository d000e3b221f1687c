/**
 * The last batch of each producer below the end of a cleaning. This batch must stay, even without records:
 * the records above the end may be lost in a crash, or cut off in a truncation. Then recovery finds the
 * producer's last sequence number only in this batch.
 *
 * If the producer's last batch of the whole log lies below the end, it is the one. Otherwise it is the last
 * one in the dirty part, if the producer has a batch there. Otherwise it lies in the clean part, which nobody
 * has read yet: then each batch of this producer stays until the next cleaning.
 */
import type { Offset } from '@millrace/base';
import { BatchHeader, readBatchHeader } from '@millrace/protocol';

/** What the cleaner needs to know of a producer. */
export interface KnownProducer {
  readonly producerId: number;
  readonly batches: readonly { readonly lastOffset: Offset }[];
}

export interface LastBatches {
  /** The last offsets of the batches that stay, ascending. */
  readonly offsets: Offset[];
  /** Ids of producers. The cleaner keeps every batch of these producers. */
  readonly producersKept: ReadonlySet<number>;
}

/** Collects the last batch of each producer in the dirty part. */
export class DirtyProducers {
  private readonly lastOffsets = new Map<number, Offset>();
  private readonly header = new BatchHeader();

  /** Notes whole batches of the dirty part, in the order of the log. */
  note(batches: Uint8Array): void {
    const { header } = this;
    for (let at = 0; at < batches.length; at += header.sizeBytes) {
      readBatchHeader(batches, at, header);
      if (header.producerId >= 0 && !header.isControl)
        this.lastOffsets.set(header.producerId, header.lastOffset);
    }
  }

  /** `producers`: the producers of the log when the filter begins. `endOffset`: the end of the cleaning. */
  lastBelow(endOffset: Offset, producers: readonly KnownProducer[]): LastBatches {
    const offsets: Offset[] = [];
    const producersKept = new Set<number>();
    for (const { producerId, batches } of producers) {
      const last = batches.at(-1)?.lastOffset;
      if (last === undefined) continue;
      const below = last < endOffset ? last : this.lastOffsets.get(producerId);
      if (below === undefined) producersKept.add(producerId);
      else offsets.push(below);
    }
    return { offsets: offsets.sort((a, b) => a - b), producersKept };
  }
}
