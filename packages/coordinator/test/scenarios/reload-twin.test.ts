/**
 * Goal: a machine that loads the log has the same durable state as the machine that wrote it, even if the
 * cleaner has removed records. Method: random walks of requests to a live machine, with failovers and refused
 * writes. A second machine only loads the records.
 */
import { Prng, type Uuid } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import { expect, it } from 'vitest';
import { ClassicGroup } from '../../src/classic/index.ts';
import type { ConsumerGroup } from '../../src/consumer/group.ts';
import { type EpochedPartitions, toWire } from '../../src/consumer/topic-partitions.ts';
import type { GroupMachine } from '../../src/groups/group-machine.ts';
import type { Group } from '../../src/groups/group-table.ts';
import type { CoordinatorRecord } from '../../src/runtime/machine.ts';
import { assignment } from '../support/classic-client.ts';
import { MachineHost, WORDS } from '../support/machine-host.ts';

const SEEDS = Number(process.env['SEEDS'] ?? 24);
const STEPS = 200;
const STEPS_PER_CHECK = 40;
const GROUPS = ['a', 'b', 'c'] as const;
const BILLS = 'AAAAAAAAAAAAAAAAAAAAZQ' as Uuid;
type Topic = readonly [name: string, id: Uuid];
const TOPICS: readonly [Topic, ...Topic[]] = [
  ['words', WORDS],
  ['bills', BILLS],
];
const SUBSCRIPTIONS: readonly [string[], ...string[][]] = [['words'], ['bills'], ['bills', 'words']];

interface Someone {
  readonly memberId: string;
  readonly instanceId: string | null;
  /** The generation or the member epoch. */
  readonly epoch: number;
}

class Walk {
  private h = withBills(new MachineHost());
  private readonly random: Prng;
  private created = 0;
  /** How many groups the checks compared, by their state. */
  readonly compared = new Map<string, number>();

  constructor(seed: number) {
    this.random = new Prng(seed);
  }

  step(): void {
    const { h, random } = this;
    const groupId = this.anyOf(GROUPS);
    const roll = random.below(100);
    if (roll < 8) this.joinClassic(groupId);
    else if (roll < 24) this.rejoin(groupId);
    else if (roll < 40) this.sync(groupId);
    else if (roll < 44) this.leaveClassic(groupId);
    else if (roll < 50) this.joinConsumer(groupId);
    else if (roll < 68) this.beat(groupId);
    else if (roll < 74) this.leaveConsumer(groupId);
    else if (roll < 84) this.commit(groupId);
    else if (roll < 92) h.port.advance(random.below(3000));
    else if (roll < 93) h.port.advance(50_000);
    else if (roll < 94) h.delete(groupId);
    else if (roll < 95) h.port.refusal = ErrorCode.COORDINATOR_NOT_AVAILABLE;
    else if (roll < 96) h.port.refusal = ErrorCode.UNKNOWN_SERVER_ERROR;
    else if (roll < 99) h.port.refusal = ErrorCode.NONE;
    else this.h = withBills(h.failedOver());
  }

  check(): void {
    const records = this.h.port.decisions.flat();
    const cleaned = compacted(records);
    const withoutTombstones = cleaned.filter(({ value }) => value !== null);
    for (const log of [records, cleaned, withoutTombstones]) this.compare(this.h.loading(log));
  }

  private compare(loaded: GroupMachine): void {
    const { machine } = this.h;
    expect(offsetsOf(loaded)).toEqual(offsetsOf(machine));
    const twins = new Map(loaded.all);
    for (const [groupId, group] of machine.all) {
      const twin = twins.get(groupId);
      twins.delete(groupId);
      if (group instanceof ClassicGroup && !isSettled(group))
        expect(twin instanceof ClassicGroup).toBe(group.isRecorded);
      else expect(durable(twin!)).toEqual(durable(group));
      const state = group instanceof ClassicGroup ? group.state : `consumer ${group.stateName}`;
      this.compared.set(state, (this.compared.get(state) ?? 0) + 1);
    }
    expect([...twins.keys()]).toEqual([]);
  }

  private joinClassic(groupId: string): void {
    const instance = this.anyOf([null, 'i0', 'i1']);
    this.h.join(groupId, '', instance === null ? 3 : 5, 10_000, () => {}, instance);
    this.h.port.advance(1);
  }

  private rejoin(groupId: string): void {
    const member = this.anyOf(classicMembers(this.group(groupId)));
    if (member === undefined) return;
    // A static member may also come back in a new process.
    const memberId = member.instanceId !== null && this.random.below(3) === 0 ? '' : member.memberId;
    this.h.join(groupId, memberId, 5, 10_000, () => {}, member.instanceId);
    this.h.port.advance(1);
  }

  private sync(groupId: string): void {
    const group = this.group(groupId);
    const members = classicMembers(group);
    if (group instanceof ClassicGroup) {
      const leader = members.find(({ memberId }) => memberId === group.leaderId);
      if (leader === undefined) return;
      const shares = members.map(({ memberId }, at) => ({
        memberId,
        assignment: assignment({ words: at < 2 ? [at] : [] }),
      }));
      this.h.sync(groupId, leader.memberId, leader.epoch, shares, leader.instanceId);
      return;
    }
    const member = this.anyOf(members);
    if (member !== undefined) this.h.sync(groupId, member.memberId, member.epoch, [], member.instanceId);
  }

  private leaveClassic(groupId: string): void {
    const member = this.anyOf(classicMembers(this.group(groupId)));
    if (member !== undefined) this.h.leave(groupId, member.memberId, member.instanceId);
  }

  private joinConsumer(groupId: string): void {
    const usesRegex = this.random.below(4) === 0;
    this.h.consumerHeartbeat(groupId, `m${this.created++}`, 0, {
      instanceId: this.anyOf([null, null, 'i0', 'i2']),
      subscribedTopicNames: usesRegex ? null : this.anyOf(SUBSCRIPTIONS),
      subscribedTopicRegex: usesRegex ? this.anyOf(['w.*', '.*s']) : null,
    });
  }

  /** Most members confirm what the coordinator told them to give up. Some change their subscription. */
  private beat(groupId: string): void {
    const group = this.group(groupId);
    if (group === undefined || group instanceof ClassicGroup) return;
    const member = this.anyOf([...group.members.values()].filter(({ classic }) => classic === null));
    if (member === undefined) return;
    const { memberId, instanceId, memberEpoch } = member;
    const topicPartitions = toWire(member.assigned).map(({ topicId, partitions }) => ({
      topicId,
      partitions: [...partitions],
    }));
    const owned = this.random.below(4) === 0 ? null : topicPartitions;
    const subscribedTopicNames = this.random.below(8) === 0 ? this.anyOf(SUBSCRIPTIONS) : null;
    if (memberEpoch < 0) this.h.consumerHeartbeat(groupId, `m${this.created++}`, 0, { instanceId });
    else
      this.h.consumerHeartbeat(groupId, memberId, memberEpoch, {
        instanceId,
        topicPartitions: owned,
        subscribedTopicNames,
      });
  }

  private leaveConsumer(groupId: string): void {
    const group = this.group(groupId);
    if (group === undefined || group instanceof ClassicGroup) return;
    const member = this.anyOf([...group.members.values()].filter(({ classic }) => classic === null));
    if (member === undefined) return;
    const { memberId, instanceId } = member;
    this.h.consumerHeartbeat(groupId, memberId, instanceId === null ? -1 : this.anyOf([-1, -2]), {
      instanceId,
    });
  }

  /** A commit of a member, or of a client that is not in the group. */
  private commit(groupId: string): void {
    const group = this.group(groupId);
    const anyone = this.anyOf([undefined, ...(group === undefined ? [] : everyone(group))]);
    const wanted = {
      groupId,
      memberId: anyone?.memberId ?? '',
      generationIdOrMemberEpoch: anyone?.epoch ?? -1,
      groupInstanceId: anyone?.instanceId ?? null,
      retentionTimeMs: this.anyOf([-1, -1, -1, 86_400_000]),
      version: 9,
    };
    const partitions = [0, 1].slice(this.random.below(2)).map((partitionIndex) => ({
      partitionIndex,
      committedOffset: this.random.below(1_000_000),
      committedLeaderEpoch: this.anyOf([-1, 3]),
      committedMetadata: this.anyOf([null, null, null, 'm', '\u00e9']),
    }));
    const [name, topicId] = this.anyOf(TOPICS);
    this.h.machine.commit(wanted, [{ name, topicId, partitions }], () => {});
  }

  private group(groupId: string): Group | undefined {
    return new Map(this.h.machine.all).get(groupId);
  }

  /** Undefined only if the list is empty. */
  private anyOf<T>(list: readonly [T, ...T[]]): T;
  private anyOf<T>(list: readonly T[]): T | undefined;
  private anyOf<T>(list: readonly T[]): T | undefined {
    return list[this.random.below(Math.max(1, list.length))];
  }
}

function withBills(h: MachineHost): MachineHost {
  const partition = { replicas: [1], isr: [1], leader: 1, leaderEpoch: 0, partitionEpoch: 0 };
  h.change([
    { type: 'topic', name: 'bills', topicId: BILLS },
    ...[0, 1, 2].map((index) => ({
      type: 'partition' as const,
      topicId: BILLS,
      partition: index,
      ...partition,
    })),
  ]);
  return h;
}

/** The last record of each key, as the cleaner leaves them. */
function compacted(records: readonly CoordinatorRecord[]): CoordinatorRecord[] {
  const last = new Map<string, CoordinatorRecord>();
  for (const record of records) {
    const key = Buffer.from(record.key).toString('latin1');
    last.delete(key);
    last.set(key, record);
  }
  return [...last.values()];
}

/** A rebalance of a classic group is only in memory. */
function isSettled(group: ClassicGroup): boolean {
  return group.isRecorded && (group.state === 'Stable' || group.state === 'Empty');
}

function durable(group: Group): unknown {
  if (group instanceof ClassicGroup) return { state: group.state, value: group.value };
  const members = Array.from(group.members.values(), (member) => ({
    ...member,
    assigned: plain(member.assigned),
    pendingRevocation: plain(member.pendingRevocation),
  }));
  return { described: group.describe(), members: members.sort(byId) };
}

function plain(partitions: EpochedPartitions): unknown {
  return Array.from(partitions, ([topicId, epochs]) => `${topicId} ${JSON.stringify([...epochs])}`).sort();
}

function byId(a: { readonly memberId: string }, b: { readonly memberId: string }): number {
  return a.memberId < b.memberId ? -1 : 1;
}

function offsetsOf(machine: GroupMachine): string[] {
  const lines: string[] = [];
  for (const [groupId, { topics }] of machine.offsetsByGroup)
    for (const [topic, offsets] of topics)
      for (const offset of offsets) lines.push(`${groupId} ${topic} ${JSON.stringify(offset)}`);
  return lines.sort();
}

function classicMembers(group: Group | undefined): Someone[] {
  if (group === undefined) return [];
  return everyone(group).filter(({ isClassic }) => isClassic);
}

function everyone(group: Group): (Someone & { readonly isClassic: boolean })[] {
  if (!(group instanceof ClassicGroup)) return consumerMembers(group);
  return Array.from(group.members, ({ memberId, groupInstanceId }) => ({
    memberId,
    instanceId: groupInstanceId,
    epoch: group.generation,
    isClassic: true,
  }));
}

function consumerMembers(group: ConsumerGroup): (Someone & { readonly isClassic: boolean })[] {
  return Array.from(group.members.values(), ({ memberId, instanceId, memberEpoch, classic }) => ({
    memberId,
    instanceId,
    epoch: memberEpoch,
    isClassic: classic !== null,
  }));
}

it('a machine that loads the log has the state of the machine that wrote it', () => {
  const compared = new Map<string, number>();
  for (let seed = 1; seed <= SEEDS; seed++) {
    const walk = new Walk(seed);
    for (let step = 1; step <= STEPS; step++) {
      walk.step();
      try {
        if (step % STEPS_PER_CHECK === 0) walk.check();
      } catch (error) {
        throw new Error(`seed ${seed}, step ${step}`, { cause: error });
      }
    }
    for (const [state, count] of walk.compared) compared.set(state, (compared.get(state) ?? 0) + count);
  }
  // Otherwise the walks would not reach the states that this test is about.
  const classic = ['Empty', 'PreparingRebalance', 'CompletingRebalance', 'Stable'];
  const consumer = ['consumer Empty', 'consumer Reconciling', 'consumer Stable'];
  expect([...compared.keys()]).toEqual(expect.arrayContaining([...classic, ...consumer]));
});
