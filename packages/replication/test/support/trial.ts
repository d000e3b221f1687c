/**
 * Runs one seed: random faults on a small cluster under load, then no faults. Checks the high watermarks, the
 * final ISR and the logs. The logs must agree with each other and with the responses that clients got.
 * `violations` has a sentence for each broken rule.
 */
import { type NodeId, Prng, type Uuid } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import type { Partition, ProduceResult } from '../../src/index.ts';
import { bytesBelow, valuesBelow } from './logs.ts';
import { type Answer, type TestBroker, World } from './world.ts';

interface Sent {
  readonly value: string;
  readonly partition: number;
  readonly broker: NodeId;
  readonly answer: Answer<ProduceResult>;
}

/** Retries one batch until it is acknowledged, as an idempotent client does. */
interface Retrier {
  readonly partition: number;
  sequence: number;
  current: Sent | undefined;
  sentAtMs: number;
  readonly acknowledged: string[];
}

export interface TrialOptions {
  readonly seed: number;
  readonly steps: number;
  /** If true, the topic has flush.messages=1, and machines lose power. */
  readonly losesPower: boolean;
}

const PARTITIONS = 2;
const REPLICAS: NodeId[] = [1, 2, 3];

export class Trial {
  readonly world: World;
  readonly violations: string[] = [];
  acknowledgedCount = 0;
  private readonly options: TrialOptions;
  private readonly random: Prng;
  private readonly topic: Uuid;
  private readonly sent: Sent[] = [];
  private readonly retriers: Retrier[] = [];
  /** The high watermark last seen in each leadership. */
  private readonly highest = new Map<string, number>();
  private values = 0;

  constructor(options: TrialOptions) {
    this.options = options;
    this.random = new Prng(options.seed).fork('trial');
    // In half of the runs a fetch returns one batch, so that catching up takes longer.
    const config = this.random.below(2) === 0 ? { fetchMaxBytes: 1, fetchResponseMaxBytes: 1 } : {};
    this.world = new World({ seed: options.seed, config }).start();
    const minIsr = String(1 + this.random.below(2));
    this.topic = this.world.controller.createTopic('events', Array(PARTITIONS).fill(REPLICAS), {
      'min.insync.replicas': minIsr,
      ...(options.losesPower ? { 'flush.messages': '1' } : {}),
    });
    for (let partition = 0; partition < PARTITIONS; partition++)
      this.retriers.push({ partition, sequence: 0, current: undefined, sentAtMs: 0, acknowledged: [] });
    this.world.advance(50);
  }

  run(): this {
    for (let step = 0; step < this.options.steps; step++) {
      this.act();
      this.load();
      this.world.advance(this.random.below(6) === 0 ? this.random.below(3000) : this.random.below(60));
      this.checkHighWatermarks();
      if (step % 8 === 0) this.checkCommittedAgree();
    }
    this.makePeace();
    this.checkOutcome();
    return this;
  }

  // ------------------------------------------------------------------ faults and load

  private act(): void {
    const broker = this.world.broker(1 + this.random.below(REPLICAS.length));
    const other = this.world.broker(1 + this.random.below(REPLICAS.length));
    switch (this.random.below(12)) {
      case 0:
        if (broker.isUp) broker.kill();
        break;
      case 1:
      case 2:
        if (!broker.isUp) broker.start();
        break;
      case 3:
        if (broker.isUp) broker.freeze();
        break;
      case 4:
        if (broker.isFrozen) broker.thaw();
        break;
      case 5:
        broker.isolate();
        break;
      case 6:
        broker.rejoin();
        break;
      case 7:
        if (broker !== other) this.world.network.cut(broker.name, other.name);
        break;
      case 8:
        this.world.network.heal(broker.name, other.name);
        break;
      case 9:
        this.moveLeadership(this.random.below(PARTITIONS));
        break;
      case 10:
        if (this.options.losesPower) this.losePower();
        break;
      default:
    }
  }

  /** A power failure of one machine, or of all at once. */
  private losePower(): void {
    const all = this.random.below(3) === 0;
    const chosen = 1 + this.random.below(REPLICAS.length);
    for (const broker of this.world.brokers) {
      if (!broker.isUp || !(all || broker.id === chosen)) continue;
      broker.kill();
      broker.disk.losePower();
    }
  }

  private moveLeadership(partition: number): void {
    const { controller } = this.world;
    const image = controller.image.partition(this.topic, partition)!;
    const alive = image.isr.filter((id) => controller.image.isActive(id));
    if (alive.length > 0) controller.elect(this.topic, partition, alive[this.random.below(alive.length)]!);
  }

  private load(): void {
    for (let i = this.random.below(3); i > 0; i--) {
      // Chooses any broker, even one that wrongly believes that it leads.
      const broker = this.world.broker(1 + this.random.below(REPLICAS.length));
      if (!broker.isUp || broker.isFrozen) continue;
      const acks = this.random.below(4) === 0 ? 1 : -1;
      const partition = this.random.below(PARTITIONS);
      const value = `v${this.values++}`;
      const answer = broker.produce(this.topic, value, { acks, partition, timeoutMs: 1000 });
      if (acks === -1) this.sent.push({ value, partition, broker: broker.id, answer });
    }
    for (const retrier of this.retriers) this.retry(retrier);
  }

  private retry(retrier: Retrier): void {
    const now = this.world.clock.monotonicMs();
    const { current } = retrier;
    const told = current?.answer.value?.errorCode;
    if (told === ErrorCode.NONE) {
      retrier.acknowledged.push(current!.value);
      retrier.sequence++;
      retrier.current = undefined;
    }
    // The client waits 1.5 s for a response. Then it closes the connection and sends the batch to the present
    // leader.
    if (retrier.current !== undefined && told === undefined && now - retrier.sentAtMs < 1500) return;
    const leader = this.world.controller.image.partition(this.topic, retrier.partition)?.leader ?? -1;
    if (leader < 0) return;
    const broker = this.world.broker(leader);
    if (!broker.isUp || broker.isFrozen) return;
    const value = `p${retrier.partition}-${retrier.sequence}`;
    const answer = broker.produce(this.topic, value, {
      partition: retrier.partition,
      producerId: 100 + retrier.partition,
      baseSequence: retrier.sequence,
      timeoutMs: 1000,
    });
    retrier.current = { value, partition: retrier.partition, broker: leader, answer };
    retrier.sentAtMs = now;
  }

  private makePeace(): void {
    const { brokers, network } = this.world;
    for (const broker of brokers) {
      broker.rejoin();
      if (broker.isFrozen) broker.thaw();
      for (const other of brokers) network.heal(broker.name, other.name);
      if (!broker.isUp) broker.start();
    }
    this.world.advance(15_000);
  }

  // ------------------------------------------------------------------ checks

  private hosted(partition: number): { broker: TestBroker; replica: Partition }[] {
    return this.world.brokers.flatMap((broker) => {
      const replica = broker.isUp ? broker.manager.partition(this.topic, partition) : undefined;
      return replica === undefined ? [] : [{ broker, replica }];
    });
  }

  private checkHighWatermarks(): void {
    for (let index = 0; index < PARTITIONS; index++)
      for (const { broker, replica } of this.hosted(index)) {
        if (replica.role !== 'leader') continue;
        const key = `${index}/${broker.id}/${replica.leaderEpoch}/${broker.lives}`;
        if (replica.highWatermark < (this.highest.get(key) ?? 0))
          this.violations.push(`high watermark of ${key} fell`);
        this.highest.set(key, replica.highWatermark);
      }
  }

  /** Checks that the committed parts of two replicas are equal, byte for byte. */
  private checkCommittedAgree(): void {
    for (let index = 0; index < PARTITIONS; index++) {
      const hosted = this.hosted(index).sort((a, b) => a.replica.highWatermark - b.replica.highWatermark);
      for (let i = 1; i < hosted.length; i++) {
        const lower = hosted[i - 1]!;
        const end = lower.replica.highWatermark;
        const same =
          Buffer.compare(bytesBelow(lower.replica, end), bytesBelow(hosted[i]!.replica, end)) === 0;
        if (!same)
          this.violations.push(
            `partition ${index}: brokers ${lower.broker.id} and ${hosted[i]!.broker.id} differ below ${end}`,
          );
      }
    }
  }

  private checkOutcome(): void {
    this.checkCommittedAgree();
    for (let index = 0; index < PARTITIONS; index++) {
      const image = this.world.controller.image.partition(this.topic, index)!;
      if (image.isr.length !== REPLICAS.length)
        this.violations.push(`partition ${index}: the ISR is ${image.isr} after the faults ended`);
      const hosted = this.hosted(index);
      const leader = hosted.find(({ replica }) => replica.role === 'leader')?.replica;
      if (leader === undefined) {
        this.violations.push(`partition ${index} has no leader after the faults ended`);
        continue;
      }
      for (const { broker, replica } of hosted)
        if (replica.highWatermark !== leader.log.endOffset || replica.log.endOffset !== leader.log.endOffset)
          this.violations.push(`partition ${index}: broker ${broker.id} did not catch up`);
      this.checkPromises(index, valuesBelow(leader));
    }
    for (const { event } of this.world.logger.events)
      if (event === 'truncated-below-high-watermark') this.violations.push(event);
  }

  private checkPromises(index: number, values: readonly string[]): void {
    const counts = new Map<string, number>();
    for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
    for (const { value, partition, answer } of this.sent) {
      if (partition !== index || answer.value?.errorCode !== ErrorCode.NONE) continue;
      this.acknowledgedCount++;
      if (values[answer.value.baseOffset] !== value)
        this.violations.push(`${value} was acknowledged and is not at ${answer.value.baseOffset}`);
    }
    for (const retrier of this.retriers) {
      if (retrier.partition !== index) continue;
      this.acknowledgedCount += retrier.acknowledged.length;
      for (const value of retrier.acknowledged)
        if (counts.get(value) !== 1)
          this.violations.push(`${value} is there ${counts.get(value) ?? 0} times instead of once`);
    }
  }
}
