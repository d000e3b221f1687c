/**
 * A topic on a running cluster, the groups that subscribe to it, and their members. Counts failures of the
 * members. All members run in this process.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { apis, ErrorCode } from '@millrace/protocol';
import type { Cluster } from '../../lib/cluster.ts';
import { ask, createTopic } from '../../lib/wire.ts';
import { Fleet } from './fleet.ts';
import { Gate } from './gate.ts';
import { Group, type Protocol } from './group.ts';
import type { Member } from './member.ts';

export interface WorldOptions {
  readonly protocol: Protocol;
  /** Part of the names of topic and groups, so that several worlds fit into one cluster. */
  readonly name: string;
  readonly groups: number;
  readonly membersPerGroup: number;
  readonly partitions: number;
  /** Connections to each broker; a multiple of `membersPerGroup`. */
  readonly lanes: number;
  readonly sessionMs: number;
  readonly rebalanceMs: number;
}

const READY_LIMIT_MS = 60_000;
/** Setting up takes at most this long, plus `SETUP_PER_GROUP_MS` for each group. */
const SETUP_LIMIT_MS = 60_000;
const SETUP_PER_GROUP_MS = 300;
const POLL_MS = 20;
/** While a group forms, its members send heartbeats at this interval, to learn of the rebalance. */
const DRIVE_MS: Record<Protocol, number> = { classic: 20, consumer: 100 };
/**
 * How many groups may join over the same lanes at the same time. A JoinGroup blocks its connection until the
 * answer comes; a KIP-848 heartbeat does not.
 */
const GATE_WIDTH: Record<Protocol, number> = { classic: 1, consumer: 8 };
const REPLICAS_MAX = 3;
const FETCH_VERSION = 8;
const GROUPS_PER_FETCH = 50;

export class World implements WorldOptions {
  readonly protocol: Protocol;
  readonly name: string;
  readonly groups: number;
  readonly membersPerGroup: number;
  readonly partitions: number;
  readonly lanes: number;
  readonly sessionMs: number;
  readonly rebalanceMs: number;
  readonly fleet: Fleet;
  readonly topic: string;
  readonly topicId: string;
  readonly gates: readonly Gate[];
  /** The broker that coordinates every group at first. */
  readonly coordinator: number;
  list: readonly Group[] = [];
  /**
   * The interval of heartbeats while a group forms. Undefined: members send only the heartbeats that the
   * caller asks for.
   */
  driveMs: number | undefined;
  isClosed = false;
  /** How often a coordinator refused a request because it did not know the member, or had fenced it. */
  thrownOut = 0;
  /** How often the answer to a heartbeat told a member to join again. */
  rebalances = 0;
  /** The number of unexpected answers of each kind. */
  readonly complaints = new Map<string, number>();
  /** Callbacks for the section that uses this world. */
  heartbeatAnswered: ((member: Member, broker: number) => void) | undefined;
  coordinatorFound: ((group: Group) => void) | undefined;
  committed: ((member: Member, broker: number) => void) | undefined;

  private constructor(options: WorldOptions, fleet: Fleet, topic: Topic, coordinator: number) {
    this.protocol = options.protocol;
    this.name = options.name;
    this.groups = options.groups;
    this.membersPerGroup = options.membersPerGroup;
    this.partitions = options.partitions;
    this.lanes = options.lanes;
    this.sessionMs = options.sessionMs;
    this.rebalanceMs = options.rebalanceMs;
    this.fleet = fleet;
    this.topic = topic.name;
    this.topicId = topic.id;
    this.coordinator = coordinator;
    this.driveMs = DRIVE_MS[options.protocol];
    const laneSets = Math.max(1, Math.floor(options.lanes / options.membersPerGroup));
    this.gates = Array.from({ length: laneSets }, () => new Gate(GATE_WIDTH[options.protocol]));
  }

  /** Creates the topic and the groups, and waits until every member has joined and committed. */
  static async create(cluster: Cluster, options: WorldOptions): Promise<World> {
    const fleet = await Fleet.connect(cluster.bootstrapServers, options.lanes);
    const replicas = Math.min(REPLICAS_MAX, fleet.brokers.size);
    const topic = await topicOf(cluster, `topic-${options.name}`, options.partitions, replicas);
    const { coordinator, ids } = await idsOfOneCoordinator(fleet, options);
    const world = new World(options, fleet, topic, coordinator);
    world.list = ids.map((id, index) => new Group(world, id, coordinator, index));
    try {
      await world.#joinAll();
      await world.commitAll();
    } catch (error) {
      world.close();
      throw error;
    }
    return world;
  }

  /** Members in an order in which neighbours belong to different groups and lanes. */
  get members(): Member[] {
    return Array.from({ length: this.membersPerGroup }, (_, i) =>
      this.list.map(({ members }) => members[i]!),
    ).flat();
  }

  /** Every member commits once. At most `lanes` commits are under way at a time. */
  async commitAll(): Promise<void> {
    const members = this.members;
    const work = async () => {
      for (let member = members.pop(); member !== undefined; member = members.pop())
        while (!(await committedOnce(member)) && !this.isClosed) await sleep(POLL_MS);
    };
    await Promise.all(Array.from({ length: this.lanes }, work));
  }

  /**
   * Compares the offsets that the coordinator returns with the offsets that it acknowledged. A commit without
   * an answer may have succeeded. So every offset from the last acknowledged one to the last one sent is
   * right.
   */
  async checkOffsets(): Promise<{ checked: number; lost: number }> {
    let checked = 0;
    let lost = 0;
    for (const [broker, groups] of Map.groupBy(this.list, ({ coordinator }) => coordinator)) {
      if (broker === undefined) throw new Error(`${groups.length} groups have no coordinator`);
      for (let at = 0; at < groups.length; at += GROUPS_PER_FETCH) {
        const slice = groups.slice(at, at + GROUPS_PER_FETCH);
        const offsets = await this.#fetchOffsets(broker, slice);
        for (const { id, acknowledgedOffsets, sentOffsets } of slice) {
          for (const [partition, acknowledged] of acknowledgedOffsets.entries()) {
            const offset = offsets.get(id)?.get(partition) ?? 0;
            checked++;
            if (offset < acknowledged || offset > sentOffsets[partition]!) lost++;
          }
        }
      }
    }
    return { checked, lost };
  }

  complain(what: string): void {
    this.complaints.set(what, (this.complaints.get(what) ?? 0) + 1);
  }

  /** Every member leaves, so that the groups cost nothing in a later section. */
  async leaveAll(): Promise<void> {
    for (const member of this.members) if (!member.isDead) member.leave();
    await sleep(1000);
    this.close();
  }

  close(): void {
    this.isClosed = true;
    for (const group of this.list) group.close();
    this.fleet.close();
  }

  async #joinAll(): Promise<void> {
    let left = this.list.length;
    for (const group of this.list) {
      group.whenSettledAfter(0, () => left--);
      for (const member of group.members) group.wantsToJoin(member);
    }
    const limit = SETUP_LIMIT_MS + SETUP_PER_GROUP_MS * this.groups;
    if (!(await until(() => left === 0, limit)))
      throw new Error(`${left} of ${this.groups} groups did not form in ${limit} ms: ${this.troubles()}`);
  }

  /** The unexpected answers as text. */
  troubles(): string {
    const list = [...this.complaints].map(([what, count]) => `${what} (${count})`);
    return list.length === 0 ? 'no errors' : list.join(', ');
  }

  async #fetchOffsets(broker: number, groups: readonly Group[]): Promise<Map<string, Map<number, number>>> {
    const body = { groups: groups.map(({ id }) => ({ groupId: id, topics: null })), requireStable: false };
    const deadline = performance.now() + READY_LIMIT_MS;
    while (true) {
      const found = await new Promise<Map<string, Map<number, number>> | undefined>((resolve) => {
        this.fleet.lane(broker, 0).request(apis.offsetFetch, FETCH_VERSION, body, (answer) => {
          const isGood = answer?.groups.every(({ errorCode }) => errorCode === ErrorCode.NONE) === true;
          if (!isGood) return resolve(undefined);
          resolve(
            new Map(
              answer.groups.map(({ groupId, topics }) => [
                groupId,
                new Map(topics[0]?.partitions.map((p) => [p.partitionIndex, p.committedOffset])),
              ]),
            ),
          );
        });
      });
      if (found !== undefined) return found;
      if (performance.now() > deadline) throw new Error(`broker ${broker} answers no OffsetFetch`);
      await sleep(POLL_MS);
    }
  }
}

interface Topic {
  readonly name: string;
  readonly id: string;
}

/** Creates the topic and waits until each partition has a leader. */
async function topicOf(
  { bootstrapServers }: Cluster,
  name: string,
  partitions: number,
  replicas: number,
): Promise<Topic> {
  await createTopic(bootstrapServers, { name, partitions, replicas });
  const deadline = performance.now() + READY_LIMIT_MS;
  while (true) {
    const found = await ask(bootstrapServers, async (client) => {
      const answer = await client.call(apis.metadata, { topics: [{ name }], allowAutoTopicCreation: false });
      return answer.topics[0];
    });
    const led = found?.partitions.filter(({ leaderId }) => leaderId >= 0).length ?? 0;
    if (found !== undefined && led === partitions) return { name, id: found.topicId };
    if (performance.now() > deadline) throw new Error(`${led} of ${partitions} partitions have a leader`);
    await sleep(POLL_MS);
  }
}

function committedOnce(member: Member): Promise<boolean> {
  return new Promise((done) => {
    if (!member.commit((outcome) => done(outcome === 'ok'))) done(false);
  });
}

/** Ids of groups that all have the same coordinator. The first lookup creates __consumer_offsets. */
async function idsOfOneCoordinator(
  fleet: Fleet,
  { name, groups }: WorldOptions,
): Promise<{ coordinator: number; ids: string[] }> {
  const candidates = Array.from({ length: groups * 8 + 64 }, (_, i) => `group-${name}-${i}`);
  const deadline = performance.now() + READY_LIMIT_MS;
  while ((await fleet.find(candidates.slice(0, 1))).size === 0 && performance.now() < deadline)
    await sleep(POLL_MS * 5);
  while (true) {
    const found = await fleet.find(candidates);
    const coordinator = found.get(candidates[0]!);
    const ids = candidates.filter((id) => found.get(id) === coordinator).slice(0, groups);
    if (coordinator !== undefined && found.size === candidates.length && ids.length === groups)
      return { coordinator, ids };
    if (performance.now() > deadline) throw new Error('the groups have no coordinator');
    await sleep(POLL_MS * 5);
  }
}

/** Polls the condition. Returns false if the condition does not hold within `limitMs`. */
export async function until(condition: () => boolean, limitMs: number): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > deadline) return false;
    await sleep(5);
  }
  return true;
}
