/** The requests that commit and fetch offsets, and their answers, in every version that a broker may have. */
import type { Uuid } from '@millrace/base';
import {
  type apis,
  ErrorCode,
  type OffsetCommitResponse,
  type OffsetFetchResponse,
  type RequestInputOf,
} from '@millrace/protocol';
import type { BrokerConnection } from '../connection/broker-connection.ts';
import { byTopic, type TopicPartition } from './topic-partitions.ts';

/** The member that commits or fetches. An administrator, or a consumer without a group, uses `NO_MEMBER`. */
export interface MemberIdentity {
  readonly memberId: string;
  /** The generation, or the member epoch (KIP-848); -1: none. */
  readonly epoch: number;
  readonly instanceId: string | null;
}

export const NO_MEMBER: MemberIdentity = { memberId: '', epoch: -1, instanceId: null };

export interface CommittedOffset extends TopicPartition {
  /** The id of the topic. Undefined: the offset belongs to the topic that is named `topic` now. */
  readonly topicId?: Uuid | undefined;
  /** The offset of the next record to read. */
  readonly offset: number;
  /** The leader epoch of the last record before that record; -1: not known. */
  readonly leaderEpoch: number;
  readonly metadata: string;
}

/** The id of a topic, if the client knows it. */
export type TopicIds = (topic: string) => Uuid | undefined;

/** From this version on, requests name topics by id. */
export const IDS_FROM_VERSION = 10;
const MANY_GROUPS_FROM_VERSION = 8;
const NONE = -1;

/**
 * The newest usable version that client and broker have. A version with topic ids needs the ids of all
 * topics. If the client does not know them all, the result is at most the last version with names. Ids
 * protect a topic from the offsets of a deleted topic that had the same name.
 */
export function offsetVersion(
  connection: BrokerConnection,
  api: typeof apis.offsetCommit | typeof apis.offsetFetch,
  topics: readonly string[] | null,
  ids: TopicIds,
): number | undefined {
  const newest = connection.versions?.newest(api);
  if (newest === undefined || newest < IDS_FROM_VERSION) return newest;
  const knowsIds = topics?.every((topic) => ids(topic) !== undefined) === true;
  return knowsIds ? newest : IDS_FROM_VERSION - 1;
}

export function commitRequest(
  groupId: string,
  { memberId, epoch, instanceId }: MemberIdentity,
  offsets: readonly CommittedOffset[],
  ids: TopicIds,
): RequestInputOf<typeof apis.offsetCommit> {
  const of = new Map(offsets.map((offset) => [`${offset.topic}-${offset.partition}`, offset]));
  return {
    groupId,
    generationIdOrMemberEpoch: epoch,
    memberId,
    groupInstanceId: instanceId,
    topics: byTopic(offsets).map(({ topic, partitions }) => ({
      name: topic,
      topicId: ids(topic),
      partitions: partitions.map((partitionIndex) => {
        const { offset, leaderEpoch, metadata } = of.get(`${topic}-${partitionIndex}`)!;
        return {
          partitionIndex,
          committedOffset: offset,
          committedLeaderEpoch: leaderEpoch,
          committedMetadata: metadata,
        };
      }),
    })),
  };
}

export interface PartitionError extends TopicPartition {
  readonly errorCode: number;
}

/** The partitions with an error. `names`: for each topic id in the request, the name of the topic. */
export function commitErrors(
  { topics }: OffsetCommitResponse,
  names: ReadonlyMap<string, string>,
): PartitionError[] {
  return topics.flatMap(({ name, topicId, partitions }) =>
    partitions
      .filter(({ errorCode }) => errorCode !== ErrorCode.NONE)
      .map(({ partitionIndex, errorCode }) => ({
        topic: name === '' ? (names.get(topicId) ?? topicId) : name,
        partition: partitionIndex,
        errorCode,
      })),
  );
}

/**
 * `partitions` null: all partitions with a committed offset. `requireStable`: the coordinator gives no offset
 * of a partition while an open transaction has sent offsets for it.
 */
export function fetchRequest(
  groupId: string,
  { memberId, epoch }: MemberIdentity,
  partitions: readonly TopicPartition[] | null,
  ids: TopicIds,
): RequestInputOf<typeof apis.offsetFetch> {
  const topics =
    partitions === null
      ? null
      : byTopic(partitions).map(({ topic, partitions: partitionIndexes }) => ({
          name: topic,
          topicId: ids(topic),
          partitionIndexes,
        }));
  const member = memberId === '' ? {} : { memberId, memberEpoch: epoch };
  return { groupId, topics, groups: [{ groupId, ...member, topics }], requireStable: true };
}

export interface FetchedOffsets {
  /** The error that decides about a retry. NONE: `offsets` and `refused` are final. */
  readonly errorCode: number;
  /** The partitions with a committed offset. */
  readonly offsets: readonly CommittedOffset[];
  /** The partitions of topics that the client must not read. They do not fail the whole request. */
  readonly refused: readonly PartitionError[];
}

const failedWith = (errorCode: number): FetchedOffsets => ({ errorCode, offsets: [], refused: [] });

/** Reads an answer to OffsetFetch. An offset has a topic id only if the answer names its topic by id. */
export function fetchedOffsets(
  response: OffsetFetchResponse,
  version: number,
  names: ReadonlyMap<string, string>,
): FetchedOffsets {
  const group = version >= MANY_GROUPS_FROM_VERSION ? response.groups[0] : response;
  if (group === undefined) return failedWith(ErrorCode.UNKNOWN_SERVER_ERROR);
  if (group.errorCode !== ErrorCode.NONE) return failedWith(group.errorCode);
  const offsets: CommittedOffset[] = [];
  const refused: PartitionError[] = [];
  for (const found of group.topics) {
    const { name, partitions } = found;
    const topicId = 'topicId' in found ? found.topicId : '';
    const topic = name === '' ? (names.get(topicId) ?? topicId) : name;
    for (const { partitionIndex, errorCode, committedOffset, committedLeaderEpoch, metadata } of partitions) {
      if (errorCode === ErrorCode.TOPIC_AUTHORIZATION_FAILED) {
        refused.push({ topic, partition: partitionIndex, errorCode });
        continue;
      }
      if (errorCode !== ErrorCode.NONE && !isUnknown(errorCode)) return failedWith(errorCode);
      if (committedOffset === NONE || errorCode !== ErrorCode.NONE) continue;
      offsets.push({
        topic,
        ...(name === '' ? { topicId: topicId as Uuid } : {}),
        partition: partitionIndex,
        offset: committedOffset,
        leaderEpoch: committedLeaderEpoch,
        metadata: metadata ?? '',
      });
    }
  }
  return { errorCode: ErrorCode.NONE, offsets, refused };
}

/** A topic that does not exist has no committed offset. */
function isUnknown(errorCode: number): boolean {
  return errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION || errorCode === ErrorCode.UNKNOWN_TOPIC_ID;
}
