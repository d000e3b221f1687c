/**
 * One member of a consumer group: an immutable value. It combines the contents of two records: the member's
 * metadata, and the member's current assignment.
 */
import type { EpochedPartitions } from './topic-partitions.ts';
import { NO_PARTITIONS, sameEpoched } from './topic-partitions.ts';

/** The epoch with which a member joins, or joins again. */
export const JOIN_EPOCH = 0;
/** The epoch with which a member leaves for good. */
export const LEAVE_EPOCH = -1;
/** The epoch with which a static member leaves for a while. */
export const STATIC_LEAVE_EPOCH = -2;

/** The values of `state` in the record of the current assignment. */
export const MemberState = {
  /** The member has all partitions that its epoch gives it. */
  STABLE: 0,
  /** The member must give up partitions, and has not confirmed that it did. */
  UNREVOKED_PARTITIONS: 1,
  /** The member waits for partitions that other members still hold. */
  UNRELEASED_PARTITIONS: 2,
  /** A later version of Kafka wrote a state that this version does not know. */
  UNKNOWN: 127,
} as const;
export type MemberState = (typeof MemberState)[keyof typeof MemberState];

/**
 * True if the member must give up partitions. A member that left with epoch -2 keeps its state, but has
 * nothing to give up until it comes back.
 */
export function mustRevoke({ state, memberEpoch }: Member): boolean {
  return state === MemberState.UNREVOKED_PARTITIONS && memberEpoch !== STATIC_LEAVE_EPOCH;
}

export function memberStateOf(value: number): MemberState {
  return value === 0 || value === 1 || value === 2 ? value : MemberState.UNKNOWN;
}

/** The additional metadata of a member that uses the classic protocol. */
export interface ClassicMemberMetadata {
  readonly sessionTimeoutMs: number;
  readonly supportedProtocols: readonly { readonly name: string; readonly metadata: Uint8Array }[];
}

/** The facts that the member's requests gave. */
export interface MemberMetadata {
  readonly instanceId: string | null;
  readonly rackId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  /** Sorted, no duplicates. */
  readonly subscribedTopicNames: readonly string[];
  /** Null or empty: the member has no regular expression. */
  readonly subscribedTopicRegex: string | null;
  readonly rebalanceTimeoutMs: number;
  readonly serverAssignor: string | null;
  readonly classic: ClassicMemberMetadata | null;
}

/** Where the member is on its way to its target assignment. */
export interface MemberAssignment {
  readonly memberEpoch: number;
  /**
   * The member epoch before its last change. If the last answer was lost, the member still sends this epoch.
   */
  readonly previousMemberEpoch: number;
  readonly state: MemberState;
  readonly assigned: EpochedPartitions;
  /** The member holds these partitions until it confirms that it gave them up. */
  readonly pendingRevocation: EpochedPartitions;
}

export interface Member extends MemberMetadata, MemberAssignment {
  readonly memberId: string;
}

/** A member of which no record was written. */
export function newMember(memberId: string): Member {
  return {
    memberId,
    instanceId: null,
    rackId: null,
    clientId: '',
    clientHost: '',
    subscribedTopicNames: [],
    subscribedTopicRegex: null,
    rebalanceTimeoutMs: -1,
    serverAssignor: null,
    classic: null,
    memberEpoch: 0,
    previousMemberEpoch: 0,
    state: MemberState.STABLE,
    assigned: NO_PARTITIONS,
    pendingRevocation: NO_PARTITIONS,
  };
}

/** The member's regular expression, or undefined if it has none. */
export function regexOf(member: MemberMetadata): string | undefined {
  const { subscribedTopicRegex } = member;
  return subscribedTopicRegex === null || subscribedTopicRegex === '' ? undefined : subscribedTopicRegex;
}

export function sameMetadata(a: MemberMetadata, b: MemberMetadata): boolean {
  return (
    a.instanceId === b.instanceId &&
    a.rackId === b.rackId &&
    a.clientId === b.clientId &&
    a.clientHost === b.clientHost &&
    sameNames(a.subscribedTopicNames, b.subscribedTopicNames) &&
    a.subscribedTopicRegex === b.subscribedTopicRegex &&
    a.rebalanceTimeoutMs === b.rebalanceTimeoutMs &&
    a.serverAssignor === b.serverAssignor &&
    sameClassic(a.classic, b.classic)
  );
}

export function sameAssignment(a: MemberAssignment, b: MemberAssignment): boolean {
  return (
    a.memberEpoch === b.memberEpoch &&
    a.previousMemberEpoch === b.previousMemberEpoch &&
    a.state === b.state &&
    sameEpoched(a.assigned, b.assigned) &&
    sameEpoched(a.pendingRevocation, b.pendingRevocation)
  );
}

export function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((name, index) => name === b[index]));
}

export function sortedNames(names: readonly string[]): string[] {
  return names.length < 2 ? [...names] : [...new Set(names)].sort();
}

function sameClassic(a: ClassicMemberMetadata | null, b: ClassicMemberMetadata | null): boolean {
  if (a === null || b === null) return a === b;
  return (
    a.sessionTimeoutMs === b.sessionTimeoutMs &&
    a.supportedProtocols.length === b.supportedProtocols.length &&
    a.supportedProtocols.every(({ name, metadata }, index) => {
      const other = b.supportedProtocols[index]!;
      return name === other.name && sameBytes(metadata, other.metadata);
    })
  );
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
