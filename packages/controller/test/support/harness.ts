/**
 * A controller on a quorum that a test plays by hand. A proposal waits until the test commits it. If the
 * controller loses the leadership first, the proposal is lost. A standby replays every committed record. The
 * harness checks the invariants after each step.
 */
import { assert, type NodeId, Prng, type Uuid } from '@millrace/base';
import { MemoryLogger } from '@millrace/base/testing';
import type { RegisterRequest } from '@millrace/control';
import { imageToPlain, type MetadataImage } from '@millrace/metadata';
import type { CreateTopicsRequest, CreateTopicsResponse } from '@millrace/protocol';
import { expect } from 'vitest';
import { type CommittedRecords, Controller, type ControllerConfig } from '../../src/index.ts';
import { checkImage, checkStep } from './invariants.ts';
import { controllerConfig } from './settings.ts';

/** An answer that may still be missing. */
export interface Answer<R> {
  value: R | undefined;
  times: number;
}

export interface BrokerOptions {
  rack?: string;
  incarnation?: number;
  previousBrokerEpoch?: number;
  logDirs?: Uuid[];
  sessionTimeoutMs?: number;
  minInsyncReplicas?: number;
  clusterId?: string;
  listeners?: RegisterRequest['listeners'];
}

export const CLUSTER = 'clusterclusterclusterA' as Uuid;

export function uuid(number: number): Uuid {
  return `id${String(number).padStart(19, '0')}A` as Uuid;
}

export class Harness {
  now = 1000;
  readonly logger = new MemoryLogger();
  active: Controller;
  standby: Controller;
  /** A violation that is allowed now, in the middle of a decision that was cut into several batches. */
  excused: string | undefined;
  /** The batches that the controller has proposed, and that are not committed yet. */
  pending: CommittedRecords[] = [];
  /** True: the harness does not confirm a leadership at once. The test calls `heldConfirmations` instead. */
  holdsConfirmations = false;
  readonly heldConfirmations: ((leads: boolean) => void)[] = [];
  private readonly config: ControllerConfig;
  /** `minInsyncReplicas` of every broker whose options do not set it. */
  private readonly minInsyncReplicas: number;
  private readonly committedBatches: CommittedRecords[] = [];
  private epoch = 0;
  private nextOffset = 0;
  private leading: Controller | undefined;
  private seed = 1;
  /** Images that passed the check. An image is immutable, so one check is enough. */
  private readonly checked = new WeakSet<MetadataImage>();
  private compared: MetadataImage | undefined;
  private readonly epochs = new Map<NodeId, number>();

  constructor(
    config: Partial<ControllerConfig> = {},
    brokers: readonly NodeId[] = [],
    { minInsyncReplicas = 1 }: { minInsyncReplicas?: number } = {},
  ) {
    this.minInsyncReplicas = minInsyncReplicas;
    this.config = controllerConfig(config);
    this.active = this.create();
    this.standby = this.create();
    this.elect(this.active);
    for (const id of brokers) this.addBroker(id);
  }

  // ---- the quorum ----

  commit(): void {
    const batches = this.pending;
    this.pending = [];
    for (const batch of batches) this.commitOne(batch);
    this.check();
  }

  /** Commits only the oldest proposal. */
  commitFirst(): void {
    const [first, ...rest] = this.pending;
    assert(first !== undefined, 'something was proposed');
    this.pending = rest;
    this.commitOne(first);
    this.check();
  }

  /** Lets the quorum elect another leader. Uncommitted proposals are lost, and the standby takes over. */
  loseLeadership(): void {
    this.pending = [];
    this.nextOffset = this.active.image.offset + 1;
    this.leading = undefined;
    this.active.resigned();
    [this.active, this.standby] = [this.standby, this.active];
    this.elect(this.active);
    this.check();
  }

  /** Lets the quorum elect the standby, which has all proposals, and commits them. */
  passLeadership(): void {
    const batches = this.pending;
    this.pending = [];
    this.leading = undefined;
    this.active.resigned();
    for (const batch of batches) this.commitOne(batch);
    [this.active, this.standby] = [this.standby, this.active];
    this.elect(this.active);
    this.check();
  }

  /** Gives the quorum another leader. The controller does not know it yet. */
  depose(): void {
    this.leading = undefined;
  }

  /** A new controller, brought up to date from the log. */
  replayed(): Controller {
    const controller = this.create();
    for (const batch of this.committedBatches) controller.committed(batch);
    return controller;
  }

  // ---- brokers ----

  register(id: NodeId, options: BrokerOptions = {}): Answer<{ errorCode: number; brokerEpoch: number }> {
    const request: RegisterRequest = {
      brokerId: id,
      incarnationId: uuid(id * 1000 + (options.incarnation ?? 0)),
      clusterId: options.clusterId ?? CLUSTER,
      listeners: options.listeners ?? [{ name: 'PLAINTEXT', host: 'localhost', port: 9092 + id }],
      rack: options.rack,
      previousBrokerEpoch: options.previousBrokerEpoch ?? -1,
      logDirs: options.logDirs ?? [],
      sessionTimeoutMs: options.sessionTimeoutMs ?? 3000,
      minInsyncReplicas: options.minInsyncReplicas ?? this.minInsyncReplicas,
    };
    const answer = pendingAnswer<{ errorCode: number; brokerEpoch: number }>();
    this.active.register(request, this.now, (response) => {
      if (response.errorCode === 0) this.epochs.set(id, response.brokerEpoch);
      resolve(answer, response);
    });
    this.check();
    return answer;
  }

  heartbeat(
    id: NodeId,
    options: { offset?: number; epoch?: number; wantFence?: boolean; wantShutDown?: boolean } = {},
  ) {
    type Response = {
      errorCode: number;
      isCaughtUp: boolean;
      isFenced: boolean;
      shouldShutDown: boolean;
      leaseMs: number;
    };
    const answer = pendingAnswer<Response>();
    const request = {
      brokerId: id,
      brokerEpoch: options.epoch ?? this.epochs.get(id) ?? -1,
      metadataOffset: options.offset ?? this.active.image.offset,
      wantFence: options.wantFence ?? false,
      wantShutDown: options.wantShutDown ?? false,
    };
    this.active.heartbeat(request, this.now, (response) => resolve(answer, response));
    this.check();
    return answer;
  }

  /** Registers a broker, and unfences it with a heartbeat. */
  addBroker(id: NodeId, options: BrokerOptions = {}): void {
    const registered = this.register(id, options);
    this.commit();
    expect(registered.value?.errorCode).toBe(0);
    const beat = this.heartbeat(id);
    this.commit();
    expect(beat.value).toMatchObject({ errorCode: 0, isFenced: false });
  }

  /** Lets the broker's process die: its stream closes, and then `connectionLossGraceMs` passes. */
  kill(id: NodeId): void {
    const { incarnationId } = this.active.image.broker(id)!;
    this.active.sessionLost(id, incarnationId, this.now);
    this.advance(this.active.config.connectionLossGraceMs);
    this.commit();
  }

  epochOf(id: NodeId): number {
    return this.epochs.get(id) ?? -1;
  }

  /** Moves the time forward by `ms`. Calls `tick` at each deadline of the active controller on the way. */
  advance(ms: number): void {
    const target = this.now + ms;
    for (;;) {
      const next = this.active.nextDeadline();
      if (next === undefined || next > target) break;
      this.now = Math.max(this.now, next);
      this.active.tick(this.now);
      this.check();
    }
    this.now = target;
  }

  // ---- topics ----

  createTopics(
    topics: readonly TopicSpec[],
    options: { validateOnly?: boolean; timeoutMs?: number; version?: number; requestId?: Uuid } = {},
  ): Answer<CreateTopicsResponse> {
    const request: CreateTopicsRequest = {
      topics: topics.map(topicRequest),
      timeoutMs: options.timeoutMs ?? 5000,
      validateOnly: options.validateOnly ?? false,
    };
    const answer = pendingAnswer<CreateTopicsResponse>();
    const info = { version: options.version ?? 7, clientId: null, requestId: options.requestId };
    this.active.createTopics(request, info, this.now, (response) => resolve(answer, response));
    this.check();
    return answer;
  }

  /** Creates a topic with one partition for each of these lists of replicas. */
  topic(name: string, ...assignments: NodeId[][]): void {
    const answer = this.createTopics([{ name, assignments }]);
    this.commit();
    expect(answer.value?.topics[0]?.errorCode).toBe(0);
  }

  topicId(name: string): Uuid {
    return this.active.image.topic(name)!.id;
  }

  /** For example "leader 1 isr 1,2,3 epochs 0/0": the leader epoch, then the partition epoch. */
  show(name: string, partition = 0): string {
    const state = this.active.image.topic(name)!.partitions[partition]!;
    return `leader ${state.leader} isr ${state.isr} epochs ${state.leaderEpoch}/${state.partitionEpoch}`;
  }

  alterPartition(
    from: NodeId,
    name: string,
    isr: readonly NodeId[],
    overrides: object = {},
    brokerEpoch?: number,
  ) {
    type Result = {
      errorCode: number;
      isr: readonly number[];
      leader: number;
      leaderEpoch: number;
      partitionEpoch: number;
    };
    const answer = pendingAnswer<{ errorCode: number; partitions: readonly Result[] }>();
    const topic = this.active.head.topic(name)!;
    const { leaderEpoch, partitionEpoch } = topic.partitions[0]!;
    const members = isr.map((brokerId) => ({ brokerId, brokerEpoch: this.epochOf(brokerId) }));
    const item = {
      topicId: topic.id,
      partition: 0,
      leaderEpoch,
      partitionEpoch,
      isr: members,
      storageFailed: false,
      ...overrides,
    };
    const request = { brokerId: from, brokerEpoch: brokerEpoch ?? this.epochOf(from), partitions: [item] };
    this.active.alterPartition(request, this.now, (response) => resolve(answer, response));
    this.check();
    return answer;
  }

  get events(): string[] {
    return this.logger.events.map(({ event }) => event);
  }

  // ---- inside ----

  private create(): Controller {
    const controller: Controller = new Controller({
      nodeId: 100,
      random: new Prng(this.seed++),
      logger: this.logger,
      config: this.config,
      clusterId: () => CLUSTER,
      propose: (records) => {
        if (this.leading !== controller) return undefined;
        const baseOffset = this.nextOffset;
        this.pending.push({ baseOffset, epoch: this.epoch, records });
        this.nextOffset += records.length;
        return this.nextOffset - 1;
      },
      confirmLeadership: (done) => {
        if (this.holdsConfirmations) this.heldConfirmations.push(done);
        else done(this.leading === controller);
      },
    });
    return controller;
  }

  private elect(controller: Controller): void {
    this.epoch++;
    this.nextOffset++; // the quorum's own leader-change record
    this.leading = controller;
    controller.becameLeader(this.epoch, this.now);
  }

  private commitOne(batch: CommittedRecords): void {
    this.committedBatches.push(batch);
    for (const controller of [this.active, this.standby]) {
      const before = controller.image;
      controller.committed(batch);
      checkStep(before, controller.image);
    }
  }

  private check(): void {
    for (const image of [this.active.image, this.active.head]) {
      if (!this.checked.has(image)) checkImage(image, this.excused);
      this.checked.add(image);
    }
    expect(this.active.head.offset).toBeGreaterThanOrEqual(this.active.image.offset);
    if (this.pending.length > 0) return;
    expect(this.active.parkedCount).toBe(0);
    if (this.compared === this.active.image) return;
    this.compared = this.active.image;
    const committed = JSON.stringify(imageToPlain(this.active.image));
    expect(JSON.stringify(imageToPlain(this.active.head))).toBe(committed);
    expect(JSON.stringify(imageToPlain(this.standby.image))).toBe(committed);
  }
}

export interface TopicSpec {
  name: string;
  partitions?: number;
  replicas?: number;
  assignments?: readonly NodeId[][];
  indexes?: readonly number[];
  configs?: Record<string, string | null>;
}

export function topicRequest(spec: TopicSpec): CreateTopicsRequest['topics'][number] {
  const assignments = spec.assignments ?? [];
  return {
    name: spec.name,
    numPartitions: spec.partitions ?? -1,
    replicationFactor: spec.replicas ?? -1,
    assignments: assignments.map((brokerIds, index) => ({
      partitionIndex: spec.indexes?.[index] ?? index,
      brokerIds,
    })),
    configs: Object.entries(spec.configs ?? {}).map(([name, value]) => ({ name, value })),
  };
}

export function pendingAnswer<R>(): Answer<R> {
  return { value: undefined, times: 0 };
}

/** Notes the answer. Asserts that the request had none before. */
export function resolve<R>(answer: Answer<R>, response: R): void {
  answer.value = response;
  answer.times++;
  expect(answer.times).toBe(1);
}

export function plain(image: MetadataImage): string {
  return JSON.stringify(imageToPlain(image));
}
