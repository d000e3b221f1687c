/** The interfaces between a partition, its broker, and the requests that wait for the partition. */
import type {
  BrokerEpoch,
  LeaderEpoch,
  Logger,
  Millis,
  NodeId,
  Offset,
  Uuid,
  WallMillis,
} from '@millrace/base';
import type { ErrorCode, WorkBudget } from '@millrace/protocol';

export interface PartitionPorts {
  readonly brokerId: NodeId;
  readonly counters: PartitionCounters;
  readonly leaderships: LeadershipSink;
  readonly replicaLagTimeMaxMs: Millis;
  readonly logger: Logger;
  /** The room for records on the disk. */
  readonly room: Room;
  /** The work that may still be done in this turn of the event loop. */
  readonly turnBudget: WorkBudget;
  now(): Millis;
  wallMs(): WallMillis;
  /** Calls back once, at the end of this turn. */
  soon(callback: () => void): void;
  /** Calls back once, in a later turn, after `delayMs`. Returns a function that cancels it. */
  after(delayMs: Millis, callback: () => void): () => void;
  /** Whether the lease from the controller still holds, by the clock at this moment. */
  holdsLease(): boolean;
  /**
   * Called when an acknowledgement waits because the broker has no lease. The broker calls `leaseRenewed`
   * when it has one again.
   */
  awaitLease(partition: { leaseRenewed(): void }): void;
  /**
   * True if the broker is about to stop cleanly. Then acks=1 waits for the ISR too, because another member
   * will lead.
   */
  isInControlledShutdown(): boolean;
  /**
   * Whether the broker is registered under exactly this epoch, and is neither fenced nor shutting down
   * (KIP-903).
   */
  mayJoinIsr(brokerId: NodeId, brokerEpoch: BrokerEpoch): boolean;
  /** Whether the broker is registered and not fenced. */
  isAlive(brokerId: NodeId): boolean;
  /** Reports that a replica's disk failed or its log is corrupt. The whole log directory may have failed. */
  storageFailed(): void;
  /**
   * Sends the proposal to the controller. Calls `answered` when the controller answers for this partition.
   * Retries until the proposal is settled, or no longer pending.
   */
  proposeIsr(proposal: IsrProposal): void;
}

export interface Room {
  /** Why this broker writes no records of clients now (`min.free.bytes`); undefined: there is room. */
  readonly shortage: string | undefined;
  /** Why this broker writes no records of coordinators either; undefined: there is room for them. */
  readonly coordinatorShortage: string | undefined;
  /** Called after each append. */
  used(sizeBytes: number): void;
  /** Called when an append failed without damage, because the disk may be full. */
  appendFailed(): void;
}

/** Gets the beginning and the end of each leadership of this broker, in the order of these events. */
export interface LeadershipSink {
  began(partition: PartitionName, epoch: LeaderEpoch): void;
  ended(partition: PartitionName, epoch: LeaderEpoch): void;
}

export interface PartitionName {
  readonly topicId: Uuid;
  readonly topic: string;
  readonly index: number;
}

/** Counts events of all partitions together. */
export interface PartitionCounters {
  appended(role: 'leader' | 'follower', sizeBytes: number): void;
  becameLeader(): void;
  /**
   * Called when the controller's answer or the metadata has an ISR for this broker's present leadership of a
   * partition. `from` and `to` may be equal.
   */
  isrChanged(from: readonly NodeId[], to: readonly NodeId[]): void;
}

/** A change of the ISR on its way to the controller. */
export interface IsrProposal {
  /**
   * `resign`: this broker asks to leave ISR and ELR, and not to lead. `storage-failed`: the replica cannot
   * serve at all. It asks to leave even as the last member, and the controller chooses the ISR.
   */
  readonly kind: 'expand' | 'shrink' | 'resign' | 'storage-failed';
  readonly topicId: Uuid;
  readonly partition: number;
  readonly leaderEpoch: LeaderEpoch;
  readonly partitionEpoch: number;
  readonly isr: readonly { readonly brokerId: NodeId; readonly brokerEpoch: BrokerEpoch }[];
  /**
   * False once the partition no longer waits for the proposal. Then the broker neither sends nor repeats it.
   */
  isPending(): boolean;
  /** Returns true when the proposal is settled, false to send it again. */
  answered(answer: IsrAnswer): boolean;
}

export interface IsrAnswer {
  readonly errorCode: ErrorCode;
  readonly leaderId: NodeId;
  readonly leaderEpoch: LeaderEpoch;
  readonly isr: readonly NodeId[];
  readonly partitionEpoch: number;
}

/** Waits for new records of a partition: a parked fetch, or one partition of a fetch session. */
export interface FetchWaiter {
  /** True for a follower, which waits for the log end. A consumer waits for the high watermark. */
  readonly isFollower: boolean;
  /**
   * `sizeBytes` more bytes are readable. Infinity: the size is unknown, or something else changed, so the
   * fetch must read again.
   */
  notify(sizeBytes: number): void;
  /**
   * Something changed that the reader's next answer must contain. This alone is no reason to answer a parked
   * fetch now.
   */
  touch(): void;
}

/** The controller's decision about a partition. */
export interface PartitionAssignment {
  readonly replicas: readonly NodeId[];
  readonly isr: readonly NodeId[];
  /** Eligible leader replicas. They are not in the ISR, but the controller may elect them. */
  readonly elr: readonly NodeId[];
  /** The leader; -1: none. */
  readonly leader: NodeId;
  readonly leaderEpoch: LeaderEpoch;
  readonly partitionEpoch: number;
}

/** The state of its log that a follower reports with a fetch. */
export interface FollowerFetchState {
  readonly brokerId: NodeId;
  readonly brokerEpoch: BrokerEpoch;
  readonly fetchOffset: Offset;
  readonly logStartOffset: Offset;
}
