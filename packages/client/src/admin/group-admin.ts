/**
 * Lists, describes and deletes groups, and reads and changes their committed offsets. `list` asks every
 * broker; every other call asks the group's coordinator. A call to a coordinator ends within the timeout.
 * `list` may end later, because it waits for requests that are under way.
 */
import type { Clock, Millis, NodeId } from '@millrace/base';
import { apis, ErrorCode, errorName, type ListGroupsResponse } from '@millrace/protocol';
import type { OpenConnection } from '../cluster/broker-connections.ts';
import type { ClusterView } from '../cluster/cluster-view.ts';
import { type CoordinatorCall, callCoordinator } from '../groups/coordinator-call.ts';
import { GroupCoordinator } from '../groups/group-coordinator.ts';
import { groupOutcome } from '../groups/group-errors.ts';
import { type ChangedOffsets, type FoundOffsets, GroupOffsets } from '../groups/group-offsets.ts';
import type { CommittedOffset, TopicIds } from '../groups/offset-requests.ts';
import type { TopicPartition } from '../groups/topic-partitions.ts';
import { askEachBroker } from './each-broker.ts';
import {
  describedClassicGroup,
  describedConsumerGroup,
  type GroupDescription,
} from './group-descriptions.ts';

export interface GroupAdminOptions {
  readonly clock: Clock;
  readonly cluster: Pick<ClusterView, 'anyConnection' | 'connectionTo'>;
  readonly open: OpenConnection;
  /** How long a call may take, with all its retries. */
  readonly timeoutMs: Millis;
  /** The wait between two attempts. Default 100. */
  readonly retryMs?: Millis;
  /** The ids of topics, if the owner knows them (see GroupOffsets). */
  readonly topicId?: TopicIds;
}

export interface ListedGroup {
  readonly groupId: string;
  /** `classic`, `consumer` (KIP-848) or `share`; empty: the broker does not say. */
  readonly type: string;
  readonly state: string;
  readonly protocolType: string;
}

/** `found` undefined: the call has failed, and `error` says why. */
export type FoundGroup = (found: GroupDescription | undefined, error: string | undefined) => void;

type Send = CoordinatorCall['send'];

const RETRY_MS = 100;
/** Older versions of DescribeGroups answer this state, and no error code, if a group does not exist. */
const DEAD = 'Dead';

export class GroupAdmin {
  private readonly options: GroupAdminOptions;

  constructor(options: GroupAdminOptions) {
    this.options = options;
  }

  /**
   * Lists the groups of all brokers. `failed`: the brokers that gave no list, with the last error of each.
   * `error`: why no broker was asked.
   */
  list(
    done: (
      groups: readonly ListedGroup[],
      failed: ReadonlyMap<NodeId, string>,
      error: string | undefined,
    ) => void,
  ): void {
    const { clock, cluster, timeoutMs, retryMs = RETRY_MS } = this.options;
    askEachBroker<ListGroupsResponse['groups']>({
      clock,
      cluster,
      timeoutMs,
      retryMs,
      api: apis.listGroups,
      send: (connection, version, answered) =>
        connection.request(apis.listGroups, version, {}, (response) => {
          if (response === undefined) answered(undefined);
          else if (response.errorCode === ErrorCode.NONE) answered({ value: response.groups });
          else if (groupOutcome(response.errorCode) === 'fatal') answered({ fatal: response.errorCode });
          else answered({ retry: response.errorCode });
        }),
      done: (found, failed, error) => {
        const groups = [...found.values()]
          .flat()
          .map(({ groupId, groupType: type, groupState: state, protocolType }) => ({
            groupId,
            type,
            state,
            protocolType,
          }));
        groups.sort((a, b) => (a.groupId < b.groupId ? -1 : 1));
        done(groups, failed, error);
      },
    });
  }

  /**
   * Describes a group. Asks for a consumer group (KIP-848) first, then for a classic one, as Java's admin
   * client does.
   */
  describe(groupId: string, done: FoundGroup, includeRebalances = false): void {
    let found: GroupDescription | undefined;
    const describeClassic: Send = (connection, answered) => {
      const version = connection.versions?.newest(apis.describeGroups);
      if (version === undefined) return false;
      const request = { groups: [groupId], includeRebalances };
      connection.request(apis.describeGroups, version, request, (response) => {
        const group = response?.groups[0];
        if (group?.errorCode !== ErrorCode.NONE) answered(group?.errorCode);
        else if (group.groupState === DEAD) answered(ErrorCode.GROUP_ID_NOT_FOUND);
        else {
          found = describedClassicGroup(group);
          answered(ErrorCode.NONE);
        }
      });
      return true;
    };
    const describe: Send = (connection, answered) => {
      const version = connection.versions?.newest(apis.consumerGroupDescribe);
      if (version === undefined) return describeClassic(connection, answered);
      const request = { groupIds: [groupId], includeRebalances };
      connection.request(apis.consumerGroupDescribe, version, request, (response) => {
        const group = response?.groups[0];
        const code = group?.errorCode;
        const isOther = code === ErrorCode.GROUP_ID_NOT_FOUND || code === ErrorCode.UNSUPPORTED_VERSION;
        if (isOther && connection.isReady) {
          if (!describeClassic(connection, answered)) answered(code);
          return;
        }
        if (group !== undefined && code === ErrorCode.NONE) found = describedConsumerGroup(group);
        answered(code);
      });
      return true;
    };
    this.call(groupId, describe, (error) => done(error === undefined ? found : undefined, error));
  }

  /** Deletes the group. `error` is NON_EMPTY_GROUP if the group has members. */
  delete(groupId: string, done: (error: string | undefined) => void): void {
    this.call(
      groupId,
      (connection, answered) => {
        const version = connection.versions?.newest(apis.deleteGroups);
        if (version === undefined) return false;
        connection.request(apis.deleteGroups, version, { groupsNames: [groupId] }, (response) =>
          answered(response?.results[0]?.errorCode),
        );
        return true;
      },
      done,
    );
  }

  /**
   * Fetches committed offsets. `partitions` null: of every partition that has one. Fails if the coordinator
   * refuses a partition, for example because the client must not read its topic.
   */
  listOffsets(groupId: string, partitions: readonly TopicPartition[] | null, done: FoundOffsets): void {
    const { offsets, close } = this.offsetsOf(groupId);
    offsets.fetch(partitions, (found, error, refused) => {
      close();
      const [first] = refused;
      if (first === undefined) done(found, error, refused);
      else done(undefined, errorName(first.errorCode), refused);
    });
  }

  /**
   * Commits these offsets without a member id. While the group has members, the coordinator refuses such a
   * commit (UNKNOWN_MEMBER_ID).
   */
  alterOffsets(groupId: string, wanted: readonly CommittedOffset[], done: ChangedOffsets): void {
    const { offsets, close } = this.offsetsOf(groupId);
    offsets.commit(wanted, (error, failed) => {
      close();
      done(error, failed);
    });
  }

  deleteOffsets(groupId: string, partitions: readonly TopicPartition[], done: ChangedOffsets): void {
    const { offsets, close } = this.offsetsOf(groupId);
    offsets.delete(partitions, (error, failed) => {
      close();
      done(error, failed);
    });
  }

  private offsetsOf(groupId: string): { offsets: GroupOffsets; close: () => void } {
    const { clock, timeoutMs, topicId } = this.options;
    const coordinator = this.coordinatorOf(groupId);
    const ids = topicId === undefined ? {} : { topicId };
    const offsets = new GroupOffsets({ clock, groupId, coordinator, timeoutMs, ...ids });
    return { offsets, close: () => coordinator.close() };
  }

  private call(groupId: string, send: Send, done: (error: string | undefined) => void): void {
    const { clock, timeoutMs } = this.options;
    const coordinator = this.coordinatorOf(groupId);
    callCoordinator({
      clock,
      coordinator,
      timeoutMs,
      send,
      done: (error) => {
        coordinator.close();
        done(error);
      },
    });
  }

  private coordinatorOf(groupId: string): GroupCoordinator {
    const { clock, cluster, open, retryMs: backoffMs = RETRY_MS } = this.options;
    return new GroupCoordinator({ clock, cluster, open, groupId, backoffMs });
  }
}
