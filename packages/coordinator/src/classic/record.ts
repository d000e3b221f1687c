/**
 * The durable state of a classic group: the value of its GroupMetadata record. Kafka 4.3.1 writes this record
 * in version 3 on five occasions: the leader sends the assignments, a static member is replaced without a
 * rebalance, the group becomes empty, a group is created, or a consumer group becomes classic
 * (consumer/downgrade.ts). Millrace also writes a record when a static member is replaced during a rebalance.
 */
import type { WallMillis } from '@millrace/base';
import { type GroupRecordValue, groupRecords } from '@millrace/protocol';
import type { CoordinatorRecord } from '../runtime/machine.ts';
import { type MemberFacts, type MemberProtocol, NO_ASSIGNMENT, sameBytes } from './member.ts';

export type GroupValue = GroupRecordValue<'groupMetadata'>;
type MemberValue = GroupValue['members'][number];

const VALUE_VERSION = 3;

export function groupRecord(group: string, value: GroupValue): CoordinatorRecord {
  const { groupMetadata } = groupRecords;
  return {
    key: groupMetadata.key.encode({ group }),
    value: groupMetadata.value.encode(VALUE_VERSION, value),
  };
}

/** The tombstone that removes the group. */
export function groupTombstone(group: string): CoordinatorRecord {
  return { key: groupRecords.groupMetadata.key.encode({ group }), value: null };
}

/** The record of a group without members. `protocolType`: empty if no member ever joined. */
export function emptyGroup(protocolType: string, generation: number, sinceMs: WallMillis): GroupValue {
  return {
    protocolType,
    generation,
    protocol: null,
    leader: null,
    currentStateTimestamp: sinceMs,
    members: [],
  };
}

export function memberValue(member: MemberFacts, protocolName: string | null): MemberValue {
  const subscription = member.protocols.find(({ name }) => name === protocolName)?.metadata;
  return {
    memberId: member.memberId,
    groupInstanceId: member.groupInstanceId,
    clientId: member.client.clientId,
    clientHost: member.client.clientHost,
    rebalanceTimeout: member.rebalanceTimeoutMs,
    sessionTimeout: member.sessionTimeoutMs,
    subscription: subscription ?? NO_ASSIGNMENT,
    assignment: member.assignment,
  };
}

/**
 * The members that a record describes. The record has only the protocol that the group chose. This function
 * copies the bytes: all assignments into one piece of memory, and equal metadata only once. The reason: a
 * separate piece of memory outside of the heap costs some 400 bytes in addition to its content. Records of
 * Kafka before 0.10.1 have no rebalance timeout (-1). Then the session timeout replaces it.
 */
export function recordedMembers({ members, protocol }: GroupValue): MemberFacts[] {
  const assignments = copiesOf(members.map(({ assignment }) => assignment));
  let protocols: readonly MemberProtocol[] | undefined;
  return members.map((member, index) => {
    const { memberId, groupInstanceId, clientId, clientHost, rebalanceTimeout, sessionTimeout } = member;
    if (protocols === undefined || !sameBytes(protocols[0]!.metadata, member.subscription))
      protocols = [{ name: protocol ?? '', metadata: new Uint8Array(member.subscription) }];
    return {
      memberId,
      groupInstanceId,
      client: { clientId, clientHost },
      rebalanceTimeoutMs: rebalanceTimeout === -1 ? sessionTimeout : rebalanceTimeout,
      sessionTimeoutMs: sessionTimeout,
      protocols,
      assignment: assignments[index]!,
    };
  });
}

/** Copies that share one piece of memory. */
function copiesOf(all: readonly Uint8Array[]): Uint8Array[] {
  const memory = new Uint8Array(all.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  return all.map((bytes) => {
    if (bytes.length === 0) return NO_ASSIGNMENT;
    memory.set(bytes, end);
    end += bytes.length;
    return memory.subarray(end - bytes.length, end);
  });
}
