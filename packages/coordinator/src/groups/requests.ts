/**
 * Requests to the group coordinator, and its answers. The folders `classic` and `offsets` define further
 * requests and answers.
 */
import type { apis, ErrorCode, RequestOf, ResponseInputOf } from '@millrace/protocol';
import type { ClientFacts } from '../client-facts.ts';

/**
 * A client's request. The bytes in it are valid only during the call: the coordinator copies what it keeps.
 */
export interface GroupCall<Request, Answer> {
  readonly version: number;
  readonly request: Request;
  readonly client: ClientFacts;
  /** Called once, now or later. */
  readonly reply: Reply<Answer>;
}

export type Reply<Answer> = (answer: Answer) => void;

export type ConsumerHeartbeatCall = GroupCall<
  RequestOf<typeof apis.consumerGroupHeartbeat>,
  ResponseInputOf<typeof apis.consumerGroupHeartbeat>
>;
export type ListFilters = RequestOf<typeof apis.listGroups>;
export interface ListedGroup {
  readonly groupId: string;
  readonly protocolType: string;
  readonly groupState: string;
  readonly groupType: string;
}
export type DescribedClassicGroup = NonNullable<
  ResponseInputOf<typeof apis.describeGroups>['groups']
>[number];
export type DescribedGroup = NonNullable<
  ResponseInputOf<typeof apis.consumerGroupDescribe>['groups']
>[number];

/**
 * A commit of offsets of one group. The broker has already replaced topic ids by names, so every topic has a
 * name.
 */
export interface CommitWanted {
  readonly groupId: string;
  readonly memberId: string;
  readonly generationIdOrMemberEpoch: number;
  readonly groupInstanceId: string | null;
  readonly retentionTimeMs: number;
  /** The version of OffsetCommit. */
  readonly version: number;
}

/**
 * A client's request for committed offsets of one group. The broker has already replaced topic ids by names,
 * so every topic has a name.
 */
export interface OffsetsWanted {
  readonly groupId: string;
  /** The member of a KIP-848 group that asks; null if the client is no member. */
  readonly memberId: string | null;
  /** -1: the client is no member. */
  readonly memberEpoch: number;
  /** True: a partition with an open transactional commit gets UNSTABLE_OFFSET_COMMIT. */
  readonly requireStable: boolean;
}

export interface DeletedGroup {
  readonly groupId: string;
  readonly errorCode: ErrorCode;
}
