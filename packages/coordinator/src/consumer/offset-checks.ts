/**
 * Decides whether a member may commit offsets, or fetch them. A commit may have an older member epoch if the
 * member has had the partition since that epoch (KIP-1251). This is safe, because no other member can have
 * committed offsets of the partition since then.
 */
import type { Uuid } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import type { GroupState } from './group-state.ts';
import type { Member } from './member.ts';

export interface CommitRequest {
  /** "" if the request names no member. */
  readonly memberId: string;
  readonly instanceId: string | null;
  /** The member epoch, or the generation of a classic member; -1: none. */
  readonly memberEpoch: number;
  readonly isTransactional: boolean;
  /** The version of OffsetCommit, or of TxnOffsetCommit. */
  readonly version: number;
}

export interface CommitCheck {
  /** The error that all partitions get; NONE if `partitionError` decides. */
  readonly errorCode: ErrorCode;
  /** The error of one partition. `topicId`: undefined if the topic does not exist. */
  partitionError(topicId: Uuid | undefined, partition: number): ErrorCode;
}

/** The first version of OffsetCommit that members of the consumer protocol may use. */
const CONSUMER_PROTOCOL_VERSION = 9;

const ACCEPTED: CommitCheck = { errorCode: ErrorCode.NONE, partitionError: () => ErrorCode.NONE };

export function checkCommit(state: GroupState, request: CommitRequest): CommitCheck {
  const { memberId, instanceId, memberEpoch, isTransactional, version } = request;
  if (memberEpoch < 0 && state.members.size === 0) return ACCEPTED;
  // A transactional producer may commit without naming the member whose offsets it commits.
  if (isTransactional && memberEpoch === -1 && memberId === '' && instanceId === null) return ACCEPTED;
  const member = state.members.get(memberId);
  if (member === undefined) return refused(ErrorCode.UNKNOWN_MEMBER_ID);
  if (!isTransactional && member.classic === null && version < CONSUMER_PROTOCOL_VERSION)
    return refused(ErrorCode.UNSUPPORTED_VERSION);
  if (memberEpoch === member.memberEpoch) return ACCEPTED;
  const stale = staleError(member);
  if (memberEpoch > member.memberEpoch) return refused(stale);
  return {
    errorCode: ErrorCode.NONE,
    partitionError: (topicId, partition) => {
      const epoch = assignmentEpoch(member, topicId, partition);
      return epoch !== undefined && memberEpoch >= epoch ? ErrorCode.NONE : stale;
    },
  };
}

/** Like Kafka, demands the exact member epoch for a fetch: only a commit may have an older epoch. */
export function checkFetch(state: GroupState, memberId: string | null, memberEpoch: number): ErrorCode {
  if (memberId === null && memberEpoch < 0) return ErrorCode.NONE;
  const member = memberId === null ? undefined : state.members.get(memberId);
  if (member === undefined) return ErrorCode.UNKNOWN_MEMBER_ID;
  return memberEpoch === member.memberEpoch ? ErrorCode.NONE : staleError(member);
}

/** The epoch in which the member got the partition; undefined: the member does not hold the partition. */
function assignmentEpoch(
  { assigned, pendingRevocation }: Member,
  topicId: Uuid | undefined,
  partition: number,
): number | undefined {
  if (topicId === undefined) return undefined;
  return assigned.get(topicId)?.get(partition) ?? pendingRevocation.get(topicId)?.get(partition);
}

function staleError({ classic }: Member): ErrorCode {
  return classic === null ? ErrorCode.STALE_MEMBER_EPOCH : ErrorCode.ILLEGAL_GENERATION;
}

function refused(errorCode: ErrorCode): CommitCheck {
  return { errorCode, partitionError: () => errorCode };
}
