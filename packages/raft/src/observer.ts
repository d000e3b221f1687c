import type { Clock, Logger, NodeId, Offset, Random, Rpc, Uuid } from '@millrace/base';
import type { CommittedBatch, LeaderAndEpoch, QuorumConfig, VoterAddress } from './types.ts';

export interface ObserverListener {
  committed(batches: readonly CommittedBatch[]): void;
  leaderChanged(leader: LeaderAndEpoch | undefined): void;
  /** Once, before the first committed record: the cluster's id. */
  clusterId(id: Uuid): void;
}

export interface ObserverOptions {
  readonly nodeId: NodeId;
  readonly directoryId: Uuid;
  readonly voters: readonly VoterAddress[];
  readonly rpc: Rpc;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly listener: ObserverListener;
  readonly config?: Partial<QuorumConfig>;
}

export class QuorumObserver {
  readonly endOffset: Offset = 0;

  constructor(_options: ObserverOptions) {}

  start(): void {}

  stop(): void {}

  leader(): LeaderAndEpoch | undefined {
    return undefined;
  }
}
