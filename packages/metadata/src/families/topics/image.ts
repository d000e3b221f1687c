/**
 * The part of the metadata image that holds topics and partitions. draft.ts replays the records that change
 * it.
 */
import type { LeaderEpoch, NodeId, Uuid } from '@millrace/base';
import { topicCollisionKey } from '@millrace/protocol';
import { Map as ImmutableMap } from 'immutable';
import type { FailedReplica } from '../../record-table.ts';
import { CarriedOut } from './carried-out.ts';
import { TopicNames } from './names.ts';
import { ReplicaIndex } from './replica-index.ts';

export interface PartitionImage {
  /** The replicas in the order of preference; never empty, no duplicates. */
  readonly replicas: readonly NodeId[];
  /** A subset of `replicas`; never empty. */
  readonly isr: readonly NodeId[];
  /**
   * Eligible leader replicas (KIP-966). Since they left the ISR, nothing was committed: the ISR was below
   * `min.insync.replicas`, or no replica led. So they hold every committed record. Disjoint from the ISR.
   */
  readonly elr: readonly NodeId[];
  /**
   * Replicas that left the ISR at its last shrink and have not rejoined. If the remaining members lose their
   * disks, these replicas hold the most records.
   */
  readonly formerIsr: readonly NodeId[];
  /**
   * Replicas that reported a storage failure and have not been in the ISR since. An entry is valid while its
   * broker still has the broker epoch of the entry.
   */
  readonly failedReplicas: readonly FailedReplica[];
  /** A member of the ISR, or -1: no leader. */
  readonly leader: NodeId;
  /**
   * While the partition has no leader: its last leader, or -1 if unknown. Clients see this as the last known
   * ELR (KIP-966). While the partition has a leader: -1.
   */
  readonly lastKnownLeader: NodeId;
  /** Grows by one with every record that has a `leader`, even if that is -1 or the same leader. */
  readonly leaderEpoch: LeaderEpoch;
  /** Grows by one with every change of the partition. */
  readonly partitionEpoch: number;
}

export interface TopicImage {
  readonly id: Uuid;
  readonly name: string;
  /** The partition with index i is element i. */
  readonly partitions: readonly PartitionImage[];
}

export interface PartitionOfBroker {
  readonly topic: TopicImage;
  readonly index: number;
  readonly partition: PartitionImage;
}

export interface TopicsState {
  readonly byId: ImmutableMap<Uuid, TopicImage>;
  readonly ids: ImmutableMap<string, Uuid>;
  /**
   * Topic names that contain '.' or '_'. The key is the name with each '.' replaced by '_'. Two topics must
   * not have the same key.
   */
  readonly collidableNames: ImmutableMap<string, string>;
  readonly replicas: ReplicaIndex;
  readonly carriedOut: CarriedOut;
}

export class TopicsImage {
  readonly state: TopicsState;
  private readonly sortedNames: TopicNames;

  /** `changedNames`: names of the topics that were added to `previous` or removed from it. */
  constructor(state: TopicsState, previous?: TopicsImage, changedNames?: ReadonlySet<string>) {
    this.state = state;
    this.sortedNames = new TopicNames(state.ids, previous?.sortedNames, changedNames);
  }

  get size(): number {
    return this.state.ids.size;
  }

  /** The names of all topics, sorted by UTF-16 code unit. */
  get names(): readonly string[] {
    return this.sortedNames.all;
  }

  named(name: string): TopicImage | undefined {
    const id = this.state.ids.get(name);
    return id === undefined ? undefined : this.state.byId.get(id);
  }

  get(id: Uuid): TopicImage | undefined {
    return this.state.byId.get(id);
  }

  /**
   * Returns the name of an existing topic that differs from `name` only by '.' and '_'. Metrics could not
   * distinguish two such topics.
   */
  colliding(name: string): string | undefined {
    const known = this.state.collidableNames.get(topicCollisionKey(name));
    return known === name ? undefined : known;
  }

  /** The partitions that have a replica on the broker, by ascending topic id and index. */
  *partitionsOf(broker: NodeId): Generator<PartitionOfBroker> {
    for (const [topicId, indexes] of this.state.replicas.topicsOf(broker)) {
      const topic = this.state.byId.get(topicId)!;
      for (const index of indexes) yield { topic, index, partition: topic.partitions[index]! };
    }
  }

  static readonly EMPTY = new TopicsImage({
    byId: ImmutableMap(),
    ids: ImmutableMap(),
    collidableNames: ImmutableMap(),
    replicas: ReplicaIndex.EMPTY,
    carriedOut: CarriedOut.EMPTY,
  });
}
