/**
 * What a partition needs from the broker around it, and what it tells those who wait on it. Interfaces only.
 */
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
  readonly replicaLagTimeMaxMs: Millis;
  readonly logger: Logger;
  /** Of this turn. */
  readonly turnBudget: WorkBudget;
  now(): Millis;
  wallMs(): WallMillis;
  /** At the end of this turn. */
  soon(callback: () => void): void;
  /** Once, in a turn of its own, `delayMs` from now; returns what cancels it. */
  after(delayMs: Millis, callback: () => void): () => void;
  /** Whether the session with the controller still holds, read off the clock at this moment. */
  holdsLease(): boolean;
  /**
   * An acknowledgement was held back for want of a lease: call `leaseRenewed` of the partition when there is
   * one again.
   */
  awaitLease(partition: { leaseRenewed(): void }): void;
  /** The broker is about to stop cleanly: acks=1 waits for the ISR too, which leads from then on. */
  isHandingOver(): boolean;
  /** Registered under exactly this epoch, neither fenced nor shutting down (KIP-903). */
  mayJoinIsr(brokerId: NodeId, brokerEpoch: BrokerEpoch): boolean;
  /** The disk failed under a replica: the whole log directory may have. */
  storageFailed(): void;
  /** Asks the controller; `answered` of the proposal follows, again and again until it is settled. */
  proposeIsr(proposal: IsrProposal): void;
}

/** A change of the ISR on its way to the controller. */
export interface IsrProposal {
  /**
   * `resign`: this broker does not want to be counted on, neither in the ISR nor in the ELR, and not to lead.
   * `storage-failed`: nor can it serve, so this holds even when it is the last one, and the ISR is the
   * controller's to find.
   */
  readonly kind: 'expand' | 'shrink' | 'resign' | 'storage-failed';
  readonly topicId: Uuid;
  readonly partition: number;
  readonly leaderEpoch: LeaderEpoch;
  readonly partitionEpoch: number;
  readonly isr: readonly { readonly brokerId: NodeId; readonly brokerEpoch: BrokerEpoch }[];
  /** False once the partition does not wait for it any more: no use to send it (again). */
  isPending(): boolean;
  /** Returns true when it is settled, false to have it sent again. */
  answered(answer: IsrAnswer): boolean;
}

export interface IsrAnswer {
  readonly errorCode: ErrorCode;
  readonly leaderId: NodeId;
  readonly leaderEpoch: LeaderEpoch;
  readonly isr: readonly NodeId[];
  readonly partitionEpoch: number;
}

/** A parked fetch. */
export interface FetchWaiter {
  /** Waits for the log end rather than for the high watermark. */
  readonly isFollower: boolean;
  /** So many more bytes may be read; Infinity: look again, something else changed. */
  notify(sizeBytes: number): void;
}

/** What the controller decided about a partition. */
export interface PartitionAssignment {
  readonly replicas: readonly NodeId[];
  readonly isr: readonly NodeId[];
  /** Not in the ISR, and may be elected nevertheless. */
  readonly elr: readonly NodeId[];
  /** -1: none. */
  readonly leader: NodeId;
  readonly leaderEpoch: LeaderEpoch;
  readonly partitionEpoch: number;
}

/** Position a follower reports with a fetch. */
export interface FollowerPosition {
  readonly brokerId: NodeId;
  readonly brokerEpoch: BrokerEpoch;
  readonly fetchOffset: Offset;
  readonly logStartOffset: Offset;
}
