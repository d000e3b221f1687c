/** Requests to a group, and the answers that carry an error. */
import {
  ErrorCode,
  type HeartbeatRequest,
  type HeartbeatResponse,
  type JoinGroupRequest,
  type JoinGroupResponse,
  type LeaveGroupRequest,
  type LeaveGroupResponse,
  type SyncGroupRequest,
  type SyncGroupResponse,
} from '@millrace/protocol';
import type { ClientFacts } from '../client-facts.ts';

/** A request. The group calls `reply` once, now or later. */
export interface Call<Request, Answer> {
  readonly request: Request;
  /** The version of the request's API. */
  readonly version: number;
  readonly client: ClientFacts;
  readonly reply: (answer: Answer) => void;
}

/** The answers. If a field is missing, the broker sends its default. */
export type JoinAnswer = Partial<JoinGroupResponse>;
export type SyncAnswer = Partial<SyncGroupResponse>;
export type HeartbeatAnswer = Partial<HeartbeatResponse>;
export type LeaveAnswer = Partial<LeaveGroupResponse>;
export type JoinCall = Call<JoinGroupRequest, JoinAnswer>;
export type SyncCall = Call<SyncGroupRequest, SyncAnswer>;
export type HeartbeatCall = Call<HeartbeatRequest, HeartbeatAnswer>;
export type LeaveCall = Call<LeaveGroupRequest, LeaveAnswer>;

/** A call that has no answer yet. Does not keep the request, which can be large and is no longer needed. */
export type Parked<Answer> = Pick<Call<unknown, Answer>, 'version' | 'reply'>;
export type ParkedJoin = Parked<JoinAnswer>;
export type ParkedSync = Parked<SyncAnswer>;

const NULLABLE_PROTOCOL_NAME_VERSION = 7;

/**
 * `memberId`: as in Kafka, some errors repeat the member id of the request, and some have an empty one.
 */
export function joinError(version: number, errorCode: ErrorCode, memberId = ''): JoinAnswer {
  return { errorCode, memberId, protocolName: wireProtocolName(version, '') };
}

/** An empty name becomes null in the versions that allow null. */
export function wireProtocolName(version: number, name: string): string | null {
  return name === '' && version >= NULLABLE_PROTOCOL_NAME_VERSION ? null : name;
}

const NO_BYTES = new Uint8Array(0);

export function syncError(errorCode: ErrorCode): SyncAnswer {
  return { errorCode, assignment: NO_BYTES };
}

const BATCH_VERSION = 3;

/** One result for each member of the request. Up to version 2, request and answer are about one member. */
export function leaveAnswer(
  { request, version }: LeaveCall,
  errorOf: (member: LeavingMember) => ErrorCode,
): LeaveAnswer {
  const results = leavingMembers(request, version).map((member) => ({
    memberId: member.memberId,
    groupInstanceId: member.groupInstanceId,
    errorCode: errorOf(member),
  }));
  if (version >= BATCH_VERSION) return { errorCode: ErrorCode.NONE, members: results };
  return { errorCode: results[0]!.errorCode };
}

export type LeavingMember = LeaveGroupRequest['members'][number];

function leavingMembers(request: LeaveGroupRequest, version: number): readonly LeavingMember[] {
  if (version >= BATCH_VERSION) return request.members;
  return [{ memberId: request.memberId, groupInstanceId: null, reason: null }];
}

// Answers for a group that does not exist.

export function joinOfNoGroup({ request, version }: JoinCall): JoinAnswer {
  return joinError(version, ErrorCode.UNKNOWN_MEMBER_ID, request.memberId);
}

export function leaveOfNoGroup(call: LeaveCall): LeaveAnswer {
  return leaveAnswer(call, () => ErrorCode.UNKNOWN_MEMBER_ID);
}

const PROTOCOL_VERSION = 5;

/** From version 5 on a SyncGroup must name the protocol. Kafka checks this before it looks for the group. */
export function lacksProtocol({ request, version }: SyncCall): boolean {
  return version >= PROTOCOL_VERSION && (request.protocolType === null || request.protocolName === null);
}
