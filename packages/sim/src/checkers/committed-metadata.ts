/**
 * The newest metadata that any process has known as committed. The processes that are alive now may know
 * less: a restarted controller replays the log from its beginning.
 */
import type { Millis } from '@millrace/base';
import { MetadataImage } from '@millrace/metadata';
import type { SimNode } from '../cluster/index.ts';

export class CommittedMetadata {
  newest: MetadataImage = MetadataImage.EMPTY;
  /** The longest session timeout that any controller has had so far. */
  sessionTimeoutMs: Millis = 0;
  connectionLossGraceMs: Millis = 0;

  turn(node: SimNode): void {
    const { roles } = node;
    if (roles === undefined) return;
    if (roles.controller !== undefined) {
      const { image, config } = roles.controller.controller;
      this.see(image);
      this.sessionTimeoutMs = Math.max(this.sessionTimeoutMs, config.sessionTimeoutMs);
      this.connectionLossGraceMs = Math.max(this.connectionLossGraceMs, config.connectionLossGraceMs);
    }
    this.see(roles.broker?.metadata.image);
  }

  private see(image: MetadataImage | undefined): void {
    if (image !== undefined && image.offset > this.newest.offset) this.newest = image;
  }
}
