/** Commits, fetches and deletes a group's offsets at its coordinator. */
import type { Clock, Millis, Uuid } from '@millrace/base';
import { apis, ErrorCode, errorName } from '@millrace/protocol';
import { callCoordinator } from './coordinator-call.ts';
import type { GroupCoordinator } from './group-coordinator.ts';
import { groupOutcome } from './group-errors.ts';
import type { Committer } from './member.ts';
import {
  type CommittedOffset,
  commitErrors,
  commitRequest,
  type FetchedOffsets,
  fetchedOffsets,
  fetchRequest,
  IDS_FROM_VERSION,
  type MemberIdentity,
  NO_MEMBER,
  offsetVersion,
  type PartitionError,
  type TopicIds,
} from './offset-requests.ts';
import { byTopic, type TopicPartition, without } from './topic-partitions.ts';

export interface GroupOffsetsOptions {
  readonly clock: Clock;
  readonly groupId: string;
  readonly coordinator: GroupCoordinator;
  /** How long a call may take, with all its retries. */
  readonly timeoutMs: Millis;
  /** The ids of topics, if the client knows them. Default: it knows none. */
  readonly topicId?: TopicIds;
  /** Called at each attempt of a fetch: the member that fetches. Default: no member. */
  readonly identity?: () => MemberIdentity;
}

/** `failed`: the partitions with an error of their own. `error`: undefined if all partitions succeeded. */
export type ChangedOffsets = (error: string | undefined, failed: readonly PartitionError[]) => void;

/**
 * `offsets`: the partitions with a committed offset; undefined if the call failed. `refused`: the partitions
 * of topics that the client must not read. Nothing is known about their offsets.
 */
export type FoundOffsets = (
  offsets: readonly CommittedOffset[] | undefined,
  error: string | undefined,
  refused: readonly PartitionError[],
) => void;

export interface CommitOptions {
  /** The member that commits. Default: no member, which the coordinator accepts while the group is empty. */
  readonly committer?: Committer;
  /** How long the commit may take, with all its retries. Default: `GroupOffsetsOptions.timeoutMs`. */
  readonly timeoutMs?: Millis;
}

/** The error of a commit whose member has left, or was removed from the group. */
const NO_LONGER_MEMBER = 'the membership has ended';

export class GroupOffsets {
  private readonly options: GroupOffsetsOptions;
  private readonly stops = new Set<() => void>();

  constructor(options: GroupOffsetsOptions) {
    this.options = options;
  }

  /**
   * Commits the offsets. A retry sends all of them again, also those that the coordinator has accepted.
   * Returns a function that ends the commit without calling `done`. The coordinator may have the offsets even
   * so.
   */
  commit(
    offsets: readonly CommittedOffset[],
    done: ChangedOffsets,
    { committer = () => NO_MEMBER, timeoutMs }: CommitOptions = {},
  ): () => void {
    const { groupId } = this.options;
    const topics = [...new Set(offsets.map(({ topic }) => topic))];
    const { ids, names } = this.topicIds(offsets);
    let failed: readonly PartitionError[] = [];
    return this.call(
      (connection, answered) => {
        const version = offsetVersion(connection, apis.offsetCommit, topics, ids);
        if (version === undefined) return false;
        const identity = committer();
        if (identity === undefined) return NO_LONGER_MEMBER;
        // A request with topic names must leave out a topic whose name another topic has now.
        const isNamed = version < IDS_FROM_VERSION;
        const sent = isNamed ? offsets.filter(({ topic }) => !this.hasOtherId(topic, ids)) : offsets;
        const errorCode = ErrorCode.UNKNOWN_TOPIC_ID;
        const unsent = without(offsets, sent).map(({ topic, partition }) => ({
          topic,
          partition,
          errorCode,
        }));
        if (sent.length === 0) {
          failed = unsent;
          answered(errorCode);
          return true;
        }
        const request = commitRequest(groupId, identity, sent, ids);
        connection.request(apis.offsetCommit, version, request, (response) => {
          if (response !== undefined) failed = [...commitErrors(response, names), ...unsent];
          answered(response === undefined ? undefined : deciding(failed));
        });
        return true;
      },
      (error) => done(error, failed),
      timeoutMs,
    );
  }

  /** Fetches committed offsets. `partitions` null: of every partition that has one. */
  fetch(partitions: readonly TopicPartition[] | null, done: FoundOffsets): void {
    const { groupId } = this.options;
    const topics = partitions === null ? null : [...new Set(partitions.map(({ topic }) => topic))];
    const { ids, names } = this.topicIds(partitions ?? []);
    let found: Pick<FetchedOffsets, 'offsets' | 'refused'> = { offsets: [], refused: [] };
    this.call(
      (connection, answered) => {
        const version = offsetVersion(connection, apis.offsetFetch, topics, ids);
        if (version === undefined) return false;
        const request = fetchRequest(groupId, this.identity(), partitions, ids);
        connection.request(apis.offsetFetch, version, request, (response) => {
          if (response === undefined) {
            answered(undefined);
            return;
          }
          const fetched = fetchedOffsets(response, version, names);
          found = fetched;
          answered(fetched.errorCode);
        });
        return true;
      },
      (error) =>
        error === undefined ? done(found.offsets, undefined, found.refused) : done(undefined, error, []),
    );
  }

  delete(partitions: readonly TopicPartition[], done: ChangedOffsets): void {
    const { groupId } = this.options;
    const topics = byTopic(partitions).map(({ topic, partitions: indexes }) => ({
      name: topic,
      partitions: indexes.map((partitionIndex) => ({ partitionIndex })),
    }));
    let failed: readonly PartitionError[] = [];
    this.call(
      (connection, answered) => {
        const version = connection.versions?.newest(apis.offsetDelete);
        if (version === undefined) return false;
        connection.request(apis.offsetDelete, version, { groupId, topics }, (response) => {
          if (response === undefined) {
            answered(undefined);
            return;
          }
          failed = commitErrors(response as never, NO_NAMES);
          answered(response.errorCode === ErrorCode.NONE ? deciding(failed) : response.errorCode);
        });
        return true;
      },
      (error) => done(error, failed),
    );
  }

  /** Ends every call; none of them calls `done`. */
  close(): void {
    for (const stop of this.stops) stop();
    this.stops.clear();
  }

  private identity(): MemberIdentity {
    return this.options.identity?.() ?? NO_MEMBER;
  }

  /** The ids of the topics, and the names by id. Both stay the same for all attempts of a call. */
  private topicIds(partitions: readonly (TopicPartition & Pick<CommittedOffset, 'topicId'>)[]) {
    const known = new Map<string, Uuid>();
    for (const { topic, topicId = this.options.topicId?.(topic) } of partitions)
      if (topicId !== undefined) known.set(topic, topicId);
    const ids: TopicIds = (topic) => known.get(topic);
    const names = new Map<string, string>([...known].map(([topic, topicId]) => [topicId, topic]));
    return { ids, names };
  }

  private hasOtherId(topic: string, ids: TopicIds): boolean {
    const topicId = this.options.topicId?.(topic);
    return topicId !== undefined && ids(topic) !== undefined && ids(topic) !== topicId;
  }

  private call(
    send: Parameters<typeof callCoordinator>[0]['send'],
    done: (error: string | undefined) => void,
    timeoutMs: Millis = this.options.timeoutMs,
  ): () => void {
    const { clock, coordinator } = this.options;
    let stop: (() => void) | undefined;
    let isOver = false;
    stop = callCoordinator({
      clock,
      coordinator,
      timeoutMs,
      send,
      // A heartbeat may have raised the member's epoch; the next attempt has the new epoch.
      alsoWait: (code) => code === ErrorCode.STALE_MEMBER_EPOCH,
      done: (error) => {
        isOver = true;
        if (stop !== undefined) this.stops.delete(stop);
        done(error);
      },
    });
    const end = stop;
    if (!isOver) this.stops.add(end);
    return () => {
      this.stops.delete(end);
      end();
    };
  }
}

const NO_NAMES: ReadonlyMap<string, string> = new Map();

/** The error of a whole request: the first one that asks for a retry; if there is none, the first error. */
function deciding(failed: readonly PartitionError[]): number {
  const codes = failed.map(({ errorCode }) => errorCode);
  const retry = codes.find((code) => ['moved', 'wait'].includes(groupOutcome(code)));
  return retry ?? codes[0] ?? ErrorCode.NONE;
}

/** `orders-3: OFFSET_METADATA_TOO_LARGE`, for a message. */
export function partitionErrorText({ topic, partition, errorCode }: PartitionError): string {
  return `${topic}-${partition}: ${errorName(errorCode)}`;
}
