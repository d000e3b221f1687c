/**
 * The log directory of this broker. Says whether the directory works, how much space its file system has, and
 * which replicas it holds (DescribeLogDirs). Closes the logs. Decides nothing about a single replica.
 */
import {
  type BrokerEpoch,
  DiskError,
  type DiskSpace,
  type Logger,
  type Timers,
  type Uuid,
} from '@millrace/base';
import type { LogDirectory } from '@millrace/log';
import { ErrorCode } from '@millrace/protocol';
import { FreeSpace } from './free-space.ts';
import { LogDirectoryWatch } from './log-directory-watch.ts';
import type { Partition } from './partition/partition.ts';
import type { AskedReplicas, LogDirDescription, ReplicaDescription } from './types.ts';

/** Kafka's value for an unknown lag: the replica is offline, or the metadata has not assigned it yet. */
const NO_LAG = -1;
const UNKNOWN_SPACE: DiskSpace = { totalBytes: -1, usableBytes: -1 };

export interface LogDirsPorts {
  readonly directory: LogDirectory;
  readonly timers: Timers;
  readonly logger: Logger;
  /** `min.free.bytes`, as it is now. */
  minFreeBytes(): number;
  /** The hosted replica. Undefined: its log is open, but the metadata has not assigned it yet. */
  replica(topicId: Uuid, index: number): Partition | undefined;
  replicas(): readonly Partition[];
  /** Called once, when the directory failed as a whole. */
  failed(reason: string): void;
}

export class LogDirs {
  readonly watch: LogDirectoryWatch;
  readonly freeSpace: FreeSpace;
  private readonly ports: LogDirsPorts;

  constructor(ports: LogDirsPorts) {
    const { directory, timers, logger } = ports;
    this.ports = ports;
    this.watch = new LogDirectoryWatch({
      timers,
      logger,
      probe: (how, done) => directory.probe(how, done),
      failed: (reason) => ports.failed(reason),
    });
    this.freeSpace = new FreeSpace({
      directory: directory.directory,
      timers,
      logger,
      minFreeBytes: () => ports.minFreeBytes(),
      usableBytes: () => this.space()?.usableBytes,
    });
    this.freeSpace.look();
  }

  /** Called from time to time. Probes the directory, and measures the free space. */
  look(): void {
    this.watch.look();
    this.freeSpace.look();
  }

  /**
   * Returns one description for each directory of `log.dirs`. There is only one directory. If it failed as a
   * whole, or if its file system does not answer, the description has no replicas.
   */
  describe(asked: AskedReplicas): LogDirDescription[] {
    const { directory: path } = this.ports.directory;
    const space = this.watch.hasFailed ? undefined : this.space();
    if (space === undefined)
      return [{ errorCode: ErrorCode.KAFKA_STORAGE_ERROR, path, replicas: [], ...UNKNOWN_SPACE }];
    return [{ errorCode: ErrorCode.NONE, path, replicas: this.describeReplicas(asked), ...space }];
  }

  /** Undefined: the file system does not answer. */
  space(): DiskSpace | undefined {
    try {
      return this.ports.directory.space();
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      return undefined;
    }
  }

  /**
   * Loops over the logs, not over the request, because a request may name any number of partitions that have
   * no log here.
   */
  private describeReplicas(asked: AskedReplicas): ReplicaDescription[] {
    const found: ReplicaDescription[] = [];
    for (const { topic, partition, topicId, log } of this.ports.directory.logs()) {
      if (asked !== null && asked.get(topic)?.has(partition) !== true) continue;
      const replica = topicId === undefined ? undefined : this.ports.replica(topicId, partition);
      found.push({ topic, partition, sizeBytes: log.sizeBytes, offsetLag: lagOf(replica) });
    }
    return found;
  }

  /**
   * Closes the logs. A clean stop first syncs them in the background. It also waits for running syncs,
   * because nothing else would report their errors.
   */
  close(o: { readonly clean: boolean; readonly brokerEpoch: BrokerEpoch }, done: () => void): void {
    const { directory, replicas } = this.ports;
    const close = (): void => {
      // If a log is corrupt, leave the broker epoch out of the clean-shutdown marker: without it, the
      // controller does not trust these logs after the next start. But write the marker: after an unclean
      // stop, recovery would truncate the corrupt log.
      const isWhole = replicas().every(({ corruption }) => corruption.reason === undefined);
      const { clean, brokerEpoch } = o;
      directory.close({ clean, ...(isWhole && brokerEpoch >= 0 ? { brokerEpoch } : {}) });
      done();
    };
    if (o.clean) directory.prepareStop(close);
    else close();
  }
}

/** The number of committed records that the replica lacks, as far as it knows. */
function lagOf(replica: Partition | undefined): number {
  if (replica === undefined || replica.isOffline) return NO_LAG;
  return Math.max(0, replica.highWatermark - replica.log.endOffset);
}
