/** One log directory of a node. Signatures are final; bodies follow in the next commit. */
import {
  type Disk,
  InvariantError,
  type Logger,
  type NodeId,
  type Offset,
  type Random,
  type Uuid,
  type WallMillis,
} from '@millrace/base';
import type { CompressionCodecs } from '@millrace/protocol';
import type { PartitionLog } from './partition-log.ts';
import type { LogConfig } from './types.ts';

export interface OpenDirectoryOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly nodeId: NodeId;
  /** When known already; else see `adoptClusterId`. */
  readonly clusterId?: Uuid;
  /** Draws the directory id of a new directory, and the names of deleted ones. */
  readonly random: Random;
  readonly codecs: CompressionCodecs;
  readonly logger: Logger;
}

export interface PartitionDirectory {
  readonly topic: string;
  readonly partition: number;
  /** From partition.metadata, if that file is there and whole. */
  readonly topicId: Uuid | undefined;
}

export type OpenDirectory =
  | { readonly ok: true; readonly logs: LogDirectory }
  | { readonly ok: false; readonly message: string };

export class LogDirectory {
  readonly directory!: string;
  readonly directoryId!: Uuid;
  clusterId: Uuid | undefined;
  /** The broker epoch written by a clean stop; undefined when the last stop was not clean. -1: clean, epoch unknown. */
  readonly cleanShutdownBrokerEpoch: number | undefined;

  static open(_o: OpenDirectoryOptions): OpenDirectory {
    throw new InvariantError('not yet');
  }
  /** The cluster told its id: noted for good, or the reason why this directory is another cluster's. */
  adoptClusterId(_clusterId: Uuid): string | undefined {
    throw new InvariantError('not yet');
  }
  /** Every partition folder, by name; folders that wait for deletion are not among them. */
  partitions(): PartitionDirectory[] {
    throw new InvariantError('not yet');
  }
  /** Opens or creates a partition's log. May throw DiskError or LogOpenError. */
  openLog(
    _topic: string,
    _partition: number,
    _o: { topicId?: Uuid; config: LogConfig; nowWallMs: WallMillis },
  ): PartitionLog {
    throw new InvariantError('not yet');
  }
  log(_topic: string, _partition: number): PartitionLog | undefined {
    throw new InvariantError('not yet');
  }
  /** Renames the folder out of the way at once; its files go with `removeDeleted`. Works for folders that are not open too. */
  deleteLog(_topic: string, _partition: number): void {
    throw new InvariantError('not yet');
  }
  removeDeleted(): void {
    throw new InvariantError('not yet');
  }
  /** From replication-offset-checkpoint, as of open or the last write. */
  highWatermark(_topic: string, _partition: number): Offset | undefined {
    throw new InvariantError('not yet');
  }
  writeHighWatermarks(_entries: Iterable<{ topic: string; partition: number; offset: Offset }>): void {
    throw new InvariantError('not yet');
  }
  /** recovery-point-offset-checkpoint and log-start-offset-checkpoint of all open logs. */
  writeCheckpoints(): void {
    throw new InvariantError('not yet');
  }
  /** Now and then (seconds): forgets tail buffers of idle logs and expired producers. */
  tick(_nowWallMs: WallMillis): void {
    throw new InvariantError('not yet');
  }
  /** Closes all logs; `clean` writes snapshots, checkpoints and, last, the clean-shutdown marker. */
  close(_o: { clean: boolean; brokerEpoch?: number }): void {
    throw new InvariantError('not yet');
  }
}
