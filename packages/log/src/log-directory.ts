/**
 * One log directory of a node (`log.dirs`): whose it is (meta.properties), which partitions lie in it, their
 * logs, and the checkpoint files about them all, in Kafka's formats. Never decides which partitions belong
 * here. Replaces checkpoint files without waiting for fsync: every reader works without them.
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
import { replaceFile } from './checkpoint-file.ts';
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
} from './directory-files.ts';
import { type Identity, identify, otherCluster, unusable } from './directory-identity.ts';
import { probeDirectory } from './directory-probe.ts';
import {
  deletedFolderName,
  isDeletedFolderName,
  isStrayFolderName,
  partitionFolderName,
  partitionOfFolderName,
  strayFolderName,
} from './file-names.ts';
import { PRODUCER_EXPIRY_CHECK_MS } from './limits.ts';
import { OpenFiles } from './open-files.ts';
import { PartitionLog } from './partition-log.ts';
import { readTopicId } from './partition-metadata.ts';
import { syncFiles } from './sync-files.ts';
import type { LogConfig } from './types.ts';

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
  /** What logs are read into. */
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
  /** One sentence for a person. */
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
   * The broker epoch written by a clean stop; undefined when the last stop was not clean, or when a log
   * turned out to lack something all the same. -1: clean, epoch unknown. To be asked when the logs have been
   * opened.
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
   * Deleted folders of which the checkpoint files on the device may still tell, and which deletion of this
   * life it was.
   */
  private readonly unforgotten = new Map<string, number>();
  private deletions = 0;
  private isForgetting = false;
  private highWatermarks: Map<string, Offset>;
  /** As found at start, of logs that nobody has deleted since. */
  private readonly recoveryPoints: Map<string, Offset>;
  private readonly startOffsets: Map<string, Offset>;
  /** What the checkpoint files hold, to write them only when it changes. */
  private readonly written = new Map<string, string>();
  private markerPresent: boolean;
  private producersCheckedMs = 0;
  private closed = false;

  /** What `PartitionLog.read` reads into: give back what it returned when nobody looks at it any more. */
  get spares(): SpareBuffers {
    return this.files.spares;
  }

  /**
   * Formats an empty directory; refuses one that is another node's or cluster's, or of a format not known
   * here.
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
   * The cluster told its id: noted for good, or the reason why it cannot be: another cluster's directory, or
   * a failing disk.
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

  /** Whether the folder takes what is written; see `probeDirectory`. */
  probe(how: { readonly synced: boolean }, done: (error?: DiskError) => void): void {
    probeDirectory(this.disk, this.directory, how, done);
  }

  /**
   * Every partition folder, by name; folders that wait for deletion are not among them. May throw DiskError.
   */
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
    const log = this.vouchedFor(() =>
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
   * A log that was cut, or cannot be opened, lacks what this broker had vouched for: it must not say that it
   * stopped cleanly.
   */
  private vouchedFor(open: () => PartitionLog): PartitionLog {
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
   * Renames the folder out of the way at once; its files go with `removeDeleted`. The log need not be open.
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
   * Renames the folder out of the way and keeps it: nobody asked for it to be deleted, and the metadata does
   * not know it. Returns its new name. The log need not be open. May throw DiskError.
   */
  setAside(topic: string, partition: number): string {
    let aside = strayFolderName(topic, partition, this.random.uuid());
    // Topics of long names are cut alike, and nothing kept may be replaced.
    while (this.disk.exists(`${this.directory}/${aside}`))
      aside = strayFolderName(topic, partition, this.random.uuid());
    this.moveFolder(partitionFolderName(topic, partition), aside);
    return aside;
  }

  /**
   * Names of the folders that were set aside and are kept until somebody removes them. May throw DiskError.
   */
  strays(): string[] {
    return this.disk.list(this.directory).filter(isStrayFolderName);
  }

  /** Has the folders removed that wait for it. May throw DiskError. */
  removeDeleted(): void {
    for (const name of this.disk.list(this.directory))
      if (isDeletedFolderName(name)) this.disk.removeInBackground(`${this.directory}/${name}`);
  }

  private get noted(): readonly Map<string, Offset>[] {
    return [this.highWatermarks, this.recoveryPoints, this.startOffsets];
  }

  /** Whether a checkpoint file, as it is or as it may come back after a power loss, tells of the folder. */
  private mayBeNoted(name: string): boolean {
    return this.unforgotten.has(name) || this.isNoted(name);
  }

  private isNoted(name: string): boolean {
    return this.noted.some((offsets) => offsets.has(name));
  }

  /**
   * What was noted of a folder that is gone says nothing about one made anew, not even after a crash: the
   * device forgets it before the folder is there. May throw DiskError.
   */
  private forget(name: string): void {
    // Until it has succeeded, so that after a failure (the disk is full) the next try does it.
    this.unforgotten.set(name, ++this.deletions);
    for (const noted of this.noted) noted.delete(name);
    // A folder that is made anew right after its deletion: the only one for which the device is waited for.
    this.writeWithoutDeleted((file, content) =>
      this.disk.writeFileAtomic(`${this.directory}/${file}`, content),
    );
    this.unforgotten.clear();
  }

  /**
   * Begins when a folder is deleted, so that the device has forgotten it by the time it is made anew.
   * `forget` makes up for failures.
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
   * Now and then (seconds): forgets expired producers, writes the checkpoints, removes deleted
   * folders. A failing disk is reported and tried again the next time.
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
    // Folders that nobody opened this time are only as sure as they were found.
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

  /** What was found at start about logs that nobody has opened since. */
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
   * What a killed process replaced last may not be on the device, and this one goes by it: a power loss would
   * bring back what was noted of folders that are deleted, and may be made anew now.
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
