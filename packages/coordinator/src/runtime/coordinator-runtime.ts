/**
 * Hosts state machines on the partitions of one internal topic: at most one machine at a time for each
 * partition that this broker leads. This code does not depend on groups or transactions.
 */
import { type Clock, type LeaderEpoch, type Logger, Timers, type Uuid } from '@millrace/base';
import type { MetadataDelta, MetadataImage } from '@millrace/metadata';
import { type CompressionCodecs, ErrorCode } from '@millrace/protocol';
import type { PartitionName } from '@millrace/replication';
import type { CoordinatorMetrics } from './coordinator-metrics.ts';
import { keyPartition } from './key-partition.ts';
import { LedPartition, type LedPartitionPorts } from './led-partition.ts';
import type { Serve } from './load-queue.ts';
import type { ShardMachine, ShardPort } from './machine.ts';
import { OwnTurns } from './own-turns.ts';
import type { LedPartitions } from './ports.ts';
import type { ShardLimits } from './shard.ts';

export interface CoordinatorRuntimeOptions<M extends ShardMachine> {
  /** The internal topic. */
  readonly topic: string;
  readonly coordination: LedPartitions;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: CoordinatorMetrics;
  readonly codecs: CompressionCodecs;
  readonly config: ShardLimits;
  /** The metadata that this broker has applied. */
  image(): MetadataImage;
  /** Makes the machine of one partition. Called whenever the runtime begins to load the partition. */
  makeMachine(port: ShardPort, partition: number): M;
}

export interface LiveMachines<M> {
  /** The machines of all loaded partitions, in the order of the partition indexes. */
  readonly machines: readonly M[];
  /** True while any partition of the topic that this broker leads is being loaded. */
  readonly isLoading: boolean;
}

export class CoordinatorRuntime<M extends ShardMachine> {
  private readonly options: CoordinatorRuntimeOptions<M>;
  private readonly timers: Timers;
  private readonly ports: LedPartitionPorts<M>;
  /**
   * The partitions that this broker leads, by topic id and then by index. `shardFor` looks here for each
   * request, so the keys are not texts that it would have to join first.
   */
  private readonly led = new Map<Uuid, Map<number, LedPartition<M>>>();
  private readonly stopWatching: () => void;
  private readonly stopMeasuring: () => void;
  private isStopped = false;

  constructor(options: CoordinatorRuntimeOptions<M>) {
    this.options = options;
    const { topic, clock, metrics } = options;
    this.timers = new Timers(clock);
    this.ports = {
      partitions: options.coordination,
      timers: this.timers,
      ownTurns: new OwnTurns(this.timers),
      codecs: options.codecs,
      limits: options.config,
      metrics: metrics.appendsOf(topic),
      loads: metrics,
      logger: options.logger,
      wallMs: () => clock.wallMs(),
      image: () => options.image(),
      makeMachine: (port, partition) => options.makeMachine(port, partition),
    };
    this.stopMeasuring = metrics.register(topic, {
      states: () => [...this.partitions].map(({ state }) => state),
      waiting: () => [...this.partitions].reduce((sum, { waiting }) => sum + waiting, 0),
    });
    this.stopWatching = options.coordination.leaderships.watch({
      began: (partition, epoch) => this.began(partition, epoch),
      ended: (partition, epoch) => this.ended(partition, epoch),
    });
  }

  /** The partitions of the topic that this broker leads, in no order. */
  get partitions(): Iterable<LedPartition<M>> {
    return [...this.led.values()].flatMap((ofTopic) => [...ofTopic.values()]);
  }

  /**
   * The machine for this key, or the error for a client. COORDINATOR_NOT_AVAILABLE: `stop` was called.
   * COORDINATOR_LOAD_IN_PROGRESS: the partition is being loaded, or requests wait that came
   * while it was. NOT_COORDINATOR: this broker does not lead
   * the partition, could not load it, or does not know the topic.
   */
  shardFor(key: string): M | ErrorCode {
    const partition = this.partitionOf(key);
    return typeof partition === 'number' ? partition : partition.machine;
  }

  /**
   * Calls `serve` with what `shardFor` returns. If the partition is being loaded, waits first, but not longer
   * than `LOAD_WAIT_MS`. Whatever `serve` uses must stay valid until then, so it may not use the bytes of a
   * request.
   */
  whenLoaded(key: string, serve: Serve<M>): void {
    const partition = this.partitionOf(key);
    if (typeof partition === 'number') serve(partition);
    else partition.whenLoaded(serve);
  }

  private partitionOf(key: string): LedPartition<M> | ErrorCode {
    if (this.isStopped) return ErrorCode.COORDINATOR_NOT_AVAILABLE;
    const topic = this.options.image().topic(this.options.topic);
    if (topic === undefined) return ErrorCode.NOT_COORDINATOR;
    const index = keyPartition(key, topic.partitions.length);
    return this.led.get(topic.id)?.get(index) ?? ErrorCode.NOT_COORDINATOR;
  }

  /** All loaded machines, for requests that concern every key. */
  shards(): LiveMachines<M> {
    const partitions = [...this.partitions].sort((a, b) => a.led.index - b.led.index);
    return {
      machines: partitions.map(({ loaded }) => loaded).filter((machine) => typeof machine !== 'number'),
      isLoading: partitions.some(({ state }) => state === 'loading'),
    };
  }

  /** Called after `image()` has the new metadata. */
  publish(delta: MetadataDelta): void {
    for (const machine of this.shards().machines) machine.metadataChanged(delta);
  }

  /** Ends every shard. Waiting requests get the error. */
  stop(errorCode: ErrorCode): void {
    if (this.isStopped) return;
    this.isStopped = true;
    this.stopWatching();
    this.stopMeasuring();
    for (const partition of this.partitions) partition.end(errorCode);
    this.led.clear();
    this.timers.stop();
  }

  private began(name: PartitionName, leaderEpoch: LeaderEpoch): void {
    if (name.topic !== this.options.topic) return;
    const { topicId, index } = name;
    const ofTopic = this.led.get(topicId) ?? new Map<number, LedPartition<M>>();
    this.led.set(topicId, ofTopic);
    ofTopic.get(index)?.end(ErrorCode.NOT_COORDINATOR);
    const partition = new LedPartition<M>({ ...name, leaderEpoch }, this.ports);
    ofTopic.set(index, partition);
    partition.start();
  }

  private ended({ topicId, index }: PartitionName, leaderEpoch: LeaderEpoch): void {
    const ofTopic = this.led.get(topicId);
    const partition = ofTopic?.get(index);
    if (ofTopic === undefined || partition?.led.leaderEpoch !== leaderEpoch) return;
    ofTopic.delete(index);
    if (ofTopic.size === 0) this.led.delete(topicId);
    partition.end(ErrorCode.NOT_COORDINATOR);
  }
}
