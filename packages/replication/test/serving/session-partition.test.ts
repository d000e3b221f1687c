/**
 * Goal: in a fetch session, the leader skips only partitions whose visit would add nothing to the answer.
 * Method: examples, and random histories of consumers and followers. A full scan of the session checks each
 * fetch of these histories.
 */
import { ErrorCode } from '@millrace/protocol';
import fc from 'fast-check';
import { afterEach, expect, test, vi } from 'vitest';
import { Leadership } from '../../src/partition/leadership.ts';
import { Partition } from '../../src/partition/partition.ts';
import {
  type FetchOptions,
  fetchFrom,
  fetchRequest,
  partitionsOf,
  type Wanted,
} from '../support/fetching.ts';
import { compareWithFullScan } from '../support/full-scan.ts';
import { Trial } from '../support/trial.ts';
import { World } from '../support/world.ts';

const PARTITIONS = 4;
const LAG_MS = 2000;

afterEach(() => vi.restoreAllMocks());

function cluster() {
  const world = new World().start();
  const replicas = Array.from({ length: PARTITIONS }, () => [1, 2, 3]);
  const topicId = world.controller.createTopic('events', replicas);
  world.advance(1000);
  return { world, topicId };
}

type Cluster = ReturnType<typeof cluster>;

/**
 * A consumer with a fetch session at broker 1. The consumer sends one request at a time, and each fetch
 * continues after the batches that the consumer got.
 */
class Consumer {
  private readonly cluster: Cluster;
  private readonly offsets = new Map<number, number>();
  private sessionId = 0;
  private sessionEpoch = 0;
  private waiting: ReturnType<typeof fetchFrom> | undefined;
  private isolationLevel = 0;

  constructor(from: Cluster) {
    this.cluster = from;
  }

  fetch(o: { readonly partition: number; readonly maxBytes: number; readonly minBytes: number }): void {
    this.take();
    if (this.waiting !== undefined) return;
    const { topicId } = this.cluster;
    const names = this.sessionEpoch === 0 ? [0, 1, 2, 3] : [o.partition];
    const wanted: Wanted[] = names.map((partition) => ({
      topicId,
      partition,
      fetchOffset: this.offsets.get(partition) ?? 0,
    }));
    const { sessionId, sessionEpoch, isolationLevel } = this;
    const { maxBytes, minBytes } = o;
    const options: FetchOptions = {
      ...{ sessionId, sessionEpoch, isolationLevel, maxBytes, minBytes },
      maxWaitMs: 300,
    };
    this.waiting = fetchFrom(this.cluster.world.broker(1).manager, fetchRequest(wanted, options));
  }

  changeIsolation(): void {
    this.isolationLevel = 1 - this.isolationLevel;
  }

  private take(): void {
    const response = this.waiting?.response;
    if (response === undefined) return;
    this.waiting = undefined;
    this.sessionId = response.errorCode === ErrorCode.NONE ? (response.sessionId as number) : 0;
    this.sessionEpoch = this.sessionId === 0 ? 0 : this.sessionEpoch + 1;
    for (const { partitionIndex, records } of partitionsOf(response)) {
      const index = partitionIndex as number;
      if ((records as Uint8Array[]).length > 0) this.offsets.set(index, (this.offsets.get(index) ?? 0) + 1);
    }
  }
}

const partition = fc.nat(PARTITIONS - 1);
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('produce' as const), partition }) },
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('fetch' as const),
        partition,
        maxBytes: fc.constantFrom(1, 100, 10_000),
        minBytes: fc.constantFrom(1, 150),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 40, 600) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('start' as const), partition }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('isolation' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('cut' as const), ms: fc.constantFrom(50, 5000) }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('restart' as const), broker: fc.constantFrom(2, 3) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('elect' as const), partition }) },
  ),
  { minLength: 20, maxLength: 60 },
);
type Step = typeof steps extends fc.Arbitrary<(infer S)[]> ? S : never;

function run(from: Cluster, consumer: Consumer, step: Step): void {
  const { world, topicId } = from;
  const leader = world.broker(1);
  if (step.kind === 'produce') leader.produce(topicId, 'value', { partition: step.partition });
  else if (step.kind === 'fetch') consumer.fetch(step);
  else if (step.kind === 'wait') world.advance(step.ms);
  else if (step.kind === 'isolation') consumer.changeIsolation();
  else if (step.kind === 'start') {
    const { role, log, highWatermark } = world.partition(1, topicId, step.partition);
    if (role === 'leader') log.advanceStartOffset(highWatermark);
  } else if (step.kind === 'cut') {
    world.network.cut('b1', 'b2');
    world.advance(step.ms);
    world.network.heal('b1', 'b2');
  } else if (step.kind === 'restart') {
    world.broker(step.broker).kill();
    world.advance(200);
    world.broker(step.broker).start();
  } else {
    const { isr } = world.controller.image.partition(topicId, step.partition)!;
    const leaderId = isr[(isr.indexOf(1) + 1) % isr.length]!;
    world.controller.commit([
      { type: 'partitionChange', topicId, partition: step.partition, leader: leaderId },
    ]);
  }
}

function faultsOfHistories(numRuns: number): { faults: string[]; skipped: number } {
  const scan = compareWithFullScan();
  fc.assert(
    fc.property(steps, (history) => {
      const from = cluster();
      const consumer = new Consumer(from);
      for (const step of history) run(from, consumer, step);
      from.world.advance(1000);
    }),
    { numRuns, seed: 1 },
  );
  return scan;
}

test('in random histories, a fetch skips no partition whose visit would change the answer or the state of the leader', () => {
  const { faults, skipped } = faultsOfHistories(60);
  expect(faults).toEqual([]);
  expect(skipped).toBeGreaterThan(5000);
});

test('under random faults, a fetch skips no partition whose visit would change anything', () => {
  const scan = compareWithFullScan();
  for (let seed = 0; seed < 30; seed++) new Trial({ seed, steps: 60, losesPower: false }).run();
  expect(scan.faults).toEqual([]);
  expect(scan.skipped).toBeGreaterThan(0);
});

test('the comparison finds faults if a change does not make the sessions visit the partition', () => {
  vi.spyOn(Partition.prototype, 'touchWaiters').mockReturnValue(undefined);
  const { faults } = faultsOfHistories(20);
  expect(faults.some((fault) => fault.includes('a log start'))).toBe(true);
});

test('after an append, a follower of idle partitions stays in the ISR for replica.lag.time.max.ms', () => {
  const { world, topicId } = cluster();
  const record = vi.spyOn(Leadership.prototype, 'recordFollower');
  world.advance(20 * LAG_MS);
  expect(record).not.toHaveBeenCalled();
  world.network.cut('b1', 'b2');
  world.network.cut('b1', 'b3');
  world.broker(1).produce(topicId, 'value');
  world.advance(LAG_MS - 600);
  expect(world.partition(1, topicId).isrState.pending).toBeUndefined();
  expect(world.partition(1, topicId).isr).toEqual([1, 2, 3]);
  world.advance(2 * LAG_MS);
  expect(world.partition(1, topicId).isr).toEqual([1]);
});

test('a leader looks only at the partition that got a record, not at the other 99', () => {
  const world = new World().start();
  const topicId = world.controller.createTopic(
    'events',
    Array.from({ length: 100 }, () => [1, 2]),
  );
  world.advance(3000);
  const checkLeader = vi.spyOn(Partition.prototype, 'checkLeader');
  world.broker(1).produce(topicId, 'value', { partition: 7 });
  world.advance(1000);
  expect(new Set((checkLeader.mock.contexts as Partition[]).map(({ index }) => index))).toEqual(new Set([7]));
});
