/**
 * The committed offsets of a shard in memory: by group, topic and partition. A shard may have millions of
 * offsets. To save memory, an offset is one small object, the offsets of a topic are one array (by ascending
 * partition), and equal topic names are one string. The table makes no decisions: committed-offsets.ts
 * decides, and replays records into the table.
 */
import type { LeaderEpoch, Offset, Uuid, WallMillis } from '@millrace/base';
import type { WriteNumber } from '../runtime/machine.ts';
import type { OffsetValue } from './offset-record.ts';

/** One committed offset. Once the shard has loaded, it never changes: the next commit replaces it. */
export interface CommittedOffset {
  readonly partition: number;
  readonly offset: Offset;
  readonly leaderEpoch: LeaderEpoch;
  readonly metadata: string;
  readonly commitTimestamp: WallMillis;
  /** The time when an explicit retention time ends; -1: the broker's retention counts. */
  readonly expireTimestamp: WallMillis;
  /** ZERO_UUID if the record has no topic id: it has version 1, or an old broker wrote it. */
  readonly topicId: Uuid;
}

class StoredOffset implements CommittedOffset {
  readonly partition: number;
  offset: Offset;
  leaderEpoch: LeaderEpoch;
  metadata: string;
  commitTimestamp: WallMillis;
  expireTimestamp: WallMillis;
  topicId: Uuid;

  constructor(partition: number, value: OffsetValue, topicId: Uuid) {
    this.partition = partition;
    this.offset = value.offset;
    this.leaderEpoch = value.leaderEpoch;
    this.metadata = value.metadata;
    this.commitTimestamp = value.commitTimestamp;
    this.expireTimestamp = value.expireTimestamp;
    this.topicId = topicId;
  }

  become(value: OffsetValue, topicId: Uuid): void {
    this.offset = value.offset;
    this.leaderEpoch = value.leaderEpoch;
    this.metadata = value.metadata;
    this.commitTimestamp = value.commitTimestamp;
    this.expireTimestamp = value.expireTimestamp;
    this.topicId = topicId;
  }
}

/** The offsets of one topic, by ascending partition. Readers must not keep the array beyond this turn. */
export type TopicOffsets = readonly CommittedOffset[];

/** The offsets of one group; it has at least one. */
export interface GroupOffsets {
  readonly topics: ReadonlyMap<string, TopicOffsets>;
  readonly size: number;
  /** The last decision that changed an offset of the group; 0: none since the shard loaded. */
  lastWrite: WriteNumber;
}

interface MutableGroup extends GroupOffsets {
  readonly topics: Map<string, StoredOffset[]>;
  size: number;
}

/** A topic that has offsets of at least one group. */
interface KnownTopic {
  readonly name: string;
  /** The topic id of the last offset that was added. Offsets with the same id share this string. */
  id: Uuid;
  groups: number;
}

export class OffsetTable {
  private readonly byGroup = new Map<string, MutableGroup>();
  private readonly topics = new Map<string, KnownTopic>();
  private count = 0;
  private isLoading = true;

  /**
   * Call it when the shard has loaded. Until then nobody may keep an offset of the table, so a later record
   * changes the object of an earlier one. This saves most of the garbage of a load: a log has many commits of
   * each partition.
   */
  loaded(): void {
    this.isLoading = false;
  }

  /** Number of offsets. */
  get size(): number {
    return this.count;
  }

  /** The groups with offsets, in the order of their first commits. Removals during the iteration are safe. */
  groups(): MapIterator<[string, GroupOffsets]> {
    return this.byGroup.entries();
  }

  group(group: string): GroupOffsets | undefined {
    return this.byGroup.get(group);
  }

  get(group: string, topic: string, partition: number): CommittedOffset | undefined {
    const offsets = this.byGroup.get(group)?.topics.get(topic);
    return offsets === undefined ? undefined : find(offsets, partition);
  }

  /** True if any group has an offset of the topic. */
  hasTopic(topic: string): boolean {
    return this.topics.has(topic);
  }

  put(group: string, topic: string, partition: number, value: OffsetValue): void {
    let offsets = this.byGroup.get(group);
    if (offsets === undefined) {
      offsets = { topics: new Map(), size: 0, lastWrite: 0 };
      this.byGroup.set(group, offsets);
    }
    let known = this.topics.get(topic);
    if (known === undefined) {
      known = { name: topic, id: value.topicId, groups: 0 };
      this.topics.set(topic, known);
    }
    if (known.id !== value.topicId) known.id = value.topicId;
    const ofTopic = offsets.topics.get(topic);
    if (ofTopic === undefined) {
      offsets.topics.set(known.name, [new StoredOffset(partition, value, known.id)]);
      known.groups++;
    } else {
      const at = position(ofTopic, partition);
      const present = ofTopic[at];
      if (present?.partition === partition) {
        if (this.isLoading) present.become(value, known.id);
        else ofTopic[at] = new StoredOffset(partition, value, known.id);
        return;
      }
      const offset = new StoredOffset(partition, value, known.id);
      if (at === ofTopic.length) ofTopic.push(offset);
      else ofTopic.splice(at, 0, offset);
    }
    offsets.size++;
    this.count++;
  }

  remove(group: string, topic: string, partition: number): void {
    const offsets = this.byGroup.get(group);
    const ofTopic = offsets?.topics.get(topic);
    if (offsets === undefined || ofTopic === undefined) return;
    const at = position(ofTopic, partition);
    if (ofTopic[at]?.partition !== partition) return;
    ofTopic.splice(at, 1);
    offsets.size--;
    this.count--;
    if (ofTopic.length > 0) return;
    offsets.topics.delete(topic);
    if (offsets.size === 0) this.byGroup.delete(group);
    const known = this.topics.get(topic)!;
    known.groups--;
    if (known.groups === 0) this.topics.delete(topic);
  }
}

function find(offsets: TopicOffsets, partition: number): CommittedOffset | undefined {
  const found = offsets[position(offsets, partition)];
  return found?.partition === partition ? found : undefined;
}

/** The position of the first offset whose partition is at least `partition`. */
function position(offsets: TopicOffsets, partition: number): number {
  // Mostly a group has offsets of all partitions of a topic. Then the partition number is the position in the
  // array.
  if (offsets[partition]?.partition === partition) return partition;
  let low = 0;
  let high = offsets.length;
  // Commits and replays mostly go by ascending partition.
  if (high > 0 && offsets[high - 1]!.partition < partition) return high;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (offsets[middle]!.partition < partition) low = middle + 1;
    else high = middle;
  }
  return low;
}
