/**
 * Replays the committed metadata log, batch by batch. So a checker sees every committed image. A node skips
 * images when it applies several batches in one turn.
 */
import { applyRecords, decodeRecord, MetadataImage } from '@millrace/metadata';
import type { SimNode } from '../cluster/index.ts';

export type ImageStep = (before: MetadataImage, after: MetadataImage) => void;

export class CommittedLog {
  image: MetadataImage = MetadataImage.EMPTY;
  private end = 0;

  /** Calls `step` for each batch of records that this node is the first to know as committed. */
  turn(node: SimNode, step: ImageStep): void {
    const raft = node.roles?.controller?.quorum?.node;
    if (raft === undefined || raft.highWatermark <= this.end) return;
    for (const batch of raft.log.read(
      Math.max(this.end, raft.log.startOffset),
      raft.highWatermark,
      Number.POSITIVE_INFINITY,
    )) {
      const { kind, baseOffset, epoch, records } = batch;
      if (baseOffset < this.end) continue;
      this.end = baseOffset + records.length;
      if (kind !== 'data') continue;
      const before = this.image;
      this.image = applyRecords(before, { baseOffset, epoch, records: records.map(decodeRecord) }).image;
      step(before, this.image);
    }
  }
}
