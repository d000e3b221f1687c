/**
 * The partitions of each broker. With this index, fencing a broker visits only that broker's partitions, and
 * the placement of a new topic reads each broker's number of replicas without visiting all topics.
 */
import type { NodeId, Uuid } from '@millrace/base';
import { Map as ImmutableMap } from 'immutable';
import type { PartitionImage } from './image.ts';

type IndexesByTopic = ImmutableMap<Uuid, readonly number[]>;

/** A topic whose replicas changed. `before` is empty for a new topic; `after` is empty for a deleted one. */
export interface ChangedReplicas {
  readonly topicId: Uuid;
  readonly before: readonly PartitionImage[];
  readonly after: readonly PartitionImage[];
}

export class ReplicaIndex {
  static readonly EMPTY = new ReplicaIndex(ImmutableMap(), ImmutableMap());
  /** Broker → topic → indexes of the partitions with a replica on the broker, ascending. */
  readonly byBroker: ImmutableMap<NodeId, IndexesByTopic>;
  /** Broker → number of its replicas. */
  private readonly counts: ImmutableMap<NodeId, number>;

  private constructor(byBroker: ImmutableMap<NodeId, IndexesByTopic>, counts: ImmutableMap<NodeId, number>) {
    this.byBroker = byBroker;
    this.counts = counts;
  }

  /** Brokers with a replica, by ascending id. */
  brokers(): NodeId[] {
    return [...this.byBroker.keys()].sort((a, b) => a - b);
  }

  count(broker: NodeId): number {
    return this.counts.get(broker) ?? 0;
  }

  /**
   * The topics that have a replica on the broker, by ascending id. Each comes with the indexes of its
   * partitions on the broker, ascending.
   */
  *topicsOf(broker: NodeId): Generator<readonly [topicId: Uuid, indexes: readonly number[]]> {
    const byTopic = this.byBroker.get(broker);
    if (byTopic === undefined) return;
    for (const topicId of [...byTopic.keys()].sort()) yield [topicId, byTopic.get(topicId)!];
  }

  /**
   * Returns an index with new entries for these topics. Copies the map of each broker only once for all
   * topics.
   */
  with(topics: Iterable<ChangedReplicas>): ReplicaIndex {
    const grown = new Map<NodeId, number>();
    const grow = (broker: NodeId, by: number) => grown.set(broker, (grown.get(broker) ?? 0) + by);
    const changed = new Map<NodeId, IndexesByTopic>();
    const of = (broker: NodeId): IndexesByTopic => {
      let byTopic = changed.get(broker);
      if (byTopic === undefined) {
        byTopic = (this.byBroker.get(broker) ?? ImmutableMap<Uuid, readonly number[]>()).asMutable();
        changed.set(broker, byTopic);
      }
      return byTopic;
    };
    for (const { topicId, before, after } of topics) {
      const now = replicasByBroker(after);
      for (const [broker, indexes] of replicasByBroker(before)) {
        grow(broker, -indexes.length);
        if (!now.has(broker)) of(broker).delete(topicId);
      }
      for (const [broker, indexes] of now) {
        grow(broker, indexes.length);
        of(broker).set(topicId, indexes);
      }
    }
    const byBroker = this.byBroker.withMutations((next) => {
      for (const [broker, byTopic] of changed) {
        if (byTopic.size === 0) next.delete(broker);
        else next.set(broker, byTopic.asImmutable());
      }
    });
    const counts = this.counts.withMutations((next) => {
      for (const [broker, by] of grown) {
        const count = (next.get(broker) ?? 0) + by;
        if (count === 0) next.delete(broker);
        else next.set(broker, count);
      }
    });
    return new ReplicaIndex(byBroker, counts);
  }
}

function replicasByBroker(partitions: readonly PartitionImage[]): Map<NodeId, number[]> {
  const byBroker = new Map<NodeId, number[]>();
  partitions.forEach((partition, index) => {
    for (const replica of partition.replicas) {
      const indexes = byBroker.get(replica);
      if (indexes === undefined) byBroker.set(replica, [index]);
      else indexes.push(index);
    }
  });
  return byBroker;
}
