import type { Clock, Logger, NodeId, Offset, Random, Rpc, RpcError, Uuid } from '@millrace/base';
import type { RaftStorage } from './storage.ts';
import type { LeaderAndEpoch, QuorumConfig, QuorumDescription, RaftListener, VoterAddress } from './types.ts';

export interface QuorumOptions {
  readonly nodeId: NodeId;
  readonly directoryId: Uuid;
  /** Refuse a quorum of another cluster. */
  readonly clusterId?: Uuid | undefined;
  readonly voters: readonly VoterAddress[];
  readonly storage: RaftStorage;
  readonly rpc: Rpc;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly listener: RaftListener;
  readonly config?: Partial<QuorumConfig>;
  /** The storage failed or is damaged: nothing is sent any more; the process should end. */
  readonly failed?: (error: Error) => void;
}

export class Quorum {
  readonly highWatermark: Offset = 0;

  static open(_options: QuorumOptions, _ready: (quorum: Quorum) => void): void {
    throw new Error('not yet');
  }

  propose(_records: readonly Uint8Array[]): Offset | undefined {
    return undefined;
  }

  handle(_method: string, _body: Uint8Array, _reply: (answer: Uint8Array | RpcError) => void): boolean {
    return false;
  }

  leader(): LeaderAndEpoch | undefined {
    return undefined;
  }

  clusterId(): Uuid | undefined {
    return undefined;
  }

  describe(): QuorumDescription {
    throw new Error('not yet');
  }

  stop(_done: () => void): void {}
}
