/**
 * Folds committed metadata records into the broker's image, in order. The only writer of that image: a broker learns
 * metadata in no other way.
 */
import type { Offset } from '@millrace/base';
import { applyRecords, decodeRecord, type MetadataDelta, MetadataImage } from '@millrace/metadata';
import type { CommittedBatch } from '@millrace/raft';

export class MetadataFollower {
  image: MetadataImage = MetadataImage.EMPTY;
  private readonly publish: (delta: MetadataDelta) => void;

  /** `publish` sees every change once, in order, after `image` has moved. */
  constructor(publish: (delta: MetadataDelta) => void) {
    this.publish = publish;
  }

  /** The last offset that was applied; -1 before the first record. */
  get offset(): Offset {
    return this.image.offset;
  }

  /** What arrived together is published together. */
  committed(batches: readonly CommittedBatch[]): void {
    let merged: MetadataDelta | undefined;
    for (const { baseOffset, epoch, records } of batches) {
      const { image, delta } = applyRecords(this.image, {
        baseOffset,
        epoch,
        records: records.map(decodeRecord),
      });
      this.image = image;
      merged = merged === undefined ? delta : merged.merge(delta);
    }
    if (merged !== undefined) this.publish(merged);
  }
}
