/**
 * The interface of an assignor. The leader of a classic group uses an assignor to assign partitions to the
 * members. KIP-429 describes cooperative assignors.
 */
import type { TopicPartition, TopicPartitions } from '../topic-partitions.ts';

export interface SubscribedMember {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly topics: readonly string[];
  readonly owned: readonly TopicPartitions[];
  /** The generation in which the member got `owned`; -1: not known. */
  readonly generation: number;
}

/** The number of partitions of each topic that exists. */
export type PartitionCounts = ReadonlyMap<string, number>;

/** The partitions of each member, by member id. Every member has an entry. */
export type Assignments = Map<string, TopicPartition[]>;

export interface Assignor {
  /** The name in JoinGroup. All members of a group must have one in common. */
  readonly name: 'range' | 'cooperative-sticky';
  /**
   * True: a member keeps its partitions while the group rebalances, and gives up only the partitions that
   * move. False: a member first gives up all of its partitions.
   */
  readonly isCooperative: boolean;
  /** Returns the user data for the member's subscription; null: this assignor has none. */
  userData(generation: number): Uint8Array | null;
  /** Reads the generation from the user data of a subscription that has no generation field; -1: none. */
  generationIn(userData: Uint8Array | null): number;
  assign(members: readonly SubscribedMember[], partitions: PartitionCounts): Assignments;
}

/** Static members first, in the order of their instance ids; then the others in the order of member ids. */
export function inOrder<M extends Pick<SubscribedMember, 'memberId' | 'instanceId'>>(
  members: readonly M[],
): M[] {
  const keyOf = ({ memberId, instanceId }: M) => (instanceId === null ? `1${memberId}` : `0${instanceId}`);
  return [...members].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}
