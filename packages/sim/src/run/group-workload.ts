/** The committers and the members of groups in a run. */
import type { Millis, Prng, Uuid } from '@millrace/base';
import type { GroupProtocol, TopicPartition } from '@millrace/client';
import { ClassicGroup, type Group } from '@millrace/coordinator';
import { shardsOf } from '../checkers/groups/shards.ts';
import {
  type ClientEnv,
  COMMIT_VERSIONS,
  Committer,
  FETCH_VERSIONS,
  FIND_VERSIONS,
} from '../clients/index.ts';
import type { SimCluster } from '../cluster/index.ts';
import type { Scenario } from '../plan/index.ts';
import type { Micros, World } from '../world/index.ts';
import { GroupMemberActor } from './group-members.ts';
import { isLeftOutByStaticMember } from './static-member.ts';

export interface GroupSurroundings {
  readonly random: Prng;
  readonly scenario: Scenario;
  readonly world: World;
  readonly cluster: SimCluster;
  /** Starts a process on a new machine that faults may strike. */
  machine(name: string): ClientEnv;
  /** A machine that faults may strike. Each call of the returned function starts a process there. */
  bootable(name: string): () => ClientEnv;
  /** The topics that clients use. */
  topics(): readonly string[];
  /** Whether the run is in a quiet phase. The clients then do less. */
  isQuiet(): boolean;
}

/** A partition, and the offset up to which consumers can read it. */
export interface PartitionEnd extends TopicPartition {
  readonly topicId: Uuid;
  readonly end: number;
}

/** `mixed`: each process of a member draws its protocol. */
type GroupName = 'classic' | 'consumer' | 'mixed';

const HOST_LETTERS: Readonly<Record<GroupName, string>> = { classic: 'j', consumer: 'k', mixed: 'h' };

const PACES_MS: readonly Millis[] = [60, 120, 250];
/** Each member subscribes to the first topics of the scenario. */
const SUBSCRIBED_MAX = 2;
/** Average time between two requests of a committer in a quiet phase. */
const QUIET_PACE_MS = 2_000;

const one = <T>(random: Prng, list: readonly T[]): T => list[random.below(list.length)]!;

export class GroupWorkload {
  private readonly surroundings: GroupSurroundings;
  private readonly committers: readonly Committer[];
  private readonly members: readonly GroupMemberActor[];

  constructor(surroundings: GroupSurroundings) {
    this.surroundings = surroundings;
    const { random, scenario } = surroundings;
    this.committers = Array.from({ length: scenario.committers }, (_unused, index) =>
      this.makeCommitter(`g${index + 1}`, random.fork(`g${index + 1}`)),
    );
    this.members = [
      ...this.makeMembers('classic', scenario.classicMembers, random.fork('classic')),
      ...this.makeMembers('consumer', scenario.consumerMembers, random.fork('consumer')),
      ...this.makeMembers('mixed', scenario.mixedMembers, random.fork('mixed')),
    ];
  }

  start(): void {
    for (const client of [...this.committers, ...this.members]) client.start();
  }

  stop(): void {
    for (const client of [...this.committers, ...this.members]) client.stop();
  }

  get isIdle(): boolean {
    return [...this.committers, ...this.members].every(({ isIdle }) => isIdle);
  }

  /** An incident begins: members crash, pause, leave and come back. */
  suffer(): void {
    for (const member of this.members) member.suffer();
  }

  /** The incident is over: every member comes back. */
  recover(): void {
    for (const member of this.members) member.recover();
  }

  /**
   * Describes the first group that is not stable, or that has a partition with no live owner or with two
   * owners. Undefined: there is no such group.
   */
  unsettled(): string | undefined {
    for (const group of new Set(this.members.map((member) => member.group))) {
      const missing = this.unsettledGroup(group);
      if (missing !== undefined) return `${group}: ${missing}`;
    }
    return undefined;
  }

  private unsettledGroup(group: string): string | undefined {
    const { cluster, topics } = this.surroundings;
    const owned = new Set<string>();
    for (const { assignment } of this.members.filter((member) => member.group === group)) {
      if (assignment === undefined) return 'a member is away';
      for (const { topic, partition } of assignment) {
        const name = `${topic}-${partition}`;
        if (owned.has(name)) return `two members read ${name}`;
        owned.add(name);
      }
    }
    const found = this.groupAtCoordinator(group);
    if (found === undefined) return 'no broker has it';
    const state = found instanceof ClassicGroup ? found.state : found.stateName;
    if (state.toLowerCase() !== 'stable') return `its state is ${state}`;
    const there = topics();
    for (const { topic, topicId, partition } of cluster.partitions()) {
      const name = `${topic}-${partition}`;
      if (!this.subscribed().includes(topic) || !there.includes(topic) || owned.has(name)) continue;
      if (!this.isLeftOut(group, { topic, topicId, partition })) return `nobody reads ${name}`;
    }
    return undefined;
  }

  /**
   * Describes the first partition in `ends` whose owner has not read and committed all records below `end`.
   * Undefined: there is no such partition.
   */
  behind(ends: readonly PartitionEnd[]): string | undefined {
    for (const group of new Set(this.members.map((member) => member.group))) {
      const members = this.members.filter((member) => member.group === group);
      for (const { topic, partition, topicId, end } of ends) {
        if (!this.subscribed().includes(topic) || this.startOf(topicId, partition) >= end) continue;
        const reached = members.map((member) => member.reached(topicId, { topic, partition }));
        const { read = 0, committed = 0 } = reached.find((one) => one !== undefined) ?? {};
        if (read >= end && committed >= end) continue;
        if (reached.every((one) => one === undefined) && this.isLeftOut(group, { topic, topicId, partition }))
          continue;
        return `${group} has read ${topic}-${partition} up to ${read} and committed ${committed} of ${end}`;
      }
    }
    return undefined;
  }

  /** The log start offset at the leader; 0: there is no leader. Nobody can read the records below it. */
  private startOf(topicId: Uuid, partition: number): number {
    const { cluster } = this.surroundings;
    const leader = cluster.node(cluster.image().partition(topicId, partition)?.leader ?? -1);
    const replica = leader === undefined ? undefined : cluster.replica(leader, topicId, partition);
    return replica?.log.startOffset ?? 0;
  }

  private isLeftOut(group: string, place: Pick<PartitionEnd, 'topic' | 'topicId' | 'partition'>): boolean {
    const found = this.groupAtCoordinator(group);
    const members = this.members.filter((member) => member.group === group);
    const sent = members.flatMap(({ sentAssignments }) => sentAssignments);
    const joinedUs = (id: string) => members.find(({ instanceId }) => instanceId === id)?.joinedUs;
    return found !== undefined && isLeftOutByStaticMember(found, sent, joinedUs, place);
  }

  private groupAtCoordinator(group: string): Group | undefined {
    for (const node of this.surroundings.cluster.brokers)
      for (const { machine } of shardsOf(node))
        for (const [groupId, found] of machine?.all ?? []) if (groupId === group) return found;
    return undefined;
  }

  private subscribed(): string[] {
    return this.surroundings.scenario.topics.slice(0, SUBSCRIBED_MAX).map(({ name }) => name);
  }

  /**
   * Describes the first committer that has committed no offsets, or has fetched none, since `sinceUs`.
   * Undefined: there is no such committer.
   */
  stuckSince(sinceUs: Micros): string | undefined {
    for (const { name, lastCommitUs, lastFetchUs } of this.committers) {
      if (lastCommitUs <= sinceUs) return `${name} cannot commit offsets`;
      if (lastFetchUs <= sinceUs) return `${name} cannot fetch offsets`;
    }
    return undefined;
  }

  private makeMembers(name: GroupName, count: number, random: Prng): GroupMemberActor[] {
    const { world, bootable } = this.surroundings;
    const protocols =
      name === 'mixed'
        ? [this.drawProtocol('classic', random), this.drawProtocol('consumer', random)]
        : [this.drawProtocol(name, random)];
    const rebalanceTimeoutMs = one(random, [1_500, 4_000]);
    const autoCommitMs = one(random, [100, 300, 1_000]);
    return Array.from({ length: count }, (_unused, index) => {
      const host = `${HOST_LETTERS[name]}${index + 1}`;
      const instanceId = random.below(3) === 0 ? host : null;
      const machines = [bootable(host), ...(instanceId === null ? [] : [bootable(`${host}b`)])];
      const requestTimeoutMs = one(random, [1_000, 3_000]);
      const member = { group: name, instanceId, rebalanceTimeoutMs, autoCommitMs, requestTimeoutMs };
      const mayRetire = () =>
        name === 'mixed' && this.members.filter((one) => one.group === name && !one.isRetired).length > 1;
      return new GroupMemberActor({
        world,
        random: random.fork(host),
        member,
        protocols,
        machines,
        mayRetire,
      });
    });
  }

  private drawProtocol(name: 'classic' | 'consumer', random: Prng): GroupProtocol {
    const topics = this.subscribed();
    if (name === 'consumer') {
      const subscription = random.below(4) === 0 ? { regex: topics.join('|') } : { topics };
      return { name, subscription, serverAssignor: one(random, [null, 'uniform', 'range']) };
    }
    const assignor = one(random, ['range', 'cooperative-sticky'] as const);
    return { name, topics, assignor, sessionTimeoutMs: one(random, [1_000, 3_000]), heartbeatMs: 300 };
  }

  private makeCommitter(name: string, random: Prng): Committer {
    const { machine, topics, isQuiet } = this.surroundings;
    const paceMs = one(random, PACES_MS);
    return new Committer(machine(name), {
      // Some groups have several committers, whose commits then replace each other.
      group: `simple-${1 + random.below(2)}`,
      topics,
      paceMs: () => (isQuiet() ? QUIET_PACE_MS : paceMs),
      commitVersion: one(random, COMMIT_VERSIONS),
      fetchVersion: one(random, FETCH_VERSIONS),
      findVersion: one(random, FIND_VERSIONS),
      requestTimeoutMs: one(random, [700, 2_000, 6_000]),
    });
  }
}
