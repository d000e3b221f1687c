/**
 * The events that a classic group reports to its group machine (groups/group-machine.ts). The machine uses
 * them for log events, for metrics, and for the history of rebalances.
 */
import type { Millis } from '@millrace/base';

/** Why a rebalance began. */
export type RebalanceCause =
  | 'member-joined'
  | 'member-left'
  | 'session-expired'
  /** A member joined again with other protocols or other metadata. */
  | 'metadata-changed'
  /** The leader of a stable group joined again, for example because the partitions of a topic changed. */
  | 'leader-rejoined'
  /** A static member came back with a new member id. */
  | 'static-member-replaced'
  /** A member did not send SyncGroup within the rebalance timeout. */
  | 'sync-timeout'
  /** The leader's assignments do not fit into a batch of the log. */
  | 'assignment-not-stored'
  /** The loaded group has more members than `group.max.size`. */
  | 'group-too-large'
  /** The group was a consumer group (KIP-848) before. */
  | 'became-classic'
  /** The loaded group was in a rebalance that its record tells of. */
  | 'rebalance-unfinished';

/** Why the group removed a member. */
export type RemovalCause =
  | 'member-left'
  | 'session-expired'
  /** The member did not join again within the rebalance timeout. */
  | 'rebalance-timeout'
  | 'sync-timeout'
  /** When the member joined, `group.max.size` other members had already joined. */
  | 'group-too-large';

/** The member that an event is about; empty strings if the event is about no member. */
export interface EventMember {
  readonly memberId: string;
  readonly clientId: string;
  readonly clientHost: string;
}

interface Event extends EventMember {
  /** The reason that the client gave. */
  readonly reason?: string;
  /** The timeout that ran out, if there was one. For `rebalance-timeout`: how long the join phase took. */
  readonly afterMs?: Millis;
}

export interface RebalanceEvent extends Event {
  /** The generation that ends. */
  readonly generation: number;
  readonly cause: RebalanceCause;
}

export interface RemovalEvent extends Event {
  readonly generation: number;
  readonly cause: RemovalCause;
}

export interface GenerationEvent {
  readonly generation: number;
  /** 0: the group is empty. */
  readonly members: number;
  readonly protocolName: string | null;
  readonly leaderId: string | null;
  /** Time since the rebalance began. */
  readonly afterMs: Millis;
}

/** The receivers of the events. The group calls them while it decides, so they must not call the group. */
export interface ClassicGroupEvents {
  /** A rebalance begins. */
  rebalanced(event: RebalanceEvent): void;
  memberRemoved(event: RemovalEvent): void;
  /** The join phase is over: a generation begins. */
  generationBegan(event: GenerationEvent): void;
  /** The group has written the leader's assignments, and is stable. The record may not be committed yet. */
  stabilized(event: GenerationEvent): void;
}
