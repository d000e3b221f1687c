/**
 * A small cluster in one process: real replica managers over a memory network, disks in memory and a toy
 * controller.
 */
import { type NodeId, type Offset, Prng, type Uuid } from '@millrace/base';
import { ManualClock, ManualJobs, MemoryDisk, MemoryLogger } from '@millrace/base/testing';
import type { AlterPartitionRequest, AlterPartitionResponse } from '@millrace/control';
import { LogDirectory } from '@millrace/log';
import { applyRecords, MetadataImage } from '@millrace/metadata';
import { buildBatch, SpareBuffers } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import {
  type Partition,
  type ProduceResult,
  ReplicaManager,
  type ReplicationConfig,
} from '../../src/index.ts';
import { replicationConfig } from '../../src/testing/index.ts';
import { MemoryNetwork } from './memory-network.ts';
import { NodeClock } from './node-clock.ts';
import { serve } from './server.ts';
import { ToyController } from './toy-controller.ts';

export const HEARTBEAT_MS = 500;
export const SESSION_MS = 3000;
const CONTROLLER = 'controller';

export class World {
  readonly clock = new ManualClock();
  readonly random: Prng;
  readonly network: MemoryNetwork;
  controller = new ToyController();
  readonly logger = new MemoryLogger();
  readonly brokers: TestBroker[] = [];
  readonly config: ReplicationConfig;

  constructor(options: { seed?: number; brokers?: number; config?: Partial<ReplicationConfig> } = {}) {
    this.random = new Prng(options.seed ?? 1);
    this.network = new MemoryNetwork(this.clock, this.random.fork('network'));
    this.config = replicationConfig(options.config);
    this.controller.onCommit = () => {
      for (const broker of this.brokers) broker.expectMetadata();
    };
    for (let id = 1; id <= (options.brokers ?? 3); id++) this.brokers.push(new TestBroker(this, id));
  }

  /** Starts every broker and waits until each has its roles. */
  start(): this {
    for (const broker of this.brokers) broker.start();
    this.clock.advance(50);
    return this;
  }

  broker(id: NodeId): TestBroker {
    return this.brokers[id - 1]!;
  }

  advance(ms: number): void {
    this.clock.advance(ms);
  }

  partition(id: NodeId, topicId: Uuid, index = 0): Partition {
    return this.broker(id).manager.partition(topicId, index)!;
  }
}

export class TestBroker {
  readonly id: NodeId;
  readonly name: string;
  readonly world: World;
  readonly disk: MemoryDisk;
  readonly jobs = new ManualJobs();
  clock: NodeClock;
  isUp = false;
  /** Number of times that the broker was started. */
  lives = 0;
  manager!: ReplicaManager;
  image = MetadataImage.EMPTY;
  /** How many batches of the controller's log the broker has applied in this life. */
  private applied = 0;
  /** The epoch of the broker's registration; -1 before the first heartbeat of this life. */
  private brokerEpoch: Offset = -1;
  private lastHeardMs = 0;
  directory: LogDirectory | undefined;
  /** How much later than other brokers this one gets metadata. */
  metadataDelayMs = 0;
  /** Why the broker ended itself. */
  endReason: string | undefined;

  constructor(world: World, id: NodeId) {
    this.world = world;
    this.id = id;
    this.name = `b${id}`;
    this.clock = new NodeClock(world.clock);
    this.disk = new MemoryDisk((callback) => {
      const { clock } = this;
      world.clock.setTimer(1 + world.random.below(3), () => clock.run(callback));
    });
  }

  start(): void {
    this.clock = new NodeClock(this.world.clock);
    this.isUp = true;
    this.lives++;
    this.image = MetadataImage.EMPTY;
    this.applied = 0;
    this.brokerEpoch = -1;
    const { world } = this;
    const opened = LogDirectory.open({
      disk: this.disk,
      directory: '/data',
      nodeId: this.id,
      random: world.random.fork(`directory-${this.id}`),
      codecs: compressionCodecs,
      logger: world.logger,
      spares: new SpareBuffers({ spoils: true }),
    });
    if (!opened.ok) throw new Error(opened.message);
    this.directory = opened.logs;
    const net = world.network.netOf(this);
    const manager = new ReplicaManager({
      brokerId: this.id,
      disk: this.disk,
      logDirectory: opened.logs,
      clock: this.clock,
      random: world.random.fork(`broker-${this.id}`),
      logger: world.logger.child({ broker: this.id }),
      codecs: compressionCodecs,
      jobs: this.jobs,
      config: world.config,
      net,
      alterPartition: (request, done) => this.alterPartition(request, done),
      directoryFailed: (reason) => {
        this.endReason = reason;
        this.kill();
      },
    });
    this.manager = manager;
    net.listen(
      { host: this.name, port: 9092 },
      { listening: () => {}, failed: () => {}, connection: (stream) => serve(manager, stream) },
    );
    manager.openLogs(() => {
      this.expectMetadata();
      this.heartbeat();
    });
  }

  /** kill -9: memory is lost, but data that the operating system already has stays. */
  kill(): void {
    this.isUp = false;
    this.clock.isDead = true;
    this.world.network.died(this);
    this.directory?.close({ clean: false });
    // The broker's control stream breaks, and the controller notices soon.
    const { id, clock } = this;
    this.world.clock.setTimer(100, () => {
      if (this.clock === clock) this.world.controller.fence(id);
    });
  }

  freeze(): void {
    this.clock.isFrozen = true;
  }

  thaw(): void {
    this.clock.thaw();
  }

  get isFrozen(): boolean {
    return this.clock.isFrozen;
  }

  isolate(): void {
    for (const other of this.world.brokers) if (other !== this) this.world.network.cut(this.name, other.name);
    this.world.network.cut(this.name, CONTROLLER);
  }

  rejoin(): void {
    for (const other of this.world.brokers) this.world.network.heal(this.name, other.name);
    this.world.network.heal(this.name, CONTROLLER);
  }

  cutController(): void {
    this.world.network.cut(this.name, CONTROLLER);
  }

  expectMetadata(): void {
    if (!this.isUp) return;
    this.clock.setTimer(this.metadataDelayMs + this.world.random.below(3), () => this.takeMetadata());
  }

  private takeMetadata(): void {
    if (this.isCutOff) return;
    const { log } = this.world.controller;
    while (this.applied < log.length) {
      const { image, delta } = applyRecords(this.image, log[this.applied++]!);
      this.image = image;
      this.manager.publish(delta);
    }
  }

  private get isCutOff(): boolean {
    return this.world.network.isCut(this.name, CONTROLLER);
  }

  /** Runs the callback as this node after a network delay. */
  private later(callback: () => void): void {
    this.clock.setTimer(this.world.random.below(3), callback);
  }

  private heartbeat(): void {
    this.clock.setTimer(HEARTBEAT_MS, () => this.heartbeat());
    this.takeMetadata();
    if (this.isCutOff) return;
    const { controller, clock: worldClock } = this.world;
    const sentAt = this.clock.monotonicMs();
    const { clock } = this;
    worldClock.setTimer(this.world.random.below(3), () => {
      if (clock.isDead) return;
      if (this.brokerEpoch < 0) this.brokerEpoch = controller.register(this.id);
      this.lastHeardMs = worldClock.monotonicMs();
      worldClock.setTimer(SESSION_MS + 1, () => {
        if (worldClock.monotonicMs() - this.lastHeardMs > SESSION_MS) controller.fence(this.id);
      });
      const epoch = this.brokerEpoch;
      if (this.image.offset >= epoch && !clock.isFrozen) controller.unfence(this.id);
      this.later(() => {
        this.manager.setLease({ brokerEpoch: epoch, validUntilMs: sentAt + SESSION_MS });
        // The controller unfences the broker only after the broker has seen its own registration, so the
        // broker sends the next heartbeat early.
        if (this.world.controller.image.broker(this.id)?.fenced) this.later(() => this.heartbeatOnce());
      });
    });
  }

  private heartbeatOnce(): void {
    this.takeMetadata();
    if (!this.isCutOff && this.image.offset >= this.brokerEpoch) this.world.controller.unfence(this.id);
  }

  private alterPartition(
    request: AlterPartitionRequest,
    done: (response: AlterPartitionResponse | undefined) => void,
  ): void {
    const { world, clock } = this;
    const answer = (response: AlterPartitionResponse | undefined) =>
      world.clock.setTimer(world.random.below(4), () => clock.run(() => done(response)));
    if (this.isCutOff) {
      world.clock.setTimer(1000, () => answer(undefined));
      return;
    }
    world.clock.setTimer(world.random.below(4), () => {
      const response = world.controller.alterPartition(request);
      // Sometimes the response is lost although the controller made the change.
      answer(world.random.below(5) === 0 ? undefined : response);
    });
  }

  // ------------------------------------------------------------------ as a client

  /** Produces one batch with a record for each value. */
  produce(
    topicId: Uuid,
    values: string | readonly string[],
    options: {
      acks?: number;
      partition?: number;
      timeoutMs?: number;
      producerId?: number;
      baseSequence?: number;
    } = {},
  ): Answer<ProduceResult> {
    const answer = new Answer<ProduceResult>();
    const records = buildBatch({
      baseTimestamp: this.clock.wallMs(),
      records: [values].flat().map((value) => ({
        key: null,
        value: new TextEncoder().encode(value),
        headers: [],
      })),
      ...(options.producerId === undefined
        ? {}
        : { producerId: options.producerId, producerEpoch: 0, baseSequence: options.baseSequence ?? 0 }),
    });
    this.manager.produce(
      {
        acks: options.acks ?? -1,
        timeoutMs: options.timeoutMs ?? 30_000,
        apiVersion: 11,
        partitions: [{ topicId, topic: 'events', partition: options.partition ?? 0, records }],
      },
      ([result]) => {
        if (!this.clock.isDead) answer.set(result!);
      },
    );
    return answer;
  }
}

/** Holds the answer to a request. Throws if a second answer comes. */
export class Answer<T> {
  value: T | undefined;

  set(value: T): void {
    if (this.value !== undefined) throw new Error('answered twice');
    this.value = value;
  }
}
