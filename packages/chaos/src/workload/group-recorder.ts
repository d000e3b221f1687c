/**
 * Writes the group requests of a client to the history: each attempt to commit or to fetch an offset, and the
 * answers that make the client a member. It looks at the requests on a connection, so it sees what the
 * brokers saw, and no retry stays hidden.
 *
 * The group reads one topic, which nobody deletes during a run. So the history needs no topic ids.
 */
import type { CommitOp, GroupOp, MemberRef, Micros, Outcome } from '@millrace/checkers';
import { type AnyApi, apis, ErrorCode, errorName, type RequestOf, type ResponseOf } from '@millrace/protocol';

/** Takes the answer to a request. Undefined: no answer comes. */
type Taken = (response: unknown) => void;

export interface GroupRecorderOptions {
  readonly client: string;
  readonly group: string;
  readonly topic: string;
  readonly nowUs: () => Micros;
  readonly record: (op: GroupOp) => void;
}

type Commit = RequestOf<typeof apis.offsetCommit>;
type CommitAnswer = ResponseOf<typeof apis.offsetCommit>;
type FetchAnswer = ResponseOf<typeof apis.offsetFetch>;
type FetchedTopics = FetchAnswer['groups'][number]['topics'];

/** Before this version, OffsetFetch is about one group and has no list of groups. */
const MANY_GROUPS_VERSION = 8;
/** The member epoch of a request to join (KIP-848). */
const JOIN_EPOCH = 0;
const NO_OFFSET = -1;
/** After one of these error codes the coordinator may have written the commit, or may still write it. */
const UNCERTAIN: ReadonlySet<number> = new Set([
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.NOT_COORDINATOR,
  ErrorCode.REQUEST_TIMED_OUT,
  ErrorCode.UNKNOWN_SERVER_ERROR,
]);

export class GroupRecorder {
  private readonly options: GroupRecorderOptions;
  private readonly open = new Set<Taken>();

  constructor(options: GroupRecorderOptions) {
    this.options = options;
  }

  /**
   * Call this when a request leaves. Returns the function to call with the answer, or undefined if the
   * history does not show the request.
   */
  sent(api: Pick<AnyApi, 'key'>, version: number, input: unknown): Taken | undefined {
    const record = this.recording(api, version, input);
    if (record === undefined) return undefined;
    const taken = (response: unknown) => {
      if (this.open.delete(taken)) record(response);
    };
    this.open.add(taken);
    return taken;
  }

  /** Call this when the client has ended. A commit that it had sent may still take effect. */
  end(): void {
    for (const taken of this.open) taken(undefined);
  }

  private recording({ key }: Pick<AnyApi, 'key'>, version: number, input: unknown): Taken | undefined {
    const sinceUs = this.options.nowUs();
    switch (key) {
      case apis.offsetCommit.key:
        return (response) => this.committed(input as Commit, sinceUs, response as CommitAnswer | undefined);
      case apis.offsetFetch.key:
        return (response) => this.fetched(version, sinceUs, response as FetchAnswer | undefined);
      case apis.syncGroup.key:
        return (response) => this.synchronized(input as never, sinceUs, response as never);
      case apis.consumerGroupHeartbeat.key:
        return (response) => this.heartbeat(input as never, sinceUs, response as never);
      default:
        return undefined;
    }
  }

  private committed(request: Commit, invokedUs: Micros, response: CommitAnswer | undefined): void {
    const codes = new Map(
      response?.topics.flatMap(({ partitions }) =>
        partitions.map(({ partitionIndex, errorCode }) => [partitionIndex, errorCode] as const),
      ),
    );
    const member = memberOf(request);
    for (const { partitions } of request.topics)
      for (const { partitionIndex, committedOffset, committedMetadata } of partitions) {
        const code = codes.get(partitionIndex);
        const outcome = outcomeOf(code);
        const op: CommitOp = {
          ...this.place(partitionIndex),
          type: 'commit',
          member,
          offset: committedOffset,
          metadata: committedMetadata ?? '',
          invokedUs,
          endedUs: this.options.nowUs(),
          outcome,
          error: code === undefined ? 'no answer' : outcome === 'ok' ? undefined : errorName(code),
        };
        this.options.record(op);
      }
  }

  private fetched(version: number, invokedUs: Micros, response: FetchAnswer | undefined): void {
    if (response === undefined) return;
    if (version < MANY_GROUPS_VERSION) {
      if ((response.errorCode ?? ErrorCode.NONE) === ErrorCode.NONE)
        this.shown(invokedUs, response.topics as unknown as FetchedTopics);
      return;
    }
    for (const { groupId, errorCode, topics } of response.groups)
      if (groupId === this.options.group && errorCode === ErrorCode.NONE) this.shown(invokedUs, topics);
  }

  private shown(invokedUs: Micros, topics: FetchedTopics): void {
    const endedUs = this.options.nowUs();
    for (const { partitions } of topics)
      for (const { partitionIndex, errorCode, committedOffset, metadata } of partitions) {
        if (errorCode !== ErrorCode.NONE) continue;
        const offset = committedOffset < 0 ? NO_OFFSET : committedOffset;
        const place = this.place(partitionIndex);
        this.options.record({
          type: 'fetch-offset',
          ...place,
          offset,
          metadata: metadata ?? '',
          invokedUs,
          endedUs,
        });
      }
  }

  /** As the checker demands, an answer to SyncGroup counts, and an answer to JoinGroup does not. */
  private synchronized(
    { memberId, generationId, groupInstanceId }: RequestOf<typeof apis.syncGroup>,
    invokedUs: Micros,
    response: ResponseOf<typeof apis.syncGroup> | undefined,
  ): void {
    if (response?.errorCode !== ErrorCode.NONE) return;
    const member = { memberId, instanceId: groupInstanceId ?? null, epoch: generationId };
    this.joined('classic', member, false, undefined, invokedUs);
  }

  private heartbeat(
    { memberId, instanceId, memberEpoch }: RequestOf<typeof apis.consumerGroupHeartbeat>,
    invokedUs: Micros,
    response: ResponseOf<typeof apis.consumerGroupHeartbeat> | undefined,
  ): void {
    if (response?.errorCode !== ErrorCode.NONE || response.memberEpoch <= 0) return;
    const { topic } = this.options;
    const assigned = response.assignment?.topicPartitions.flatMap(({ partitions }) =>
      partitions.map((partition) => ({ topic, topicId: undefined, partition })),
    );
    const member = {
      memberId: response.memberId ?? memberId,
      instanceId: instanceId ?? null,
      epoch: response.memberEpoch,
    };
    this.joined('consumer', member, memberEpoch === JOIN_EPOCH, assigned, invokedUs);
  }

  private joined(
    protocol: 'classic' | 'consumer',
    member: MemberRef,
    isJoin: boolean,
    assigned: Extract<GroupOp, { readonly type: 'membership' }>['assigned'],
    invokedUs: Micros,
  ): void {
    const { client, group, nowUs, record } = this.options;
    const endedUs = nowUs();
    record({ type: 'membership', client, group, protocol, ...member, isJoin, assigned, invokedUs, endedUs });
  }

  private place(partition: number) {
    const { client, group, topic } = this.options;
    return { client, group, topic, topicId: undefined, partition };
  }
}

/** Undefined: the client commits without being a member. */
function memberOf({ memberId, generationIdOrMemberEpoch: epoch, groupInstanceId }: Commit) {
  return epoch < 0 ? undefined : { memberId, instanceId: groupInstanceId ?? null, epoch };
}

function outcomeOf(code: number | undefined): Outcome {
  if (code === ErrorCode.NONE) return 'ok';
  return code === undefined || UNCERTAIN.has(code) ? 'info' : 'fail';
}
