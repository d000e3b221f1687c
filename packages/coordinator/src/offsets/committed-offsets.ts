/**
 * The committed offsets of one shard's groups: commits, fetches and removals. Before a call comes here, the
 * group machine has checked the member and its generation. The broker's handler has checked permissions,
 * replaced topic ids by names, and refused topics and partitions that do not exist. Each call is answered
 * once, when every decision that the answer depends on is committed.
 */
import { type Millis, type Uuid, ZERO_UUID } from '@millrace/base';
import type { MetadataDelta } from '@millrace/metadata';
import {
  ErrorCode,
  type OffsetCommitRequest,
  type OffsetCommitResponse,
  type OffsetDeleteRequest,
  type OffsetDeleteResponse,
  type OffsetFetchRequest,
  type OffsetFetchResponse,
} from '@millrace/protocol';
import type { OffsetsConfig } from '../config.ts';
import type { CoordinatorRecord, ShardPort, WriteNumber } from '../runtime/machine.ts';
import { type Expiry, expireTimestamp, isExpired } from './expiry.ts';
import { encodeOffset, type OffsetKey, type OffsetValue } from './offset-record.ts';
import { type CommittedOffset, type GroupOffsets, OffsetTable } from './offset-table.ts';
import { OffsetWrites } from './offset-writes.ts';
import { allOf, type Removal, Removals, type Removed } from './removal.ts';
import { type OfTopic, sweep } from './sweep.ts';

export type CommitTopics = OffsetCommitRequest['topics'];
export type CommitResults = OffsetCommitResponse['topics'];
/** Null: all topics of the group. */
export type FetchTopics = OffsetFetchRequest['groups'][number]['topics'];
/** If `errorCode` is not NONE, `topics` is empty. */
export type FetchResult = Omit<OffsetFetchResponse['groups'][number], 'groupId'>;
export type DeleteTopics = OffsetDeleteRequest['topics'];
/** If `errorCode` is not NONE, `topics` is empty. */
export type DeleteResult = Pick<OffsetDeleteResponse, 'errorCode' | 'topics'>;

type FetchedTopic = FetchResult['topics'][number];
type FetchedPartition = FetchedTopic['partitions'][number];

/** What this file needs from the owner of the shard's groups. */
export interface GroupsOfOffsets {
  /**
   * The rule by which the group's offsets expire. The retention check calls this for each group with offsets,
   * and several times for a group with many offsets.
   */
  expiryOf(group: string): Expiry;
  /** The last decision about the group itself. */
  lastWriteOf(group: string): WriteNumber;
  /**
   * Called when a retention check has removed the last offset of the group. The owner then deletes the group
   * if it has no members.
   */
  offsetsExpired(group: string): void;
  /**
   * Called when a retention check has seen every group with offsets. The owner then deletes its groups
   * without members and offsets.
   */
  expiryChecked(): void;
}

/** Transactional commits that wait for their marker. */
export interface PendingOffsets {
  has(group: string, topic: string, partition: number): boolean;
}

const NOTHING_PENDING: PendingOffsets = { has: () => false };

export interface CommittedOffsetsOptions {
  readonly port: ShardPort;
  readonly config: OffsetsConfig;
  readonly groups: GroupsOfOffsets;
  /** Default: no transactional commits. */
  readonly pending?: PendingOffsets;
}

export class CommittedOffsets {
  private readonly port: ShardPort;
  private readonly config: OffsetsConfig;
  private readonly groups: GroupsOfOffsets;
  private readonly pending: PendingOffsets;
  private readonly table = new OffsetTable();
  private readonly writes: OffsetWrites;
  private readonly removals: Removals;
  private readonly deleting = new Set<string>();

  constructor({ port, config, groups, pending = NOTHING_PENDING }: CommittedOffsetsOptions) {
    this.port = port;
    this.config = config;
    this.groups = groups;
    this.pending = pending;
    this.writes = new OffsetWrites(port, this.table);
    this.removals = new Removals(port, this.table, this.writes);
  }

  /** A null value removes the offset. */
  replay({ group, topic, partition }: OffsetKey, value: OffsetValue | null): void {
    if (value === null) this.table.remove(group, topic, partition);
    else this.table.put(group, topic, partition, value);
  }

  /** Starts the retention checks. */
  loaded(): void {
    this.table.loaded();
    this.checkExpiryLater();
  }

  ended(errorCode: ErrorCode): void {
    this.removals.ended(errorCode);
  }

  /** Number of offsets. */
  get size(): number {
    return this.table.size;
  }

  /** Number of offsets of the group. A simple group exists while it has offsets. */
  sizeOf(group: string): number {
    return this.table.group(group)?.size ?? 0;
  }

  /** The offsets of each group that has some, including offsets that are not committed yet. */
  get byGroup(): Iterable<[group: string, offsets: GroupOffsets]> {
    return this.table.groups();
  }

  /** The groups with offsets. */
  *groupIds(): Generator<string> {
    for (const [group] of this.table.groups()) yield group;
  }

  /** The decision for which an answer must wait if it reveals whether the group has offsets. */
  lastWriteOf(group: string): WriteNumber {
    return this.writes.lastWriteOf(group);
  }

  /**
   * Commits offsets of one group. If the metadata text of a partition is too long, only this partition gets
   * an error. If the shard refuses the records, every partition gets the error. If a partition occurs twice,
   * the last occurrence counts.
   */
  commit(
    group: string,
    topics: CommitTopics,
    retentionTimeMs: Millis,
    done: (results: CommitResults) => void,
  ): void {
    const records = this.recordsOf(group, topics, retentionTimeMs);
    const answer = (errorCode: ErrorCode) => done(this.commitResults(topics, errorCode));
    if (records.length === 0) {
      const write = Math.max(this.groups.lastWriteOf(group), this.writes.lastWriteOf(group));
      this.port.whenCommitted(write, answer);
    } else {
      const errorCode = this.writes.write(records, [group]);
      if (errorCode === ErrorCode.NONE) this.port.whenCommitted(this.port.lastWrite, answer);
      else answer(errorCode);
    }
  }

  private recordsOf(group: string, topics: CommitTopics, retentionTimeMs: Millis): CoordinatorRecord[] {
    const now = this.port.wallMs();
    const expires = expireTimestamp(retentionTimeMs, now);
    const records: CoordinatorRecord[] = [];
    for (const { name: topic, partitions } of topics) {
      const topicId = this.presentId(topic);
      for (const partition of partitions) {
        const metadata = partition.committedMetadata ?? '';
        if (this.isTooLong(metadata)) continue;
        const value = {
          offset: partition.committedOffset,
          leaderEpoch: partition.committedLeaderEpoch,
          metadata,
          commitTimestamp: now,
          expireTimestamp: expires,
          topicId,
        };
        const key = { group, topic, partition: partition.partitionIndex };
        records.push(encodeOffset(key, value));
      }
    }
    return records;
  }

  private commitResults(topics: CommitTopics, errorCode: ErrorCode): CommitResults {
    return topics.map(({ name, topicId, partitions }) => ({
      name,
      topicId,
      partitions: partitions.map(({ partitionIndex, committedMetadata }) => {
        const isRefused = errorCode === ErrorCode.NONE && this.isTooLong(committedMetadata ?? '');
        return { partitionIndex, errorCode: isRefused ? ErrorCode.OFFSET_METADATA_TOO_LARGE : errorCode };
      }),
    }));
  }

  private isTooLong(metadata: string): boolean {
    return metadata.length > this.config.metadataMaxChars;
  }

  /**
   * Reads the offsets as they are now, and answers when they are committed. If `topics` is null, the result
   * has the present topic id of each name; ZERO_UUID if the topic does not exist.
   */
  fetch(
    group: string,
    topics: FetchTopics,
    requireStable: boolean,
    done: (result: FetchResult) => void,
  ): void {
    const fetched =
      topics === null
        ? this.fetchAll(group, requireStable)
        : topics.map((topic) => this.fetchTopic(group, topic, requireStable));
    this.port.whenCommitted(this.writes.lastWriteOf(group), (errorCode) => {
      if (errorCode === ErrorCode.NONE) done({ errorCode, topics: fetched });
      else done({ errorCode: fetchError(errorCode), topics: [] });
    });
  }

  private fetchTopic(
    group: string,
    { name, topicId, partitionIndexes }: NonNullable<FetchTopics>[number],
    requireStable: boolean,
  ): FetchedTopic {
    const presentId = topicId === ZERO_UUID ? this.presentId(name) : topicId;
    const partitions = partitionIndexes.map((partition) => {
      const offset = this.table.get(group, name, partition);
      const present = offset !== undefined && isOf(presentId, offset) ? offset : undefined;
      return this.fetched(group, name, partition, present, requireStable);
    });
    return { name, topicId, partitions };
  }

  private fetchAll(group: string, requireStable: boolean): FetchedTopic[] {
    const fetched: FetchedTopic[] = [];
    for (const [name, offsets] of this.table.group(group)?.topics ?? []) {
      const topicId = this.presentId(name);
      const partitions = offsets
        .filter((offset) => isOf(topicId, offset))
        .map((offset) => this.fetched(group, name, offset.partition, offset, requireStable));
      if (partitions.length > 0) fetched.push({ name, topicId, partitions });
    }
    return fetched;
  }

  private presentId(topic: string): Uuid {
    return this.port.image().topic(topic)?.id ?? ZERO_UUID;
  }

  private fetched(
    group: string,
    topic: string,
    partitionIndex: number,
    offset: CommittedOffset | undefined,
    requireStable: boolean,
  ): FetchedPartition {
    if (requireStable && this.pending.has(group, topic, partitionIndex))
      return { partitionIndex, ...NO_OFFSET, errorCode: ErrorCode.UNSTABLE_OFFSET_COMMIT };
    if (offset === undefined) return { partitionIndex, ...NO_OFFSET, errorCode: ErrorCode.NONE };
    return {
      partitionIndex,
      committedOffset: offset.offset,
      committedLeaderEpoch: offset.leaderEpoch,
      metadata: offset.metadata,
      errorCode: ErrorCode.NONE,
    };
  }

  /**
   * Removes the named offsets (OffsetDelete). The owner has checked the group. `isSubscribed` says whether
   * members of the group subscribe to a topic now. The removal asks again before each decision, because
   * members may subscribe to a topic between two decisions.
   */
  delete(
    group: string,
    topics: DeleteTopics,
    isSubscribed: (topic: string) => boolean,
    done: (result: DeleteResult) => void,
  ): void {
    const removed = topics.map(({ name, partitions }): Removed => {
      const offsets = partitions.map(({ partitionIndex }) => this.table.get(group, name, partitionIndex));
      const present = new Set(offsets.filter((offset) => offset !== undefined));
      return { group, topic: name, offsets: [...present] };
    });
    const kept = new Set<string>();
    const isKept = ({ topic }: Removed) => {
      if (isSubscribed(topic)) kept.add(topic);
      return kept.has(topic);
    };
    const results = () =>
      topics.map(({ name, partitions }) => {
        const errorCode = kept.has(name) ? ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC : ErrorCode.NONE;
        return { name, partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })) };
      });
    const answer = (errorCode: ErrorCode) =>
      done({ errorCode, topics: errorCode === ErrorCode.NONE ? results() : [] });
    this.removals.start({ removed, isLarge: true, isKept, done: this.whenCommitted(group, answer) });
  }

  /**
   * Removes all offsets of the group: with one decision, or with several if there are very many offsets.
   * Until the last decision, `isDeleting` is true, and the owner must refuse joins, commits and fetches.
   * `last` is called when the last decision is written, and returns further records for this decision, such
   * as the tombstone of the group. `done` gets NONE when everything is committed, even if there was nothing
   * to write.
   */
  deleteGroup(
    group: string,
    last: () => readonly CoordinatorRecord[],
    done: (errorCode: ErrorCode) => void,
  ): void {
    const removed = allOf(group, this.table.group(group));
    const answer = this.whenCommitted(group, done);
    this.deleting.add(group);
    this.removals.start({
      removed,
      isLarge: true,
      last,
      done: (errorCode, lastWrite) => {
        this.deleting.delete(group);
        answer(errorCode, lastWrite);
      },
    });
  }

  /** True while a part of the group's offsets is removed, and the rest follows in a later turn. */
  isDeleting(group: string): boolean {
    return this.deleting.has(group);
  }

  /**
   * Even a removal that wrote nothing waits: an offset may be absent because of a tombstone that is not
   * committed yet.
   */
  private whenCommitted(group: string, done: (errorCode: ErrorCode) => void): Removal['done'] {
    return (errorCode, lastWrite) => {
      const write = Math.max(lastWrite, this.writes.lastWriteOf(group));
      if (errorCode === ErrorCode.NONE) this.port.whenCommitted(write, done);
      else done(errorCode);
    };
  }

  /**
   * Removes the offsets of deleted topics. If the shard accepts no records now, the next retention check
   * removes them.
   */
  metadataChanged(delta: MetadataDelta): void {
    const deleted = new Map<string, Uuid>();
    for (const { name, id } of delta.deletedTopics) if (this.table.hasTopic(name)) deleted.set(name, id);
    if (deleted.size === 0) return;
    const removed: Removed[] = [];
    for (const [group, { topics }] of this.table.groups()) {
      const names = topics.size < deleted.size ? topics.keys() : deleted.keys();
      for (const topic of names) {
        const id = deleted.get(topic);
        if (id === undefined) continue;
        const offsets = topics.get(topic)?.filter(({ topicId }) => topicId === ZERO_UUID || topicId === id);
        if (offsets !== undefined && offsets.length > 0) removed.push({ group, topic, offsets });
      }
    }
    if (removed.length > 0) this.port.inOwnTurn(0, () => this.removals.start({ removed, done: () => {} }));
  }

  private checkExpiryLater(): void {
    this.port.inOwnTurn(this.config.retentionCheckIntervalMs, () => this.checkExpiry());
  }

  /**
   * Removes expired offsets, and the offsets of topics that were deleted while no shard was loaded. The first
   * check must not come as soon as the shard has loaded: a broker that has just started may have old
   * metadata, in which a topic does not exist yet.
   */
  private checkExpiry(): void {
    sweep(this.port, this.table, this.writes, {
      ofGroup: (group) => this.expiredOf(group),
      emptied: (group) => this.groups.offsetsExpired(group),
      done: (errorCode) => {
        if (errorCode === ErrorCode.NONE) this.groups.expiryChecked();
        this.checkExpiryLater();
      },
    });
  }

  private expiredOf(group: string): OfTopic {
    const rule = this.groups.expiryOf(group);
    const now = this.port.wallMs();
    return (topic) => {
      const presentId = this.port.image().topic(topic)?.id;
      const isSubscribed = rule.kind === 'since-commit' && rule.isSubscribed(topic);
      const isRemoved = (offset: CommittedOffset) =>
        presentId === undefined ||
        !isOf(presentId, offset) ||
        (!isSubscribed && isExpired(offset, rule, now, this.config.retentionMs));
      return (offset) => isRemoved(offset) && !this.pending.has(group, topic, offset.partition);
    };
  }
}

/** False if the offset belongs to a deleted topic of the same name. */
function isOf(topicId: Uuid, offset: CommittedOffset): boolean {
  return offset.topicId === topicId || offset.topicId === ZERO_UUID || topicId === ZERO_UUID;
}

const NO_OFFSET = { committedOffset: -1, committedLeaderEpoch: -1, metadata: '' };

/**
 * The error for the answer to an OffsetFetch. Java's consumer fails if this answer has
 * COORDINATOR_NOT_AVAILABLE. After NOT_COORDINATOR, Java's consumer looks up the coordinator again.
 */
export function fetchError(errorCode: ErrorCode): ErrorCode {
  return errorCode === ErrorCode.COORDINATOR_NOT_AVAILABLE ? ErrorCode.NOT_COORDINATOR : errorCode;
}
