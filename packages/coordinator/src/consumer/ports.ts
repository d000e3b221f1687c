/** What a consumer group needs from outside, and what it tells. */
import type { Millis } from '@millrace/base';
import type { ShardPort } from '../runtime/machine.ts';
import type { AssignorName } from './assignors/index.ts';

/** The settings of one group: those of the broker, or those of the group itself where it has its own. */
export interface ConsumerGroupSettings {
  /** `group.consumer.session.timeout.ms` */
  readonly sessionTimeoutMs: Millis;
  /** `group.consumer.heartbeat.interval.ms` */
  readonly heartbeatIntervalMs: Millis;
  /** `group.consumer.assignment.interval.ms`: the least time between two target assignments. */
  readonly assignmentIntervalMs: Millis;
  /** `group.consumer.max.size` */
  readonly maxSize: number;
  /** `group.consumer.assignors`: the first is the default. */
  readonly assignors: readonly AssignorName[];
  /** `group.consumer.regex.refresh.interval.ms` */
  readonly regexRefreshIntervalMs: Millis;
}

export type RebalanceCause =
  | 'member-joined'
  | 'member-left'
  | 'session-expired'
  | 'rebalance-timeout'
  | 'subscription-changed'
  | 'assignor-changed'
  | 'topic-changed'
  | 'regex-changed';

/** The group epoch grew, so the members get a new assignment. */
export interface Rebalance {
  readonly epoch: number;
  readonly cause: RebalanceCause;
  /** The member that caused it; null: no member did. */
  readonly memberId: string | null;
  readonly clientId: string | null;
  readonly clientHost: string | null;
  /** The timeout that the member exceeded. */
  readonly afterMs?: Millis;
}

export interface ConsumerGroupPorts {
  readonly shard: ShardPort;
  settings(): ConsumerGroupSettings;
  /** An id for a member that did not choose one: version 0 of ConsumerGroupHeartbeat allows that. */
  newMemberId(): string;
  /** Called for each growth of the group epoch, when its records are accepted. */
  rebalanced(rebalance: Rebalance): void;
}
