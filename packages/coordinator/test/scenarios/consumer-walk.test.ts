/**
 * Goal: at each step of a random walk no partition has two holders, and no epoch falls. When the changes
 * stop, the group converges. In a walk, members of both protocols join, leave, stop sending, lose requests
 * and answers, and give up partitions late. Topics appear, grow and vanish. The coordinator restarts and
 * loses the decisions that were not committed.
 */
import { Prng, type Uuid } from '@millrace/base';
import {
  type ConsumerGroupHeartbeatResponse,
  consumerProtocolAssignment,
  ErrorCode,
} from '@millrace/protocol';
import { expect, it } from 'vitest';
import { subscription as subscriptionBytes } from '../support/classic-client.ts';
import { GroupBench } from '../support/group-bench.ts';
import { Ledger, partitions } from '../support/ledger.ts';

const SEEDS = Number(process.env['SEEDS'] ?? 60);
const STEPS = 250;
/**
 * Within this many rounds the group must converge: each member reacts to a change with its next heartbeat.
 */
const ROUNDS_MAX = 12;
const REJOIN: readonly number[] = [ErrorCode.FENCED_MEMBER_EPOCH, ErrorCode.UNKNOWN_MEMBER_ID];

interface Subscription {
  readonly names: string[];
  readonly regex: string | null;
}

/** A client that behaves like Kafka's consumer: it revokes first, then confirms. */
class Client {
  readonly memberId: string;
  readonly instanceId: string | null;
  /**
   * True: the client uses JoinGroup, SyncGroup and Heartbeat, and gives up all partitions before it joins.
   */
  readonly isClassic: boolean;
  subscription: Subscription;
  epoch = 0;
  /** The partitions that the coordinator has assigned to the client. The client may still own others. */
  assigned: ReadonlySet<string> = new Set();
  owned = this.assigned;
  mustSayAll = true;

  constructor(memberId: string, instanceId: string | null, subscription: Subscription, isClassic: boolean) {
    this.memberId = memberId;
    this.instanceId = instanceId;
    this.isClassic = isClassic;
    this.subscription = subscription;
  }

  rejoin(): void {
    this.epoch = 0;
    this.assigned = new Set();
    this.owned = this.assigned;
    this.mustSayAll = true;
  }

  /** Gives up the partitions that are no longer assigned, and takes the new ones. */
  obey(): void {
    this.owned = this.assigned;
  }
}

class Walk {
  readonly b: GroupBench;
  private readonly prng: Prng;
  private readonly clients: Client[] = [];
  private ledger: Ledger;
  private created = 0;
  private topics = 0;
  /** Partitions per topic name. */
  private readonly counts = new Map<string, number>();

  constructor(seed: number) {
    this.prng = new Prng(seed);
    this.b = new GroupBench({
      assignmentIntervalMs: this.prng.below(2) * 1_000,
      migrationPolicy: 'upgrade',
      assignors: this.chance(30) ? ['range', 'uniform'] : ['uniform', 'range'],
    });
    this.b.port.commitsAtOnce = false;
    this.ledger = this.newLedger();
    this.createTopic();
  }

  step(): void {
    const roll = this.prng.below(100);
    if (roll < 60) this.beat(this.anyClient());
    else if (roll < 66) this.add();
    else if (roll < 69) this.leave(this.anyClient());
    else if (roll < 71) this.forget(this.anyClient());
    else if (roll < 74) this.resubscribe(this.anyClient());
    else if (roll < 76) this.createTopic();
    else if (roll < 79) this.growTopic();
    else if (roll < 80) this.deleteTopic();
    else if (roll < 92) this.b.port.advance(this.prng.below(4_000));
    else if (roll < 98) this.b.port.commit();
    else if (roll < 99) this.b.restart();
    else this.failOver();
    this.check();
  }

  /** Runs rounds without new changes and without losses, until two rounds in a row write nothing. */
  converge(): void {
    this.b.port.commitsAtOnce = true;
    this.b.port.commit();
    // Rounds take five seconds each, because a refresh of the regular expressions may have to wait ten
    // seconds, and the sessions of dead members must end.
    for (let i = 0; i < 12; i++) {
      for (const client of this.clients) this.exchange(client);
      this.b.port.advance(5_000);
      this.check();
    }
    let quiet = 0;
    for (let round = 0; quiet < 2; round++) {
      if (round > ROUNDS_MAX) throw new Error(`no convergence: ${this.b.transcript().slice(-20).join('\n')}`);
      const before = this.b.port.lastWrite;
      for (const client of this.clients) this.exchange(client);
      this.b.port.advance(1_000);
      this.check();
      quiet = this.b.port.lastWrite === before ? quiet + 1 : 0;
    }
    this.checkConverged();
  }

  private checkConverged(): void {
    const { b, clients, ledger } = this;
    expect(ledger.epochs.size).toBe(clients.length);
    for (const client of clients) {
      expect(client.epoch).toBe(Math.max(1, ledger.groupEpoch));
      expect([...client.owned].sort()).toEqual([...(ledger.targets.get(client.memberId) ?? [])].sort());
    }
    expect(b.group.stateName).toBe(clients.length === 0 ? (b.group.exists ? 'Empty' : 'Dead') : 'Stable');
    const owned = new Set(clients.flatMap((client) => [...client.owned]));
    for (const [name, count] of this.counts) {
      if (!clients.some(({ subscription }) => subscribes(subscription, name))) continue;
      for (let i = 0; i < count; i++) expect(owned).toContain(`${b.topicId(name)}/${i}`);
    }
  }

  private check(): void {
    this.ledger.follow(this.b.port.decisions);
    expect(this.ledger.faults).toEqual([]);
    const owners = new Map<string, string>();
    for (const { memberId, owned, epoch } of this.clients) {
      // Skips a client that has not joined, and one that the coordinator does not know, or knows only in an
      // older epoch.
      const known = this.ledger.epochs.get(memberId);
      if (epoch === 0 || known === undefined || known < epoch) continue;
      for (const partition of owned) {
        expect(owners.get(partition) ?? memberId).toBe(memberId);
        owners.set(partition, memberId);
      }
    }
  }

  private beat(client: Client | undefined): void {
    if (client === undefined || this.chance(5)) return;
    if (client.isClassic) {
      this.beatClassic(client);
      return;
    }
    // Unless it must send all fields, the client is slow with a probability of 30 %: it has not yet given up
    // its old partitions and taken the new ones. A slow client does not list its partitions in the request.
    // If it did, it could take the new partitions while the request is on the way. Then the list would be
    // wrong, and KIP-848 cannot detect this.
    if (client.mustSayAll || this.chance(70)) client.obey();
    const answer = this.send(client);
    // The connection breaks while the answer is on its way.
    if (this.chance(10)) client.mustSayAll = true;
    else this.receive(client, answer);
  }

  /** A heartbeat and its answer, without faults. */
  private exchange(client: Client): void {
    if (client.isClassic) {
      this.beatClassic(client);
      return;
    }
    client.obey();
    this.receive(client, this.send(client));
  }

  private send(client: Client): ConsumerGroupHeartbeatResponse | undefined {
    const { memberId, instanceId, subscription, epoch } = client;
    const saysAll = client.mustSayAll || epoch === 0;
    const isSettled = client.owned === client.assigned;
    let answer: ConsumerGroupHeartbeatResponse | undefined;
    const request = {
      groupId: 'g',
      memberId,
      memberEpoch: epoch,
      instanceId,
      rackId: null,
      rebalanceTimeoutMs: saysAll ? 60_000 : -1,
      subscribedTopicNames: subscription.names,
      subscribedTopicRegex: subscription.regex ?? '',
      serverAssignor: null,
      topicPartitions: isSettled ? wire(client.owned) : null,
    };
    this.b.group.heartbeat(request, { clientId: 'c', clientHost: '/h' }, (response) => {
      answer = response;
    });
    if (answer === undefined && this.chance(50)) this.b.port.commit();
    return answer;
  }

  /**
   * Sends a Heartbeat. If the group refuses it, sends JoinGroup and SyncGroup. The answer to each of the
   * three can be lost.
   */
  private beatClassic(client: Client): void {
    const { group } = this.b;
    const { memberId, subscription } = client;
    const common = { groupId: 'g', memberId, groupInstanceId: null };
    const called = { client: { clientId: 'k', clientHost: '/k' }, version: 5 };
    if (client.epoch > 0) {
      let errorCode: number | undefined;
      const request = { ...common, generationId: client.epoch };
      group.classicHeartbeat({ ...called, request, reply: (answer) => (errorCode = answer.errorCode) });
      if (errorCode === undefined || errorCode === ErrorCode.NONE) return;
      client.rejoin();
    }
    let generation = 0;
    const protocols = [{ name: 'range', metadata: subscriptionBytes(subscription.names) }];
    const timeouts = { sessionTimeoutMs: 45_000, rebalanceTimeoutMs: 60_000 };
    const request = { ...common, ...timeouts, protocolType: 'consumer', protocols, reason: null };
    group.join({ ...called, request, reply: (answer) => (generation = answer.generationId ?? 0) });
    if (generation <= 0) return;
    let bytes: Uint8Array | undefined;
    const named = { protocolType: 'consumer', protocolName: 'range', assignments: [] };
    group.sync({
      ...called,
      request: { ...common, ...named, generationId: generation },
      reply: ({ errorCode, assignment }) => {
        if ((errorCode ?? ErrorCode.NONE) === ErrorCode.NONE) bytes = assignment;
      },
    });
    if (bytes === undefined) return;
    client.epoch = generation;
    client.assigned = this.namedPartitions(bytes);
    client.obey();
  }

  private namedPartitions(bytes: Uint8Array): ReadonlySet<string> {
    const { assignedPartitions } = consumerProtocolAssignment.decode(bytes);
    return partitions(
      assignedPartitions.flatMap(({ topic, partitions: list }) => {
        const topicId = this.b.port.metadata.topic(topic)?.id;
        return topicId === undefined ? [] : [{ topicId, partitions: list }];
      }),
    );
  }

  private receive(client: Client, answer: ConsumerGroupHeartbeatResponse | undefined): void {
    if (answer === undefined) {
      client.mustSayAll = true;
    } else if (answer.errorCode === ErrorCode.NONE) {
      expect(answer.memberEpoch).toBeGreaterThanOrEqual(client.epoch);
      client.epoch = answer.memberEpoch;
      client.mustSayAll = false;
      if (answer.assignment !== null) client.assigned = partitions(answer.assignment.topicPartitions);
    } else if (REJOIN.includes(answer.errorCode)) client.rejoin();
    else client.mustSayAll = true;
  }

  private add(): void {
    if (this.clients.length >= 8) return;
    const id = `m${this.created++}`;
    // At least one member must use the consumer protocol, because a group with only classic members becomes a
    // classic group.
    const isClassic = this.clients.some((one) => !one.isClassic) && this.chance(25);
    const instanceId = !isClassic && this.chance(20) ? `i${id}` : null;
    const client = new Client(id, instanceId, this.anySubscription(isClassic), isClassic);
    this.clients.push(client);
    this.beat(client);
  }

  private leave(client: Client | undefined): void {
    if (client === undefined) return;
    const isStatic = client.instanceId !== null;
    this.b.beat(client.memberId, isStatic ? -2 : -1, { instanceId: client.instanceId });
    this.clients.splice(this.clients.indexOf(client), 1);
    if (!isStatic || this.chance(30)) return;
    // The process starts again with another member id. If the leave was refused, the old member still has the
    // instance id.
    this.clients.push(new Client(`m${this.created++}`, client.instanceId, client.subscription, false));
  }

  /** The process dies. */
  private forget(client: Client | undefined): void {
    if (client !== undefined) this.clients.splice(this.clients.indexOf(client), 1);
  }

  private resubscribe(client: Client | undefined): void {
    if (client === undefined) return;
    client.subscription = this.anySubscription(client.isClassic);
    if (client.isClassic) client.rejoin();
    this.beat(client);
  }

  private anySubscription(isClassic: boolean): Subscription {
    if (!isClassic && this.chance(25)) return { names: [], regex: this.chance(50) ? 't.*' : 't[0-3]' };
    const names = [...this.counts.keys()].filter(() => this.chance(70));
    return { names: this.chance(50) ? ['t0', 't1'] : names, regex: null };
  }

  private createTopic(): void {
    if (this.counts.size >= 6) return;
    const name = `t${this.topics++}`;
    this.counts.set(name, 1 + this.prng.below(5));
    this.b.createTopic(name, this.counts.get(name)!);
  }

  private growTopic(): void {
    const name = this.anyTopic();
    if (name === undefined) return;
    const count = this.counts.get(name)! + 1 + this.prng.below(3);
    this.counts.set(name, count);
    this.b.growTopic(name, count);
  }

  private deleteTopic(): void {
    const name = this.anyTopic();
    if (name === undefined || this.counts.size < 2) return;
    this.counts.delete(name);
    this.b.deleteTopic(name);
  }

  private failOver(): void {
    this.b.failOver();
    this.ledger = this.newLedger();
    for (const client of this.clients) client.mustSayAll = true;
  }

  private newLedger(): Ledger {
    return new Ledger((topicId) => this.b.port.metadata.topicById(topicId)?.name);
  }

  private anyClient(): Client | undefined {
    return this.clients[this.prng.below(Math.max(1, this.clients.length))];
  }

  private anyTopic(): string | undefined {
    return [...this.counts.keys()][this.prng.below(Math.max(1, this.counts.size))];
  }

  private chance(percent: number): boolean {
    return this.prng.below(100) < percent;
  }
}

function subscribes({ names, regex }: Subscription, topic: string): boolean {
  return names.includes(topic) || (regex !== null && new RegExp(`^(?:${regex})$`).test(topic));
}

function wire(owned: ReadonlySet<string>): { topicId: Uuid; partitions: number[] }[] {
  const byTopic = new Map<Uuid, number[]>();
  for (const partition of owned) {
    const [topicId, index] = partition.split('/') as [Uuid, string];
    byTopic.set(topicId, [...(byTopic.get(topicId) ?? []), Number(index)]);
  }
  return [...byTopic].map(([topicId, list]) => ({ topicId, partitions: list }));
}

for (let seed = 1; seed <= SEEDS; seed++) {
  it(`the group keeps its promises in walk ${seed}`, () => {
    const walk = new Walk(seed);
    for (let i = 0; i < STEPS; i++) walk.step();
    walk.converge();
  });
}
