/**
 * Replays the records that change topics and partitions. Copies the partitions of a topic once for all
 * records of the batch.
 */
import { assert, type NodeId, type Uuid } from '@millrace/base';
import { topicCollisionKey } from '@millrace/protocol';
import type { ReplayFunctions } from '../../draft.ts';
import { MapDraft } from '../../map-draft.ts';
import type { FailedReplica } from '../../record-table.ts';
import type { RecordOf } from '../../records.ts';
import type { CarriedOut } from './carried-out.ts';
import { TopicsChanges } from './changes.ts';
import { type PartitionImage, type TopicImage, TopicsImage } from './image.ts';
import type { ChangedReplicas, ReplicaIndex } from './replica-index.ts';

export class TopicsDraft {
  readonly changes = new TopicsChanges();
  private readonly previous: TopicsImage;
  private readonly byId: MapDraft<Uuid, TopicImage>;
  private readonly ids: MapDraft<string, Uuid>;
  private readonly collidableNames: MapDraft<string, string>;
  private carriedOut: CarriedOut;
  /** Partition lists of topics that this batch changes. */
  private readonly partitions = new Map<Uuid, PartitionImage[]>();
  /** Names of topics that were added or removed. */
  private readonly changedNames = new Set<string>();
  /** Topics whose replicas changed: `close` renews their entries in the replica index. */
  private readonly reindexed = new Set<Uuid>();

  constructor(previous: TopicsImage) {
    const { state } = previous;
    this.previous = previous;
    this.byId = new MapDraft(state.byId);
    this.ids = new MapDraft(state.ids);
    this.collidableNames = new MapDraft(state.collidableNames);
    this.carriedOut = state.carriedOut;
  }

  close(): TopicsImage {
    const { carriedOut } = this.previous.state;
    if (this.changes.isEmpty && this.carriedOut === carriedOut) return this.previous;
    for (const [topicId, partitions] of this.partitions) {
      const { id, name } = this.byId.get(topicId)!;
      assert(partitions.length > 0, 'a topic has partitions');
      this.byId.set(topicId, { id, name, partitions });
    }
    const state = {
      byId: this.byId.close(),
      ids: this.ids.close(),
      collidableNames: this.collidableNames.close(),
      replicas: this.reindex(),
      carriedOut: this.carriedOut,
    };
    return new TopicsImage(state, this.previous, this.changedNames);
  }

  hasName(name: string): boolean {
    return this.ids.has(name);
  }

  addTopic({ name, topicId }: RecordOf<'topic'>): void {
    assert(!this.ids.has(name), 'topic names are unique');
    assert(!this.byId.has(topicId), 'topic ids are unique');
    this.ids.set(name, topicId);
    this.changedNames.add(name);
    this.byId.set(topicId, { id: topicId, name, partitions: [] });
    this.partitions.set(topicId, []);
    if (isCollidable(name)) this.collidableNames.set(topicCollisionKey(name), name);
    this.changes.topics.add(topicId);
  }

  addPartition(record: RecordOf<'partition'>): void {
    const partitions = this.partitionsOf(record.topicId);
    assert(record.partition === partitions.length, 'partitions are numbered without gaps');
    const { replicas, isr, leader, leaderEpoch, partitionEpoch } = record;
    const partition = {
      replicas,
      isr,
      elr: record.elr ?? [],
      formerIsr: record.formerIsr ?? [],
      failedReplicas: record.failedReplicas ?? [],
      leader,
      lastKnownLeader: record.lastKnownLeader ?? -1,
      leaderEpoch,
      partitionEpoch,
    };
    checkPartition(partition);
    partitions.push(partition);
    this.changes.partitionChanged(record.topicId, record.partition);
    this.reindexed.add(record.topicId);
    if (record.requestId === undefined) return;
    const { id: topicId, name } = this.byId.get(record.topicId)!;
    this.carriedOut = this.carriedOut.withGrown(record.requestId, { name, topicId });
  }

  changePartition(record: RecordOf<'partitionChange'>): void {
    const partitions = this.partitionsOf(record.topicId);
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
      formerIsr: left.length > 0 ? left : before.formerIsr.filter((id) => !isr.includes(id)),
      failedReplicas: failedAfter(before.failedReplicas, record.failed, isr),
      leader,
      lastKnownLeader: leader === -1 ? lastLeader : -1,
      leaderEpoch: record.leader === undefined ? before.leaderEpoch : before.leaderEpoch + 1,
      partitionEpoch: before.partitionEpoch + 1,
    };
    checkPartition(partition);
    partitions[record.partition] = partition;
    this.changes.partitionChanged(record.topicId, record.partition);
  }

  /** Removes the topic. Returns its name. */
  removeTopic({ topicId, requestId }: RecordOf<'removeTopic'>): string {
    const topic = this.byId.get(topicId);
    assert(topic !== undefined, 'a removed topic exists');
    const { name } = topic;
    this.byId.delete(topicId);
    this.ids.delete(name);
    this.changedNames.add(name);
    if (isCollidable(name)) this.collidableNames.delete(topicCollisionKey(name));
    this.partitions.delete(topicId);
    this.changes.topicRemoved(topicId);
    this.reindexed.add(topicId);
    this.carriedOut = this.carriedOut.withDeleted(requestId, { name, topicId });
    return name;
  }

  configsAltered(record: RecordOf<'alterConfigs'>): void {
    this.carriedOut = this.carriedOut.withAltered(record.requestId, record);
  }

  remember(record: RecordOf<'carriedOut'>): void {
    this.carriedOut = this.carriedOut.withRecorded(record);
  }

  private partitionsOf(topicId: Uuid): PartitionImage[] {
    let partitions = this.partitions.get(topicId);
    if (partitions === undefined) {
      const topic = this.byId.get(topicId);
      assert(topic !== undefined, 'the topic of a partition exists');
      partitions = [...topic.partitions];
      this.partitions.set(topicId, partitions);
    }
    return partitions;
  }

  private reindex(): ReplicaIndex {
    const { replicas } = this.previous.state;
    if (this.reindexed.size === 0) return replicas;
    const changed: ChangedReplicas[] = [];
    for (const topicId of this.reindexed) {
      const before = this.previous.get(topicId)?.partitions ?? [];
      changed.push({ topicId, before, after: this.byId.get(topicId)?.partitions ?? [] });
    }
    return replicas.with(changed);
  }
}

export const replayTopics: ReplayFunctions<
  'topic' | 'partition' | 'partitionChange' | 'removeTopic' | 'carriedOut'
> = {
  topic: ({ topics }, record) => topics.addTopic(record),
  partition: ({ topics }, record) => topics.addPartition(record),
  partitionChange: ({ topics }, record) => topics.changePartition(record),
  removeTopic: ({ topics, configs }, record) => configs.topicRemoved(topics.removeTopic(record)),
  carriedOut: ({ topics }, record) => topics.remember(record),
};

function isCollidable(name: string): boolean {
  return name.includes('.') || name.includes('_');
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

/**
 * The failed replicas after a change. Drops the members of the ISR, because a replica in the ISR works again.
 */
function failedAfter(
  before: readonly FailedReplica[],
  failed: FailedReplica | undefined,
  isr: readonly NodeId[],
): readonly FailedReplica[] {
  const kept = before.filter(({ brokerId }) => brokerId !== failed?.brokerId);
  return (failed === undefined ? kept : [...kept, failed]).filter(({ brokerId }) => !isr.includes(brokerId));
}
