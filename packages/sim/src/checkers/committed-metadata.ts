/**
 * The newest metadata that any process has ever taken for committed. A controller that comes back replays the log from its
 * beginning, so what is up now may know less.
 */
import { MetadataImage } from '@millrace/metadata';
import type { SimNode } from '../cluster/index.ts';

export class CommittedMetadata {
  newest: MetadataImage = MetadataImage.EMPTY;

  turn(node: SimNode): void {
    const { roles } = node;
    if (roles === undefined) return;
    this.see(roles.controller?.controller.image);
    this.see(roles.broker?.metadata.image);
  }

  private see(image: MetadataImage | undefined): void {
    if (image !== undefined && image.offset > this.newest.offset) this.newest = image;
  }
}
