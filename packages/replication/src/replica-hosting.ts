/**
 * Applies the latest metadata to the replicas of this broker: opens, assigns and removes them. Tells the
 * controller of a replica whose log cannot be opened. The caller decides when: a partition gets a role only
 * while this broker's own registration is in the metadata.
 */
import type { NodeId, Uuid, WallMillis } from '@millrace/base';
import type { MetadataImage, TopicImage } from '@millrace/metadata';
import { ErrorCode } from '@millrace/protocol';
import type { ReplicaFetcherManager } from './following/replica-fetcher-manager.ts';
import type { OfflineReplicas } from './partition/offline-replicas.ts';
import type { Partition } from './partition/partition.ts';
import type { ReplicaName, ReplicaTable } from './replica-table.ts';
import { type TopicSettings, takeSettings } from './topic-settings.ts';

export interface HostingPorts {
  readonly brokerId: NodeId;
  readonly table: ReplicaTable;
  readonly fetchers: ReplicaFetcherManager;
  readonly offline: OfflineReplicas;
  /** The latest published metadata. */
  image(): MetadataImage;
  settingsOf(topic: string): TopicSettings;
  wallMs(): WallMillis;
}

export class ReplicaHosting {
  private readonly ports: HostingPorts;

  constructor(ports: HostingPorts) {
    this.ports = ports;
  }

  /** Applies the image to one partition, if this broker hosts it or did so before. */
  host(topic: { readonly id: Uuid; readonly name: string }, index: number): void {
    const replica = this.assigned(topic, index);
    if (replica !== undefined) this.ports.fetchers.update(replica, this.ports.image());
  }

  /**
   * Returns undefined if this broker does not host the partition (or no longer hosts it), if its log is
   * opening, or if the log cannot be opened.
   */
  private assigned(
    topic: { readonly id: Uuid; readonly name: string },
    index: number,
  ): Partition | undefined {
    const { table, offline, brokerId, wallMs } = this.ports;
    const assignment = this.ports.image().partition(topic.id, index);
    if (assignment === undefined) return undefined;
    if (!assignment.replicas.includes(brokerId)) {
      const replica = table.get(topic.id, index);
      if (replica !== undefined) this.remove(replica);
      offline.forget(topic.id, index);
      table.cancelOpening({ topicId: topic.id, topic: topic.name, index });
      table.forgetBroken(topic.id, index);
      return undefined;
    }
    const name = { topicId: topic.id, topic: topic.name, index };
    const settings = this.ports.settingsOf(topic.name);
    const replica = table.ensure(name, { settings, nowWallMs: wallMs() });
    if (replica === undefined) {
      if (!table.isOpening(name)) this.noteBroken(name);
      return undefined;
    }
    offline.forget(topic.id, index);
    // Both in one step: see `takeSettings`.
    takeSettings(replica, settings);
    replica.assign(assignment);
    return replica;
  }

  /**
   * Called when the log of a replica has opened, or cannot be opened, in a later turn than the metadata that
   * asked for it. Applies the latest metadata, which may have changed since.
   */
  logOpened(name: ReplicaName, isOpen: boolean): void {
    if (isOpen) this.host({ id: name.topicId, name: name.topic }, name.index);
    else this.noteBroken(name);
  }

  /** The controller must know of a replica whose log cannot be opened, unless that passes by itself. */
  private noteBroken(name: ReplicaName): void {
    const { table, offline, image } = this.ports;
    const assignment = image().partition(name.topicId, name.index);
    if (assignment === undefined || table.isTransientlyBroken(name.topicId, name.index)) return;
    offline.assign(name, assignment);
  }

  /** Tries again to open the logs that failed to open with a transient error, for example on a full disk. */
  openWhatLackedSpace(): void {
    const { table, image, brokerId } = this.ports;
    for (const { topic, index } of image().partitionsOf(brokerId))
      if (table.isTransientlyBroken(topic.id, index)) this.host(topic, index);
  }

  deleteTopics(topics: readonly TopicImage[]): void {
    const { table, offline } = this.ports;
    for (const topic of topics) {
      for (const replica of [...table.ofTopic(topic.id)]) this.remove(replica);
      for (const index of topic.partitions.keys()) offline.forget(topic.id, index);
    }
    table.topicsDeleted(topics.map(({ id }) => id));
  }

  remove(replica: Partition): void {
    this.ports.fetchers.stop(replica);
    this.ports.table.remove(replica, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  }

  /** Called when this broker has lost its registration. */
  forgetOffline(): void {
    this.ports.offline.clear();
  }
}
