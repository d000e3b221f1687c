/** What a consumer group needs from its owner, and the events that it reports to its owner. */
import type { Millis } from '@millrace/base';
import type { ConsumerGroupConfig } from '../config.ts';
import type { ShardPort } from '../runtime/machine.ts';

/** The settings of one group: for each setting, the group's own value, or else the broker's. */
export type ConsumerGroupSettings = ConsumerGroupConfig;

export type RebalanceCause =
  | 'member-joined'
  | 'member-left'
  | 'session-expired'
  /** The member did not give up partitions in time; or a classic member did not join or sync in time. */
  | 'rebalance-timeout'
  | 'subscription-changed'
  | 'assignor-changed'
  | 'topic-changed'
  | 'regex-changed';

/** A rebalance: the group epoch grew, so the members get a new assignment. */
export interface Rebalance {
  readonly epoch: number;
  readonly cause: RebalanceCause;
  /** The member that caused the rebalance; null: no member did. */
  readonly memberId: string | null;
  readonly clientId: string | null;
  readonly clientHost: string | null;
  /** The timeout that the member exceeded. */
  readonly afterMs?: Millis;
}

export interface ConsumerGroupPorts {
  readonly shard: ShardPort;
  settings(): ConsumerGroupSettings;
  /** An id for a member whose request has none (JoinGroup, or version 0 of ConsumerGroupHeartbeat). */
  newMemberId(): string;
  /** Called for each growth of the group epoch, when its records are accepted. */
  rebalanced(rebalance: Rebalance): void;
  /** Without it the group never becomes a classic group. */
  readonly classic?: ClassicPort;
}

/**
 * What a consumer group needs to become a classic group when its last member of the consumer protocol leaves.
 */
export interface ClassicPort {
  /** `group.max.size` */
  maxSize(): number;
  /**
   * Called when the shard has accepted and replayed the records of the change, so the machine has the classic
   * group now. The machine then makes the members of the classic group join again.
   */
  becameClassic(): void;
}
