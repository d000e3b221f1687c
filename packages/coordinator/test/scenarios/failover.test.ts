/**
 * Goal: no decision that a coordinator has answered is lost, whatever happens to its broker, and the next
 * leader loads exactly the committed decisions. Method: the toy machine `CounterMachine` on three real
 * replica managers.
 */
import type { NodeId, Uuid } from '@millrace/base';
import { Metrics } from '@millrace/metrics';
import { compressionCodecs } from '@millrace/protocol/io';
import { expect, test } from 'vitest';
import { World } from '../../../replication/test/support/world.ts';
import { CoordinatorMetrics } from '../../src/runtime/coordinator-metrics.ts';
import { CoordinatorRuntime } from '../../src/runtime/coordinator-runtime.ts';
import { CounterMachine, nameOf } from '../support/counter-machine.ts';

const TOPIC = '__consumer_offsets';
const KEYS = ['a', 'b', 'c', 'd', 'e'];

/** Three brokers, each with a runtime of counters on one partition. */
class Cluster {
  readonly world: World;
  readonly topicId: Uuid;
  readonly runtimes = new Map<NodeId, CoordinatorRuntime<CounterMachine>>();
  /** For each key: the largest value in an answer. */
  readonly answered = new Map<string, number>();
  readonly errors: string[] = [];

  constructor(seed: number, configs: Record<string, string> = {}) {
    this.world = new World({ seed }).start();
    this.topicId = this.world.controller.createTopic(TOPIC, [[1, 2, 3]], configs);
    for (const { id } of this.world.brokers) this.startRuntime(id);
    this.world.advance(100);
  }

  startRuntime(id: NodeId): void {
    const broker = this.world.broker(id);
    const runtime = new CoordinatorRuntime({
      topic: TOPIC,
      coordination: broker.manager.coordination,
      clock: broker.clock,
      logger: this.world.logger.child({ broker: id }),
      metrics: new CoordinatorMetrics(new Metrics()),
      codecs: compressionCodecs,
      config: { commitTimeoutMs: 5000, waitingBytesMax: 1_000_000 },
      image: () => broker.manager.image,
      makeMachine: (port, partition) => new CounterMachine(port, partition),
    });
    this.runtimes.set(id, runtime);
  }

  machine(id: NodeId): CounterMachine | undefined {
    const found = this.runtimes.get(id)!.shardFor('a');
    return typeof found === 'number' ? undefined : found;
  }

  stateOf(id: NodeId): string {
    const found = this.runtimes.get(id)!.shardFor('a');
    return typeof found === 'number' ? nameOf(found) : 'active';
  }

  get leader(): NodeId {
    return this.world.controller.image.partition(this.topicId, 0)!.leader;
  }

  /** Adds one to the counter of `key`, at each broker in `at` that considers itself the coordinator. */
  increment(key: string, at: readonly NodeId[] = [1, 2, 3]): void {
    for (const id of at) {
      const { clock } = this.world.broker(id);
      if (clock.isDead || clock.isFrozen) continue;
      this.machine(id)?.increment(key, (answer) => {
        if (clock.isDead) return;
        if (typeof answer === 'string') this.errors.push(answer);
        else {
          // Two answers with the same value would mean that a decision was lost.
          expect(answer).toBeGreaterThan(this.answered.get(key) ?? 0);
          this.answered.set(key, answer);
        }
      });
    }
  }

  /** Advances until the leader has loaded its machine, and returns this machine. */
  active(): CounterMachine {
    for (let waited = 0; waited < 200; waited++) {
      const machine = this.leader < 0 ? undefined : this.machine(this.leader);
      if (machine !== undefined) return machine;
      this.world.advance(100);
    }
    throw new Error('no broker became the coordinator');
  }

  expectNothingLost(): void {
    const { counters } = this.active();
    for (const [key, value] of this.answered) expect(counters.get(key) ?? 0).toBeGreaterThanOrEqual(value);
  }
}

test('after the leader is killed, the next leader loads exactly the decisions that were committed', () => {
  const cluster = new Cluster(1);
  const { world } = cluster;
  expect([1, 2, 3].map((id) => cluster.stateOf(id))).toEqual([
    'active',
    'NOT_COORDINATOR',
    'NOT_COORDINATOR',
  ]);
  for (const key of KEYS) for (let i = 0; i < 3; i++) cluster.increment(key);
  world.advance(100);
  expect([...cluster.answered.values()]).toEqual([3, 3, 3, 3, 3]);
  // The broker dies before the end of this turn, so this decision does not reach the log.
  cluster.increment('a');
  world.broker(1).kill();
  world.advance(1000);
  expect(cluster.leader).toBe(2);
  expect(cluster.stateOf(2)).toBe('active');
  expect([...cluster.machine(2)!.counters]).toEqual(KEYS.map((key) => [key, 3]));
  cluster.increment('a');
  world.advance(100);
  expect(cluster.answered.get('a')).toBe(4);
  expect(cluster.errors).toEqual([]);
});

test('when another broker is elected, waiting requests are answered with NOT_COORDINATOR at once', () => {
  const cluster = new Cluster(2);
  const { world } = cluster;
  // No follower can fetch, so nothing is committed.
  for (const id of [2, 3]) world.network.cut('b1', `b${id}`);
  const machine = cluster.machine(1)!;
  cluster.increment('a');
  world.advance(5);
  cluster.increment('b');
  expect(cluster.errors).toEqual([]);
  world.controller.elect(cluster.topicId, 0, 2);
  world.advance(10);
  expect(cluster.errors).toEqual(['NOT_COORDINATOR', 'NOT_COORDINATOR']);
  expect(machine.calls).toEqual(['loaded', 'ended NOT_COORDINATOR']);
  expect(cluster.stateOf(1)).toBe('NOT_COORDINATOR');
});

test('a leader that is cut off answers nothing after its lease, not even requests that write no records', () => {
  const cluster = new Cluster(3);
  const { world } = cluster;
  const old = cluster.machine(1)!;
  world.broker(1).isolate();
  world.advance(5000);
  expect(cluster.leader).toBe(2);
  expect(cluster.stateOf(2)).toBe('active');
  cluster.increment('a', [2]);
  world.advance(1000);
  expect(cluster.answered.get('a')).toBe(1);
  // The old leader still believes that it leads. It must not answer that the counter is 0.
  expect(cluster.machine(1)).toBe(old);
  const answers: string[] = [];
  old.port.whenCommitted(old.port.lastWrite, (errorCode) => answers.push(nameOf(errorCode)));
  world.advance(1000);
  expect(answers).toEqual([]);
  world.broker(1).rejoin();
  world.advance(3000);
  expect(answers).toEqual(['NOT_COORDINATOR']);
});

test('under min ISR a loaded partition refuses decisions, and accepts them again afterwards', () => {
  const cluster = new Cluster(4, { 'min.insync.replicas': '3' });
  const { world } = cluster;
  world.broker(3).kill();
  world.advance(8000);
  cluster.increment('a');
  expect(cluster.errors).toEqual(['COORDINATOR_NOT_AVAILABLE']);
  world.broker(3).start();
  world.advance(5000);
  cluster.increment('a');
  world.advance(500);
  expect(cluster.answered.get('a')).toBe(1);
});

test('the next leader reads all records of a topic with compression', () => {
  const cluster = new Cluster(5, { 'compression.type': 'zstd' });
  for (const key of KEYS) for (let i = 0; i < 40; i++) cluster.increment(key);
  cluster.world.advance(100);
  cluster.world.broker(1).kill();
  cluster.world.advance(1000);
  expect([...cluster.active().counters]).toEqual(KEYS.map((key) => [key, 40]));
});

test.each(Array.from({ length: 12 }, (_, seed) => seed + 10))(
  'nothing that was answered is lost while leaders die, freeze and are cut off (seed %i)',
  (seed) => {
    const cluster = new Cluster(seed, { 'min.insync.replicas': '2' });
    const { world } = cluster;
    const dice = world.random.fork('faults');
    for (let round = 0; round < 8; round++) {
      for (let step = 0; step < 30; step++) {
        cluster.increment(KEYS[dice.below(KEYS.length)]!);
        world.advance(dice.below(12));
      }
      const victim = world.broker(cluster.leader > 0 ? cluster.leader : 1);
      const fault = dice.below(4);
      if (fault === 0) victim.kill();
      else if (fault === 1) victim.isolate();
      else if (fault === 2) victim.freeze();
      else world.controller.elect(cluster.topicId, 0, 1 + dice.below(3));
      for (let step = 0; step < 60; step++) {
        cluster.increment(KEYS[dice.below(KEYS.length)]!);
        world.advance(dice.below(150));
      }
      if (fault === 0) {
        victim.start();
        cluster.startRuntime(victim.id);
      } else if (fault === 1) victim.rejoin();
      else if (fault === 2) victim.thaw();
      world.advance(4000);
      cluster.expectNothingLost();
    }
    expect([...cluster.answered.values()].reduce((sum, value) => sum + value, 0)).toBeGreaterThan(100);
    expect([...cluster.active().counters.keys()].sort()).toEqual(KEYS);
    const expected = ['COORDINATOR_NOT_AVAILABLE', 'NOT_COORDINATOR'];
    expect([...new Set(cluster.errors)].filter((error) => !expected.includes(error))).toEqual([]);
  },
);
