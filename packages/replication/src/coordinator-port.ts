/**
 * The interface of a coordinator (of groups, of transactions) to the partitions that this broker leads.
 * Through it, the coordinator learns when a leadership begins and ends, reads partitions, and appends to
 * them.
 */
import type { LeaderEpoch, Offset, Uuid } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import type { LeadershipFeed } from './leadership-feed.ts';
import { Acknowledgement, produceFailure } from './partition/acks.ts';
import { refusalBeforeAppend } from './partition/min-isr.ts';
import type { Partition } from './partition/partition.ts';
import type { PartitionLookup } from './partition-lookup.ts';
import { type ReaderPorts, type ReadWanted, SlicedReads } from './serving/sliced-read.ts';
import type { Cancel, ProduceResult } from './types.ts';

export interface OwnAppend {
  readonly topicId: Uuid;
  readonly index: number;
  /** The leadership that the coordinator works under. */
  readonly leaderEpoch: LeaderEpoch;
  /** One record batch v2. The caller may reuse the bytes when the call returns. */
  readonly records: Uint8Array;
}

/** The limits of a led partition. */
export interface PartitionBounds {
  /** The log's start: the offset from which a coordinator reads. */
  readonly startOffset: Offset;
  /** The largest batch that the log takes: `max.message.bytes`, or `segment.bytes` if that is smaller. */
  readonly batchBytesMax: number;
}

export interface CoordinatorPorts extends ReaderPorts {
  /** Calls back at the end of this turn. */
  readonly soon: (callback: () => void) => void;
  readonly holdsLease: () => boolean;
}

export class CoordinatorPort {
  readonly leaderships: LeadershipFeed;
  private readonly lookup: PartitionLookup;
  private readonly ports: CoordinatorPorts;
  private readonly reads: SlicedReads;

  constructor(leaderships: LeadershipFeed, lookup: PartitionLookup, ports: CoordinatorPorts) {
    this.leaderships = leaderships;
    this.lookup = lookup;
    this.ports = ports;
    this.reads = new SlicedReads(ports);
  }

  /**
   * Appends with acks=all. Returns the offsets, or an error, at once. Calls `settled` once, at the end of a
   * turn: when the ISR has written the batch, or with an error. If this error is NOT_LEADER_OR_FOLLOWER, the
   * next leader may still have the batch.
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

  /**
   * Returns the error with which the leader would refuse an append before the log sees it. This is
   * NOT_LEADER_OR_FOLLOWER in another leader epoch, and NOT_ENOUGH_REPLICAS if the ISR is smaller than min
   * ISR. Otherwise returns NONE, but the append itself can still fail.
   */
  mayAppend(topicId: Uuid, index: number, leaderEpoch: LeaderEpoch): ErrorCode {
    const partition = this.led(topicId, index, leaderEpoch);
    if (partition === undefined) return ErrorCode.NOT_LEADER_OR_FOLLOWER;
    return refusalBeforeAppend(partition, -1)?.errorCode ?? ErrorCode.NONE;
  }

  /**
   * Calls `settled` once, at the end of a turn. When everything below `offset` is committed, `settled` gets
   * NONE. It gets NOT_ENOUGH_REPLICAS_AFTER_APPEND instead if the ISR has become too small. In both cases
   * this leader held a lease when it noticed the commit. If this broker does not lead in `leaderEpoch`, or if
   * its leadership ends before the commit, `settled` gets another error.
   */
  whenCommitted(
    topicId: Uuid,
    index: number,
    leaderEpoch: LeaderEpoch,
    offset: Offset,
    settled: (errorCode: ErrorCode) => void,
  ): void {
    const acknowledgement = new Acknowledgement(({ errorCode }) => this.ports.soon(() => settled(errorCode)));
    const partition = this.led(topicId, index, leaderEpoch);
    if (partition?.leadership !== undefined) partition.leadership.whenCommitted(offset, acknowledgement);
    else acknowledgement.settle(produceFailure(ErrorCode.NOT_LEADER_OR_FOLLOWER));
  }

  /**
   * True while no other broker can lead a partition that this broker leads. Without a lease, another leader
   * may have written newer records, so a coordinator's state may be out of date.
   */
  holdsLease(): boolean {
    return this.ports.holdsLease();
  }

  /** Returns undefined if this broker does not lead the partition in this epoch. */
  bounds(topicId: Uuid, index: number, leaderEpoch: LeaderEpoch): PartitionBounds | undefined {
    const log = this.led(topicId, index, leaderEpoch)?.log;
    if (log === undefined) return undefined;
    const { maxMessageBytes, segmentBytes } = log.config;
    return { startOffset: log.startOffset, batchBytesMax: Math.min(maxMessageBytes, segmentBytes) };
  }

  /** Called when the coordinator read a corrupt batch. The leader then asks to resign. */
  foundCorrupt(topicId: Uuid, index: number, leaderEpoch: LeaderEpoch, reason: string): void {
    this.led(topicId, index, leaderEpoch)?.corruption.found(reason);
  }

  /**
   * Reads to the log's end in slices. All readings together read a limited number of bytes in a turn. Returns
   * a function that stops the reading.
   */
  read(topicId: Uuid, index: number, wanted: ReadWanted): Cancel {
    return this.reads.read(wanted, () => this.find(topicId, index));
  }

  private find(topicId: Uuid, index: number): Partition | undefined {
    const found = this.lookup.findById(topicId, index);
    return 'errorCode' in found ? undefined : found;
  }

  private led(topicId: Uuid, index: number, leaderEpoch: LeaderEpoch): Partition | undefined {
    const partition = this.find(topicId, index);
    return partition?.leadership?.epoch === leaderEpoch ? partition : undefined;
  }
}
