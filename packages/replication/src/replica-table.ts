/**
 * The partitions that this broker hosts, by topic id and index. Only this class opens, creates and deletes
 * the logs of these partitions. Decides no roles.
 */
import { DiskError, type Logger, type Uuid, type WallMillis } from '@millrace/base';
import { type LogDirectory, LogOpenError, type PartitionLog } from '@millrace/log';
import type { ErrorCode } from '@millrace/protocol';
import { BlockedBeforeOpen } from './partition/blocked-producers.ts';
import { Partition } from './partition/partition.ts';
import type { PartitionPorts } from './partition/ports.ts';
import type { TopicSettings } from './topic-settings.ts';

/**
 * Identifies a replica. Folders are named by topic and index. A topic may be deleted and created again under
 * the same name, so the topic id is part of the replica's name.
 */
export interface ReplicaName {
  readonly topicId: Uuid;
  readonly topic: string;
  readonly index: number;
}

export class ReplicaTable {
  private readonly directory: LogDirectory;
  private readonly logger: Logger;
  private readonly ports: PartitionPorts;
  private readonly byTopic = new Map<Uuid, Map<number, Partition>>();
  /** All partitions of `byTopic`, listed on demand. */
  private list: readonly Partition[] | undefined;
  /**
   * Replicas whose log could not be opened. Clients get KAFKA_STORAGE_ERROR until another try opens the log.
   * The broker tries again when the metadata changes the partition. After a transient error, it also tries
   * from time to time.
   */
  private readonly broken = new Map<string, { readonly isTransient: boolean }>();
  /**
   * Topics that the metadata removed, but whose folders may be left. Either the partitions had no roles at
   * that time, or the table could not delete a folder. `clearStrays` empties the set.
   */
  private readonly removedTopics = new Set<Uuid>();
  /** Topics of removed replicas whose folders could not be deleted. */
  private readonly undeleted = new Set<Uuid>();
  /** Producers blocked before their replica opened. */
  readonly blockedBeforeOpen = new BlockedBeforeOpen();

  constructor(directory: LogDirectory, logger: Logger, ports: PartitionPorts) {
    this.directory = directory;
    this.logger = logger;
    this.ports = ports;
  }

  get(topicId: Uuid, index: number): Partition | undefined {
    return this.byTopic.get(topicId)?.get(index);
  }

  isBroken(topicId: Uuid, index: number): boolean {
    return this.broken.has(`${topicId}-${index}`);
  }

  /** True if opening the log failed because a resource was exhausted, for example a full disk. */
  isTransientlyBroken(topicId: Uuid, index: number): boolean {
    return this.broken.get(`${topicId}-${index}`)?.isTransient === true;
  }

  get brokenCount(): number {
    return this.broken.size;
  }

  /** Returns the same list until a replica is opened or closed. */
  all(): readonly Partition[] {
    this.list ??= [...this.byTopic.values()].flatMap((partitions) => [...partitions.values()]);
    return this.list;
  }

  ofTopic(topicId: Uuid): Iterable<Partition> {
    return this.byTopic.get(topicId)?.values() ?? [];
  }

  /**
   * Called when a metadata record removed the topic while the partitions had no roles. From then on, the
   * table may delete the topic's folders.
   */
  topicRemoved(topicId: Uuid): void {
    this.removedTopics.add(topicId);
    this.forgetBroken(topicId);
  }

  /**
   * Called when a metadata record removed the topic and its replicas are removed. Deletes the folders that
   * are left, because their logs could not be opened or deleted. If this fails, the next topic of that name
   * deletes the folders.
   */
  topicDeleted(topicId: Uuid): void {
    const isBroken = [...this.broken.keys()].some((key) => key.startsWith(`${topicId}-`));
    this.forgetBroken(topicId);
    if (!this.undeleted.delete(topicId) && !isBroken) return;
    this.removedTopics.add(topicId);
    this.orLog('log-list-failed', () => {
      for (const { topic, partition, topicId: found } of this.directory.partitions())
        if (found === topicId)
          this.orLog('log-delete-failed', () => this.clearAway(topic, partition, topicId));
    });
  }

  /**
   * Forgets that a log could not be opened, because this broker does not host the partition. Without `index`,
   * forgets this for all partitions of the topic.
   */
  forgetBroken(topicId: Uuid, index?: number): void {
    if (index !== undefined) this.broken.delete(`${topicId}-${index}`);
    else for (const key of this.broken.keys()) if (key.startsWith(`${topicId}-`)) this.broken.delete(key);
  }

  /**
   * Called at start, before the broker registers, because recovery may take long. Opens the logs whose
   * folders have a topic id. If the folders cannot be listed, each log is opened when the metadata assigns
   * its partition.
   */
  openLogs(settings: TopicSettings, nowWallMs: WallMillis): void {
    this.tellOfStrays();
    this.orLog('log-list-failed', () => {
      for (const { topic, partition, topicId } of this.directory.partitions())
        if (topicId !== undefined) this.openLog({ topicId, topic, index: partition }, settings, nowWallMs);
    });
  }

  /** The hosted partition, opened or created; undefined when its log cannot be opened. */
  ensure(name: ReplicaName, settings: TopicSettings, nowWallMs: WallMillis): Partition | undefined {
    const known = this.get(name.topicId, name.index);
    if (known !== undefined) return known;
    const log = this.openLog(name, settings, nowWallMs);
    if (log === undefined) return undefined;
    const partition = new Partition({
      ...name,
      log,
      settings: settings.partition,
      highWatermark: this.directory.highWatermark(name.topic, name.index) ?? 0,
      blockedProducers: this.blockedBeforeOpen.take(name),
      ports: this.ports,
    });
    this.broken.delete(`${name.topicId}-${name.index}`);
    const partitions = this.byTopic.get(name.topicId) ?? new Map<number, Partition>();
    this.byTopic.set(name.topicId, partitions.set(name.index, partition));
    this.list = undefined;
    return partition;
  }

  private openLog(
    name: ReplicaName,
    settings: TopicSettings,
    nowWallMs: WallMillis,
  ): PartitionLog | undefined {
    const { topic, index, topicId } = name;
    try {
      const open = this.directory.log(topic, index);
      if (open !== undefined && (open.topicId === undefined || open.topicId === topicId)) {
        open.setConfig(settings.log);
        return open;
      }
      // The folder belongs to an earlier topic of this name.
      if (open?.topicId !== undefined) this.clearAway(topic, index, open.topicId);
      return this.openOwnLog(name, settings, nowWallMs);
    } catch (error) {
      if (!(error instanceof DiskError || error instanceof LogOpenError)) throw error;
      const isTransient = error instanceof DiskError && error.isTransient;
      this.broken.set(`${topicId}-${index}`, { isTransient });
      this.logger.error('log-open-failed', { topic, partition: index, topicId, reason: error.message });
      return undefined;
    }
  }

  private openOwnLog(
    { topic, index, topicId }: ReplicaName,
    settings: TopicSettings,
    nowWallMs: WallMillis,
  ): PartitionLog {
    const open = () => this.directory.openLog(topic, index, { topicId, config: settings.log, nowWallMs });
    try {
      return open();
    } catch (error) {
      if (!(error instanceof LogOpenError)) throw error;
      // `found` is the topic id in the folder. So here, too, the folder belongs to an earlier topic of this
      // name. The log in that folder is not open, for example because it could not be opened at start.
      if (error.found !== undefined) this.clearAway(topic, index, error.found);
      else {
        const folder = this.directory.setAside(topic, index);
        this.logger.warn('log-without-topic-id-kept', { topic, partition: index, topicId, folder });
      }
      return open();
    }
  }

  /** Removes a replica and deletes its log. Answers parked requests with the error. */
  remove(partition: Partition, errorCode: ErrorCode): void {
    const { topicId, topic, index } = partition;
    const partitions = this.byTopic.get(topicId);
    partitions?.delete(index);
    this.list = undefined;
    if (partitions?.size === 0) this.byTopic.delete(topicId);
    partition.close(errorCode);
    const isDeleted = this.orLog('log-delete-failed', () => this.directory.deleteLog(topic, index));
    if (!isDeleted) this.undeleted.add(topicId);
    this.logger.info('replica-deleted', { topic, partition: index, topicId });
  }

  /**
   * Clears away the folders of partitions that this broker does not host. Called only when the metadata is
   * known to be complete. Deletes a folder if a metadata record removed its topic. Renames and keeps every
   * other folder. The metadata does not assign its partition to this broker, perhaps only because a new
   * quorum started with empty metadata.
   */
  clearStrays(): void {
    this.orLog('log-list-failed', () => {
      for (const { topic, partition, topicId } of this.directory.partitions())
        if (topicId !== undefined && !this.isKnown(topicId, partition))
          this.orLog('log-delete-failed', () => this.clearAway(topic, partition, topicId));
    });
    this.removedTopics.clear();
    this.undeleted.clear();
  }

  private clearAway(topic: string, partition: number, topicId: Uuid): void {
    if (this.removedTopics.has(topicId)) {
      this.logger.warn('stray-replica-deleted', { topic, partition, topicId });
      this.directory.deleteLog(topic, partition);
      return;
    }
    const folder = this.directory.setAside(topic, partition);
    this.logger.warn('stray-replica-kept', { topic, partition, topicId, folder });
  }

  private tellOfStrays(): void {
    this.orLog('log-list-failed', () => {
      const folders = this.directory.strays();
      if (folders.length > 0)
        this.logger.warn('stray-replicas-found', { count: folders.length, first: folders[0] });
    });
  }

  private isKnown(topicId: Uuid, index: number): boolean {
    return this.get(topicId, index) !== undefined || this.isBroken(topicId, index);
  }

  /** One round of the log directory's housekeeping, with the high watermarks for its checkpoint file. */
  checkpoint(nowWallMs: WallMillis): void {
    this.directory.tick(
      nowWallMs,
      this.all().map(({ topic, index, highWatermark: offset }) => ({ topic, partition: index, offset })),
    );
  }

  /**
   * Runs an operation that may fail, and logs the failure. Returns whether the operation succeeded. If
   * nothing else repeats a failed operation, the broker repeats it at its next start.
   */
  private orLog(event: 'log-delete-failed' | 'log-list-failed', operation: () => void): boolean {
    try {
      operation();
      return true;
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      this.logger.error(event, { reason: error.message });
      return false;
    }
  }
}
