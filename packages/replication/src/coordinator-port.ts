/**
 * What a coordinator (of groups, of transactions) needs of the partitions that this broker leads: when it
 * leads which, what they hold, and to append to them.
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
  /** One record batch v2. Its bytes are the caller's again when the call returns. */
  readonly records: Uint8Array;
}

export interface CoordinatorPorts extends Omit<ReaderPorts, 'find'> {
  /** At the end of this turn. */
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
   * Appends with acks=all and returns the offsets at once. Calls `settled` once, at the end of a turn: when
   * the ISR has written the batch, or with an error. After NOT_LEADER_OR_FOLLOWER the next leader may have
   * it.
   */
  append(
    { topicId, index, leaderEpoch, records }: OwnAppend,
    settled: (result: ProduceResult) => void,
  ): ProduceResult {
    const found = this.lookup.findById(topicId, index);
    // An append from inside `settled` would come between an earlier one and its parking.
    const acknowledgement = new Acknowledgement((result) => this.ports.soon(() => settled(result)));
    if (!('errorCode' in found)) return found.append(records, leaderEpoch, acknowledgement);
    const failure = produceFailure(found.errorCode);
    acknowledgement.settle(failure);
    return failure;
  }

  /** Reads to the log's end, a slice each turn. Returns what stops it. */
  read(topicId: Uuid, index: number, wanted: ReadWanted): Cancel {
    const find = () => {
      const found = this.lookup.findById(topicId, index);
      return 'errorCode' in found ? undefined : found;
    };
    return readInSlices(wanted, { ...this.ports, find });
  }
}
