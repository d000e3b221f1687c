/**
 * The durable state of a consumer group. Only `replay` changes this state. While a decision is made, its
 * records are replayed into a copy of the state, so each step of the decision sees the effect of the steps
 * before it.
 */
import type { WallMillis } from '@millrace/base';
import type { GroupRecordKey, GroupRecordValue, Timestamp } from '@millrace/protocol';
import { Counts } from './counts.ts';
import type { ConsumerGroupRecord } from './group-records.ts';
import { PartitionHolders } from './holders.ts';
import {
  LEAVE_EPOCH,
  type Member,
  memberStateOf,
  newMember,
  regexOf,
  sameNames,
  sortedNames,
} from './member.ts';
import { PartitionEpochs } from './partition-epochs.ts';
import type { ResolvedRegex } from './regex.ts';
import { mapOfTopics } from './topic-map.ts';
import { type EpochedPartitions, NO_PARTITIONS, type TopicPartitions } from './topic-partitions.ts';

/** The group epoch and the assignment epoch of a group without a record in the log. */
const FIRST_EPOCH = 1;

export class GroupState {
  /** False before the first record, and after the tombstone of the group. */
  persisted = false;
  groupEpoch = FIRST_EPOCH;
  /** The group epoch for which the target assignment was computed. */
  assignmentEpoch = FIRST_EPOCH;
  /** When the target assignment was computed; 0: unknown. */
  assignmentTimestamp: WallMillis = 0;
  /** The hash of the subscribed topics (`subscriptionHash`) at the time when the group epoch was set. */
  metadataHash: Timestamp = 0;
  /**
   * True: the log has a record that Kafka before 4.1 wrote (ConsumerGroupPartitionMetadata). The next
   * increase of the group epoch removes the record.
   */
  hasPartitionMetadata = false;
  readonly members: Map<string, Member>;
  readonly targets: Map<string, TopicPartitions>;
  /** The member id of each instance id. */
  readonly staticMembers: Map<string, string>;
  readonly resolvedRegexes: Map<string, ResolvedRegex>;
  readonly holders: PartitionHolders;
  /** How many members subscribe to each topic name. */
  readonly topicNames: Counts;
  /** How many members subscribe to each regular expression. */
  readonly regexes: Counts;
  /** How many members ask for each assignor. */
  readonly assignors: Counts;

  constructor(from?: GroupState) {
    this.members = new Map(from?.members);
    this.targets = new Map(from?.targets);
    this.staticMembers = new Map(from?.staticMembers);
    this.resolvedRegexes = new Map(from?.resolvedRegexes);
    this.holders = from?.holders.copy() ?? new PartitionHolders();
    this.topicNames = from?.topicNames.copy() ?? new Counts();
    this.regexes = from?.regexes.copy() ?? new Counts();
    this.assignors = from?.assignors.copy() ?? new Counts();
    if (from === undefined) return;
    this.persisted = from.persisted;
    this.groupEpoch = from.groupEpoch;
    this.assignmentEpoch = from.assignmentEpoch;
    this.assignmentTimestamp = from.assignmentTimestamp;
    this.metadataHash = from.metadataHash;
    this.hasPartitionMetadata = from.hasPartitionMetadata;
  }

  copy(): GroupState {
    return new GroupState(this);
  }

  staticMember(instanceId: string): Member | undefined {
    const memberId = this.staticMembers.get(instanceId);
    return memberId === undefined ? undefined : this.members.get(memberId);
  }

  target(memberId: string): TopicPartitions {
    return this.targets.get(memberId) ?? NO_PARTITIONS;
  }

  /** True if a member subscribes to the topic by name, or by a regular expression that matches it. */
  isSubscribedTo(topicName: string): boolean {
    if (this.topicNames.of(topicName) > 0) return true;
    for (const { topics } of this.resolvedRegexes.values()) if (topics.has(topicName)) return true;
    return false;
  }

  replay(record: ConsumerGroupRecord): void {
    if (record.value !== null) this.persisted = true;
    switch (record.name) {
      case 'consumerGroupMetadata':
        this.replayEpoch(record.value);
        break;
      case 'consumerGroupPartitionMetadata':
        this.hasPartitionMetadata = record.value !== null;
        break;
      case 'consumerGroupMemberMetadata':
        this.replayMember(record.key.memberId, record.value);
        break;
      case 'consumerGroupTargetAssignmentMetadata':
        this.assignmentEpoch = record.value?.assignmentEpoch ?? LEAVE_EPOCH;
        this.assignmentTimestamp = record.value?.assignmentTimestamp ?? 0;
        break;
      case 'consumerGroupTargetAssignmentMember':
        this.replayTarget(record.key.memberId, record.value);
        break;
      case 'consumerGroupCurrentMemberAssignment':
        this.replayAssignment(record.key.memberId, record.value);
        break;
      case 'consumerGroupRegularExpression':
        this.replayRegex(record.key, record.value);
        break;
    }
  }

  private replayEpoch(value: GroupRecordValue<'consumerGroupMetadata'> | null): void {
    if (value === null) this.persisted = false;
    this.groupEpoch = value?.epoch ?? FIRST_EPOCH;
    this.metadataHash = value?.metadataHash ?? 0;
  }

  private replayMember(memberId: string, value: GroupRecordValue<'consumerGroupMemberMetadata'> | null) {
    const previous = this.members.get(memberId);
    if (value === null) {
      this.update(previous, undefined);
      return;
    }
    const { classicMemberMetadata: classic, subscribedTopicNames, ...metadata } = value;
    this.update(previous, {
      ...(previous ?? newMember(memberId)),
      ...metadata,
      subscribedTopicNames: this.sharedNames(sortedNames(subscribedTopicNames), previous),
      classic:
        classic === null
          ? null
          : {
              sessionTimeoutMs: classic.sessionTimeoutMs,
              // Copies the bytes, because those of the record are valid only during the call.
              supportedProtocols: classic.supportedProtocols.map(({ name, metadata }) => ({
                name,
                metadata: new Uint8Array(metadata),
              })),
            },
    });
  }

  /** Most members of a group subscribe to the same topics, so they share one list. */
  private sharedNames(names: readonly string[], previous: Member | undefined): readonly string[] {
    const [other = previous] = this.members.values();
    for (const member of [previous, other])
      if (member !== undefined && sameNames(member.subscribedTopicNames, names))
        return member.subscribedTopicNames;
    return names;
  }

  private replayTarget(
    memberId: string,
    value: GroupRecordValue<'consumerGroupTargetAssignmentMember'> | null,
  ): void {
    if (value === null) {
      this.targets.delete(memberId);
      return;
    }
    const target = value.topicPartitions
      .filter(({ partitions }) => partitions.length > 0)
      .map(({ topicId, partitions }) => [topicId, copied(partitions).sort((a, b) => a - b)] as const);
    this.targets.set(this.members.get(memberId)?.memberId ?? memberId, mapOfTopics(target));
  }

  private replayAssignment(
    memberId: string,
    value: GroupRecordValue<'consumerGroupCurrentMemberAssignment'> | null,
  ): void {
    const previous = this.members.get(memberId);
    if (value === null) {
      // The tombstone of the member itself comes later in the log and removes the member.
      if (previous === undefined) return;
      this.updateAssignment(previous, {
        ...previous,
        memberEpoch: LEAVE_EPOCH,
        previousMemberEpoch: LEAVE_EPOCH,
        assigned: NO_PARTITIONS,
        pendingRevocation: NO_PARTITIONS,
      });
      return;
    }
    const { memberEpoch, previousMemberEpoch } = value;
    this.updateAssignment(previous, {
      ...(previous ?? newMember(memberId)),
      memberEpoch,
      previousMemberEpoch,
      state: memberStateOf(value.state),
      assigned: epoched(value.assignedPartitions, memberEpoch, this.target(memberId)),
      pendingRevocation: epoched(value.partitionsPendingRevocation, memberEpoch, NO_PARTITIONS),
    });
  }

  private replayRegex(
    { regularExpression }: GroupRecordKey<'consumerGroupRegularExpression'>,
    value: GroupRecordValue<'consumerGroupRegularExpression'> | null,
  ): void {
    if (value === null) this.resolvedRegexes.delete(regularExpression);
    else
      this.resolvedRegexes.set(regularExpression, {
        topics: new Set(value.topics),
        version: value.version,
        timestamp: value.timestamp,
      });
  }

  private update(previous: Member | undefined, member: Member | undefined): void {
    if (previous !== undefined) {
      this.members.delete(previous.memberId);
      this.unindex(previous);
    }
    if (member !== undefined) {
      this.members.set(member.memberId, member);
      this.index(member);
    }
    this.holders.update(previous, member);
  }

  /** Like `update`, for a member whose metadata does not change. */
  private updateAssignment(previous: Member | undefined, member: Member): void {
    this.members.set(member.memberId, member);
    this.holders.update(previous, member);
  }

  private index(member: Member): void {
    const { memberId, instanceId, serverAssignor, subscribedTopicNames } = member;
    const regex = regexOf(member);
    if (instanceId !== null) this.staticMembers.set(instanceId, memberId);
    if (serverAssignor !== null) this.assignors.add(serverAssignor);
    if (regex !== undefined) this.regexes.add(regex);
    for (const name of subscribedTopicNames) this.topicNames.add(name);
  }

  private unindex(member: Member): void {
    const { memberId, instanceId, serverAssignor, subscribedTopicNames } = member;
    const regex = regexOf(member);
    if (instanceId !== null && this.staticMembers.get(instanceId) === memberId)
      this.staticMembers.delete(instanceId);
    if (serverAssignor !== null) this.assignors.remove(serverAssignor);
    if (regex !== undefined) this.regexes.remove(regex);
    for (const name of subscribedTopicNames) this.topicNames.remove(name);
  }
}

type RecordPartitions = GroupRecordValue<'consumerGroupCurrentMemberAssignment'>['assignedPartitions'];

/**
 * Kafka before 4.3 wrote no assignment epochs: the member's epoch replaces them. A member that has reached
 * its target has the partitions of `target`, and then shares the list of the target.
 */
function epoched(
  partitions: RecordPartitions,
  memberEpoch: number,
  target: TopicPartitions,
): EpochedPartitions {
  const present = partitions.filter(({ partitions: list }) => list.length > 0);
  return mapOfTopics(
    present.map(({ topicId, partitions: list, assignmentEpochs: epochs }) => {
      const wanted = target.get(topicId);
      const isTarget = wanted?.length === list.length && wanted.every((one, at) => one === list[at]);
      // Damaged bytes may have fewer epochs than partitions.
      const all = epochs?.length === list.length ? epochs : list.map((_, at) => epochs?.[at] ?? memberEpoch);
      return [topicId, new PartitionEpochs(isTarget ? wanted : copied(list), all)] as const;
    }),
  );
}

/** A copy of the exact size. The list of a decoded record has room for more elements. */
function copied(list: readonly number[]): number[] {
  const copy = new Array<number>(list.length);
  for (let at = 0; at < list.length; at++) copy[at] = list[at]!;
  return copy;
}
