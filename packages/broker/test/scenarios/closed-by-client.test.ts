/**
 * Goal: a client may close right after it has sent batches (a producer with acks=0 does). The broker then
 * appends these batches, except those that the client will retry. Method: clients close while a job checks a
 * batch. A test ends the checks by hand.
 */
import { apis } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { type TestBroker, TOPIC_ID, testBroker } from '../support/broker.ts';

const produce = (acks: number, bytes = 61) => ({
  acks,
  timeoutMs: 1000,
  topicData: [
    { name: 'words', topicId: TOPIC_ID, partitionData: [{ index: 0, records: new Uint8Array(bytes) }] },
  ],
});
const FETCH = { topics: [{ topicId: TOPIC_ID, partitions: [{ partition: 0, fetchOffset: 0 }] }] } as never;

/** Ends the check of the n-th batch and appends it. With acks=0 the replica manager answers at that time. */
function append({ replicas, clock }: TestBroker, n: number): void {
  if (replicas.produced[0]!.request.acks === 0) replicas.release();
  replicas.checking[n]!.appended();
  clock.settle();
}

function costlyBroker(limits = {}) {
  const broker = testBroker({ limits });
  broker.replicas.checksBeside = true;
  return broker;
}

function expectNothingHeld({ frontEnd }: TestBroker): void {
  expect([frontEnd.connections.size, frontEnd.budget.heldBytes, frontEnd.budget.decodedBytes]).toEqual([
    0, 0, 0,
  ]);
}

test('a producer with acks=0 sends ten costly batches and closes: all ten are appended, one after the other', () => {
  const broker = costlyBroker();
  const { replicas, clock } = broker;
  const client = broker.connect();
  for (let i = 0; i < 10; i++) client.request(apis.produce, 9, produce(0, 61 + i));
  client.close();
  clock.settle();
  const sizes: number[] = [];
  for (let i = 0; i < 10; i++) {
    expect(replicas.checking).toHaveLength(i + 1);
    expect(broker.frontEnd.budget.heldBytes).toBeGreaterThan(0);
    sizes.push(replicas.produced[0]!.request.partitions[0]!.records!.length);
    append(broker, i);
  }
  expect(sizes).toEqual([61, 62, 63, 64, 65, 66, 67, 68, 69, 70]);
  expect(replicas.checking.some(({ cancelled }) => cancelled)).toBe(false);
  expectNothingHeld(broker);
});

test('a client sends more than the broker reads ahead, and closes: the broker appends every batch', () => {
  const broker = costlyBroker();
  const client = broker.connect();
  for (let i = 0; i < 10; i++) client.request(apis.produce, 9, produce(0, 20_000));
  client.close();
  broker.clock.settle();
  expect(client.paused).toBe(true);
  for (let i = 0; i < 10; i++) append(broker, i);
  expect(broker.replicas.checking).toHaveLength(10);
  expectNothingHeld(broker);
});

test('a client closes while a job checks its acks=all batch: the broker appends the batch, and drops the answer', () => {
  const broker = costlyBroker();
  const { replicas, clock } = broker;
  const client = broker.connect();
  client.request(apis.produce, 9, produce(-1));
  client.close();
  append(broker, 0);
  expect(replicas.checking.map(({ cancelled }) => cancelled)).toEqual([false]);
  // No client waits for the acknowledgement, so the connection ends before the acknowledgement comes.
  expectNothingHeld(broker);
  replicas.release();
  clock.settle();
  expect(client.writes).toBe(0);
});

test('a client that closes after it has waited for its answer will retry, so the broker cancels the check', () => {
  for (const waitedMs of [500, 501]) {
    const broker = costlyBroker();
    const client = broker.connect();
    client.request(apis.produce, 9, produce(-1));
    broker.clock.advance(waitedMs);
    client.close();
    broker.clock.settle();
    expect([waitedMs, broker.replicas.checking[0]!.cancelled]).toEqual([waitedMs, waitedMs > 500]);
  }
});

test('the client has closed: the broker handles nothing behind the first costly batch with acks, because the client retries', () => {
  const broker = costlyBroker();
  const client = broker.connect();
  for (const acks of [0, 0, -1, -1, 0]) client.request(apis.produce, 9, produce(acks));
  client.close();
  broker.clock.settle();
  append(broker, 0);
  append(broker, 1);
  append(broker, 2);
  expect(broker.replicas.checking.map(({ cancelled }) => cancelled)).toEqual([false, false, false]);
  expectNothingHeld(broker);
});

test('the client has closed: the broker appends all cheap batches behind a costly one with acks=0', () => {
  const broker = costlyBroker();
  const client = broker.connect();
  client.request(apis.produce, 9, produce(0));
  broker.replicas.checksBeside = false;
  for (const acks of [-1, 1, -1]) client.request(apis.produce, 9, produce(acks));
  client.close();
  append(broker, 0);
  expect(broker.replicas.produced).toHaveLength(3);
  expectNothingHeld(broker);
});

test('the broker drops half a frame behind whole frames', () => {
  const broker = costlyBroker();
  const client = broker.connect();
  client.request(apis.produce, 9, produce(0));
  client.request(apis.produce, 9, produce(0));
  client.bytes(client.frame(apis.produce, 9, produce(0)).subarray(0, 40));
  client.close();
  append(broker, 0);
  append(broker, 1);
  expect(broker.replicas.checking).toHaveLength(2);
  expectNothingHeld(broker);
});

test('a fetch that is parked when the client closes is cancelled, and the broker drops its late answer', () => {
  const broker = costlyBroker();
  const { replicas, clock } = broker;
  const client = broker.connect();
  client.request(apis.fetch, 13, FETCH);
  client.request(apis.produce, 9, produce(0));
  client.close();
  clock.settle();
  expect(replicas.fetches.map(({ cancelled }) => cancelled)).toEqual([true]);
  append(broker, 0);
  expectNothingHeld(broker);
  replicas.fetches[0]!.done({ responses: [] });
  clock.settle();
  expect(client.writes).toBe(0);
});

test('the broker starts no fetch behind a parked fetch when the client closes', () => {
  const broker = costlyBroker();
  const client = broker.connect();
  for (let i = 0; i < 500; i++) client.request(apis.fetch, 13, FETCH);
  client.request(apis.produce, 9, produce(0));
  client.close();
  broker.clock.settle();
  expect(broker.replicas.fetches.map(({ cancelled }) => cancelled)).toEqual([true]);
  append(broker, 0);
  expectNothingHeld(broker);
});

test('the broker cancels the lookup of a client that closed, and handles the produce request behind it', () => {
  const broker = costlyBroker();
  const { replicas } = broker;
  let cancelled = 0;
  replicas.listOffsets = () => () => void cancelled++;
  const client = broker.connect();
  const query = {
    replicaId: -1,
    isolationLevel: 0,
    topics: [{ name: 'words', partitions: [{ partitionIndex: 0, timestamp: 5n }] }],
  };
  client.request(apis.listOffsets, 7, query as never);
  client.request(apis.produce, 9, produce(0));
  client.close();
  broker.clock.settle();
  expect(cancelled).toBe(1);
  append(broker, 0);
  expectNothingHeld(broker);
});

test('a client closes at the limit of pending requests: the broker also handles the requests above the limit', () => {
  const broker = testBroker({ limits: { connectionMaxRequests: 2 } });
  const client = broker.connect();
  const frames = [1, 2, 3, 4, 5].map(() => [...client.frame(apis.produce, 9, produce(-1))]);
  client.bytes(new Uint8Array(frames.flat()));
  client.close();
  broker.clock.settle();
  expect(broker.replicas.produced).toHaveLength(5);
  expectNothingHeld(broker);
});

test('a failed acks=0 produce ends the connection, and the broker drops the requests behind it', () => {
  const broker = costlyBroker();
  const { replicas, clock } = broker;
  const client = broker.connect();
  for (let i = 0; i < 3; i++) client.request(apis.produce, 9, produce(0));
  client.close();
  replicas.release({ errorCode: 6 });
  replicas.checking[0]!.appended();
  clock.settle();
  expect(replicas.checking).toHaveLength(1);
  expectNothingHeld(broker);
});

test('a malformed frame behind a batch that a job checks ends the connection', () => {
  const broker = costlyBroker();
  const client = broker.connect();
  client.request(apis.produce, 9, produce(0));
  client.bytes(new Uint8Array([0xff, 0xff, 0xff, 0xff]));
  client.request(apis.produce, 9, produce(0));
  client.close();
  append(broker, 0);
  expect(broker.replicas.checking).toHaveLength(1);
  expect(broker.log()).toEqual(['connection-closed: malformed request']);
  expectNothingHeld(broker);
});

test('a stopping broker does not wait for the requests of a client that has gone, but drops them', () => {
  const broker = costlyBroker();
  const { replicas, clock, frontEnd } = broker;
  const client = broker.connect();
  client.request(apis.produce, 9, produce(-1));
  client.request(apis.produce, 9, produce(-1));
  client.close();
  let stopped = false;
  frontEnd.close(() => {
    stopped = true;
  });
  clock.settle();
  expect(stopped).toBe(true);
  expect(replicas.checking.map(({ cancelled }) => cancelled)).toEqual([true]);
  replicas.checking[0]!.appended();
  clock.settle();
  expect(replicas.checking).toHaveLength(1);
  expectNothingHeld(broker);
});

test('a connection waits for a check that takes longer than the idle limit', () => {
  const broker = costlyBroker({ idleMs: 10_000 });
  const client = broker.connect();
  client.request(apis.produce, 9, produce(0));
  client.request(apis.produce, 9, produce(0));
  client.close();
  broker.clock.advance(60_000);
  append(broker, 0);
  append(broker, 1);
  expect(broker.replicas.checking).toHaveLength(2);
  expectNothingHeld(broker);
});

test('a large frame waits for memory: the broker handles it when memory is free, or drops it after the idle limit', () => {
  for (const isFreed of [true, false]) {
    const broker = costlyBroker({ idleMs: 10_000, queuedMaxBytes: 16 << 20 });
    const { replicas, clock } = broker;
    const { budget } = broker.frontEnd;
    const client = broker.connect();
    const large = client.frame(apis.produce, 9, produce(0, 2 << 20));
    client.bytes(large.subarray(0, 40_000));
    budget.change(5 << 20, 5 << 20);
    client.bytes(large.subarray(40_000));
    client.close();
    clock.settle();
    expect(replicas.checking).toHaveLength(0);
    if (!isFreed) clock.advance(20_000);
    budget.change(-(5 << 20), -(5 << 20));
    clock.settle();
    expect(replicas.checking).toHaveLength(isFreed ? 1 : 0);
    if (isFreed) append(broker, 0);
    expectNothingHeld(broker);
  }
});
