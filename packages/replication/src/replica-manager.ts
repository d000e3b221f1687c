/**
 * A broker's replicas: which partitions it hosts and in what role, and the entry points produce, fetch, offset lookup.
 * Skeleton of the public interface.
 */
import {
  assert,
  type Clock,
  type Disk,
  type Logger,
  type Net,
  type NodeId,
  type Random,
  type Uuid,
} from '@millrace/base';
import type { LogDirectory } from '@millrace/log';
import type { AlterPartitionRequest, AlterPartitionResponse, MetadataDelta } from '@millrace/metadata';
import type { CompressionCodecs } from '@millrace/protocol';
import type { ReplicationConfig } from './config.ts';
import type { Partition } from './partition.ts';
import type {
  BrokerSession,
  Cancel,
  FetchRequest,
  FetchResponse,
  ListOffsetsQuery,
  ListOffsetsResult,
  OffsetForLeaderEpochPartition,
  OffsetForLeaderEpochResult,
  ProduceRequest,
  ProduceResult,
} from './types.ts';

export interface ReplicaManagerOptions {
  readonly brokerId: NodeId;
  readonly disk: Disk;
  readonly logDirectory: LogDirectory;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly codecs: CompressionCodecs;
  readonly config: ReplicationConfig;
  readonly net: Net;
  /** To the active controller; `undefined` when it was not reached (it may have been carried out all the same). */
  alterPartition(
    request: AlterPartitionRequest,
    done: (response: AlterPartitionResponse | undefined) => void,
  ): void;
}

export class ReplicaManager {
  readonly options: ReplicaManagerOptions;

  constructor(options: ReplicaManagerOptions) {
    this.options = options;
  }

  /** The committed metadata moved. Called in order; roles follow once this broker's own registration is in the image. */
  publish(_delta: MetadataDelta): void {}

  /** After registration and after each answered heartbeat. */
  setSession(_session: BrokerSession): void {}

  produce(_request: ProduceRequest, _done: (results: ProduceResult[]) => void): void {
    assert(false, 'not built yet');
  }

  fetch(_request: FetchRequest, _done: (response: FetchResponse) => void): Cancel {
    return () => {};
  }

  listOffsets(_query: ListOffsetsQuery): ListOffsetsResult[] {
    return [];
  }

  offsetForLeaderEpoch(_partitions: readonly OffsetForLeaderEpochPartition[]): OffsetForLeaderEpochResult[] {
    return [];
  }

  partition(_topicId: Uuid, _index: number): Partition | undefined {
    return undefined;
  }

  /** Stops everything; `clean` flushes logs and writes checkpoints and the clean-shutdown marker first. */
  close(_options: { clean: boolean }, done: () => void): void {
    done();
  }
}
