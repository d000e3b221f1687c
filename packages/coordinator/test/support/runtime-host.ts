/**
 * A coordinator runtime for tests. Its topic has four fake partitions, and its state machine is the toy
 * `CounterMachine`.
 */
import { ManualClock, MemoryLogger } from '@millrace/base/testing';
import { applyRecords } from '@millrace/metadata';
import { Metrics } from '@millrace/metrics';
import { compressionCodecs } from '@millrace/protocol/io';
import { CoordinatorMetrics } from '../../src/runtime/coordinator-metrics.ts';
import { CoordinatorRuntime } from '../../src/runtime/coordinator-runtime.ts';
import type { ShardLimits } from '../../src/runtime/shard.ts';
import { CounterMachine } from './counter-machine.ts';
import { FakePartitions, TOPIC } from './fake-partitions.ts';
import { imageWithOffsetsTopic } from './topic-records.ts';

export const PARTITIONS = 4;

export class RuntimeHost {
  readonly clock = new ManualClock();
  readonly logger = new MemoryLogger();
  readonly metrics = new Metrics();
  readonly partitions = new FakePartitions(this.clock);
  image = imageWithOffsetsTopic(PARTITIONS);
  /** Every machine that the runtime made, oldest first. */
  readonly machines: CounterMachine[] = [];
  readonly runtime: CoordinatorRuntime<CounterMachine>;

  constructor(config: Partial<ShardLimits> = {}) {
    this.runtime = new CoordinatorRuntime({
      topic: TOPIC,
      coordination: this.partitions,
      clock: this.clock,
      logger: this.logger,
      metrics: new CoordinatorMetrics(this.metrics),
      codecs: compressionCodecs,
      config: { commitTimeoutMs: 5000, waitingBytesMax: 1_000_000, ...config },
      image: () => this.image,
      makeMachine: (port, partition) => {
        const machine = new CounterMachine(port, partition);
        this.machines.push(machine);
        return machine;
      },
    });
  }

  /** Begins to lead partition 0, waits until its machine is loaded, and returns the machine. */
  active(): CounterMachine {
    this.partitions.lead(0);
    this.clock.advance(10);
    return this.machines.at(-1)!;
  }

  /** Adds one to a counter. The returned list gets the answer when the answer comes. */
  increment(machine: CounterMachine, key: string, padding = ''): (number | string)[] {
    const answers: (number | string)[] = [];
    machine.increment(key, (answer) => answers.push(answer), padding);
    return answers;
  }

  publish(): void {
    const { offset } = this.image;
    const { image, delta } = applyRecords(this.image, { baseOffset: offset + 1, epoch: 1, records: [] });
    this.image = image;
    this.runtime.publish(delta);
  }

  events(): string[] {
    return this.logger.events.map(({ event }) => event);
  }
}
