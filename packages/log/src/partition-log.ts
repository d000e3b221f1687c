/** One partition's log. Signatures are final; bodies follow in the next commit. */
import {
  type Disk,
  InvariantError,
  type LeaderEpoch,
  type Logger,
  type Offset,
  type Uuid,
  type WallMillis,
} from '@millrace/base';
import type { CompressionCodecs } from '@millrace/protocol';
import type { LeaderEpochs } from './leader-epochs.ts';
import type { ProducerStates } from './producer-states.ts';
import type {
  EpochEnd,
  FlushDone,
  FollowerAppend,
  LeaderAppend,
  LeaderAppendOptions,
  LogConfig,
  ReadOptions,
  ReadResult,
  TimestampHit,
} from './types.ts';

export interface OpenLogOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly topicId?: Uuid;
  readonly config: LogConfig;
  readonly nowWallMs: WallMillis;
  /** The log was closed cleanly: its content is trusted, only the tail is checked. */
  readonly cleanShutdown: boolean;
  /** After an unclean stop, everything below is known to be on the device. Default 0: check all. */
  readonly recoveryPoint?: Offset;
  /** Checkpointed log start offset; default: where the first segment begins. */
  readonly startOffset?: Offset;
  readonly codecs: CompressionCodecs;
  readonly logger: Logger;
}

export class PartitionLog {
  config!: LogConfig;
  readonly directory!: string;
  topicId: Uuid | undefined;
  startOffset!: Offset;
  endOffset!: Offset;
  readonly epochs!: LeaderEpochs;
  readonly producers!: ProducerStates;
  /** Bytes of all segments. */
  sizeBytes!: number;
  /** Everything below is on the device. */
  recoveryPoint!: Offset;
  /** Why this log takes no more reads and writes; undefined = it works. */
  offline: string | undefined;

  static open(_o: OpenLogOptions): PartitionLog {
    throw new InvariantError('not yet');
  }
  setConfig(_config: LogConfig): void {
    throw new InvariantError('not yet');
  }
  appendAsLeader(_batch: Uint8Array, _o: LeaderAppendOptions): LeaderAppend {
    throw new InvariantError('not yet');
  }
  appendAsFollower(_records: Uint8Array, _nowWallMs: WallMillis): FollowerAppend {
    throw new InvariantError('not yet');
  }
  read(_o: ReadOptions): ReadResult {
    throw new InvariantError('not yet');
  }
  truncateTo(_offset: Offset): void {
    throw new InvariantError('not yet');
  }
  truncateFullyAndStartAt(_offset: Offset): void {
    throw new InvariantError('not yet');
  }
  /** Raises the log start offset (DeleteRecords, or a follower that learns its leader's); segments wholly below are removed. */
  advanceStartOffset(_offset: Offset): void {
    throw new InvariantError('not yet');
  }
  offsetForTimestamp(_timestamp: WallMillis): TimestampHit | undefined {
    throw new InvariantError('not yet');
  }
  maxTimestampOffset(): TimestampHit | undefined {
    throw new InvariantError('not yet');
  }
  assignLeaderEpoch(_epoch: LeaderEpoch, _startOffset: Offset): void {
    throw new InvariantError('not yet');
  }
  endOffsetForEpoch(_epoch: LeaderEpoch): EpochEnd {
    throw new InvariantError('not yet');
  }
  /** `flush.messages` records or more are not yet on the device. */
  get flushDue(): boolean {
    throw new InvariantError('not yet');
  }
  flush(_done: FlushDone): void {
    throw new InvariantError('not yet');
  }
  close(_o: { clean: boolean }): void {
    throw new InvariantError('not yet');
  }
  delete(): void {
    throw new InvariantError('not yet');
  }
}
