/**
 * Writes the group requests of a client to the history: commits and fetches of offsets, and the answers that
 * make the client a member. Each attempt is an operation of its own. The recorder looks at the requests on a
 * connection, so it works for every kind of client that uses groups. If an answer lacks a partition of its
 * request, the run fails, because the history would not show that partition.
 */
import type { Uuid } from '@millrace/base';
import type { CommitOp, MemberRef, MembershipOp, Outcome } from '@millrace/checkers';
import {
  type AnyApi,
  apis,
  consumerProtocolAssignment,
  consumerProtocolSubscription,
  ErrorCode,
  errorName,
  type RequestOf,
  type ResponseOf,
} from '@millrace/protocol';
import type { Micros } from '../world/index.ts';
import { demandComplete, placeOf, placesOf, WITH_ID_VERSION } from './asked-partitions.ts';
import type { ClientEnv } from './env.ts';

const MANY_GROUPS_VERSION = 8;
const NO_OFFSET = -1;

/** The member epoch of a request to join. */
const JOIN_EPOCH = 0;
/** After one of these error codes the coordinator may have written the commit, or may still write it. */
const UNCERTAIN: ReadonlySet<number> = new Set([
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.NOT_COORDINATOR,
  ErrorCode.REQUEST_TIMED_OUT,
  ErrorCode.UNKNOWN_SERVER_ERROR,
]);

/** A field that the client leaves out has Kafka's default. */
interface Commit {
  readonly groupId: string;
  readonly memberId?: string;
  readonly generationIdOrMemberEpoch?: number;
  readonly groupInstanceId?: string | null;
  readonly topics: readonly {
    readonly name?: string;
    readonly topicId?: string;
    readonly partitions: readonly {
      readonly partitionIndex: number;
      readonly committedOffset: number;
      readonly committedMetadata?: string | null;
    }[];
  }[];
}
interface Fetch {
  readonly groupId?: string;
  readonly topics?: FetchTopics;
  readonly groups?: readonly { readonly groupId: string; readonly topics?: FetchTopics }[];
}
/** Null: every topic of the group. */
type FetchTopics =
  | readonly {
      readonly name?: string | undefined;
      readonly topicId?: string | undefined;
      readonly partitionIndexes: readonly number[];
    }[]
  | null;
type Fetched = NonNullable<ResponseOf<typeof apis.offsetFetch>['groups']>[number]['topics'];
type Answer<T> = T | undefined;

/** Called with the answer to a request, or with undefined if no answer comes. */
type Taken = (response: unknown) => void;

/**
 * The partitions, as `topic-partition`, that the leader of a group assigns to no member until their owners
 * have given them up. The value has the instance id of each member that claims to own the partition; null:
 * the member is dynamic.
 */
export type Withheld = ReadonlyMap<string, readonly (string | null)[]>;

/**
 * The coordinator's answer to JoinGroup that makes a member the leader of a classic group. The leader then
 * assigns the partitions.
 */
interface Led {
  readonly memberId: string;
  readonly generation: number;
  /** The owners of each partition, as in `Withheld`. */
  readonly owners: Withheld;
}

export interface RecorderObserver {
  /** Called for each partition of a commit, when the commit has its answer or cannot get one. */
  committed?(commit: CommitOp): void;
  /** Called with each answer that makes the client a member, or keeps it a member. */
  joined?(): void;
  /** Called when a leader sends an assignment. */
  assigning?(memberId: string, generation: number, withheld: Withheld): void;
}

export class GroupRecorder {
  private readonly env: ClientEnv;
  private readonly nameOf: (topicId: Uuid) => string | undefined;
  private readonly observer: RecorderObserver;
  private readonly isMixed: boolean;
  /** For each request without an answer: the function that takes the answer. */
  private readonly open = new Set<Taken>();
  private led: Led | undefined;

  /**
   * `nameOf`: the name of a topic that the client knows by its id. `isMixed`: the members of the group use
   * both protocols. Then no generation or epoch fences others: while one member uses KIP-848, the generation
   * of a classic member is its own member epoch. And when an empty group changes its type, its epochs begin
   * from the start. So the history shows these memberships as KIP-848 ones without partitions.
   */
  constructor(
    env: ClientEnv,
    nameOf: (topicId: Uuid) => string | undefined,
    observer: RecorderObserver = {},
    isMixed = false,
  ) {
    this.env = env;
    this.nameOf = nameOf;
    this.observer = observer;
    this.isMixed = isMixed;
    // A request that the process sent before its death may still take effect.
    env.life.onDeath(() => {
      for (const taken of this.open) taken(undefined);
    });
  }

  /**
   * Call this when a request leaves. Returns the function to call with the answer, or undefined if there is
   * nothing to record.
   */
  sent(api: Pick<AnyApi, 'key'>, version: number, input: unknown): Taken | undefined {
    const record = this.record(api, version, input);
    if (record === undefined) return undefined;
    const taken = (response: unknown) => {
      if (this.open.delete(taken)) record(response);
    };
    this.open.add(taken);
    return taken;
  }

  private record(api: Pick<AnyApi, 'key'>, version: number, input: unknown): Taken | undefined {
    const sinceUs = this.env.world.nowUs;
    switch (api.key) {
      case apis.offsetCommit.key:
        return (response) => this.committed(version, input as Commit, sinceUs, response as never);
      case apis.offsetFetch.key:
        return (response) => this.fetched(version, input as Fetch, sinceUs, response as never);
      case apis.joinGroup.key:
        return (response) => this.joinedClassic(response as never);
      case apis.syncGroup.key:
        this.assigning(input as never);
        return (response) => this.synchronized(input as never, sinceUs, response as never);
      case apis.consumerGroupHeartbeat.key:
        return (response) => this.heartbeat(input as never, sinceUs, response as never);
      default:
        return undefined;
    }
  }

  private committed(
    version: number,
    request: Commit,
    sinceUs: Micros,
    response: Answer<ResponseOf<typeof apis.offsetCommit>>,
  ): void {
    const { env } = this;
    const member = memberOf(request);
    const { topics: answered } = response ?? {};
    if (answered !== undefined)
      demandComplete(env.world, env.name, placesOf(version, request.topics), placesOf(version, answered));
    const codes = new Map(
      answered?.flatMap((topic) =>
        topic.partitions.map(
          ({ partitionIndex, errorCode }) => [placeOf(version, topic, partitionIndex), errorCode] as const,
        ),
      ),
    );
    for (const { name, topicId, partitions } of request.topics) {
      for (const { partitionIndex, committedOffset, committedMetadata } of partitions) {
        const errorCode = codes.get(placeOf(version, { name, topicId }, partitionIndex));
        const outcome = outcomeOf(errorCode);
        const topic = this.topicOf(version, { name, topicId }, sinceUs);
        const op: CommitOp = {
          type: 'commit',
          client: env.name,
          group: request.groupId,
          member,
          topic: topic.topic,
          // A request that names the topic and gets no answer has no known topic id, because the coordinator
          // may look up the id of the name at any later time.
          topicId: version >= WITH_ID_VERSION || response !== undefined ? topic.topicId : undefined,
          partition: partitionIndex,
          offset: committedOffset,
          metadata: committedMetadata ?? '',
          invokedUs: sinceUs,
          endedUs: env.world.nowUs,
          outcome,
          error: errorCode === undefined ? 'no answer' : outcome === 'ok' ? undefined : errorName(errorCode),
        };
        env.history.add(op);
        this.observer.committed?.(op);
      }
    }
  }

  private fetched(
    version: number,
    { groupId = '', topics: wanted = null, groups = [] }: Fetch,
    sinceUs: Micros,
    response: Answer<ResponseOf<typeof apis.offsetFetch>>,
  ): void {
    if (response === undefined) return;
    const { name: client, world } = this.env;
    // Before version 8 the request and the answer are about one group.
    const isOne = version < MANY_GROUPS_VERSION;
    const asked = isOne ? [{ groupId, topics: wanted }] : groups;
    const answered = isOne
      ? [
          {
            groupId,
            errorCode: response.errorCode ?? ErrorCode.NONE,
            topics: response.topics as unknown as Fetched,
          },
        ]
      : response.groups;
    const idsOf = (list: readonly { readonly groupId: string }[]) => list.map((group) => group.groupId);
    demandComplete(world, client, idsOf(asked), idsOf(answered));
    for (const { groupId: group, errorCode, topics } of answered) {
      if (errorCode !== ErrorCode.NONE) continue;
      const places = asked.find((one) => one.groupId === group)?.topics ?? null;
      if (places !== null)
        demandComplete(world, client, askedPlaces(version, places), placesOf(version, topics));
      this.shown(version, group, sinceUs, topics);
    }
  }

  private shown(version: number, group: string, sinceUs: Micros, topics: Fetched): void {
    const { env } = this;
    for (const { name, topicId, partitions } of topics)
      for (const { partitionIndex, errorCode, committedOffset, metadata } of partitions) {
        if (errorCode !== ErrorCode.NONE) continue;
        env.history.add({
          type: 'fetch-offset',
          client: env.name,
          group,
          ...this.topicOf(version, { name, topicId }, sinceUs),
          partition: partitionIndex,
          offset: committedOffset < 0 ? NO_OFFSET : committedOffset,
          metadata: metadata ?? '',
          invokedUs: sinceUs,
          endedUs: env.world.nowUs,
        });
      }
  }

  private joinedClassic(response: Answer<ResponseOf<typeof apis.joinGroup>>): void {
    if (response?.errorCode !== ErrorCode.NONE || response.members.length === 0) return;
    const { memberId, generationId: generation, members } = response;
    const owners = new Map<string, (string | null)[]>();
    for (const { groupInstanceId, metadata } of members)
      for (const place of names(consumerProtocolSubscription.decode(metadata).ownedPartitions))
        owners.set(place, [...(owners.get(place) ?? []), groupInstanceId]);
    this.led = { memberId, generation, owners };
  }

  private assigning({ memberId, generationId, assignments }: RequestOf<typeof apis.syncGroup>): void {
    if (assignments.length === 0) return;
    const given = new Set(
      assignments.flatMap(({ assignment }) =>
        names(consumerProtocolAssignment.decode(assignment).assignedPartitions),
      ),
    );
    const { led } = this;
    const isAnswer = led?.memberId === memberId && led.generation === generationId;
    const owners = isAnswer ? [...led.owners] : [];
    this.observer.assigning?.(memberId, generationId, new Map(owners.filter(([place]) => !given.has(place))));
  }

  private synchronized(
    { groupId, memberId, generationId, groupInstanceId }: RequestOf<typeof apis.syncGroup>,
    sinceUs: Micros,
    response: Answer<ResponseOf<typeof apis.syncGroup>>,
  ): void {
    if (response?.errorCode !== ErrorCode.NONE) return;
    const member = { memberId, instanceId: groupInstanceId ?? null, epoch: generationId };
    const protocol = this.isMixed ? 'consumer' : 'classic';
    this.joined(protocol, groupId, member, { assigned: undefined, isJoin: false }, sinceUs);
  }

  private heartbeat(
    { groupId, memberId, instanceId, memberEpoch }: RequestOf<typeof apis.consumerGroupHeartbeat>,
    sinceUs: Micros,
    response: Answer<ResponseOf<typeof apis.consumerGroupHeartbeat>>,
  ): void {
    if (response?.errorCode !== ErrorCode.NONE || response.memberEpoch <= 0) return;
    const told = this.isMixed ? undefined : response.assignment;
    const assigned = told?.topicPartitions.flatMap(({ topicId, partitions }) =>
      partitions.map((partition) => ({
        topic: this.nameOf(topicId as Uuid) ?? topicId,
        topicId: topicId as Uuid,
        partition,
      })),
    );
    const member = {
      memberId: response.memberId ?? memberId,
      instanceId: instanceId ?? null,
      epoch: response.memberEpoch,
    };
    this.joined('consumer', groupId, member, { assigned, isJoin: memberEpoch === JOIN_EPOCH }, sinceUs);
  }

  private joined(
    protocol: 'classic' | 'consumer',
    group: string,
    member: MemberRef,
    told: Pick<MembershipOp, 'assigned' | 'isJoin'>,
    invokedUs: Micros,
  ): void {
    const { name: client, history, world } = this.env;
    const endedUs = world.nowUs;
    history.add({ type: 'membership', client, group, protocol, ...member, ...told, invokedUs, endedUs });
    this.observer.joined?.();
  }

  /** The name of a topic in a request or answer, and the topic's id if it is certain. */
  private topicOf(
    version: number,
    { name, topicId }: { readonly name?: string | undefined; readonly topicId?: string | undefined },
    sinceUs: Micros,
  ): { readonly topic: string; readonly topicId: Uuid | undefined } {
    if (version < WITH_ID_VERSION) {
      const topic = name ?? '';
      return { topic, topicId: this.env.topicIdOfOffsets(topic, sinceUs) };
    }
    const id = topicId as Uuid;
    return { topic: this.nameOf(id) ?? id, topicId: id };
  }
}

/** As `topic-partition`. */
function names(
  topics: readonly { readonly topic: string; readonly partitions: readonly number[] }[],
): string[] {
  return topics.flatMap(({ topic, partitions }) => partitions.map((one) => `${topic}-${one}`));
}

function askedPlaces(version: number, topics: NonNullable<FetchTopics>): string[] {
  return topics.flatMap((topic) => topic.partitionIndexes.map((index) => placeOf(version, topic, index)));
}

function memberOf({ memberId, generationIdOrMemberEpoch, groupInstanceId }: Commit): MemberRef | undefined {
  const epoch = generationIdOrMemberEpoch ?? -1;
  if (epoch < 0) return undefined;
  return { memberId: memberId ?? '', instanceId: groupInstanceId ?? null, epoch };
}

function outcomeOf(errorCode: number | undefined): Outcome {
  if (errorCode === ErrorCode.NONE) return 'ok';
  return errorCode === undefined || UNCERTAIN.has(errorCode) ? 'info' : 'fail';
}
