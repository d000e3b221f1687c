/**
 * A consumer group becomes a classic group when its last member of the consumer protocol leaves. A pure
 * function makes the records: the tombstones of the consumer group, and the record of the classic group.
 */
import type { WallMillis } from '@millrace/base';
import type { MetadataImage } from '@millrace/metadata';
import { CONSUMER_PROTOCOL_TYPE, type GroupRecordValue, groupRecords } from '@millrace/protocol';
import type { CoordinatorRecord } from '../runtime/machine.ts';
import { encodeAssignment } from './embedded.ts';
import { encodeRecord, groupTombstones } from './group-records.ts';
import type { GroupState } from './group-state.ts';
import type { Member } from './member.ts';
import type { ClassicPort, ConsumerGroupSettings } from './ports.ts';

type ClassicValue = GroupRecordValue<'groupMetadata'>;

/** The version of the classic group's record that Kafka 4.3.1 writes. */
const CLASSIC_VALUE_VERSION = 3;

/**
 * True if the migration policy allows the change, at least one member remains, all remaining members are
 * classic, and a classic group may have that many members.
 */
export function mayBecomeClassic(
  state: GroupState,
  leaving: readonly Member[],
  { migrationPolicy }: ConsumerGroupSettings,
  classic: ClassicPort | undefined,
): boolean {
  if (classic === undefined || (migrationPolicy !== 'downgrade' && migrationPolicy !== 'bidirectional'))
    return false;
  const rest = remaining(state, leaving);
  return (
    rest.length > 0 && rest.length <= classic.maxSize() && rest.every((member) => member.classic !== null)
  );
}

export function classicRecords(
  groupId: string,
  state: GroupState,
  leaving: readonly Member[],
  image: MetadataImage,
  now: WallMillis,
): CoordinatorRecord[] {
  const { key, value } = groupRecords.groupMetadata;
  const classic = classicValue(state, leaving, image, now);
  return [
    ...groupTombstones(groupId, state).map(encodeRecord),
    { key: key.encode({ group: groupId }), value: value.encode(CLASSIC_VALUE_VERSION, classic) },
  ];
}

/**
 * The value of the classic group's record. In it each remaining member has the partitions of its target
 * assignment. A member may not have got all of them yet, and nobody has the partitions of the members that
 * leave. So the group must rebalance, even if the coordinator dies first. The record therefore has no leader:
 * a coordinator that loads such a record begins the rebalance again (classic/core.ts). Kafka 4.3.1 writes a
 * leader, and forgets the rebalance when the coordinator dies. Kafka can load a record without a leader: the
 * first member then becomes the leader.
 */
export function classicValue(
  state: GroupState,
  leaving: readonly Member[],
  image: MetadataImage,
  now: WallMillis,
): ClassicValue {
  const members = remaining(state, leaving);
  const protocol = chosenProtocol(members);
  return {
    protocolType: CONSUMER_PROTOCOL_TYPE,
    generation: state.groupEpoch,
    protocol,
    leader: null,
    currentStateTimestamp: now,
    members: members.map((member) => {
      const subscription = metadataOf(member, protocol) ?? new Uint8Array(0);
      return {
        memberId: member.memberId,
        groupInstanceId: member.instanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        rebalanceTimeout: member.rebalanceTimeoutMs,
        sessionTimeout: member.classic?.sessionTimeoutMs ?? 0,
        subscription,
        assignment: encodeAssignment(state.target(member.memberId), subscription, image),
      };
    }),
  };
}

function remaining(state: GroupState, leaving: readonly Member[]): Member[] {
  const gone = new Set(leaving.map(({ memberId }) => memberId));
  return [...state.members.values()]
    .filter(({ memberId }) => !gone.has(memberId))
    .sort((a, b) => (a.memberId < b.memberId ? -1 : 1));
}

/**
 * Each member votes for the first of its protocols that all members support. The protocol with the most votes
 * wins.
 */
function chosenProtocol(members: readonly Member[]): string | null {
  const supporters = new Map<string, number>();
  for (const { classic } of members)
    for (const name of new Set(classic?.supportedProtocols.map((protocol) => protocol.name)))
      supporters.set(name, (supporters.get(name) ?? 0) + 1);
  const votes = new Map<string, number>();
  for (const { classic } of members) {
    const choice = classic?.supportedProtocols.find(({ name }) => supporters.get(name) === members.length);
    if (choice !== undefined) votes.set(choice.name, (votes.get(choice.name) ?? 0) + 1);
  }
  const [best] = [...votes].sort(([, a], [, b]) => b - a);
  return best?.[0] ?? null;
}

function metadataOf({ classic }: Member, protocol: string | null): Uint8Array | undefined {
  return classic?.supportedProtocols.find(({ name }) => name === protocol)?.metadata;
}
