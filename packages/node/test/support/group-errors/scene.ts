/** One group, its coordinator, and the requests that bring the group into the state that a row needs. */
import type { Uuid } from '@millrace/base';
import {
  apis,
  consumerProtocolAssignment,
  consumerProtocolSubscription,
  ErrorCode,
  type RequestInputOf,
  type ResponseOf,
} from '@millrace/protocol';
import { eventually, TestClient } from '../client.ts';

export const TOPIC = 'orders';
export const INSTANCE = 'instance-1';
export const MEMBER = 'member-1';
export const OTHER_MEMBER = 'member-2';
const SESSION_MS = 300_000;
/** Long enough that no rebalance of a row ends by this timeout. */
const REBALANCE_MS = 60_000;
/** A version of JoinGroup below 4: a member without an id joins with its first request. */
const JOIN_AT_ONCE = 3;
const STATIC_SINCE = 5;

export type JoinRequest = RequestInputOf<typeof apis.joinGroup>;
type JoinResponse = ResponseOf<typeof apis.joinGroup>;
export type ConsumerRequest = RequestInputOf<typeof apis.consumerGroupHeartbeat>;
export type CommitRequest = RequestInputOf<typeof apis.offsetCommit>;

interface CommittedPartition {
  readonly partitionIndex: number;
  readonly committedOffset: number;
  readonly committedMetadata: string;
}

/** The brokers and the topic of a scene. */
export interface Stage {
  /** The port of the group's coordinator. */
  readonly port: number;
  /** The port of a broker that does not coordinate the group. */
  readonly otherPort: number;
  readonly topicId: Uuid;
}

export class Scene {
  readonly group: string;
  readonly stage: Stage;
  readonly client: TestClient;
  /** The id of the member, for a row that was prepared before a fault. */
  member = '';
  private readonly clients: TestClient[] = [];

  private constructor(group: string, stage: Stage, client: TestClient) {
    this.group = group;
    this.stage = stage;
    this.client = client;
    this.clients.push(client);
  }

  static async open(group: string, stage: Stage): Promise<Scene> {
    return new Scene(group, stage, await TestClient.connect(stage.port));
  }

  close(): void {
    for (const client of this.clients) client.close();
  }

  /** Opens a further connection, because a late answer delays all later answers on its connection. */
  async connect(port = this.stage.port): Promise<TestClient> {
    const client = await TestClient.connect(port);
    this.clients.push(client);
    return client;
  }

  /** A connection to a broker that does not coordinate the group. */
  elsewhere(): Promise<TestClient> {
    return this.connect(this.stage.otherPort);
  }

  // ------------------------------------------------------------------ requests

  joinOf(more: Partial<JoinRequest> = {}): JoinRequest {
    return {
      groupId: this.group,
      sessionTimeoutMs: SESSION_MS,
      rebalanceTimeoutMs: REBALANCE_MS,
      memberId: '',
      groupInstanceId: null,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: subscriptionTo(TOPIC) }],
      reason: null,
      ...more,
    };
  }

  syncOf(memberId: string, more: Partial<RequestInputOf<typeof apis.syncGroup>> = {}) {
    return {
      groupId: this.group,
      generationId: 1,
      memberId,
      groupInstanceId: null,
      protocolType: 'consumer',
      protocolName: 'range',
      assignments: [{ memberId, assignment: assignmentOf(TOPIC, 0, 1) }],
      ...more,
    };
  }

  heartbeatOf(memberId: string, more: Partial<RequestInputOf<typeof apis.heartbeat>> = {}) {
    return { groupId: this.group, generationId: 1, memberId, groupInstanceId: null, ...more };
  }

  /** Names the member in both forms: `memberId` for versions up to 2, `members` for versions from 3 on. */
  leaveOf(memberId: string, groupInstanceId: string | null = null) {
    const members = [{ memberId, groupInstanceId, reason: null }];
    return { groupId: this.group, memberId, members };
  }

  /** A commit of a client that is no member. */
  commitOf(
    more: Partial<CommitRequest> = {},
    partition: Partial<CommittedPartition> = {},
    topic: {
      readonly name?: string;
      readonly topicId?: Uuid;
      readonly partitions?: readonly CommittedPartition[];
    } = {},
  ): CommitRequest {
    const partitions = [{ partitionIndex: 0, committedOffset: 5, committedMetadata: 'note', ...partition }];
    const topics = [{ name: TOPIC, topicId: this.stage.topicId, partitions, ...topic }];
    return { groupId: this.group, topics, ...more };
  }

  /** Names the group in both forms: `groupId` for versions up to 7, `groups` for versions from 8 on. */
  fetchOf(
    member: { readonly memberId?: string; readonly memberEpoch?: number } = {},
    topicId = this.stage.topicId,
  ) {
    const topics = [{ name: TOPIC, topicId, partitionIndexes: [0] }];
    return { groupId: this.group, topics, groups: [{ groupId: this.group, topics, ...member }] };
  }

  deletionOf(name = TOPIC, partitionIndex = 0) {
    return { groupId: this.group, topics: [{ name, partitions: [{ partitionIndex }] }] };
  }

  /** The first heartbeat of a member of a KIP-848 group. */
  consumerOf(more: Partial<ConsumerRequest> = {}): ConsumerRequest {
    return {
      groupId: this.group,
      memberId: MEMBER,
      memberEpoch: 0,
      instanceId: null,
      rackId: null,
      rebalanceTimeoutMs: REBALANCE_MS,
      subscribedTopicNames: [TOPIC],
      subscribedTopicRegex: null,
      serverAssignor: null,
      topicPartitions: [],
      ...more,
    };
  }

  /** A later heartbeat, in which the member reports nothing new. */
  beatOf(more: Partial<ConsumerRequest> = {}): ConsumerRequest {
    const nothing = { rebalanceTimeoutMs: -1, subscribedTopicNames: null, topicPartitions: null };
    return this.consumerOf({ ...nothing, ...more });
  }

  // ------------------------------------------------------------------ states of the group

  async join(more: Partial<JoinRequest> = {}, client = this.client): Promise<JoinResponse> {
    const version = (more.groupInstanceId ?? null) === null ? JOIN_AT_ONCE : STATIC_SINCE;
    return good(await client.call(apis.joinGroup, version, this.joinOf(more)));
  }

  /** Makes a group in generation 1 with one member, which has not sent SyncGroup. Returns the member's id. */
  async joined(more: Partial<JoinRequest> = {}): Promise<string> {
    return (await this.join(more)).memberId;
  }

  /** Makes a stable group with one member. Returns the member's id. */
  async stable(more: Partial<JoinRequest> = {}): Promise<string> {
    const memberId = await this.joined(more);
    good(await this.client.call(apis.syncGroup, 3, this.syncOf(memberId)));
    return memberId;
  }

  /**
   * Makes a stable group, and lets a second member join and wait for the first one. Returns the first one's
   * id.
   */
  async rebalancing(): Promise<string> {
    const memberId = await this.stable();
    await this.park();
    await this.untilRebalancing();
    return memberId;
  }

  /** Sends a join on a further connection, and does not wait for the answer. */
  async park(more: Partial<JoinRequest> = {}): Promise<void> {
    this.join(more, await this.connect()).catch(() => {});
  }

  async untilRebalancing(client = this.client): Promise<void> {
    await eventually(
      async () => (await this.describe(client)).groupState === 'PreparingRebalance' || undefined,
    );
  }

  async untilMembers(count: number): Promise<void> {
    await eventually(async () => (await this.describe()).members.length === count || undefined);
  }

  private async describe(client = this.client) {
    const { groups } = await client.call(apis.describeGroups, 5, { groups: [this.group] });
    return groups[0]!;
  }

  /** Returns a member id that nobody has joined with yet. */
  async pending(): Promise<string> {
    const { errorCode, memberId } = await this.client.call(apis.joinGroup, 4, this.joinOf());
    if (errorCode !== ErrorCode.MEMBER_ID_REQUIRED) throw new Error(`the member got the error ${errorCode}`);
    return memberId;
  }

  /** Makes two members of generation 2 that have not synced. */
  async pairJoined(more: Partial<JoinRequest> = {}): Promise<{ leader: string; follower: string }> {
    const leader = await this.stable();
    const joining = this.join(more, await this.connect());
    await this.untilRebalancing();
    const [{ memberId: follower }] = await Promise.all([joining, this.join({ memberId: leader })]);
    return { leader, follower };
  }

  /** Makes a stable group of two members, in generation 2. */
  async pair(): Promise<void> {
    const { leader } = await this.pairJoined();
    good(await this.client.call(apis.syncGroup, 3, this.syncOf(leader, { generationId: 2 })));
  }

  /** Makes a group, and lets its only member leave. Returns the id of this member. */
  async left(): Promise<string> {
    const memberId = await this.stable();
    good(await this.client.call(apis.leaveGroup, 2, this.leaveOf(memberId)));
    return memberId;
  }

  /** Makes a group with an offset and without members. */
  async simple(): Promise<void> {
    const { topics } = await this.client.call(apis.offsetCommit, 9, this.commitOf());
    good(topics[0]!.partitions[0]!);
  }

  /** Commits an offset whose record the followers do not get. */
  async commitInVain(): Promise<void> {
    const { topics } = await this.client.call(apis.offsetCommit, 9, this.commitOf());
    const { errorCode } = topics[0]!.partitions[0]!;
    if (errorCode !== ErrorCode.COORDINATOR_NOT_AVAILABLE) throw new Error(`the commit got ${errorCode}`);
  }

  /** Lets a member join a KIP-848 group. Returns the member epoch. */
  async consumer(more: Partial<ConsumerRequest> = {}): Promise<number> {
    const answer = await this.client.call(apis.consumerGroupHeartbeat, 1, this.consumerOf(more));
    return good(answer).memberEpoch;
  }

  /**
   * Makes a KIP-848 group with a member of the consumer protocol and a member of the classic protocol.
   * Returns the id of the classic member, whose generation is 1.
   */
  async mixed(more: Partial<JoinRequest> = {}): Promise<string> {
    const memberId = await this.stable(more);
    await this.consumer({ memberId: OTHER_MEMBER });
    return memberId;
  }
}

function good<Answer extends { readonly errorCode: number }>(answer: Answer): Answer {
  if (answer.errorCode === ErrorCode.NONE) return answer;
  throw new Error(`a request that prepares the group got the error ${answer.errorCode}`);
}

export function subscriptionTo(...topics: string[]): Uint8Array {
  return consumerProtocolSubscription.encode(0, { topics, userData: null });
}

function assignmentOf(topic: string, ...partitions: number[]): Uint8Array {
  return consumerProtocolAssignment.encode(0, {
    assignedPartitions: [{ topic, partitions }],
    userData: null,
  });
}
