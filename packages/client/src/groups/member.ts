/** The interface between a member of a group and its owner. It is the same for both group protocols. */
import type { Clock, Millis } from '@millrace/base';
import type { ClusterView } from '../cluster/cluster-view.ts';
import type { GroupCoordinator } from './group-coordinator.ts';
import type { MemberIdentity } from './offset-requests.ts';
import type { AssignedPartition, TopicPartition } from './topic-partitions.ts';

export interface MemberEvents {
  /** The member owns these partitions from now on, in addition to those that it owns. */
  assigned(partitions: readonly AssignedPartition[]): void;
  /**
   * The member must give up these partitions. The owner stops reading them, commits, and calls `done` once.
   * The group waits for this at most for the rebalance timeout.
   */
  revoking(partitions: readonly TopicPartition[], done: () => void): void;
  /**
   * Other members may own these partitions already, because the group continues without this member. The
   * owner stops reading them at once, and does not commit, because a commit would fail.
   */
  lost(partitions: readonly TopicPartition[]): void;
  /**
   * The member has stopped, because no retry would succeed. `error`: Kafka's name of the error, and the
   * broker's message.
   */
  failed(error: string): void;
  /** Called with each error code in an answer. */
  answered?(code: number): void;
}

export interface MemberOptions {
  readonly clock: Clock;
  readonly cluster: Pick<ClusterView, 'topics' | 'refresh'>;
  readonly coordinator: GroupCoordinator;
  readonly groupId: string;
  /** `group.instance.id`: a static member (KIP-345). Null: a dynamic one. */
  readonly instanceId: string | null;
  /** How long the group waits for a member that must give up partitions. */
  readonly rebalanceTimeoutMs: Millis;
  readonly events: MemberEvents;
}

/**
 * The identity for the next attempt of a commit. Undefined: the membership under which the commit began has
 * ended, so another member may read the partitions.
 */
export type Committer = () => MemberIdentity | undefined;

export interface GroupMember {
  /** The member's id and epoch for its next request. */
  readonly identity: MemberIdentity;
  /** For a commit that begins now: a function that returns the member's identity for each attempt. */
  committer(): Committer;
  /** The partitions that the member owns. */
  readonly owned: readonly TopicPartition[];
  /** The names and ids of topics whose metadata the member needs, besides those that the owner reads. */
  readonly neededTopics: { readonly names: readonly string[]; readonly ids: readonly string[] };
  start(): void;
  /** Call it when metadata arrived. */
  clusterChanged(): void;
  /**
   * Leaves the group, and calls `done` when the coordinator has answered or cannot be reached. The owner
   * commits before it calls this. No event follows.
   */
  leave(done: () => void): void;
}
