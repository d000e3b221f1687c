/**
 * THE replay: the only place where a metadata record gets its meaning. Leader, standbys and brokers all use
 * it, so it must depend only on the image and the records, in order. A record that does not fit the image is
 * a bug of the controller that wrote it, and ends the node.
 */
import { assert, type NodeId, type Offset, type QuorumEpoch, type Uuid, unreachable } from '@millrace/base';
import { topicCollisionKey } from '@millrace/protocol';
import { Map as ImmutableMap } from 'immutable';
import type { CarriedOut } from './carried-out.ts';
import { MetadataDelta, nothingTouched, type Touched } from './delta.ts';
import {
  type BrokerRegistration,
  type Configs,
  type ImageState,
  MetadataImage,
  type PartitionImage,
} from './image.ts';
import type { FailedReplica } from './record-table.ts';
import type { MetadataRecord, RecordOf } from './records.ts';

export interface RecordBatch {
  /** The offset of the first record. */
  readonly baseOffset: Offset;
  readonly epoch: QuorumEpoch;
  readonly records: readonly MetadataRecord[];
}

/** The image after the batch, and its changes. */
export function applyRecords(
  image: MetadataImage,
  batch: RecordBatch,
): { image: MetadataImage; delta: MetadataDelta } {
  assert(batch.baseOffset > image.offset, 'records are applied once, in order');
  assert(batch.epoch >= image.epoch, 'the quorum epoch never falls along the log');
  const replay = new Replay(image);
  batch.records.forEach((record, index) => {
    replay.apply(record, batch.baseOffset + index);
  });
  const next = replay.finish(batch.baseOffset + batch.records.length - 1, batch.epoch);
  return { image: next, delta: new MetadataDelta(image, next, replay.touched) };
}

/**
 * The replay of one batch: opens the persistent maps for mutation, and copies the partitions once per topic.
 */
class Replay {
  readonly touched: Touched = nothingTouched();
  private readonly previous: MetadataImage;
  private readonly brokers;
  private readonly topicsById;
  private readonly topicIds;
  private readonly collidableNames;
  private readonly topicConfigs;
  private readonly brokerConfigs;
  private nextProducerId: number;
  private carriedOut: CarriedOut;
  /** Partition lists of topics that this batch changes. */
  private readonly drafts = new Map<Uuid, PartitionImage[]>();
  /** Names of topics that were added or removed. */
  private readonly changedNames = new Set<string>();
  /** Topics whose replica sets changed: `finish` renews the index by broker for them. */
  private readonly reindexed = new Set<Uuid>();

  constructor(previous: MetadataImage) {
    const { state } = previous;
    this.previous = previous;
    this.brokers = state.brokers.asMutable();
    this.topicsById = state.topicsById.asMutable();
    this.topicIds = state.topicIds.asMutable();
    this.collidableNames = state.collidableNames.asMutable();
    this.topicConfigs = state.topicConfigs.asMutable();
    this.brokerConfigs = state.brokerConfigs.asMutable();
    this.nextProducerId = state.nextProducerId;
    this.carriedOut = state.carriedOut;
  }

  apply(record: MetadataRecord, offset: Offset): void {
    switch (record.type) {
      case 'registerBroker':
        this.registerBroker(record, offset);
        break;
      case 'unregisterBroker':
        this.unregisterBroker(record);
        break;
      case 'brokerChange':
        this.changeBroker(record);
        break;
      case 'topic':
        this.addTopic(record);
        break;
      case 'partition':
        this.addPartition(record);
        break;
      case 'partitionChange':
        this.changePartition(record);
        break;
      case 'removeTopic':
        this.removeTopic(record);
        break;
      case 'config':
        this.setConfig(record);
        break;
      case 'producerIds':
        assert(record.nextProducerId > this.nextProducerId, 'producer ids are given out once');
        this.nextProducerId = record.nextProducerId;
        break;
      case 'noOp':
        break;
      default:
        unreachable(record);
    }
  }

  finish(offset: Offset, epoch: QuorumEpoch): MetadataImage {
    for (const [topicId, partitions] of this.drafts) {
      const topic = this.topicsById.get(topicId)!;
      assert(partitions.length > 0, 'a topic has partitions');
      this.topicsById.set(topicId, { id: topic.id, name: topic.name, partitions });
    }
    const { state } = this.previous;
    return new MetadataImage(
      {
        offset,
        epoch,
        brokers: closed(this.brokers, state.brokers),
        topicsById: closed(this.topicsById, state.topicsById),
        topicIds: closed(this.topicIds, state.topicIds),
        collidableNames: closed(this.collidableNames, state.collidableNames),
        topicConfigs: closed(this.topicConfigs, state.topicConfigs),
        brokerConfigs: closed(this.brokerConfigs, state.brokerConfigs),
        ...this.reindex(),
        nextProducerId: this.nextProducerId,
        carriedOut: this.carriedOut,
      },
      this.previous,
      this.changedNames,
    );
  }

  private registerBroker(record: RecordOf<'registerBroker'>, offset: Offset): void {
    this.brokers.set(record.brokerId, {
      id: record.brokerId,
      epoch: offset,
      incarnationId: record.incarnationId,
      listeners: record.listeners,
      rack: record.rack,
      logDirs: record.logDirs,
      sessionTimeoutMs: record.sessionTimeoutMs ?? 0,
      fenced: true,
      inControlledShutdown: false,
    });
    this.touched.brokers.add(record.brokerId);
  }

  private unregisterBroker(record: RecordOf<'unregisterBroker'>): void {
    this.registration(record.brokerId, record.brokerEpoch);
    this.brokers.delete(record.brokerId);
    this.touched.brokers.add(record.brokerId);
  }

  private changeBroker(record: RecordOf<'brokerChange'>): void {
    const broker = this.registration(record.brokerId, record.brokerEpoch);
    this.brokers.set(record.brokerId, {
      ...broker,
      fenced: record.fenced ?? broker.fenced,
      inControlledShutdown: record.inControlledShutdown ?? broker.inControlledShutdown,
    });
    this.touched.brokers.add(record.brokerId);
  }

  private registration(id: NodeId, epoch: number): BrokerRegistration {
    const broker = this.brokers.get(id);
    assert(broker !== undefined, 'a registered broker');
    assert(broker.epoch === epoch, 'the current registration of the broker');
    return broker;
  }

  private addTopic(record: RecordOf<'topic'>): void {
    assert(!this.topicIds.has(record.name), 'topic names are unique');
    assert(!this.topicsById.has(record.topicId), 'topic ids are unique');
    this.topicIds.set(record.name, record.topicId);
    this.changedNames.add(record.name);
    this.topicsById.set(record.topicId, { id: record.topicId, name: record.name, partitions: [] });
    this.drafts.set(record.topicId, []);
    if (isCollidable(record.name)) this.collidableNames.set(topicCollisionKey(record.name), record.name);
    this.touched.topics.add(record.topicId);
  }

  private addPartition(record: RecordOf<'partition'>): void {
    const partitions = this.draft(record.topicId);
    assert(record.partition === partitions.length, 'partitions are numbered without gaps');
    const { replicas, isr, leader, leaderEpoch, partitionEpoch } = record;
    const partition = {
      replicas,
      isr,
      elr: [],
      formerIsr: [],
      failedReplicas: [],
      leader,
      lastKnownLeader: -1,
      leaderEpoch,
      partitionEpoch,
    };
    checkPartition(partition);
    partitions.push(partition);
    this.touch(record.topicId, record.partition);
    this.reindexed.add(record.topicId);
    if (record.requestId === undefined) return;
    const { id: topicId, name } = this.topicsById.get(record.topicId)!;
    this.carriedOut = this.carriedOut.withGrown(record.requestId, { name, topicId });
  }

  private changePartition(record: RecordOf<'partitionChange'>): void {
    const partitions = this.draft(record.topicId);
    const before = partitions[record.partition];
    assert(before !== undefined, 'a changed partition exists');
    const isr = record.isr ?? before.isr;
    const left = before.isr.filter((id) => !isr.includes(id));
    const leader = record.leader ?? before.leader;
    const lastLeader = before.leader === -1 ? before.lastKnownLeader : before.leader;
    const partition = {
      replicas: before.replicas,
      isr,
      elr: (record.elr ?? before.elr).filter((id) => !isr.includes(id)),
      failedReplicas: failedAfter(before.failedReplicas, record.failed, isr),
      formerIsr: left.length > 0 ? left : before.formerIsr.filter((id) => !isr.includes(id)),
      leader,
      lastKnownLeader: leader === -1 ? lastLeader : -1,
      leaderEpoch: record.leader === undefined ? before.leaderEpoch : before.leaderEpoch + 1,
      partitionEpoch: before.partitionEpoch + 1,
    };
    checkPartition(partition);
    partitions[record.partition] = partition;
    this.touch(record.topicId, record.partition);
  }

  private removeTopic({ topicId, requestId }: RecordOf<'removeTopic'>): void {
    const topic = this.topicsById.get(topicId);
    assert(topic !== undefined, 'a removed topic exists');
    this.topicsById.delete(topicId);
    this.topicIds.delete(topic.name);
    this.changedNames.add(topic.name);
    if (isCollidable(topic.name)) this.collidableNames.delete(topicCollisionKey(topic.name));
    if (this.topicConfigs.has(topic.name)) {
      this.topicConfigs.delete(topic.name);
      this.touched.topicConfigs.add(topic.name);
    }
    this.drafts.delete(topicId);
    this.touched.partitions.delete(topicId);
    this.touched.topics.add(topicId);
    this.reindexed.add(topicId);
    this.carriedOut = this.carriedOut.withDeleted(requestId, { name: topic.name, topicId });
  }

  private setConfig(record: RecordOf<'config'>): void {
    const ofTopic = record.resourceType === 'topic';
    const all = ofTopic ? this.topicConfigs : this.brokerConfigs;
    const touched = ofTopic ? this.touched.topicConfigs : this.touched.brokerConfigs;
    assert(!ofTopic || this.topicIds.has(record.resourceName), 'a configured topic exists');
    const configs = new Map(all.get(record.resourceName) ?? []);
    if (record.value === undefined) configs.delete(record.name);
    else configs.set(record.name, record.value);
    if (configs.size === 0) all.delete(record.resourceName);
    else all.set(record.resourceName, configs as Configs);
    touched.add(record.resourceName);
  }

  private draft(topicId: Uuid): PartitionImage[] {
    let partitions = this.drafts.get(topicId);
    if (partitions === undefined) {
      const topic = this.topicsById.get(topicId);
      assert(topic !== undefined, 'the topic of a partition exists');
      partitions = [...topic.partitions];
      this.drafts.set(topicId, partitions);
    }
    return partitions;
  }

  private touch(topicId: Uuid, partition: number): void {
    const indexes = this.touched.partitions.get(topicId);
    if (indexes === undefined) this.touched.partitions.set(topicId, new Set([partition]));
    else indexes.add(partition);
  }

  /** Replaces the entries of the topics whose replicas changed in the index by broker. */
  private reindex(): Pick<ImageState, 'replicasByBroker' | 'replicaCounts'> {
    const { replicasByBroker: index, replicaCounts: counts } = this.previous.state;
    if (this.reindexed.size === 0) return { replicasByBroker: index, replicaCounts: counts };
    const grown = new Map<NodeId, number>();
    const grow = (broker: NodeId, by: number) => grown.set(broker, (grown.get(broker) ?? 0) + by);
    const changed = new Map<NodeId, ImmutableMap<Uuid, readonly number[]>>();
    const of = (broker: NodeId): ImmutableMap<Uuid, readonly number[]> => {
      let byTopic = changed.get(broker);
      if (byTopic === undefined) {
        byTopic = (index.get(broker) ?? ImmutableMap<Uuid, readonly number[]>()).asMutable();
        changed.set(broker, byTopic);
      }
      return byTopic;
    };
    for (const topicId of this.reindexed) {
      const before = replicasOfTopic(this.previous.topicById(topicId)?.partitions ?? []);
      const after = replicasOfTopic(this.topicsById.get(topicId)?.partitions ?? []);
      for (const [broker, indexes] of before) {
        grow(broker, -indexes.length);
        if (!after.has(broker)) of(broker).delete(topicId);
      }
      for (const [broker, indexes] of after) {
        grow(broker, indexes.length);
        of(broker).set(topicId, indexes);
      }
    }
    return {
      replicasByBroker: index.withMutations((next) => {
        for (const [broker, byTopic] of changed) {
          if (byTopic.size === 0) next.delete(broker);
          else next.set(broker, byTopic.asImmutable());
        }
      }),
      replicaCounts: counts.withMutations((next) => {
        for (const [broker, by] of grown) next.set(broker, (next.get(broker) ?? 0) + by);
      }),
    };
  }
}

/** The original map if nothing changed, so that images can be compared by identity. */
function closed<K, V>(draft: ImmutableMap<K, V>, original: ImmutableMap<K, V>): ImmutableMap<K, V> {
  return draft.wasAltered() ? draft.asImmutable() : original;
}

function isCollidable(name: string): boolean {
  return name.includes('.') || name.includes('_');
}

function replicasOfTopic(partitions: readonly PartitionImage[]): Map<NodeId, number[]> {
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

function checkPartition(partition: PartitionImage): void {
  assert(partition.replicas.length > 0, 'a partition has replicas');
  assert(partition.isr.length > 0, 'an ISR is never empty');
  assert(
    partition.isr.every((id) => partition.replicas.includes(id)),
    'the ISR is a part of the replicas',
  );
  assert(
    partition.elr.every((id) => partition.replicas.includes(id)),
    'eligible leader replicas are replicas',
  );
  assert(
    partition.leader === -1 || partition.isr.includes(partition.leader),
    'the leader is a member of the ISR',
  );
}

/** Keeps failed replicas that are not in the ISR: a replica in the ISR works. */
function failedAfter(
  before: readonly FailedReplica[],
  failed: FailedReplica | undefined,
  isr: readonly NodeId[],
): readonly FailedReplica[] {
  const kept = before.filter(({ brokerId }) => brokerId !== failed?.brokerId);
  return (failed === undefined ? kept : [...kept, failed]).filter(({ brokerId }) => !isr.includes(brokerId));
}
