/**
 * The machine of one partition of `__consumer_offsets`: it has all groups of the partition, and their
 * committed offsets. The machine finds the group of a request, makes and deletes groups, and passes each
 * record to the group or to the committed offsets. The code in the folders `classic`, `consumer` and
 * `offsets` decides what happens inside of a group.
 *
 * A simple group has committed offsets and never had members. It exists while it has offsets, and is not in
 * `GroupTable`.
 */
import { ZERO_UUID } from '@millrace/base';
import type { MetadataDelta } from '@millrace/metadata';
import { CONSUMER_PROTOCOL_TYPE, decodeGroupRecord, ErrorCode, type TextCache } from '@millrace/protocol';
import {
  ClassicGroup,
  groupTombstone,
  type HeartbeatCall,
  type JoinCall,
  joinError,
  joinOfNoGroup,
  type LeaveCall,
  leaveOfNoGroup,
  type SyncCall,
  syncError,
} from '../classic/index.ts';
import { ConsumerGroup, refused } from '../consumer/group.ts';
import { encodeRecord } from '../consumer/group-records.ts';
import { invalidRegex } from '../consumer/heartbeat.ts';
import { type Refusal, refusal } from '../consumer/refusal.ts';
import {
  type CommitResults,
  type CommitTopics,
  CommittedOffsets,
  type DeleteResult,
  type DeleteTopics,
  type FetchResult,
  type FetchTopics,
  fetchError,
} from '../offsets/committed-offsets.ts';
import type { Expiry } from '../offsets/expiry.ts';
import type { GroupOffsets } from '../offsets/offset-table.ts';
import type { CoordinatorRecord, ShardMachine, ShardPort } from '../runtime/machine.ts';
import { commitFailure } from './failures.ts';
import type { GroupSurroundings } from './group-ports.ts';
import { type Group, GroupTable } from './group-table.ts';
import type { PastRebalance } from './rebalance-history.ts';
import type {
  CommitWanted,
  ConsumerHeartbeatCall,
  DescribedClassicGroup,
  DescribedGroup,
  ListedGroup,
  OffsetsWanted,
  Reply,
} from './requests.ts';
import { UnusedGroups } from './unused-groups.ts';

/** From this version on DescribeGroups has an error for a group that does not exist. */
const DESCRIBE_ERROR_SINCE = 6;
/** From this version on OffsetCommit may answer GROUP_ID_NOT_FOUND. */
const COMMIT_NOT_FOUND_SINCE = 9;

/**
 * The deletion of a group with many offsets takes several turns. Until its end, a join of the group, a commit
 * and a fetch get this error. Clients retry after it.
 */
const BEING_DELETED = ErrorCode.COORDINATOR_LOAD_IN_PROGRESS;

/** The fields that the oldest format of an offset record does not have. */
const LEGACY_OFFSET = { leaderEpoch: -1, expireTimestamp: -1, topicId: ZERO_UUID };

interface AnsweredCall<Answer> {
  readonly request: { readonly groupId: string };
  readonly reply: Reply<Answer>;
}

export class GroupMachine implements ShardMachine {
  private readonly port: ShardPort;
  private readonly topicChangesOf: GroupSurroundings['topicChangesOf'];
  private readonly groups: GroupTable;
  private readonly offsets: CommittedOffsets;
  private readonly texts: TextCache;

  constructor(surroundings: GroupSurroundings) {
    const { port, config, topicChangesOf, texts } = surroundings;
    this.texts = texts;
    this.port = port;
    this.topicChangesOf = topicChangesOf;
    this.groups = new GroupTable(surroundings);
    const unused = new UnusedGroups(
      port,
      () => this.groups.ids(),
      (groupId) => this.offsets.sizeOf(groupId) === 0 && this.deleteIfUnused(groupId),
    );
    this.offsets = new CommittedOffsets({
      port,
      config: config.offsets,
      groups: {
        expiryOf: (groupId) => this.expiryOf(groupId),
        lastWriteOf: (groupId) => this.groups.lastWriteOf(groupId),
        offsetsExpired: (groupId) => this.deleteIfUnused(groupId),
        expiryChecked: () => unused.visit(),
      },
    });
  }

  /** All groups except the simple ones. */
  get all(): Iterable<[groupId: string, group: Group]> {
    return this.groups.entries();
  }

  /** The offsets of each group that has some. The caller must not keep them beyond this turn. */
  get offsetsByGroup(): Iterable<[groupId: string, offsets: GroupOffsets]> {
    return this.offsets.byGroup;
  }

  /** Number of offsets of all groups. */
  get offsetCount(): number {
    return this.offsets.size;
  }

  // ------------------------------------------------------------------ the shard's calls

  replay({ key, value }: CoordinatorRecord): void {
    const record = decodeGroupRecord(key, value, this.texts);
    if (record === undefined) return;
    switch (record.name) {
      case 'offsetCommit':
        this.offsets.replay(record.key, record.value);
        break;
      case 'legacyOffsetCommit':
        this.offsets.replay(record.key, record.value === null ? null : { ...LEGACY_OFFSET, ...record.value });
        break;
      case 'groupMetadata':
        this.groups.replayClassic(record.key.group, record.value);
        break;
      default:
        this.groups.replayConsumer(record);
    }
  }

  loaded(): void {
    for (const [, group] of this.groups.entries()) group.loaded();
    this.offsets.loaded();
  }

  ended(errorCode: ErrorCode): void {
    for (const [, group] of this.groups.entries()) group.ended(errorCode);
    this.offsets.ended(errorCode);
  }

  metadataChanged(delta: MetadataDelta): void {
    const changes = this.topicChangesOf(delta);
    if (changes !== undefined)
      for (const [, group] of this.groups.entries())
        if (group instanceof ConsumerGroup) group.topicsChanged(changes);
    this.offsets.metadataChanged(delta);
  }

  // ------------------------------------------------------------------ members of classic groups

  join(call: JoinCall): void {
    const { groupId, memberId } = call.request;
    if (this.offsets.isDeleting(groupId)) {
      this.refuseJoin(call, BEING_DELETED);
      return;
    }
    let group = this.groups.get(groupId);
    if (group === undefined && memberId !== '') {
      this.answer(call, joinOfNoGroup(call), (errorCode) => joinError(call.version, errorCode, memberId));
      return;
    }
    if (group instanceof ConsumerGroup && !group.isEmpty) {
      group.join(call);
      return;
    }
    if (group instanceof ConsumerGroup) {
      const errorCode = this.checkFirstJoin(call) || this.groups.removeEmpty(group);
      if (errorCode !== ErrorCode.NONE) {
        this.refuseJoin(call, errorCode);
        return;
      }
      group = undefined;
    }
    group ??= this.groups.makeClassic(groupId);
    group.join(call);
    if (group.isForgettable) this.groups.drop(group);
  }

  sync(call: SyncCall): void {
    const group = this.groups.get(call.request.groupId);
    if (group !== undefined) group.sync(call);
    else this.answer(call, syncError(ErrorCode.UNKNOWN_MEMBER_ID), syncError);
  }

  heartbeat(call: HeartbeatCall): void {
    const group = this.groups.get(call.request.groupId);
    if (group instanceof ClassicGroup) group.heartbeat(call);
    else if (group !== undefined) group.classicHeartbeat(call);
    else this.answer(call, { errorCode: ErrorCode.UNKNOWN_MEMBER_ID }, (errorCode) => ({ errorCode }));
  }

  leave(call: LeaveCall): void {
    const group = this.groups.get(call.request.groupId);
    if (group !== undefined) group.leave(call);
    else this.answer(call, leaveOfNoGroup(call), (errorCode) => ({ errorCode }));
  }

  private refuseJoin(call: JoinCall, errorCode: ErrorCode): void {
    const error = (code: ErrorCode) => joinError(call.version, code, call.request.memberId);
    this.answer(call, error(errorCode), error);
  }

  /**
   * Answers without a group, for example because the group does not exist. Like an answer of a group, this
   * answer waits until the last decision is committed and the broker holds a lease.
   */
  private answer<Answer>(
    { request: { groupId }, reply }: AnsweredCall<Answer>,
    answer: Answer,
    failed: (errorCode: ErrorCode) => Answer,
  ): void {
    this.afterLastWrite(groupId, (errorCode) =>
      reply(errorCode === ErrorCode.NONE ? answer : failed(errorCode)),
    );
  }

  /**
   * Checks a join before a classic group takes the place of an empty consumer group, so that a refused join
   * changes nothing.
   */
  private checkFirstJoin(call: JoinCall): ErrorCode {
    const { memberId, protocolType, protocols } = call.request;
    if (memberId !== '') return ErrorCode.UNKNOWN_MEMBER_ID;
    const hasProtocol = protocolType !== '' && protocols.length > 0;
    return hasProtocol ? ErrorCode.NONE : ErrorCode.INCONSISTENT_GROUP_PROTOCOL;
  }

  // ------------------------------------------------------------------ members of consumer groups

  consumerHeartbeat({ request, client, reply }: ConsumerHeartbeatCall): void {
    const { groupId, memberEpoch } = request;
    const known = this.groups.get(groupId);
    const join = (group: ConsumerGroup) => group.heartbeat(request, client, reply);
    const joinsClassic = known instanceof ClassicGroup && memberEpoch === 0;
    let why = joinsClassic ? regexRefusal(request) : undefined;
    if (why === undefined && memberEpoch === 0 && this.offsets.isDeleting(groupId))
      why = refusal(BEING_DELETED);
    if (why === undefined && known instanceof ClassicGroup) {
      why = memberEpoch === 0 ? this.groups.upgrade(known, join) : notConsumerGroup(groupId);
      if (why === undefined) return;
    }
    if (why !== undefined) {
      const refusalOf = (errorCode: ErrorCode) => refused(refusal(errorCode));
      this.answer({ request, reply }, refused(why), refusalOf);
      return;
    }
    const group = known instanceof ConsumerGroup ? known : this.groups.makeConsumer(groupId);
    join(group);
    if (!group.exists) this.groups.drop(group);
  }

  // ------------------------------------------------------------------ offsets

  commit(wanted: CommitWanted, topics: CommitTopics, reply: Reply<CommitResults>): void {
    const { groupId, retentionTimeMs } = wanted;
    const { errorCode, partitionError } = this.checkCommit(this.groups.get(groupId), wanted);
    if (errorCode !== ErrorCode.NONE) {
      this.afterLastWrite(groupId, (failure) =>
        reply(commitFailure(topics, failure === ErrorCode.NONE ? errorCode : failure)),
      );
      return;
    }
    const accepted = topics.map((topic) => ({
      ...topic,
      partitions: topic.partitions.filter(
        ({ partitionIndex }) => partitionError(topic.topicId, partitionIndex) === ErrorCode.NONE,
      ),
    }));
    this.offsets.commit(groupId, accepted, retentionTimeMs, (results) => {
      reply(
        topics.map(({ name, topicId, partitions }, at) => {
          let next = 0;
          return {
            name,
            topicId,
            partitions: partitions.map(({ partitionIndex }) => {
              const refusal = partitionError(topicId, partitionIndex);
              if (refusal !== ErrorCode.NONE) return { partitionIndex, errorCode: refusal };
              return results[at]!.partitions[next++]!;
            }),
          };
        }),
      );
    });
  }

  private checkCommit(
    group: Group | undefined,
    { groupId, memberId, groupInstanceId, generationIdOrMemberEpoch: epoch, version }: CommitWanted,
  ): ReturnType<ConsumerGroup['checkCommit']> {
    const ofAll = (errorCode: ErrorCode) => ({ errorCode, partitionError: () => ErrorCode.NONE });
    if (this.offsets.isDeleting(groupId)) return ofAll(BEING_DELETED);
    if (group instanceof ConsumerGroup)
      return group.checkCommit({
        memberId,
        instanceId: groupInstanceId,
        memberEpoch: epoch,
        isTransactional: false,
        version,
      });
    if (group !== undefined)
      return ofAll(
        group.checkCommit({ memberId, groupInstanceId, generationId: epoch, isTransactional: false }),
      );
    if (epoch < 0) return ofAll(ErrorCode.NONE);
    if (this.offsets.sizeOf(groupId) > 0) return ofAll(ErrorCode.UNKNOWN_MEMBER_ID);
    return ofAll(
      version >= COMMIT_NOT_FOUND_SINCE ? ErrorCode.GROUP_ID_NOT_FOUND : ErrorCode.ILLEGAL_GENERATION,
    );
  }

  fetch(wanted: OffsetsWanted, topics: FetchTopics, reply: Reply<FetchResult>): void {
    const { groupId, memberId, memberEpoch, requireStable } = wanted;
    const group = this.groups.get(groupId);
    let errorCode: ErrorCode = ErrorCode.NONE;
    if (this.offsets.isDeleting(groupId)) errorCode = BEING_DELETED;
    else if (group instanceof ConsumerGroup) errorCode = group.checkFetch(memberId, memberEpoch);
    if (errorCode === ErrorCode.NONE) this.offsets.fetch(groupId, topics, requireStable, reply);
    else
      this.afterLastWrite(groupId, (failure) =>
        reply({ errorCode: failure === ErrorCode.NONE ? errorCode : fetchError(failure), topics: [] }),
      );
  }

  deleteOffsets(groupId: string, topics: DeleteTopics, reply: Reply<DeleteResult>): void {
    const group = this.groups.get(groupId);
    const errorCode = this.checkDeletion(groupId, group);
    if (errorCode !== ErrorCode.NONE)
      this.afterLastWrite(groupId, (failure) =>
        reply({ errorCode: failure === ErrorCode.NONE ? errorCode : failure, topics: [] }),
      );
    else {
      const isSubscribed = (topic: string) => {
        const now = this.groups.get(groupId);
        return now !== undefined && !now.isEmpty && now.isSubscribedTo(topic);
      };
      this.offsets.delete(groupId, topics, isSubscribed, reply);
    }
  }

  private checkDeletion(groupId: string, group: Group | undefined): ErrorCode {
    if (group === undefined)
      return this.offsets.sizeOf(groupId) > 0 ? ErrorCode.NONE : ErrorCode.GROUP_ID_NOT_FOUND;
    const isOfOtherType = group instanceof ClassicGroup && group.protocolType !== CONSUMER_PROTOCOL_TYPE;
    return isOfOtherType && !group.isEmpty ? ErrorCode.NON_EMPTY_GROUP : ErrorCode.NONE;
  }

  // ------------------------------------------------------------------ lists, descriptions, deletion

  /** Every group, as it is now: a list promises nothing, so it does not wait for commits. */
  list(): ListedGroup[] {
    const listed: ListedGroup[] = [];
    for (const [groupId, group] of this.groups.entries()) {
      if (group instanceof ConsumerGroup)
        listed.push({
          groupId,
          protocolType: CONSUMER_PROTOCOL_TYPE,
          groupState: group.stateName,
          groupType: 'consumer',
        });
      else
        listed.push({
          groupId,
          protocolType: group.protocolType ?? '',
          groupState: group.state,
          groupType: 'classic',
        });
    }
    for (const groupId of this.offsets.groupIds())
      if (this.groups.get(groupId) === undefined)
        listed.push({ groupId, protocolType: '', groupState: 'Empty', groupType: 'classic' });
    return listed;
  }

  describeClassic(groupId: string, version: number, reply: Reply<DescribedClassicGroup>): void {
    const group = this.groups.get(groupId);
    if (group instanceof ClassicGroup) {
      const described = group.describe();
      this.afterLastWrite(groupId, (errorCode) =>
        reply(errorCode === ErrorCode.NONE ? described : { groupId, errorCode }),
      );
      return;
    }
    const isSimple = group === undefined && this.offsets.sizeOf(groupId) > 0;
    const why = group === undefined ? 'not found' : 'not a classic group';
    const isTold = version >= DESCRIBE_ERROR_SINCE;
    this.afterLastWrite(groupId, (errorCode) => {
      if (errorCode !== ErrorCode.NONE) reply({ groupId, errorCode });
      else if (isSimple) reply({ groupId, groupState: 'Empty' });
      else
        reply({
          groupId,
          errorCode: isTold ? ErrorCode.GROUP_ID_NOT_FOUND : ErrorCode.NONE,
          errorMessage: isTold ? notFound(groupId, why) : null,
          groupState: 'Dead',
        });
    });
  }

  /**
   * The last rebalances of the group, oldest first. They only inform people, so the last one may not be
   * committed yet.
   */
  rebalances(groupId: string): readonly PastRebalance[] {
    return this.groups.history.of(groupId);
  }

  describe(groupId: string, reply: Reply<DescribedGroup>): void {
    const group = this.groups.get(groupId);
    if (group instanceof ConsumerGroup) {
      const described = group.describe();
      this.afterLastWrite(groupId, (errorCode) =>
        reply(errorCode === ErrorCode.NONE ? described : { groupId, errorCode }),
      );
      return;
    }
    const exists = group !== undefined || this.offsets.sizeOf(groupId) > 0;
    const errorMessage = notFound(groupId, exists ? 'not a consumer group' : 'not found');
    this.afterLastWrite(groupId, (errorCode) => {
      if (errorCode !== ErrorCode.NONE) reply({ groupId, errorCode });
      else reply({ groupId, errorCode: ErrorCode.GROUP_ID_NOT_FOUND, errorMessage });
    });
  }

  delete(groupId: string, reply: Reply<ErrorCode>): void {
    const group = this.groups.get(groupId);
    const refuse = (errorCode: ErrorCode) =>
      this.afterLastWrite(groupId, (failure) => reply(failure === ErrorCode.NONE ? errorCode : failure));
    if (this.offsets.isDeleting(groupId)) refuse(BEING_DELETED);
    else if (group === undefined && this.offsets.sizeOf(groupId) === 0) refuse(ErrorCode.GROUP_ID_NOT_FOUND);
    else if (group?.isEmpty === false) refuse(ErrorCode.NON_EMPTY_GROUP);
    else this.offsets.deleteGroup(groupId, () => this.tombstonesOf(groupId), reply);
  }

  /** The group's tombstones; none if the group is not in `GroupTable` or has members. */
  private tombstonesOf(groupId: string): readonly CoordinatorRecord[] {
    const group = this.groups.get(groupId);
    if (group?.isEmpty !== true) return [];
    return group instanceof ConsumerGroup ? group.tombstones().map(encodeRecord) : [groupTombstone(groupId)];
  }

  /**
   * Deletes the group if it has no members. The caller must check that the group has no offsets. False: the
   * group has members or does not exist, or the shard accepts no records now. The next check tries again.
   */
  private deleteIfUnused(groupId: string): boolean {
    const tombstones = this.tombstonesOf(groupId);
    return tombstones.length > 0 && this.port.write(tombstones) === ErrorCode.NONE;
  }

  private expiryOf(groupId: string): Expiry {
    const group = this.groups.get(groupId);
    if (group === undefined) return { kind: 'since-commit', isSubscribed: () => false };
    const sinceCommit: Expiry = {
      kind: 'since-commit',
      isSubscribed: (topic) => !group.isEmpty && group.isSubscribedTo(topic),
    };
    if (group instanceof ConsumerGroup) return sinceCommit;
    const { state, protocolType, emptySinceMs } = group;
    if (state === 'Empty')
      return emptySinceMs === undefined ? sinceCommit : { kind: 'since-empty', emptySinceMs };
    return state === 'Stable' && protocolType === CONSUMER_PROTOCOL_TYPE ? sinceCommit : { kind: 'never' };
  }

  /**
   * Calls `done` when the last decision about the group and its offsets is committed. Every answer about a
   * group waits for this.
   */
  private afterLastWrite(groupId: string, done: (errorCode: ErrorCode) => void): void {
    const write = Math.max(this.groups.lastWriteOf(groupId), this.offsets.lastWriteOf(groupId));
    this.port.whenCommitted(write, done);
  }
}

/** Checks the regular expression before a group changes its type, so that a refused join changes nothing. */
function regexRefusal({
  subscribedTopicRegex: regex,
}: ConsumerHeartbeatCall['request']): Refusal | undefined {
  return regex === null || regex === '' ? undefined : invalidRegex(regex);
}

function notConsumerGroup(groupId: string): Refusal {
  return refusal(ErrorCode.GROUP_ID_NOT_FOUND, notFound(groupId, 'not a consumer group'));
}

function notFound(groupId: string, why: string): string {
  return why === 'not found' ? `Group ${groupId} not found.` : `Group ${groupId} is ${why}.`;
}
