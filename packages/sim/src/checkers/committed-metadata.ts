/**
 * The newest metadata that any process has known as committed. The live processes may know less: a restarted
 * controller replays the log from its beginning.
 */
import type { Millis } from '@millrace/base';
import { effectiveTopicConfig, MetadataImage, numberOf } from '@millrace/metadata';
import type { SimNode } from '../cluster/index.ts';

export class CommittedMetadata {
  newest: MetadataImage = MetadataImage.EMPTY;
  /** The longest session timeout of any controller. */
  sessionTimeoutMs: Millis = 0;
  connectionLossGraceMs: Millis = 0;
  /** The properties of each life of a controller, and the defaults. */
  private readonly serverProperties = new Set<ReadonlyMap<string, string>>([new Map()]);

  turn(node: SimNode): void {
    const { roles } = node;
    if (roles === undefined) return;
    if (roles.controller !== undefined) {
      const { image, config } = roles.controller.controller;
      this.see(image);
      this.sessionTimeoutMs = Math.max(this.sessionTimeoutMs, config.sessionTimeoutMs);
      this.serverProperties.add(config.serverProperties);
      this.connectionLossGraceMs = Math.max(this.connectionLossGraceMs, config.connectionLossGraceMs);
    }
    this.see(roles.broker?.metadata.image);
  }

  /** The effective `min.insync.replicas` of the topic. Controllers may differ: then the largest one. */
  minInsyncReplicas(image: MetadataImage, topic: string): number {
    const layers = { topic: image.topicConfig(topic) };
    const values = [...this.serverProperties].map((staticBroker) =>
      numberOf(effectiveTopicConfig('min.insync.replicas', { ...layers, staticBroker })),
    );
    return Math.max(1, ...values);
  }

  private see(image: MetadataImage | undefined): void {
    if (image !== undefined && image.offset > this.newest.offset) this.newest = image;
  }
}
