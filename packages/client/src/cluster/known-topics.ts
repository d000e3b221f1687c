/**
 * What a client knows of topics: ids, partitions, leaders. The client never returns to an older leader epoch
 * of the same topic, because a broker that lags behind answers with old metadata. A deleted topic and a new
 * one can share a name. The client goes back to an earlier topic of the name only after many answers in a row
 * with earlier ids, or when it sent a request with that topic's id.
 */
import type { NodeId, Uuid } from '@millrace/base';
import { ErrorCode, type MetadataResponse } from '@millrace/protocol';

export interface KnownPartition {
  /** -1: the partition has no leader. */
  leaderId: NodeId;
  leaderEpoch: number;
}

export interface KnownTopic {
  readonly name: string;
  readonly topicId: Uuid;
  /** By partition index. */
  readonly partitions: KnownPartition[];
}

type MetadataTopic = MetadataResponse['topics'][number];
type MetadataPartition = MetadataTopic['partitions'][number];

/** The fields that a client reads of a topic in a Metadata answer. */
export interface LearnedTopic extends Pick<MetadataTopic, 'name' | 'topicId' | 'errorCode'> {
  readonly partitions: readonly Pick<MetadataPartition, 'partitionIndex' | 'leaderId' | 'leaderEpoch'>[];
}

/**
 * The client remembers this many ids of earlier topics. The answers of a broker that lags behind have at most
 * a few of these ids.
 */
const EARLIER_MAX = 100;
/**
 * After this many answers in a row with earlier ids of a name, the client believes these answers. It may have
 * met the ids in the wrong order: first the new id, and then the deleted one, from a broker that lagged
 * behind.
 */
const REFUSALS_MAX = 300;

export class KnownTopics {
  private readonly byName = new Map<string, KnownTopic>();
  private readonly byId = new Map<Uuid, KnownTopic>();
  /**
   * The ids of earlier topics, whose names belong to other topics now. The topic that lost its name last
   * comes last.
   */
  private readonly earlier = new Set<Uuid>();
  /** By name: how many answers in a row had an earlier id. */
  private readonly refusals = new Map<string, number>();

  get(name: string): KnownTopic | undefined {
    return this.byName.get(name);
  }

  has(name: string): boolean {
    return this.byName.has(name);
  }

  withId(topicId: Uuid): KnownTopic | undefined {
    return this.byId.get(topicId);
  }

  partition(topic: string, index: number): KnownPartition | undefined {
    return this.byName.get(topic)?.partitions[index];
  }

  /**
   * Takes in one topic of a Metadata answer. Returns false if the topic has an error or a partition without a
   * leader, or if it is an earlier topic of the name. If the name has a new id, the client forgets the topic
   * that had the name before. `isAskedById`: the client asked for this id, because a coordinator named it.
   * The client then believes the id even if it is an earlier one of the name.
   */
  learn({ name, topicId, errorCode, partitions }: LearnedTopic, isAskedById = false): boolean {
    if (name === null) return true;
    if (errorCode !== ErrorCode.NONE) return false;
    if (isAskedById) this.earlier.delete(topicId as Uuid);
    if (this.refuses(name, topicId as Uuid)) return false;
    const known = this.topic(name, topicId as Uuid);
    let isComplete = true;
    for (const { partitionIndex, leaderId, leaderEpoch } of partitions) {
      const before = known.partitions[partitionIndex];
      if (before === undefined) known.partitions[partitionIndex] = { leaderId, leaderEpoch };
      else if (leaderEpoch >= before.leaderEpoch) {
        before.leaderId = leaderId;
        before.leaderEpoch = leaderEpoch;
      }
      if (leaderId < 0) isComplete = false;
    }
    return isComplete;
  }

  /**
   * Notes the leader that an answer names, if its leader epoch is newer (KIP-951). `topicId`: the id in the
   * answer. An answer about an earlier topic of the name, or without an id, does not count. Its leader epoch
   * could be higher than all epochs of the present topic, and the client would then refuse the present ones.
   */
  hint(topicId: Uuid, index: number, leaderId: NodeId, leaderEpoch: number): void {
    const known = this.byId.get(topicId)?.partitions[index];
    if (known === undefined || leaderEpoch <= known.leaderEpoch) return;
    known.leaderId = leaderId;
    known.leaderEpoch = leaderEpoch;
  }

  private topic(name: string, topicId: Uuid): KnownTopic {
    const before = this.byName.get(name);
    if (before?.topicId === topicId) return before;
    if (before !== undefined) this.forget(before);
    const topic: KnownTopic = { name, topicId, partitions: [] };
    this.byName.set(name, topic);
    this.byId.set(topicId, topic);
    return topic;
  }

  /**
   * Returns true for the id of an earlier topic of the name, but false after REFUSALS_MAX answers in a row
   * with such ids.
   */
  private refuses(name: string, topicId: Uuid): boolean {
    const refusals = this.earlier.has(topicId) ? (this.refusals.get(name) ?? 0) + 1 : 0;
    if (refusals > 0 && refusals <= REFUSALS_MAX) {
      this.refusals.set(name, refusals);
      return true;
    }
    this.refusals.delete(name);
    this.earlier.delete(topicId);
    return false;
  }

  private forget({ topicId }: KnownTopic): void {
    this.byId.delete(topicId);
    this.earlier.add(topicId);
    if (this.earlier.size <= EARLIER_MAX) return;
    const [oldest] = this.earlier;
    this.earlier.delete(oldest!);
  }
}
