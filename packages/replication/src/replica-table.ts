/**
 * The partitions that this broker hosts, by topic id and index. Only this class opens, creates and deletes
 * the logs of these partitions. Decides no roles.
 */
import { DiskError, type Logger, type Uuid, type WallMillis } from '@millrace/base';
import { type LogDirectory, LogOpenError, type Opened, type PartitionLog } from '@millrace/log';
import type { ErrorCode } from '@millrace/protocol';
import type { HowToOpen, LogOpenings } from './log-openings.ts';
import { BlockedBeforeOpen } from './partition/blocked-producers.ts';
import { Partition } from './partition/partition.ts';
import type { PartitionPorts } from './partition/ports.ts';

/**
 * Identifies a replica. Folders are named by topic and index. A topic may be deleted and created again under
 * the same name, so the topic id is part of the replica's name.
 */
export interface ReplicaName {
  readonly topicId: Uuid;
  readonly topic: string;
  readonly index: number;
}

export interface ReplicaTablePorts {
  readonly ports: PartitionPorts;
  readonly openings: LogOpenings;
  /**
   * Called when an opening that `ensure` began has ended in a later turn. `isOpen`: `ensure` now returns the
   * replica. Otherwise the replica is broken, and `ensure` would try again.
   */
  opened(name: ReplicaName, isOpen: boolean): void;
}

export class ReplicaTable {
  private readonly directory: LogDirectory;
  private readonly logger: Logger;
  private readonly ports: PartitionPorts;
  private readonly openings: LogOpenings;
  private readonly opened: ReplicaTablePorts['opened'];
  private readonly byTopic = new Map<Uuid, Map<number, Partition>>();
  /** All partitions of `byTopic`, listed on demand. */
  private list: readonly Partition[] | undefined;
  /**
   * Replicas whose log could not be opened. Clients get KAFKA_STORAGE_ERROR until another try opens the log.
   * The broker tries again when the metadata changes the partition. After a transient error, it also tries
   * from time to time.
   */
  private readonly broken = new Map<string, ReplicaName & { readonly isTransient: boolean }>();
  /**
   * Topics that the metadata removed, but whose folders may be left. Either the partitions had no roles at
   * that time, or the table could not delete a folder. `clearStrays` empties the set.
   */
  private readonly removedTopics = new Set<Uuid>();
  /** Topics of removed replicas whose folders could not be deleted. */
  private readonly undeleted = new Set<Uuid>();
  /** Producers blocked before their replica opened. */
  readonly blockedBeforeOpen = new BlockedBeforeOpen();

  constructor(directory: LogDirectory, logger: Logger, { ports, openings, opened }: ReplicaTablePorts) {
    this.directory = directory;
    this.logger = logger;
    this.ports = ports;
    this.openings = openings;
    this.opened = opened;
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
   * Called when metadata records removed these topics and their replicas are removed. Deletes the folders
   * that are left, because their logs could not be opened or deleted. Lists the folders at most once, because
   * one request may delete hundreds of topics. If this fails, the next topic of that name deletes the
   * folders.
   */
  topicsDeleted(topicIds: readonly Uuid[]): void {
    const left = new Set(topicIds.filter((topicId) => this.mayHaveFolders(topicId)));
    if (left.size === 0) return;
    for (const topicId of left) this.removedTopics.add(topicId);
    this.orLog('log-list-failed', () => {
      for (const { topic, partition, topicId } of this.directory.partitions())
        if (topicId !== undefined && left.has(topicId))
          this.orLog('log-delete-failed', () => this.clearAway(topic, partition, topicId));
    });
  }

  /** Whether folders of the deleted topic may be left. Ends the openings of its logs. */
  private mayHaveFolders(topicId: Uuid): boolean {
    const wasOpening = this.openings.cancelTopic(topicId);
    const wasBroken = this.forgetBroken(topicId);
    return this.undeleted.delete(topicId) || wasBroken || wasOpening;
  }

  /**
   * Forgets that a log could not be opened, because this broker does not host the partition. Without `index`,
   * forgets this for all partitions of the topic. Returns whether there was such a log.
   */
  forgetBroken(topicId: Uuid, index?: number): boolean {
    if (index !== undefined) return this.broken.delete(`${topicId}-${index}`);
    let found = false;
    for (const key of this.broken.keys())
      if (key.startsWith(`${topicId}-`)) found = this.broken.delete(key) || found;
    return found;
  }

  /**
   * Called at start. Opens the logs whose folders have a topic id, over several turns, and then calls `done`,
   * perhaps within this call. The broker registers only after this call, because the registration says
   * whether a log lacks records. If the folders cannot be listed, each log is opened when the metadata
   * assigns its partition.
   */
  openLogs(how: HowToOpen, done: () => void): void {
    this.tellOfStrays();
    const names: ReplicaName[] = [];
    let unnamed = 0;
    const isListed = this.orLog('log-list-failed', () => {
      for (const { topic, partition, topicId } of this.directory.partitions())
        if (topicId === undefined) unnamed++;
        else names.push({ topicId, topic, index: partition });
    });
    // Nobody knows yet whether a log that opens after the registration lacks records.
    if (!isListed || unnamed > 0) this.directory.cleanShutdownBrokerEpoch = undefined;
    this.openings.openAll(names, how, (name, opened) => this.logOf(name, how, opened), done);
  }

  /** True if the log of the replica opens now. `opened` is called when this ends. */
  isOpening(name: ReplicaName): boolean {
    return this.openings.has(name);
  }

  /** Called when this broker no longer hosts the partition. Ends the opening of its log. */
  cancelOpening(name: ReplicaName): void {
    this.openings.cancel(name);
  }

  /**
   * The hosted partition, opened or created. Undefined: its log cannot be opened, or it is opening. The table
   * creates a new log at once, unless it has created many in this turn. It opens an existing log over several
   * turns.
   */
  ensure(name: ReplicaName, how: HowToOpen): Partition | undefined {
    const known = this.get(name.topicId, name.index);
    if (known !== undefined) return known;
    if (this.openings.has(name)) return undefined;
    const log = this.openLog(name, how);
    if (log === undefined) return undefined;
    const partition = new Partition({
      ...name,
      log,
      settings: how.settings.partition,
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

  private openLog(name: ReplicaName, how: HowToOpen): PartitionLog | undefined {
    const { topic, index, topicId } = name;
    try {
      const open = this.directory.log(topic, index);
      if (open !== undefined && (open.topicId === undefined || open.topicId === topicId)) {
        open.setConfig(how.settings.log);
        return open;
      }
      // The folder belongs to an earlier topic of this name.
      if (open?.topicId !== undefined) this.clearAway(topic, index, open.topicId);
      if (!this.directory.hasFolder(topic, index)) return this.createNowOrLater(name, how);
    } catch (error) {
      return this.breakDown(name, error);
    }
    return this.openExisting(name, how);
  }

  /** Returns the log if it opens within the present turn. Otherwise `opened` is called later. */
  private openExisting(name: ReplicaName, how: HowToOpen): PartitionLog | undefined {
    let log: PartitionLog | undefined;
    let isNow = this.openings.mayOpen();
    const begin = isNow ? this.openings.open : this.openings.openLater;
    begin.call(this.openings, name, how, (_, opened) => {
      log = this.logOf(name, how, opened);
      if (!isNow) this.opened(name, log !== undefined);
    });
    isNow = false;
    return log;
  }

  private createNowOrLater(name: ReplicaName, how: HowToOpen): PartitionLog | undefined {
    if (this.openings.mayCreate()) return this.create(name, how);
    this.openings.createLater(name, how, (_, opened) =>
      this.opened(name, this.logOf(name, how, opened) !== undefined),
    );
    return undefined;
  }

  private create({ topic, index, topicId }: ReplicaName, { settings, nowWallMs }: HowToOpen): PartitionLog {
    return this.directory.openLog(topic, index, { topicId, config: settings.log, nowWallMs });
  }

  /**
   * The log that has opened. If its folder belongs to another topic, makes a new log in its place. Undefined
   * if there is no log: then the replica is broken.
   */
  private logOf(name: ReplicaName, how: HowToOpen, opened: Opened<PartitionLog>): PartitionLog | undefined {
    if (opened.ok) return opened.value;
    const { topic, index, topicId } = name;
    const { error } = opened;
    if (!(error instanceof LogOpenError)) return this.breakDown(name, error);
    try {
      // `found` is the topic id in the folder. So here, too, the folder belongs to an earlier topic of this
      // name. The log in that folder is not open, for example because it could not be opened at start.
      if (error.found !== undefined) this.clearAway(topic, index, error.found);
      else {
        const folder = this.directory.setAside(topic, index);
        this.logger.warn('log-without-topic-id-kept', { topic, partition: index, topicId, folder });
      }
      return this.create(name, how);
    } catch (failure) {
      return this.breakDown(name, failure);
    }
  }

  /** Notes that the log of a replica cannot be opened. Throws an error that does not come from the log. */
  private breakDown({ topic, index, topicId }: ReplicaName, error: unknown): undefined {
    if (!(error instanceof DiskError || error instanceof LogOpenError)) throw error;
    const isTransient = error instanceof DiskError && error.isTransient;
    this.broken.set(`${topicId}-${index}`, { topicId, topic, index, isTransient });
    this.logger.error('log-open-failed', { topic, partition: index, topicId, reason: error.message });
    return undefined;
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
   * other folder, also one without a topic id. The metadata does not assign its partition to this broker,
   * perhaps only because a new quorum started with empty metadata.
   */
  clearStrays(): void {
    this.orLog('log-list-failed', () => {
      for (const { topic, partition, topicId } of this.directory.partitions())
        this.orLog('log-delete-failed', () => {
          if (topicId === undefined) this.clearUnnamed(topic, partition);
          else if (!this.isKnown(topicId, topic, partition)) this.clearAway(topic, partition, topicId);
        });
    });
    this.removedTopics.clear();
    this.undeleted.clear();
  }

  /**
   * Keeps a folder without a topic id under another name, unless this broker hosts the partition. A kill may
   * leave such a folder while the broker creates it. As long as a log is not open, a stop is not clean.
   */
  private clearUnnamed(topic: string, partition: number): void {
    const { directory, openings } = this;
    if (directory.log(topic, partition) !== undefined || openings.hasFolder(topic, partition)) return;
    for (const one of this.broken.values()) if (one.topic === topic && one.index === partition) return;
    const folder = directory.setAside(topic, partition);
    this.logger.warn('folder-without-topic-id-kept', { topic, partition, folder });
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

  private isKnown(topicId: Uuid, topic: string, index: number): boolean {
    const isOpen = this.get(topicId, index) !== undefined;
    return isOpen || this.isBroken(topicId, index) || this.openings.has({ topicId, topic, index });
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
