/** Metadata answers with one topic of one partition, or without topics. */
import type { Uuid } from '@millrace/base';
import type { apis, ResponseInputOf } from '@millrace/protocol';

export type MetadataInput = ResponseInputOf<typeof apis.metadata>;

export const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAQ' as Uuid;
export const OTHER_ID = 'AAAAAAAAAAAAAAAAAAAAAg' as Uuid;

export interface Told {
  readonly leaderId?: number;
  readonly leaderEpoch?: number;
  readonly topicId?: Uuid;
  readonly errorCode?: number;
}

export function topicOf({ leaderId = 4, leaderEpoch = 0, topicId = TOPIC_ID, errorCode = 0 }: Told = {}) {
  const partition = {
    errorCode: 0,
    partitionIndex: 0,
    leaderId,
    leaderEpoch,
    replicaNodes: [],
    isrNodes: [],
  };
  return { errorCode, name: 'events', topicId, isInternal: false, partitions: [partition] };
}

/** Brokers 4, 5 and 6 at ports 4, 5 and 6. */
export function metadataOf(told?: Told): MetadataInput {
  const brokers = [4, 5, 6].map((nodeId) => ({ nodeId, host: `b${nodeId}`, port: nodeId }));
  return { brokers, topics: told === undefined ? [] : [topicOf(told)] } as MetadataInput;
}
