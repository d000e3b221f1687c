/**
 * One process of a member of a group: a `GroupConsumer` of the client package. It reads, commits what it has
 * read, and takes part in rebalances. Its reads and its group requests go into the history.
 */
import type { Millis, Uuid } from '@millrace/base';
import {
  type ClusterView,
  type FetchedRecords,
  GroupConsumer,
  type GroupProtocol,
  type Position,
  partitionName,
  type TopicPartition,
} from '@millrace/client';
import type { Micros } from '../world/index.ts';
import { openConnection } from './broker-connection.ts';
import { clusterViewOf } from './cluster-view.ts';
import { type ClientEnv, countError } from './env.ts';
import { GroupRecorder, type RecorderObserver, type Withheld } from './group-recorder.ts';
import { MemberProgress } from './member-progress.ts';

export interface MemberOptions {
  readonly group: string;
  readonly protocol: GroupProtocol;
  /** Whether other members of the group may use the other protocol. */
  readonly isMixed: boolean;
  /** `group.instance.id`; null: a dynamic member. */
  readonly instanceId: string | null;
  readonly rebalanceTimeoutMs: Millis;
  readonly autoCommitMs: Millis;
  readonly requestTimeoutMs: Millis;
}

const MAX_WAIT_MS = 500;
const FETCH_BYTES = 1 << 16;

/**
 * An assignment by the leader of a classic group, noted when the leader first sends it. The coordinator may
 * accept or refuse it.
 */
export interface SentAssignment {
  readonly memberId: string;
  readonly generation: number;
  readonly sentUs: Micros;
  /** How many partitions the leader knew of each topic. */
  readonly known: ReadonlyMap<Uuid, number>;
  /** The partitions that a cooperative assignor withholds, because their owners must give them up first. */
  readonly withheld: Withheld;
}

export class MemberProcess {
  /** The newest last. */
  readonly sentAssignments: SentAssignment[] = [];
  readonly progress = new MemberProgress();
  /**
   * When the coordinator first told the process its assignment, in an answer to SyncGroup or to
   * ConsumerGroupHeartbeat. Undefined: it has not yet.
   */
  joinedUs: Micros | undefined;
  private readonly env: ClientEnv;
  private readonly group: string;
  private readonly protocol: GroupProtocol;
  private readonly consumer: GroupConsumer;
  private readonly metadata: ClusterView;

  /** `failed`: called when the consumer has stopped because no retry would succeed. */
  constructor(env: ClientEnv, options: MemberOptions, failed: (error: string) => void) {
    const { group, protocol, instanceId, requestTimeoutMs } = options;
    const { life, random } = env;
    this.env = env;
    this.group = group;
    this.protocol = protocol;
    const nameOf = (topicId: Uuid) => this.metadata.topics.withId(topicId)?.name;
    const observer: RecorderObserver = {
      committed: (commit) => this.progress.committed(commit),
      joined: () => {
        this.joinedUs ??= env.world.nowUs;
      },
      assigning: (memberId, generation, withheld) => this.assigning(memberId, generation, withheld),
    };
    const recorder = new GroupRecorder(env, nameOf, observer, options.isMixed);
    // An administrator creates the topics of the scenario. So a subscription must not create a topic.
    this.metadata = clusterViewOf(
      { ...env, createsTopics: false },
      {
        timeoutMs: requestTimeoutMs,
        wanted: () => this.consumer.wantedTopics,
        wantedIds: () => this.consumer.wantedIds,
        changed: () => this.consumer.clusterChanged(),
      },
    );
    this.consumer = new GroupConsumer({
      clock: life.clock,
      random,
      cluster: this.metadata,
      open: (address, changed) => openConnection(env, address, requestTimeoutMs, changed, recorder),
      groupId: group,
      protocol,
      instanceId,
      rebalanceTimeoutMs: options.rebalanceTimeoutMs,
      reset: 'earliest',
      autoCommitMs: options.autoCommitMs,
      requestTimeoutMs,
      usesSessions: true,
      sendsEpochs: true,
      validatesPositions: true,
      maxWaitMs: MAX_WAIT_MS,
      maxBytes: FETCH_BYTES,
      observer: {
        assigned: (starts) => this.progress.began(starts),
        records: (position, fetched) => this.read(position, fetched),
        revoked: (partitions) => this.progress.ended(partitions),
        failed: (error, place) => {
          if (place === undefined) failed(error);
          else env.world.fail('member-failed', `${env.name} does not read ${partitionName(place)}: ${error}`);
        },
        error: (code) => countError(env, code),
      },
    });
  }

  start(): void {
    this.metadata.start();
    this.env.life.arrives(0, () => this.consumer.start());
  }

  get name(): string {
    return this.env.name;
  }

  /** The partitions that the member reads. */
  get assignment(): readonly TopicPartition[] {
    return this.consumer.assignment;
  }

  get isAlive(): boolean {
    return this.env.life.isAlive;
  }

  private read(position: Readonly<Position>, { fetchOffset }: FetchedRecords): void {
    const { env, group, progress } = this;
    const { topic, topicId, partition } = position;
    progress.read(position);
    env.history.add({
      type: 'group-read',
      client: env.name,
      group,
      topic,
      topicId,
      partition,
      fetchOffset,
      nextOffset: position.offset!,
      endedUs: env.world.nowUs,
    });
  }

  private assigning(memberId: string, generation: number, withheld: Withheld): void {
    const { metadata, env, protocol, sentAssignments } = this;
    const last = sentAssignments.at(-1);
    if (protocol.name !== 'classic') return;
    if (last?.memberId === memberId && last.generation === generation) return;
    const topics = protocol.topics
      .map((topic) => metadata.topics.get(topic))
      .filter((topic) => topic !== undefined);
    const known = new Map(topics.map(({ topicId, partitions }) => [topicId, partitions.length]));
    sentAssignments.push({ memberId, generation, sentUs: env.world.nowUs, known, withheld });
  }

  /** Commits, leaves the group, and ends. */
  leave(): void {
    this.env.life.arrives(0, () => this.consumer.close(() => this.env.life.die('ended')));
  }

  /** kill -9 */
  crash(): void {
    this.env.life.die('process');
  }

  pause(): void {
    this.env.life.pause();
  }

  resume(): void {
    this.env.life.resume();
  }
}
