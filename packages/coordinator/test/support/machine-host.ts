/**
 * The group machine of one shard, under the control of a test, which sends requests and reads the answers.
 * Decisions are committed at once, unless the test sets `port.commitsAtOnce` to false.
 */
import { Prng, type Uuid, ZERO_UUID } from '@millrace/base';
import { MemoryLogger } from '@millrace/base/testing';
import { applyRecords, type MetadataRecord } from '@millrace/metadata';
import {
  apis,
  type ConsumerGroupHeartbeatRequest,
  type ConsumerGroupHeartbeatResponse,
  type ErrorCode,
  TextCache,
} from '@millrace/protocol';
import type { JoinAnswer } from '../../src/classic/index.ts';
import type { GroupsConfig } from '../../src/config.ts';
import { topicChangesOf } from '../../src/consumer/topic-changes.ts';
import { GroupMachine } from '../../src/groups/group-machine.ts';
import type { CoordinatorRecord } from '../../src/runtime/machine.ts';
import { FakeShardPort } from '../../src/testing/index.ts';
import { utf8 } from './classic-group.ts';

export const groupsConfig: GroupsConfig = {
  brokerId: 1,
  classic: {
    minSessionTimeoutMs: 6000,
    maxSessionTimeoutMs: 1_800_000,
    initialRebalanceDelayMs: 0,
    maxSize: 2_147_483_647,
  },
  consumer: {
    sessionTimeoutMs: 45_000,
    heartbeatIntervalMs: 5000,
    maxSize: 2_147_483_647,
    assignors: ['uniform', 'range'],
    migrationPolicy: 'bidirectional',
    assignmentIntervalMs: 0,
    regexRefreshIntervalMs: 600_000,
  },
  offsets: { metadataMaxChars: 4096, retentionMs: 604_800_000, retentionCheckIntervalMs: 600_000 },
  commitTimeoutMs: 5000,
};

export const WORDS = 'AAAAAAAAAAAAAAAAAAAAZA' as Uuid;
type ConsumerHeartbeatAnswer = Partial<ConsumerGroupHeartbeatResponse>;

const CLIENT = { clientId: 'test', clientHost: '/10.0.0.1' };

export class MachineHost {
  readonly port: FakeShardPort;
  private readonly config: GroupsConfig;
  readonly logger = new MemoryLogger();
  readonly machine: GroupMachine;
  private offset = 0;

  /** `earlier`: the machine first loads the records of this port. */
  constructor(
    config = groupsConfig,
    port = new FakeShardPort({ commitsAtOnce: true }),
    earlier?: FakeShardPort,
  ) {
    this.config = config;
    this.port = port;
    this.machine = this.newMachine();
    port.host(this.machine);
    for (const records of earlier?.decisions ?? []) port.write(records);
    this.machine.loaded();
    this.change([
      { type: 'topic', name: 'words', topicId: WORDS },
      ...[0, 1].map(
        (index): MetadataRecord => ({
          type: 'partition',
          topicId: WORDS,
          partition: index,
          replicas: [1],
          isr: [1],
          leader: 1,
          leaderEpoch: 0,
          partitionEpoch: 0,
        }),
      ),
    ]);
  }

  /** The cause of each rebalance that the machine counted for the metric, oldest first. */
  readonly causes: string[] = [];

  private newMachine(port = this.port): GroupMachine {
    return new GroupMachine({
      port,
      config: this.config,
      random: new Prng(3),
      logger: this.logger,
      texts: new TextCache(),
      countRebalance: (cause) => this.causes.push(cause),
      topicChangesOf,
    });
  }

  /** Returns a new host whose machine has loaded all records that this host's machine wrote. */
  reloaded(): MachineHost {
    const next = new MachineHost();
    this.port.loadInto(next.machine);
    return next;
  }

  /** Returns a machine that still loads, and has loaded these records so far. */
  loading(records: readonly CoordinatorRecord[]): GroupMachine {
    const port = new FakeShardPort({ commitsAtOnce: true, show: () => '' });
    port.metadata = this.port.metadata;
    const machine = this.newMachine(port);
    port.host(machine);
    for (const record of records) port.write([record]);
    return machine;
  }

  /**
   * The coordinator dies. Returns the host of the next one, which has loaded all records, and continues to
   * write after them.
   */
  failedOver(): MachineHost {
    const next = new MachineHost(this.config, new FakeShardPort({ commitsAtOnce: true }), this.port);
    this.port.end();
    return next;
  }

  change(records: readonly MetadataRecord[]): void {
    const batch = { baseOffset: this.offset, epoch: 1, records };
    this.offset += records.length;
    const { image, delta } = applyRecords(this.port.metadata, batch);
    this.port.metadata = image;
    this.machine.metadataChanged(delta);
  }

  join(
    groupId: string,
    memberId = '',
    version = 3,
    sessionTimeoutMs = 10_000,
    answered: () => void = () => {},
    groupInstanceId: string | null = null,
  ): JoinAnswer[] {
    const answers: JoinAnswer[] = [];
    const request = apis.joinGroup.decodeRequest(
      version,
      joined(
        apis.joinGroup.encodeRequest(version, {
          groupId,
          memberId,
          ...(groupInstanceId === null ? {} : { groupInstanceId }),
          sessionTimeoutMs,
          rebalanceTimeoutMs: 10_000,
          protocolType: 'consumer',
          protocols: [{ name: 'range', metadata: subscription(['words']) }],
        }),
      ),
    );
    const reply = (answer: JoinAnswer) => {
      answers.push(answer);
      answered();
    };
    this.machine.join({ request, version, client: CLIENT, reply });
    return answers;
  }

  /**
   * Joins one member to a classic group, and makes the group stable. Returns the member's id and the
   * generation.
   */
  stableGroup(
    groupId: string,
    assignment: Uint8Array = utf8('all'),
  ): { memberId: string; generation: number } {
    const answers = this.join(groupId);
    this.port.advance(1);
    const { memberId = '', generationId = -1 } = answers[0]!;
    this.sync(groupId, memberId, generationId, [{ memberId, assignment }]);
    return { memberId, generation: generationId };
  }

  sync(
    groupId: string,
    memberId: string,
    generationId: number,
    assignments: { memberId: string; assignment: Uint8Array }[] = [],
    groupInstanceId: string | null = null,
  ): void {
    const who = { groupId, generationId, memberId, groupInstanceId };
    const protocol = { protocolType: 'consumer', protocolName: 'range' };
    const request = { ...who, ...protocol, assignments };
    this.machine.sync({ request, version: 3, client: CLIENT, reply: () => {} });
  }

  heartbeat(
    groupId: string,
    memberId: string,
    generationId: number,
    groupInstanceId: string | null = null,
  ): number | undefined {
    let found: number | undefined;
    const request = { groupId, memberId, generationId, groupInstanceId };
    const reply = ({ errorCode }: { errorCode?: number }) => {
      found = errorCode;
    };
    this.machine.heartbeat({ request, version: 3, client: CLIENT, reply });
    return found;
  }

  leave(groupId: string, memberId: string, groupInstanceId: string | null = null): void {
    const members = [{ memberId, groupInstanceId, reason: null }];
    const request = { groupId, memberId: '', members };
    this.machine.leave({ request, version: 4, client: CLIENT, reply: () => {} });
  }

  consumerHeartbeat(
    groupId: string,
    memberId: string,
    memberEpoch: number,
    change: Partial<ConsumerGroupHeartbeatRequest> = {},
  ): ConsumerHeartbeatAnswer | undefined {
    const answers: ConsumerHeartbeatAnswer[] = [];
    const isJoin = memberEpoch === 0;
    const request = {
      groupId,
      memberId,
      memberEpoch,
      instanceId: null,
      rackId: null,
      rebalanceTimeoutMs: isJoin ? 10_000 : -1,
      subscribedTopicNames: isJoin ? ['words'] : null,
      subscribedTopicRegex: null,
      serverAssignor: null,
      topicPartitions: isJoin ? [] : null,
      ...change,
    };
    this.machine.consumerHeartbeat({
      request,
      version: 1,
      client: CLIENT,
      reply: (answer) => answers.push(answer as ConsumerHeartbeatAnswer),
    });
    return answers[0];
  }

  /** Commits offset 1 for the first `partitions` partitions of the topic words, without a member id. */
  commitMany(groupId: string, partitions: number): void {
    const who = { memberId: '', generationIdOrMemberEpoch: -1, groupInstanceId: null };
    const wanted = { groupId, ...who, retentionTimeMs: -1, version: 9 };
    const list = Array.from({ length: partitions }, (_, partitionIndex) => ({
      partitionIndex,
      committedOffset: 1,
      committedLeaderEpoch: -1,
      committedMetadata: null,
    }));
    this.machine.commit(wanted, [{ name: 'words', topicId: WORDS, partitions: list }], () => {});
  }

  /** Commits `offset` for words-0. Returns the error code; undefined: no answer yet. */
  commit(
    groupId: string,
    offset: number,
    who: { memberId?: string; epoch?: number; version?: number } = {},
  ): ErrorCode | number | undefined {
    let errorCode: number | undefined;
    const wanted = {
      groupId,
      memberId: who.memberId ?? '',
      generationIdOrMemberEpoch: who.epoch ?? -1,
      groupInstanceId: null,
      retentionTimeMs: -1,
      version: who.version ?? 9,
    };
    const partition = {
      partitionIndex: 0,
      committedOffset: offset,
      committedLeaderEpoch: -1,
      committedMetadata: null,
    };
    this.machine.commit(wanted, [{ name: 'words', topicId: WORDS, partitions: [partition] }], (results) => {
      errorCode = results[0]!.partitions[0]!.errorCode;
    });
    return errorCode;
  }

  /** The committed offset of words-0, or the error of the whole group as text; undefined: no answer yet. */
  fetch(groupId: string, memberId: string | null = null, memberEpoch = -1): number | string | undefined {
    let found: number | string | undefined;
    const wanted = { groupId, memberId, memberEpoch, requireStable: false };
    const topics = [{ name: 'words', topicId: ZERO_UUID, partitionIndexes: [0] }];
    this.machine.fetch(wanted, topics, ({ errorCode, topics: fetched }) => {
      found = errorCode === 0 ? fetched[0]!.partitions[0]!.committedOffset : `error ${errorCode}`;
    });
    return found;
  }

  delete(groupId: string): ErrorCode | undefined {
    let found: ErrorCode | undefined;
    this.machine.delete(groupId, (errorCode) => {
      found = errorCode;
    });
    return found;
  }

  /** One line for each group: id, type, state. */
  listed(): string[] {
    return this.machine
      .list()
      .map(({ groupId, groupType, groupState }) => `${groupId} ${groupType} ${groupState}`)
      .sort();
  }
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(chunks);
}

/** The bytes of a ConsumerProtocolSubscription in version 0: the version, the topics, and null user data. */
function subscription(topics: readonly string[]): Uint8Array {
  const bytes = [0, 0, 0, 0, 0, topics.length];
  for (const topic of topics) bytes.push(0, topic.length, ...utf8(topic));
  return Uint8Array.from([...bytes, 0xff, 0xff, 0xff, 0xff]);
}
