/**
 * The interface of a coordinator (of groups, of transactions) to the partitions that this broker leads.
 * Reports each leadership's beginning and end, reads the partitions, and appends to them.
 */
import type { LeaderEpoch, Uuid } from '@millrace/base';
import type { LeadershipFeed } from './leadership-feed.ts';
import { Acknowledgement, produceFailure } from './partition/acks.ts';
import type { PartitionLookup } from './partition-lookup.ts';
import { type ReaderPorts, type ReadWanted, readInSlices } from './serving/sliced-read.ts';
import type { Cancel, ProduceResult } from './types.ts';

export interface OwnAppend {
  readonly topicId: Uuid;
  readonly index: number;
  /** The leadership that the coordinator works under. */
  readonly leaderEpoch: LeaderEpoch;
  /** One record batch v2. The caller may reuse the bytes when the call returns. */
  readonly records: Uint8Array;
}

export interface CoordinatorPorts extends Omit<ReaderPorts, 'find'> {
  /** Calls back at the end of this turn. */
  readonly soon: (callback: () => void) => void;
}

export class CoordinatorPort {
  readonly leaderships: LeadershipFeed;
  private readonly lookup: PartitionLookup;
  private readonly ports: CoordinatorPorts;

  constructor(leaderships: LeadershipFeed, lookup: PartitionLookup, ports: CoordinatorPorts) {
    this.leaderships = leaderships;
    this.lookup = lookup;
    this.ports = ports;
  }

  /**
   * Appends with acks=all and returns the offsets, or an error, at once. Calls `settled` once, at the end of
   * a turn: when the ISR has written the batch, or with an error. After NOT_LEADER_OR_FOLLOWER, the next
   * leader may still have the batch.
   */
  append(
    { topicId, index, leaderEpoch, records }: OwnAppend,
    settled: (result: ProduceResult) => void,
  ): ProduceResult {
    const found = this.lookup.findById(topicId, index);
    // Settle at the end of the turn. If `settled` ran within the append, it might append another batch before
    // the first one is parked.
    const acknowledgement = new Acknowledgement((result) => this.ports.soon(() => settled(result)));
    if (!('errorCode' in found)) return found.append(records, leaderEpoch, acknowledgement);
    const failure = produceFailure(found.errorCode);
    acknowledgement.settle(failure);
    return failure;
  }

  /** Reads to the log's end, one slice per turn. Returns a function that stops the reading. */
  read(topicId: Uuid, index: number, wanted: ReadWanted): Cancel {
    const find = () => {
      const found = this.lookup.findById(topicId, index);
      return 'errorCode' in found ? undefined : found;
    };
    return readInSlices(wanted, { ...this.ports, find });
  }
}
