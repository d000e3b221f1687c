/**
 * A snapshot that a controller has published holds the state after exactly the committed records before the
 * snapshot's end offset. So a controller that starts from the snapshot, and a node that loads it, has the
 * same state as a node that replayed the log.
 */
import type { Offset } from '@millrace/base';
import { decodeRecord, imageToPlain, type MetadataImage, SnapshotReplay } from '@millrace/metadata';
import { recordsOfPart, type Snapshot } from '@millrace/raft';
import type { SimNode } from '../cluster/index.ts';
import type { QuorumStore } from '../disk/index.ts';
import type { StateCheckerKind, StateScope } from './checker.ts';

const NAME = 'snapshot-differs';

export const snapshotDiffers: StateCheckerKind = {
  name: NAME,
  sentence:
    'a snapshot of the metadata holds the state that results from the committed records before the end of the snapshot',
  make: (scope) => new SnapshotDiffers(scope),
};

class SnapshotDiffers {
  private readonly scope: StateScope;
  /** By the offset after the last record of an image: every committed image. */
  private readonly images = new Map<Offset, MetadataImage>();
  private readonly seenWrites = new Map<QuorumStore, number>();
  private readonly checked = new WeakSet<Snapshot>();

  constructor(scope: StateScope) {
    this.scope = scope;
  }

  committed(_before: MetadataImage, after: MetadataImage): void {
    this.images.set(after.offset + 1, after);
  }

  turn(node: SimNode): void {
    const store = node.disk.quorumStore;
    if (this.seenWrites.get(store) === store.snapshotWrites) return;
    this.seenWrites.set(store, store.snapshotWrites);
    for (const snapshot of store.contents.snapshots) {
      if (this.checked.has(snapshot) || store.hasDamaged(snapshot)) continue;
      this.checked.add(snapshot);
      this.check(node, snapshot);
    }
  }

  private check({ name }: SimNode, { manifest, parts }: Snapshot): void {
    const { world } = this.scope;
    const { endOffset, epoch } = manifest.id;
    const expected = this.images.get(endOffset);
    if (expected === undefined) {
      world.fail(NAME, `${name} has a snapshot at ${endOffset}, where no committed batch ends`);
      return;
    }
    const replay = new SnapshotReplay();
    for (const part of parts) for (const record of recordsOfPart(part)) replay.add(decodeRecord(record));
    const image = replay.finish(endOffset - 1, epoch);
    if (
      epoch !== expected.epoch ||
      JSON.stringify(imageToPlain(image)) !== JSON.stringify(imageToPlain(expected))
    )
      world.fail(NAME, `the snapshot of ${name} at ${endOffset} is not what the log says`);
  }
}
