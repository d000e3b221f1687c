/**
 * One log directory of a node (`log.dirs`): its identity (meta.properties), its partitions and their logs,
 * and the clean-shutdown marker. Never decides which partitions belong here.
 */
import {
  assert,
  type Disk,
  DiskError,
  type DiskSpace,
  type Logger,
  type NodeId,
  type Offset,
  type Random,
  type Uuid,
  type WallMillis,
} from '@millrace/base';
import type { CompressionCodecs, SpareBuffers } from '@millrace/protocol';
import {
  deletedFolderName,
  isDeletedFolderName,
  isStrayFolderName,
  partitionFolderName,
  partitionOfFolderName,
  strayFolderName,
} from '../files/file-names.ts';
import { OpenFiles } from '../files/open-files.ts';
import { readTopicId } from '../files/partition-metadata.ts';
import { PRODUCER_EXPIRY_CHECK_MS, STOPPING_LOGS_MAX } from '../limits.ts';
import { PartitionLog } from '../partition-log.ts';
import { type Opened, Opening, type OpeningPorts } from '../recovery/opening.ts';
import { runToEnd, type Steps } from '../recovery/steps.ts';
import type { LogConfig } from '../types.ts';
import { Checkpoints } from './checkpoints.ts';
import { forEachOf } from './for-each-of.ts';
import {
  CLEAN_SHUTDOWN_FILE,
  formatCleanShutdown,
  formatMetaProperties,
  META_PROPERTIES,
  type PartitionOffset,
  parseCleanShutdown,
} from './formats.ts';
import { type Identity, identify, otherCluster, unusable } from './identity.ts';
import { probeDirectory } from './probe.ts';

export interface OpenDirectoryOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly nodeId: NodeId;
  /**
   * The id of the cluster. Undefined if the caller does not know it yet. The caller then calls
   * `adoptClusterId` later.
   */
  readonly clusterId?: Uuid | undefined;
  /** The source of a new directory id, and of the new names of folders that are deleted or set aside. */
  readonly random: Random;
  readonly codecs: CompressionCodecs;
  readonly logger: Logger;
  /** The open files of all logs. Default: a new `OpenFiles` with the options below. */
  readonly files?: OpenFiles;
  /** The most segment and index files that the logs keep open. Default: OPEN_FILES_MAX (../limits.ts). */
  readonly openFilesMax?: number | undefined;
  /** Calls back in a later turn; see `Clock.soon`. Default: at once. */
  readonly soon?: (callback: () => void) => void;
  /** Buffers for reads of logs. */
  readonly spares?: SpareBuffers;
}

export interface PartitionDirectory {
  readonly topic: string;
  readonly partition: number;
  /** The topic id in partition.metadata; undefined if that file is missing, damaged or unreadable. */
  readonly topicId: Uuid | undefined;
}

export type OpenDirectory =
  | { readonly ok: true; readonly logs: LogDirectory }
  /** The reason, for the operator. */
  | { readonly ok: false; readonly message: string };

export interface OpenPartitionOptions {
  readonly topicId?: Uuid;
  readonly config: LogConfig;
  readonly nowWallMs: WallMillis;
}

interface OpenLog extends PartitionDirectory {
  readonly log: PartitionLog;
}

export class LogDirectory {
  readonly directory: string;
  readonly directoryId: Uuid;
  readonly nodeId: NodeId;
  clusterId: Uuid | undefined;
  /**
   * The broker epoch in the clean-shutdown marker. -1: a clean stop, epoch unknown. Undefined: no clean stop,
   * or a log may lack records. The value is final when all logs are open.
   */
  cleanShutdownBrokerEpoch: number | undefined;
  private readonly disk: Disk;
  private readonly random: Random;
  private readonly codecs: CompressionCodecs;
  private readonly logger: Logger;
  private readonly files: OpenFiles;
  private readonly open = new Map<string, OpenLog>();
  private readonly openings = new Map<string, Opening<PartitionLog>>();
  /** Folders of cleanly closed logs that are not open yet. */
  private readonly closedCleanly: Set<string>;
  private readonly checkpoints: Checkpoints;
  private markerPresent: boolean;
  /** True at first, because an earlier run may have left folders that wait for deletion. */
  private mayHoldDeleted = true;
  private producersCheckedMs = 0;
  private reportedRefusedOpens = 0;
  private closed = false;

  /**
   * Buffers for larger reads of `PartitionLog.read`. The caller of `read` may give the memory back here when
   * nothing uses it.
   */
  get spares(): SpareBuffers {
    return this.files.spares;
  }

  /** The open segment and index files, for metrics. */
  get openFiles(): Pick<OpenFiles, 'openCount' | 'onEvicted'> {
    return this.files;
  }

  /**
   * Opens the directory, and formats a new one. Refuses a directory that belongs to another node or cluster,
   * has an unknown format, or accepts no writes.
   */
  static open(o: OpenDirectoryOptions): OpenDirectory {
    try {
      const identity = identify(o);
      if (typeof identity === 'string') return { ok: false, message: identity };
      let problem: DiskError | undefined;
      probeDirectory(o.disk, o.directory, { synced: false }, (error) => {
        problem = error;
      });
      if (problem !== undefined) return { ok: false, message: unusable(o.directory, problem) };
      return { ok: true, logs: new LogDirectory(o, identity) };
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      return { ok: false, message: unusable(o.directory, error) };
    }
  }

  private constructor(o: OpenDirectoryOptions, identity: Identity) {
    this.directory = o.directory;
    this.nodeId = o.nodeId;
    this.clusterId = identity.clusterId;
    this.directoryId = identity.directoryId;
    this.files = o.files ?? new OpenFiles(o.disk, o);
    this.disk = this.files.disk;
    this.random = o.random;
    this.codecs = o.codecs;
    this.logger = o.logger;
    const marker = o.disk.readFile(`${o.directory}/${CLEAN_SHUTDOWN_FILE}`);
    this.cleanShutdownBrokerEpoch = marker === undefined ? undefined : parseCleanShutdown(marker);
    this.markerPresent = marker !== undefined;
    this.closedCleanly = new Set(marker === undefined ? [] : o.disk.list(o.directory));
    const { disk, directory, logger, open } = this;
    this.checkpoints = new Checkpoints({ disk, directory, logger, open });
  }

  /**
   * Stores the id of the cluster. Returns the reason if it cannot: the directory belongs to another cluster,
   * or the disk fails.
   */
  adoptClusterId(clusterId: Uuid): string | undefined {
    if (this.clusterId === clusterId) return undefined;
    if (this.clusterId !== undefined) return otherCluster(this.directory, this.clusterId, clusterId);
    const { nodeId, directoryId } = this;
    const content = formatMetaProperties({ nodeId, clusterId, directoryId });
    try {
      this.disk.writeFileAtomic(`${this.directory}/${META_PROPERTIES}`, content);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      return unusable(this.directory, error);
    }
    this.clusterId = clusterId;
    return undefined;
  }

  /** The space of the directory's file system. May throw DiskError. */
  space(): DiskSpace {
    return this.disk.space(this.directory);
  }

  /** Checks that the folder accepts writes; see `probeDirectory`. */
  probe(how: { readonly synced: boolean }, done: (error?: DiskError) => void): void {
    probeDirectory(this.disk, this.directory, how, done);
  }

  /** Every partition folder, except those that were renamed (deleted or stray). May throw DiskError. */
  partitions(): PartitionDirectory[] {
    const found: PartitionDirectory[] = [];
    for (const name of this.disk.list(this.directory)) {
      const partition = partitionOfFolderName(name);
      if (partition !== undefined) found.push({ ...partition, topicId: this.topicIdOf(name) });
    }
    return found;
  }

  /** One damaged sector must not hide the other folders, so an id that cannot be read counts as missing. */
  private topicIdOf(folder: string): Uuid | undefined {
    let topicId = this.open.get(folder)?.topicId;
    if (topicId !== undefined) return topicId;
    const unread = diskErrorOf(() => {
      topicId = readTopicId(this.disk, `${this.directory}/${folder}`);
    });
    if (unread !== undefined) this.logger.error('log-list-failed', { reason: unread.message });
    return topicId;
  }

  /**
   * Opens or creates a partition's log, in the present turn. May throw DiskError or LogOpenError. Ends an
   * opening of this log that `startOpening` began.
   */
  openLog(topic: string, partition: number, o: OpenPartitionOptions): PartitionLog {
    const name = partitionFolderName(topic, partition);
    this.cancel(name);
    return runToEnd(this.openInSteps(name, { topic, partition }, o));
  }

  /**
   * Opens or creates a partition's log over several turns. May call `done` within this call. Does nothing
   * after `close`. `done` is not called if the directory closes, or if the log is deleted or set aside.
   */
  startOpening(
    topic: string,
    partition: number,
    o: OpenPartitionOptions & { readonly ports: OpeningPorts },
    done: (opened: Opened<PartitionLog>) => void,
  ): void {
    if (this.closed) return;
    const name = partitionFolderName(topic, partition);
    assert(!this.openings.has(name), 'a log has one opening at a time');
    const steps = this.openInSteps(name, { topic, partition }, o);
    const opening = new Opening(steps, o.ports, (opened) => {
      this.openings.delete(name);
      done(opened);
    });
    this.openings.set(name, opening);
    opening.start();
  }

  /** True if a log of this folder name opens now, over several turns. */
  isOpening(topic: string, partition: number): boolean {
    return this.openings.has(partitionFolderName(topic, partition));
  }

  /** True if the partition has a folder. False may also mean that the disk does not answer. */
  hasFolder(topic: string, partition: number): boolean {
    return this.disk.exists(`${this.directory}/${partitionFolderName(topic, partition)}`);
  }

  /** Ends the opening of a log, if one runs. The next opening begins from the start. */
  cancelOpening(topic: string, partition: number): void {
    this.cancel(partitionFolderName(topic, partition));
  }

  private cancel(folder: string): void {
    this.openings.get(folder)?.cancel();
    this.openings.delete(folder);
  }

  private *openInSteps(
    name: string,
    { topic, partition }: { readonly topic: string; readonly partition: number },
    o: OpenPartitionOptions,
  ): Steps<PartitionLog> {
    assert(!this.closed, 'the log directory is open');
    assert(!this.open.has(name), 'a log is opened once');
    // If recovery cuts the log, fails, or ends early, the log may lack records that this broker acknowledged.
    // Then the broker must not report a clean stop.
    let lacksNothing = false;
    try {
      this.removeMarker();
      const { checkpoints } = this;
      if (checkpoints.mayList(name) && !this.disk.exists(`${this.directory}/${name}`))
        checkpoints.forget(name);
      const recoveryPoint = checkpoints.recoveryPoint(name);
      const startOffset = checkpoints.startOffset(name);
      const cleanedTo = checkpoints.cleanedTo(name);
      const log = yield* PartitionLog.openInSteps({
        disk: this.disk,
        directory: `${this.directory}/${name}`,
        config: o.config,
        nowWallMs: o.nowWallMs,
        cleanShutdown: this.closedCleanly.has(name),
        codecs: this.codecs,
        logger: this.logger.child({ topic, partition }),
        files: this.files,
        offsetsLowered: (recoveryPoint) => checkpoints.lowered(name, recoveryPoint),
        ...(o.topicId === undefined ? {} : { topicId: o.topicId }),
        ...(recoveryPoint === undefined ? {} : { recoveryPoint }),
        ...(startOffset === undefined ? {} : { startOffset }),
        ...(cleanedTo === undefined ? {} : { cleanedTo }),
      });
      this.closedCleanly.delete(name);
      this.open.set(name, { topic, partition, topicId: log.topicId, log });
      lacksNothing = !log.wasCut;
      return log;
    } finally {
      if (!lacksNothing) this.cleanShutdownBrokerEpoch = undefined;
      if (!this.open.has(name)) this.distrust(name);
    }
  }

  /**
   * Called when an opening failed or ended early. It may have cut the log. The next opening would not see the
   * cut, so it must not take the log for cleanly closed. But if nothing says which topic the log belongs to,
   * only the clean stop does (see `nameTopic`), so the folder keeps it.
   */
  private distrust(name: string): void {
    const unread = diskErrorOf(() => {
      if (readTopicId(this.disk, `${this.directory}/${name}`) !== undefined) this.closedCleanly.delete(name);
    });
    if (unread !== undefined) this.logger.error('log-list-failed', { reason: unread.message });
  }

  /** The open logs. */
  logs(): Iterable<OpenLog> {
    return this.open.values();
  }

  log(topic: string, partition: number): PartitionLog | undefined {
    return this.open.get(partitionFolderName(topic, partition))?.log;
  }

  /**
   * Renames the folder out of the way at once; `removeDeleted` removes its files. The log need not be open.
   * May throw DiskError.
   */
  deleteLog(topic: string, partition: number): void {
    const name = partitionFolderName(topic, partition);
    // Set this first, because the rename may succeed even if the call throws.
    this.mayHoldDeleted = true;
    this.moveFolder(name, deletedFolderName(name, this.random.uuid()));
  }

  private moveFolder(name: string, target: string): void {
    this.cancel(name);
    const opened = this.open.get(name);
    this.open.delete(name);
    this.checkpoints.deleted(name, { wasOpen: opened !== undefined });
    this.closedCleanly.delete(name);
    const path = `${this.directory}/${name}`;
    if (opened !== undefined) opened.log.renameFolder(target);
    else if (this.disk.exists(path)) this.disk.rename(path, `${this.directory}/${target}`);
    this.checkpoints.forgetInBackground();
  }

  /**
   * Renames the folder out of the way and keeps it, because nothing says that a user deleted its topic.
   * Returns the new name. The log need not be open. May throw DiskError.
   */
  setAside(topic: string, partition: number): string {
    let aside = strayFolderName(topic, partition, this.random.uuid());
    // A rename must not replace an existing folder. So draw another id while the name is taken.
    while (this.disk.exists(`${this.directory}/${aside}`))
      aside = strayFolderName(topic, partition, this.random.uuid());
    this.moveFolder(partitionFolderName(topic, partition), aside);
    return aside;
  }

  /**
   * Names of the folders that `setAside` kept. Only the operator removes them. May throw DiskError.
   */
  strays(): string[] {
    return this.disk.list(this.directory).filter(isStrayFolderName);
  }

  /** Starts to remove the folders that wait for deletion, if any are left. May throw DiskError. */
  private removeDeleted(): void {
    if (!this.mayHoldDeleted) return;
    const deleted = this.disk.list(this.directory).filter(isDeletedFolderName);
    for (const name of deleted) this.disk.removeInBackground(`${this.directory}/${name}`);
    this.mayHoldDeleted = deleted.length > 0;
  }

  /**
   * Unlinks files of removed segments in the background. By the time of this call, their log may be closed or
   * deleted, and its folder renamed.
   */
  unlink(paths: readonly string[]): void {
    this.files.unlinker.unlink(paths);
  }

  /** The high watermark in replication-offset-checkpoint, as read at start or written last. */
  highWatermark(topic: string, partition: number): Offset | undefined {
    return this.checkpoints.highWatermark(partitionFolderName(topic, partition));
  }

  /**
   * One round of housekeeping, every few seconds: writes the checkpoint files, removes deleted folders, and
   * once a minute forgets expired producers. `highWatermarks` has an entry for each hosted partition. Logs a
   * disk error; the next round tries again.
   */
  tick(nowWallMs: WallMillis, highWatermarks: readonly PartitionOffset[] = []): void {
    if (Math.abs(nowWallMs - this.producersCheckedMs) >= PRODUCER_EXPIRY_CHECK_MS) {
      this.producersCheckedMs = nowWallMs;
      for (const { log } of this.open.values()) log.tick(nowWallMs);
    }
    const { directory, logger } = this;
    const written = diskErrorOf(() => this.checkpoints.write(highWatermarks));
    if (written !== undefined) logger.error('checkpoint-failed', { directory, reason: written.message });
    this.reportRefusedOpens();
    // Remove deleted logs even after a failure, because on a full disk this makes space for the checkpoints.
    const removed = diskErrorOf(() => this.removeDeleted());
    if (removed !== undefined) logger.error('log-list-failed', { reason: removed.message });
  }

  /**
   * Reports the files that could not be opened since the last round. Requests may fail by the thousand while
   * descriptors are used up, so no event reports a single request.
   */
  private reportRefusedOpens(): void {
    const { refusedOpens, openCount } = this.files;
    const refused = refusedOpens - this.reportedRefusedOpens;
    this.reportedRefusedOpens = refusedOpens;
    if (refused > 0) this.logger.error('open-files-exhausted', { refused, openFiles: openCount });
  }

  /**
   * Call it before a clean `close`. Syncs in the background what `close` would wait for, a few logs at a
   * time. Calls `done` when no sync of a log is in flight: at once, or in a later turn.
   */
  prepareStop(done: () => void): void {
    this.files.endBackgroundSyncs();
    const logs = [...this.open.values()];
    forEachOf(
      logs,
      STOPPING_LOGS_MAX,
      ({ log }, next) => log.prepareStop(next),
      () => this.whenIdle(done),
    );
  }

  private whenIdle(done: () => void): void {
    forEachOf([...this.open.values()], this.open.size, ({ log }, next) => log.whenIdle(next), done);
  }

  /**
   * Ends the running openings, and closes all logs. With `clean`, also writes snapshots. Then, if every log
   * of the directory is clean, this writes the checkpoints and finally the clean-shutdown marker.
   */
  close(o: { clean: boolean; brokerEpoch?: number }): void {
    if (this.closed) return;
    for (const name of [...this.openings.keys()]) this.cancel(name);
    this.closed = true;
    this.checkpoints.close();
    let clean = o.clean;
    this.files.endBackgroundSyncs();
    for (const { log } of this.open.values()) clean = log.close({ clean }) && clean;
    if (!clean) return;
    // A log that this run did not open is clean only if the last stop was clean.
    if (!this.markerPresent && this.unopened().length > 0 && this.cleanShutdownBrokerEpoch === undefined)
      return;
    try {
      this.checkpoints.writeOffsetsOfLogs();
      this.checkpoints.sync();
      const marker = formatCleanShutdown(o.brokerEpoch ?? -1);
      this.disk.writeFileAtomic(`${this.directory}/${CLEAN_SHUTDOWN_FILE}`, marker);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      this.logger.error('clean-shutdown-failed', { directory: this.directory, reason: error.message });
    }
  }

  private unopened(): string[] {
    return this.disk
      .list(this.directory)
      .filter((name) => partitionOfFolderName(name) !== undefined && !this.open.has(name));
  }

  /** Removes the marker before a log is opened, so that a crash does not look like a clean stop. */
  private removeMarker(): void {
    if (!this.markerPresent) return;
    this.disk.remove(`${this.directory}/${CLEAN_SHUTDOWN_FILE}`);
    this.disk.syncDirectory(this.directory);
    this.markerPresent = false;
  }
}

function diskErrorOf(work: () => void): DiskError | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    return error;
  }
}
