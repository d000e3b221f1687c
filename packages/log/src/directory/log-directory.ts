/**
 * One log directory of a node (`log.dirs`): its identity (meta.properties), its partitions, their logs, and
 * the checkpoint files of all of them, in Kafka's formats. Never decides which partitions belong here.
 * Replaces checkpoint files without waiting for fsync: every reader works without them.
 */
import {
  assert,
  type Disk,
  DiskError,
  type Logger,
  type NodeId,
  type Offset,
  type Random,
  type Uuid,
  type WallMillis,
} from '@millrace/base';
import type { CompressionCodecs, SpareBuffers } from '@millrace/protocol';
import { replaceFile } from '../files/checkpoint-file.ts';
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
import { syncFiles } from '../files/sync-files.ts';
import { PRODUCER_EXPIRY_CHECK_MS } from '../limits.ts';
import { PartitionLog } from '../partition-log.ts';
import type { LogConfig } from '../types.ts';
import {
  CLEAN_SHUTDOWN_FILE,
  formatCleanShutdown,
  formatMetaProperties,
  formatOffsets,
  HIGH_WATERMARKS_FILE,
  META_PROPERTIES,
  type PartitionOffset,
  parseCleanShutdown,
  parseOffsets,
  RECOVERY_POINTS_FILE,
  START_OFFSETS_FILE,
} from './formats.ts';
import { type Identity, identify, otherCluster, unusable } from './identity.ts';
import { probeDirectory } from './probe.ts';

export interface OpenDirectoryOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly nodeId: NodeId;
  /** When known already; else see `adoptClusterId`. */
  readonly clusterId?: Uuid | undefined;
  /** Draws the directory id of a new directory, and the names of deleted ones. */
  readonly random: Random;
  readonly codecs: CompressionCodecs;
  readonly logger: Logger;
  /** Default: bounds of limits.ts. */
  readonly files?: OpenFiles;
  /** Buffers for reads of logs. */
  readonly spares?: SpareBuffers;
}

export interface PartitionDirectory {
  readonly topic: string;
  readonly partition: number;
  /** From partition.metadata, if that file is there and whole. */
  readonly topicId: Uuid | undefined;
}

export type OpenDirectory =
  | { readonly ok: true; readonly logs: LogDirectory }
  /** One sentence for the operator. */
  | { readonly ok: false; readonly message: string };

interface OpenLog extends PartitionDirectory {
  readonly log: PartitionLog;
}

const CHECKPOINT_FILES = [HIGH_WATERMARKS_FILE, RECOVERY_POINTS_FILE, START_OFFSETS_FILE];

export class LogDirectory {
  readonly directory: string;
  readonly directoryId: Uuid;
  readonly nodeId: NodeId;
  clusterId: Uuid | undefined;
  /**
   * The broker epoch that the last clean stop wrote. -1: clean, epoch unknown. Undefined: the last stop was
   * not clean, or a log turned out to lack records. Read it after all logs were opened.
   */
  cleanShutdownBrokerEpoch: number | undefined;
  private readonly disk: Disk;
  private readonly random: Random;
  private readonly codecs: CompressionCodecs;
  private readonly logger: Logger;
  private readonly files: OpenFiles;
  private readonly open = new Map<string, OpenLog>();
  /** Folders whose logs were closed cleanly and not opened since. */
  private readonly closedCleanly: Set<string>;
  /**
   * Deleted folders that the checkpoint files on the device may still list, with the number of the deletion
   * in this run.
   */
  private readonly unforgotten = new Map<string, number>();
  private deletions = 0;
  private isForgetting = false;
  private highWatermarks: Map<string, Offset>;
  /** As read at start, without logs deleted since. */
  private readonly recoveryPoints: Map<string, Offset>;
  private readonly startOffsets: Map<string, Offset>;
  /** Content of the checkpoint files, so that only changes are written. */
  private readonly written = new Map<string, string>();
  private markerPresent: boolean;
  private producersCheckedMs = 0;
  private closed = false;

  /** Buffers for `PartitionLog.read`: give back the memory that it returned once nothing uses it. */
  get spares(): SpareBuffers {
    return this.files.spares;
  }

  /**
   * Formats an empty directory. Refuses one that belongs to another node or cluster, or has an unknown
   * format.
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
    this.disk = o.disk;
    this.random = o.random;
    this.codecs = o.codecs;
    this.logger = o.logger;
    this.files = o.files ?? new OpenFiles(o.disk, { spares: o.spares });
    const marker = o.disk.readFile(`${o.directory}/${CLEAN_SHUTDOWN_FILE}`);
    this.cleanShutdownBrokerEpoch = marker === undefined ? undefined : parseCleanShutdown(marker);
    this.markerPresent = marker !== undefined;
    this.closedCleanly = new Set(marker === undefined ? [] : o.disk.list(o.directory));
    this.syncCheckpoints();
    this.highWatermarks = this.readOffsets(HIGH_WATERMARKS_FILE);
    this.recoveryPoints = this.readOffsets(RECOVERY_POINTS_FILE);
    this.startOffsets = this.readOffsets(START_OFFSETS_FILE);
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

  /** Checks that the folder accepts writes; see `probeDirectory`. */
  probe(how: { readonly synced: boolean }, done: (error?: DiskError) => void): void {
    probeDirectory(this.disk, this.directory, how, done);
  }

  /** Every partition folder, without those that wait for deletion. May throw DiskError. */
  partitions(): PartitionDirectory[] {
    const found: PartitionDirectory[] = [];
    for (const name of this.disk.list(this.directory)) {
      const partition = partitionOfFolderName(name);
      if (partition === undefined) continue;
      const topicId = this.open.get(name)?.topicId ?? readTopicId(this.disk, `${this.directory}/${name}`);
      found.push({ ...partition, topicId });
    }
    return found;
  }

  /** Opens or creates a partition's log. May throw DiskError or LogOpenError. */
  openLog(
    topic: string,
    partition: number,
    o: { topicId?: Uuid; config: LogConfig; nowWallMs: WallMillis },
  ): PartitionLog {
    assert(!this.closed, 'the log directory is open');
    const name = partitionFolderName(topic, partition);
    assert(!this.open.has(name), 'a log is opened once');
    this.removeMarker();
    if (this.mayBeNoted(name) && !this.disk.exists(`${this.directory}/${name}`)) this.forget(name);
    const recoveryPoint = this.recoveryPoints.get(name);
    const startOffset = this.startOffsets.get(name);
    const log = this.openNotingLoss(() =>
      PartitionLog.open({
        disk: this.disk,
        directory: `${this.directory}/${name}`,
        config: o.config,
        nowWallMs: o.nowWallMs,
        cleanShutdown: this.closedCleanly.has(name),
        codecs: this.codecs,
        logger: this.logger.child({ topic, partition }),
        files: this.files,
        recoveryPointLowered: () => this.writeCheckpoints(),
        ...(o.topicId === undefined ? {} : { topicId: o.topicId }),
        ...(recoveryPoint === undefined ? {} : { recoveryPoint }),
        ...(startOffset === undefined ? {} : { startOffset }),
      }),
    );
    this.closedCleanly.delete(name);
    this.open.set(name, { topic, partition, topicId: log.topicId, log });
    return log;
  }

  /**
   * Opens a log. A log that was cut or cannot be opened may lack records that this broker acknowledged. The
   * broker must not report a clean stop then.
   */
  private openNotingLoss(open: () => PartitionLog): PartitionLog {
    let lacksNothing = false;
    try {
      const log = open();
      lacksNothing = !log.wasCut;
      return log;
    } finally {
      if (!lacksNothing) this.cleanShutdownBrokerEpoch = undefined;
    }
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
    this.moveFolder(name, deletedFolderName(name, this.random.uuid()));
  }

  private moveFolder(name: string, target: string): void {
    const opened = this.open.get(name);
    this.open.delete(name);
    if (this.isNoted(name) || opened !== undefined) this.unforgotten.set(name, ++this.deletions);
    for (const noted of this.noted) noted.delete(name);
    this.closedCleanly.delete(name);
    const path = `${this.directory}/${name}`;
    if (opened !== undefined) opened.log.renameFolder(target);
    else if (this.disk.exists(path)) this.disk.rename(path, `${this.directory}/${target}`);
    this.forgetInBackground();
  }

  /**
   * Renames the folder out of the way and keeps it: the metadata does not know it, but nobody deleted it.
   * Returns its new name. The log need not be open. May throw DiskError.
   */
  setAside(topic: string, partition: number): string {
    let aside = strayFolderName(topic, partition, this.random.uuid());
    // Cut topic names may be equal, and a rename must not replace a folder that is kept.
    while (this.disk.exists(`${this.directory}/${aside}`))
      aside = strayFolderName(topic, partition, this.random.uuid());
    this.moveFolder(partitionFolderName(topic, partition), aside);
    return aside;
  }

  /**
   * Names of the folders that were set aside. They stay until the operator removes them. May throw DiskError.
   */
  strays(): string[] {
    return this.disk.list(this.directory).filter(isStrayFolderName);
  }

  /** Starts the removal of the folders that wait for deletion. May throw DiskError. */
  removeDeleted(): void {
    for (const name of this.disk.list(this.directory))
      if (isDeletedFolderName(name)) this.disk.removeInBackground(`${this.directory}/${name}`);
  }

  private get noted(): readonly Map<string, Offset>[] {
    return [this.highWatermarks, this.recoveryPoints, this.startOffsets];
  }

  /** True if a checkpoint file lists the folder, or may list it again after a power loss. */
  private mayBeNoted(name: string): boolean {
    return this.unforgotten.has(name) || this.isNoted(name);
  }

  private isNoted(name: string): boolean {
    return this.noted.some((offsets) => offsets.has(name));
  }

  /**
   * Removes a deleted folder from the checkpoint files, also on the device, before the folder is created
   * again. Otherwise the old entries would apply to the new folder after a crash. May throw DiskError.
   */
  private forget(name: string): void {
    // The name stays here until the write succeeds, so that the next try repeats a failed one (the disk is
    // full).
    this.unforgotten.set(name, ++this.deletions);
    for (const noted of this.noted) noted.delete(name);
    // Only the creation of a folder right after its deletion waits for the device.
    this.writeWithoutDeleted((file, content) =>
      this.disk.writeFileAtomic(`${this.directory}/${file}`, content),
    );
    this.unforgotten.clear();
  }

  /**
   * Starts when a folder is deleted, so that its entries are gone from the device before the folder is
   * created again. `forget` makes up for failures.
   */
  private forgetInBackground(): void {
    if (this.isForgetting || this.closed || this.unforgotten.size === 0) return;
    const deletions = new Map(this.unforgotten);
    try {
      this.writeWithoutDeleted(this.replace);
      this.isForgetting = true;
      syncFiles(this.disk, this.directory, CHECKPOINT_FILES, (error) => {
        this.isForgetting = false;
        if (error !== undefined) return;
        for (const [name, deletion] of deletions)
          if (this.unforgotten.get(name) === deletion) this.unforgotten.delete(name);
        this.forgetInBackground();
      });
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
    }
  }

  private writeWithoutDeleted(replace: typeof this.replace): void {
    const highWatermarks = [...this.highWatermarks].flatMap(([name, offset]) => {
      const partition = partitionOfFolderName(name);
      return partition === undefined ? [] : [{ ...partition, offset }];
    });
    this.written.clear();
    this.writeIfChanged(HIGH_WATERMARKS_FILE, formatOffsets(highWatermarks), replace);
    this.writeCheckpoints(replace);
  }

  /** From replication-offset-checkpoint, as of open or the last write. */
  highWatermark(topic: string, partition: number): Offset | undefined {
    return this.highWatermarks.get(partitionFolderName(topic, partition));
  }

  /** May throw DiskError. */
  writeHighWatermarks(entries: Iterable<PartitionOffset>): void {
    const list = [...entries];
    this.writeIfChanged(HIGH_WATERMARKS_FILE, formatOffsets(list));
    this.highWatermarks = new Map(
      list.map(({ topic, partition, offset }) => [partitionFolderName(topic, partition), offset]),
    );
  }

  /**
   * recovery-point-offset-checkpoint and log-start-offset-checkpoint of all open logs. May throw DiskError.
   */
  writeCheckpoints(replace = this.replace): void {
    const points: PartitionOffset[] = [];
    const starts: PartitionOffset[] = [];
    for (const { topic, partition, log } of this.open.values()) {
      points.push({ topic, partition, offset: log.recoveryPoint });
      if (log.startOffset > 0) starts.push({ topic, partition, offset: log.startOffset });
    }
    points.push(...this.ofUnopened(this.recoveryPoints));
    starts.push(...this.ofUnopened(this.startOffsets));
    this.writeIfChanged(RECOVERY_POINTS_FILE, formatOffsets(points), replace);
    this.writeIfChanged(START_OFFSETS_FILE, formatOffsets(starts), replace);
  }

  /**
   * Called every few seconds: forgets expired producers, writes the checkpoints, removes deleted folders.
   * Logs a disk error; the next call tries again.
   */
  tick(nowWallMs: WallMillis): void {
    if (Math.abs(nowWallMs - this.producersCheckedMs) >= PRODUCER_EXPIRY_CHECK_MS) {
      this.producersCheckedMs = nowWallMs;
      for (const { log } of this.open.values()) log.tick(nowWallMs);
    }
    try {
      this.writeCheckpoints();
      this.removeDeleted();
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      this.logger.error('checkpoint-failed', { directory: this.directory, reason: error.message });
    }
  }

  /** Closes all logs; `clean` writes snapshots, checkpoints and, last, the clean-shutdown marker. */
  close(o: { clean: boolean; brokerEpoch?: number }): void {
    if (this.closed) return;
    this.closed = true;
    let clean = o.clean;
    for (const { log } of this.open.values()) {
      const failed = log.offline !== undefined;
      log.close({ clean: clean && !failed });
      if (failed || log.recoveryPoint < log.endOffset) clean = false;
    }
    if (!clean) return;
    // Logs that were not opened in this run are only clean if the last stop was clean.
    if (!this.markerPresent && this.unopened().length > 0 && this.cleanShutdownBrokerEpoch === undefined)
      return;
    try {
      this.writeCheckpoints();
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

  /** Offsets that were read at start, of logs not opened since. */
  private ofUnopened(offsets: ReadonlyMap<string, Offset>): PartitionOffset[] {
    const kept: PartitionOffset[] = [];
    for (const [name, offset] of offsets) {
      if (this.open.has(name)) continue;
      const partition = partitionOfFolderName(name);
      if (partition !== undefined) kept.push({ ...partition, offset });
    }
    return kept;
  }

  /** From here on files change: a crash must not look like a clean stop. */
  private removeMarker(): void {
    if (!this.markerPresent) return;
    this.disk.remove(`${this.directory}/${CLEAN_SHUTDOWN_FILE}`);
    this.disk.syncDirectory(this.directory);
    this.markerPresent = false;
  }

  /**
   * Syncs the checkpoint files: the last ones of a killed process may not be on the device, and this process
   * relies on them. A power loss would restore entries of deleted folders, which may exist again by then.
   */
  private syncCheckpoints(): void {
    for (const name of CHECKPOINT_FILES) {
      const path = `${this.directory}/${name}`;
      if (!this.disk.exists(path)) continue;
      const file = this.disk.open(path);
      try {
        file.syncNow();
      } finally {
        file.close();
      }
    }
    this.disk.syncDirectory(this.directory);
  }

  private readOffsets(file: string): Map<string, Offset> {
    const bytes = this.disk.readFile(`${this.directory}/${file}`);
    const offsets = bytes === undefined ? new Map<string, Offset>() : parseOffsets(bytes);
    if (offsets !== undefined) return offsets;
    this.logger.warn('checkpoint-damaged', { directory: this.directory, file });
    return new Map();
  }

  private readonly replace = (file: string, content: Uint8Array): void =>
    replaceFile(this.disk, `${this.directory}/${file}`, content);

  private writeIfChanged(file: string, content: Uint8Array, replace = this.replace): void {
    const text = new TextDecoder().decode(content);
    if (this.written.get(file) === text) return;
    replace(file, content);
    this.written.set(file, text);
  }
}
