/**
 * The group coordinator of a broker. For each request, it finds the machine of the group's shard
 * (group-machine.ts), and the machine decides. If the request is faulty, or if this broker does not
 * coordinate the group, the coordinator itself answers with an error.
 */
import type { Clock, Logger, Random } from '@millrace/base';
import { type MetadataDelta, type MetadataImage, OFFSETS_TOPIC } from '@millrace/metadata';
import { type CompressionCodecs, ErrorCode, TextCache } from '@millrace/protocol';
import {
  type HeartbeatCall,
  type JoinCall,
  joinError,
  type LeaveCall,
  lacksProtocol,
  type SyncCall,
  syncError,
} from '../classic/index.ts';
import type { GroupsConfig } from '../config.ts';
import { SharedTopicChanges } from '../consumer/topic-changes.ts';
import { fitsRecord } from '../limits.ts';
import {
  type CommitResults,
  type CommitTopics,
  type DeleteResult,
  type DeleteTopics,
  type FetchResult,
  type FetchTopics,
  fetchError,
} from '../offsets/committed-offsets.ts';
import type { CoordinatorMetrics } from '../runtime/coordinator-metrics.ts';
import { CoordinatorRuntime } from '../runtime/coordinator-runtime.ts';
import type { Serve } from '../runtime/load-queue.ts';
import type { LedPartitions } from '../runtime/ports.ts';
import { admitted, consumerHeartbeatFault, joinFault } from './door.ts';
import { commitFailure } from './failures.ts';
import { gather } from './gather.ts';
import { GroupMachine } from './group-machine.ts';
import { groupFilter } from './listing.ts';
import type { PastRebalance } from './rebalance-history.ts';
import type {
  CommitWanted,
  ConsumerHeartbeatCall,
  DeletedGroup,
  DescribedClassicGroup,
  DescribedGroup,
  ListedGroup,
  ListFilters,
  OffsetsWanted,
  Reply,
} from './requests.ts';

/** A shard accepts no decision while it has more uncommitted bytes than this. */
const WAITING_BYTES_MAX = 16 << 20;

export interface GroupCoordinatorOptions {
  readonly coordination: LedPartitions;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: CoordinatorMetrics;
  readonly codecs: CompressionCodecs;
  readonly config: GroupsConfig;
  /** Counts a rebalance for the metric, by its cause. */
  readonly countRebalance: (cause: string) => void;
  /** The metadata that this broker has applied. */
  image(): MetadataImage;
}

export class GroupCoordinator {
  /**
   * The runtime with the shards of this broker. Requests must go through the methods of the coordinator.
   * Other code may only read the shards.
   */
  readonly runtime: CoordinatorRuntime<GroupMachine>;
  private readonly config: GroupsConfig;

  constructor(options: GroupCoordinatorOptions) {
    const { config, random, logger, countRebalance } = options;
    this.config = config;
    const topicChanges = new SharedTopicChanges();
    const texts = new TextCache();
    const topicChangesOf = (delta: MetadataDelta) => topicChanges.of(delta);
    this.runtime = new CoordinatorRuntime({
      ...options,
      topic: OFFSETS_TOPIC,
      config: { commitTimeoutMs: config.commitTimeoutMs, waitingBytesMax: WAITING_BYTES_MAX },
      makeMachine: (port) =>
        new GroupMachine({ port, config, random, logger, texts, countRebalance, topicChangesOf }),
    });
  }

  /**
   * Call it when this broker has applied new metadata, after its replicas have become leaders and followers.
   */
  publish(delta: MetadataDelta): void {
    this.runtime.publish(delta);
  }

  /** Call it when the broker stops. Answers every waiting request with NOT_COORDINATOR. */
  stop(): void {
    this.runtime.stop(ErrorCode.NOT_COORDINATOR);
  }

  join(call: JoinCall): void {
    const { groupId, memberId } = call.request;
    const found = joinFault(call.request, this.config.classic) ?? this.machineOf(groupId);
    if (typeof found === 'number') call.reply(joinError(call.version, found, memberId));
    else found.join(admitted(call));
  }

  sync(call: SyncCall): void {
    const found = lacksProtocol(call)
      ? ErrorCode.INCONSISTENT_GROUP_PROTOCOL
      : this.named(call.request.groupId);
    if (typeof found === 'number') call.reply(syncError(found));
    else found.sync(call);
  }

  /** While the group's shard loads, the answer is NONE: the member need not join again. */
  heartbeat(call: HeartbeatCall): void {
    const found = this.named(call.request.groupId);
    if (typeof found !== 'number') found.heartbeat(call);
    else {
      const isLoading = found === ErrorCode.COORDINATOR_LOAD_IN_PROGRESS;
      call.reply({ errorCode: isLoading ? ErrorCode.NONE : found });
    }
  }

  leave(call: LeaveCall): void {
    const found = this.named(call.request.groupId);
    if (typeof found === 'number') call.reply({ errorCode: found, members: [] });
    else found.leave(call);
  }

  consumerHeartbeat(call: ConsumerHeartbeatCall): void {
    const { version, request } = call;
    const fault = consumerHeartbeatFault(version, request, this.config.consumer.assignors);
    if (fault !== undefined) {
      call.reply(fault);
      return;
    }
    this.whenLoaded(request.groupId, (found) => {
      if (typeof found === 'number') call.reply({ errorCode: found });
      else found.consumerHeartbeat(admitted(call));
    });
  }

  commit(wanted: CommitWanted, topics: CommitTopics, reply: Reply<CommitResults>): void {
    this.whenLoaded(wanted.groupId, (found) => {
      if (typeof found !== 'number') found.commit(wanted, topics, reply);
      else reply(commitFailure(topics, found));
    });
  }

  fetch(wanted: OffsetsWanted, topics: FetchTopics, reply: Reply<FetchResult>): void {
    this.whenLoaded(wanted.groupId, (found) => {
      if (typeof found !== 'number') found.fetch(wanted, topics, reply);
      else reply({ errorCode: fetchError(found), topics: [] });
    });
  }

  deleteOffsets(groupId: string, topics: DeleteTopics, reply: Reply<DeleteResult>): void {
    const found = this.named(groupId);
    if (typeof found === 'number') reply({ errorCode: found, topics: [] });
    else found.deleteOffsets(groupId, topics, reply);
  }

  /** Lists the groups of this broker. While one of its shards loads, the answer is an error. */
  list(
    filters: ListFilters,
    reply: Reply<{ readonly errorCode: ErrorCode; readonly groups: readonly ListedGroup[] }>,
  ): void {
    const { machines, isLoading } = this.runtime.shards();
    if (isLoading) {
      reply({ errorCode: ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, groups: [] });
      return;
    }
    const groups = machines.flatMap((machine) => machine.list());
    reply({ errorCode: ErrorCode.NONE, groups: groups.filter(groupFilter(filters)) });
  }

  describeClassic(
    groupIds: readonly string[],
    version: number,
    reply: Reply<readonly DescribedClassicGroup[]>,
  ): void {
    gather<string, DescribedClassicGroup>(
      groupIds,
      (groupId, done) => {
        const found = this.machineOf(groupId);
        if (typeof found !== 'number') found.describeClassic(groupId, version, done);
        else done({ groupId, errorCode: found });
      },
      reply,
    );
  }

  describe(groupIds: readonly string[], reply: Reply<readonly DescribedGroup[]>): void {
    gather<string, DescribedGroup>(
      groupIds,
      (groupId, done) => {
        const found = this.named(groupId);
        if (typeof found !== 'number') found.describe(groupId, done);
        else done({ groupId, errorCode: found });
      },
      reply,
    );
  }

  /** The last rebalances of the group, oldest first. Empty if this broker does not coordinate the group. */
  rebalances(groupId: string): readonly PastRebalance[] {
    const found = this.machineOf(groupId);
    return typeof found === 'number' ? [] : found.rebalances(groupId);
  }

  delete(groupIds: readonly string[], reply: Reply<readonly DeletedGroup[]>): void {
    gather<string, DeletedGroup>(
      groupIds,
      (groupId, done) => {
        const found = this.machineOf(groupId);
        if (typeof found !== 'number') found.delete(groupId, (errorCode) => done({ groupId, errorCode }));
        else done({ groupId, errorCode: found });
      },
      reply,
    );
  }

  private machineOf(groupId: string): GroupMachine | ErrorCode {
    return fitsRecord(groupId) ? this.runtime.shardFor(groupId) : ErrorCode.INVALID_GROUP_ID;
  }

  /**
   * For the requests that every member sends all the time. If the group's shard loads, they wait, because the
   * retries of all members would slow the load down.
   */
  private whenLoaded(groupId: string, serve: Serve<GroupMachine>): void {
    if (fitsRecord(groupId)) this.runtime.whenLoaded(groupId, serve);
    else serve(ErrorCode.INVALID_GROUP_ID);
  }

  /** For the requests that do not allow the empty group id. */
  private named(groupId: string): GroupMachine | ErrorCode {
    return groupId === '' ? ErrorCode.INVALID_GROUP_ID : this.machineOf(groupId);
  }
}
