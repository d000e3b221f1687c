/**
 * There is one metadata log: the committed records are equal on all controllers, and at the end every image
 * equals a replay of that log.
 */
import type { Offset } from '@millrace/base';
import { applyRecords, decodeRecord, imageToPlain, MetadataImage } from '@millrace/metadata';
import type { LogBatch, RaftNode } from '@millrace/raft';
import type { SimNode } from '../cluster/index.ts';
import type { StateCheckerKind, StateScope } from './checker.ts';
import { firstDifference } from './log-reading.ts';

const NAME = 'metadata-differs';

export const metadataDiffers: StateCheckerKind = {
  name: NAME,
  sentence:
    'every node has the same committed metadata records, and the image that follows from these records',
  make: (scope) => new MetadataDiffers(scope),
};

class MetadataDiffers {
  private readonly scope: StateScope;
  private readonly batches: LogBatch[] = [];
  private committedEnd: Offset = 0;
  private readonly checkedEnds = new Map<RaftNode, Offset>();

  constructor(scope: StateScope) {
    this.scope = scope;
  }

  turn(node: SimNode): void {
    const raft = node.roles?.controller?.quorum?.node;
    if (raft === undefined) return;
    const checked = Math.max(this.checkedEnds.get(raft) ?? 0, raft.log.startOffset);
    if (raft.highWatermark <= checked) return;
    this.checkedEnds.set(raft, raft.highWatermark);
    for (const batch of raft.log.read(checked, raft.highWatermark, Number.POSITIVE_INFINITY)) {
      if (batch.baseOffset < this.committedEnd) this.compare(node, batch);
      else {
        this.batches.push(batch);
        this.committedEnd = batch.baseOffset + batch.records.length;
      }
    }
  }

  finish(): void {
    const images = this.scope.cluster.nodes.flatMap(({ name, roles }) => {
      const mine: { name: string; image: MetadataImage }[] = [];
      if (roles?.controller !== undefined) mine.push({ name, image: roles.controller.controller.image });
      if (roles?.broker !== undefined) mine.push({ name, image: roles.broker.metadata.image });
      return mine;
    });
    images.sort((a, b) => a.image.offset - b.image.offset);
    let replayed = MetadataImage.EMPTY;
    let next = 0;
    for (const { name, image } of images) {
      for (; next < this.batches.length && this.batches[next]!.baseOffset <= image.offset; next++) {
        const { kind, baseOffset, epoch, records } = this.batches[next]!;
        if (kind !== 'data') continue;
        const batch = { baseOffset, epoch, records: records.map(decodeRecord) };
        replayed = applyRecords(replayed, batch).image;
      }
      if (JSON.stringify(imageToPlain(image)) !== JSON.stringify(imageToPlain(replayed)))
        this.scope.world.fail(NAME, `the image of ${name} at ${image.offset} is not what the log says`);
    }
  }

  private compare(node: SimNode, batch: LogBatch): void {
    let low = 0;
    let high = this.batches.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.batches[middle]!.baseOffset < batch.baseOffset) low = middle + 1;
      else high = middle;
    }
    const known = this.batches[low];
    if (known === batch || (known !== undefined && isSame(known, batch))) return;
    this.scope.world.fail(
      NAME,
      `${node.name} has another batch at ${batch.baseOffset} (epoch ${batch.epoch}) than was committed (epoch ${known?.epoch})`,
    );
  }
}

function isSame(a: LogBatch, b: LogBatch): boolean {
  return (
    a.baseOffset === b.baseOffset &&
    a.epoch === b.epoch &&
    a.kind === b.kind &&
    a.records.length === b.records.length &&
    a.records.every((record, index) => firstDifference(record, b.records[index]!) < 0)
  );
}
