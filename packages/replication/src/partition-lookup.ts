/** Finds the hosted partition that a client or a follower names, or the error that says why there is none. */
import type { Uuid } from '@millrace/base';
import type { MetadataImage } from '@millrace/metadata';
import { ErrorCode } from '@millrace/protocol';
import type { Partition } from './partition/partition.ts';
import type { ReplicaTable } from './replica-table.ts';
import type { PartitionError } from './types.ts';

export interface NamedPartition {
  readonly topicId: Uuid;
  readonly topic: string;
  readonly partition: number;
}

export class PartitionLookup {
  private readonly table: ReplicaTable;
  private readonly image: () => MetadataImage;

  /** `image`: the latest published metadata. */
  constructor(table: ReplicaTable, image: () => MetadataImage) {
    this.table = table;
    this.image = image;
  }

  /**
   * `usesTopicIds`: the Fetch names the topic by id (since version 13). Older versions name it by its name.
   */
  find(item: NamedPartition, usesTopicIds: boolean): Partition | PartitionError {
    if (usesTopicIds) {
      const hosted = this.table.get(item.topicId, item.partition);
      if (hosted !== undefined) return hosted;
      if (this.image().topicById(item.topicId) === undefined)
        return { errorCode: ErrorCode.UNKNOWN_TOPIC_ID, currentLeader: undefined };
      return this.findById(item.topicId, item.partition);
    }
    const topic = this.image().topic(item.topic);
    if (topic === undefined)
      return { errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, currentLeader: undefined };
    return this.findById(topic.id, item.partition);
  }

  findById(topicId: Uuid, index: number): Partition | PartitionError {
    const hosted = this.table.get(topicId, index);
    if (hosted !== undefined) return hosted;
    const assignment = this.image().partition(topicId, index);
    if (assignment === undefined)
      return { errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, currentLeader: undefined };
    if (this.table.isBroken(topicId, index))
      return { errorCode: ErrorCode.KAFKA_STORAGE_ERROR, currentLeader: undefined };
    const currentLeader = { leaderId: assignment.leader, leaderEpoch: assignment.leaderEpoch };
    return { errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER, currentLeader };
  }
}
