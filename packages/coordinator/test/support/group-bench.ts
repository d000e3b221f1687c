/**
 * A consumer group in a fake shard, for transcript tests. Records and answers become lines of text, which
 * show topics by name. The bench can restart the coordinator; the new coordinator then loads the records.
 */
import type { Uuid } from '@millrace/base';
import { applyRecords, type MetadataRecord } from '@millrace/metadata';
import {
  type ConsumerGroupHeartbeatRequest,
  type ConsumerGroupHeartbeatResponse,
  decodeGroupRecord,
  ErrorCode,
} from '@millrace/protocol';
import { ConsumerGroup } from '../../src/consumer/group.ts';
import { type ConsumerGroupRecord, encodeRecord } from '../../src/consumer/group-records.ts';
import { MemberState } from '../../src/consumer/member.ts';
import type { ConsumerGroupSettings, Rebalance } from '../../src/consumer/ports.ts';
import { topicChangesOf } from '../../src/consumer/topic-changes.ts';
import type { WirePartitions } from '../../src/consumer/topic-partitions.ts';
import type { CoordinatorRecord } from '../../src/runtime/machine.ts';
import { FakeShardPort } from '../../src/testing/index.ts';

export type Owned = Readonly<Record<string, readonly number[]>>;

/** The fields that a test may set in a heartbeat. Unset fields are null, and an unset timeout is -1. */
export interface Beat extends Partial<Omit<ConsumerGroupHeartbeatRequest, 'topicPartitions'>> {
  readonly owned?: Owned;
}

const SETTINGS: ConsumerGroupSettings = {
  sessionTimeoutMs: 45_000,
  heartbeatIntervalMs: 5_000,
  assignmentIntervalMs: 0,
  maxSize: 100,
  assignors: ['uniform', 'range'],
  regexRefreshIntervalMs: 600_000,
  migrationPolicy: 'bidirectional',
};

const GROUP = 'g';

export class GroupBench {
  readonly port: FakeShardPort;
  settings: ConsumerGroupSettings;
  readonly rebalances: Rebalance[] = [];
  /** How often the group became a classic group. */
  becameClassic = 0;
  group: ConsumerGroup;
  private topics = 0;

  constructor(settings: Partial<ConsumerGroupSettings> = {}) {
    this.settings = { ...SETTINGS, ...settings };
    this.port = new FakeShardPort({ show: (record) => this.show(record), commitsAtOnce: true });
    this.group = this.host();
    this.group.loaded();
  }

  // The metadata.

  createTopic(name: string, partitions: number): void {
    const topicId = `${`${name}-${this.topics++}`.padEnd(21, '0')}A` as Uuid;
    this.apply([{ type: 'topic', name, topicId }, ...newPartitions(topicId, 0, partitions)]);
  }

  growTopic(name: string, partitions: number): void {
    const { id, partitions: present } = this.port.metadata.topic(name)!;
    this.apply(newPartitions(id, present.length, partitions));
  }

  deleteTopic(name: string): void {
    this.apply([{ type: 'removeTopic', topicId: this.topicId(name) }]);
  }

  topicId(name: string): Uuid {
    return this.port.metadata.topic(name)!.id;
  }

  // The members.

  /**
   * Sends a heartbeat, and returns its answer; undefined if the answer still waits for a commit. The answer
   * also becomes a line of the transcript.
   */
  beat(memberId: string, memberEpoch: number, beat: Beat = {}): ConsumerGroupHeartbeatResponse | undefined {
    const { owned, ...fields } = beat;
    const request: ConsumerGroupHeartbeatRequest = {
      groupId: GROUP,
      memberId,
      memberEpoch,
      instanceId: null,
      rackId: null,
      rebalanceTimeoutMs: -1,
      subscribedTopicNames: null,
      subscribedTopicRegex: null,
      serverAssignor: null,
      topicPartitions: owned === undefined ? null : this.wire(owned),
      ...fields,
    };
    let answer: ConsumerGroupHeartbeatResponse | undefined;
    this.group.heartbeat(request, { clientId: 'c', clientHost: '/h' }, (response) => {
      answer = response;
      this.port.note(this.showAnswer(memberId, response));
    });
    return answer;
  }

  join(memberId: string, topics: readonly string[], beat: Beat = {}) {
    return this.beat(memberId, 0, {
      rebalanceTimeoutMs: 60_000,
      owned: {},
      subscribedTopicNames: [...topics],
      ...beat,
    });
  }

  joinByRegex(memberId: string, regex: string, beat: Beat = {}) {
    const others = { rebalanceTimeoutMs: 60_000, owned: {}, subscribedTopicRegex: regex };
    return this.beat(memberId, 0, { ...others, ...beat });
  }

  /** Lets the members join and send heartbeats until the group is stable. Then forgets the transcript. */
  settle(...memberIds: string[]): void {
    for (const memberId of memberIds) this.join(memberId, ['foo']);
    this.converge(...memberIds);
    this.port.transcript();
  }

  /** The members send heartbeats that confirm their assignments, until a round writes nothing. */
  converge(...memberIds: string[]): void {
    for (let round = 0; round < 10; round++) {
      const before = this.port.lastWrite;
      for (const memberId of memberIds) {
        const member = this.described(memberId);
        this.beat(memberId, member.memberEpoch, { owned: this.assigned(memberId) });
      }
      if (this.port.lastWrite === before) return;
    }
    throw new Error('the group does not converge');
  }

  described(memberId: string) {
    const member = this.group.describe().members.find((one) => one.memberId === memberId);
    if (member === undefined) throw new Error(`no member ${memberId}`);
    return member;
  }

  /** The partitions that the member may own, without those that it must give up. */
  assigned(memberId: string): Owned {
    const lines = this.lastAssignments.get(memberId) ?? [];
    return Object.fromEntries(lines.map(({ topicId, partitions }) => [this.topicName(topicId), partitions]));
  }

  /** The assigned partitions of each member, from its last record. */
  get lastAssignments(): ReadonlyMap<string, readonly WirePartitions[]> {
    const last = new Map<string, readonly WirePartitions[]>();
    for (const { key, value } of this.port.decisions.flat()) {
      const record = decodeGroupRecord(key, value);
      if (record?.name !== 'consumerGroupCurrentMemberAssignment') continue;
      if (record.value === null) last.delete(record.key.memberId);
      else last.set(record.key.memberId, record.value.assignedPartitions);
    }
    return last;
  }

  // The coordinator.

  restart(): void {
    this.group.ended();
    this.group = this.host();
    this.port.loadInto({ replay: (record) => replayInto(this.group, record) });
    this.group.loaded();
  }

  /**
   * The coordinator fails, and its uncommitted decisions are lost. The next coordinator loads the committed
   * decisions.
   */
  failOver(): void {
    this.group.ended();
    this.port.timeOutCommits();
    this.port.decisions.length = this.port.committed;
    this.port.lastWrite = this.port.committed;
    this.restart();
  }

  /** The encoded records that delete the group. */
  tombstones(): CoordinatorRecord[] {
    return this.group.tombstones().map(encodeRecord);
  }

  transcript(): string[] {
    return this.port.transcript();
  }

  private host(): ConsumerGroup {
    const group = new ConsumerGroup(GROUP, {
      shard: this.port,
      settings: () => this.settings,
      newMemberId: () => 'generated',
      rebalanced: (rebalance) => {
        this.rebalances.push(rebalance);
      },
      classic: {
        maxSize: () => 100,
        becameClassic: () => {
          this.becameClassic++;
        },
      },
    });
    this.port.host({ replay: (record) => replayInto(group, record) });
    return group;
  }

  private apply(records: MetadataRecord[]): void {
    const { metadata } = this.port;
    const batch = { baseOffset: metadata.offset + 1, epoch: 1, records };
    const { image, delta } = applyRecords(metadata, batch);
    this.port.metadata = image;
    const changes = topicChangesOf(delta);
    if (changes !== undefined) this.group.topicsChanged(changes);
  }

  wire(owned: Owned) {
    return Object.entries(owned).map(([name, partitions]) => ({
      topicId: this.port.metadata.topic(name)?.id ?? (name as Uuid),
      partitions: [...partitions],
    }));
  }

  /** Writes records as the machine does, for example those of an upgrade. */
  write(records: readonly ConsumerGroupRecord[]): ErrorCode {
    return this.port.write(records.map(encodeRecord));
  }

  // The lines.

  private showAnswer(memberId: string, response: ConsumerGroupHeartbeatResponse): string {
    const { errorCode, errorMessage, memberEpoch, assignment } = response;
    if (errorCode !== ErrorCode.NONE) return `${memberId} < ${errorName(errorCode)} ${errorMessage}`;
    const partitions = assignment === null ? '' : ` ${this.list(assignment.topicPartitions)}`;
    return `${response.memberId} < epoch ${memberEpoch}${partitions}`;
  }

  private show({ key, value }: CoordinatorRecord): string {
    const record = decodeGroupRecord(key, value);
    if (record === undefined) return 'unknown record';
    switch (record.name) {
      case 'consumerGroupMetadata':
        return record.value === null ? 'no group' : `group epoch ${record.value.epoch}`;
      case 'consumerGroupTargetAssignmentMetadata':
        return record.value === null ? 'no assignment' : `assignment epoch ${record.value.assignmentEpoch}`;
      case 'consumerGroupMemberMetadata': {
        if (record.value === null) return `no member ${record.key.memberId}`;
        const { instanceId, subscribedTopicNames, subscribedTopicRegex } = record.value;
        const instance = instanceId === null ? '' : `=${instanceId}`;
        const regex = subscribedTopicRegex === null ? '' : `/${subscribedTopicRegex}/`;
        return `member ${record.key.memberId}${instance} [${subscribedTopicNames.join(' ')}]${regex}`;
      }
      case 'consumerGroupTargetAssignmentMember': {
        const target = record.value === null ? 'none' : this.list(record.value.topicPartitions);
        return `target ${record.key.memberId} ${target}`;
      }
      case 'consumerGroupCurrentMemberAssignment': {
        if (record.value === null) return `no assignment of ${record.key.memberId}`;
        const { memberEpoch, state, assignedPartitions, partitionsPendingRevocation } = record.value;
        const name = Object.entries(MemberState).find(([, number]) => number === state)?.[0];
        const pending = this.list(partitionsPendingRevocation);
        const minus = pending === '-' ? '' : ` revokes ${pending}`;
        return `${record.key.memberId} epoch ${memberEpoch} ${name} ${this.list(assignedPartitions)}${minus}`;
      }
      case 'consumerGroupRegularExpression': {
        const topics = record.value === null ? 'none' : `[${[...record.value.topics].join(' ')}]`;
        return `regex ${record.key.regularExpression} ${topics}`;
      }
      default:
        return record.name;
    }
  }

  list(partitions: readonly WirePartitions[]): string {
    const texts = partitions.map(({ topicId, partitions: list }) => `${this.topicName(topicId)}:${list}`);
    return texts.length === 0 ? '-' : texts.sort().join(' ');
  }

  private topicName(topicId: Uuid): string {
    return this.port.metadata.topicById(topicId)?.name ?? topicId;
  }
}

function replayInto(group: ConsumerGroup, { key, value }: CoordinatorRecord): void {
  const record = decodeGroupRecord(key, value);
  if (record?.name.startsWith('consumerGroup')) group.replay(record as ConsumerGroupRecord);
}

function newPartitions(topicId: Uuid, from: number, to: number): MetadataRecord[] {
  return Array.from({ length: to - from }, (_, index) => ({
    type: 'partition' as const,
    topicId,
    partition: from + index,
    replicas: [1],
    isr: [1],
    leader: 1,
    leaderEpoch: 0,
    partitionEpoch: 0,
  }));
}

export function errorName(code: number): string {
  return Object.entries(ErrorCode).find(([, value]) => value === code)?.[0] ?? String(code);
}
