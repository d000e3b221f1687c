/**
 * A job checks the batches of a produce request. Until the log has them, the connection starts no request
 * behind the produce request. Other connections continue. The client waits for the acknowledgement as usual.
 */
import { apis } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { TOPIC_ID, testBroker } from '../support/broker.ts';

const produce = (acks: number, bytes = 61) => ({
  acks,
  timeoutMs: 1000,
  topicData: [
    { name: 'words', topicId: TOPIC_ID, partitionData: [{ index: 0, records: new Uint8Array(bytes) }] },
  ],
});

test('the connection starts its next request when the batches are appended, before they are acknowledged', () => {
  const { connect, clock, replicas } = testBroker();
  replicas.checksBeside = true;
  const client = connect();
  const slow = client.request(apis.produce, 9, produce(-1));
  replicas.checksBeside = false;
  const next = client.request(apis.produce, 9, produce(-1));
  const metadata = client.request(apis.metadata, 12, { topics: null });
  clock.settle();
  expect(replicas.produced).toHaveLength(1);
  const other = connect();
  other.request(apis.metadata, 12, { topics: null });
  clock.settle();
  expect(other.order).toEqual(['Metadata#1']);

  replicas.checking[0]!.appended();
  clock.settle();
  expect(replicas.produced).toHaveLength(2);
  expect(client.order).toEqual([]);
  replicas.release();
  replicas.release();
  clock.settle();
  expect(client.order).toEqual([`Produce#${slow}`, `Produce#${next}`, `Metadata#${metadata}`]);
});

test('with acks=0 the next request also waits: the broker stops reading from a client that sends more', () => {
  const { connect, clock, replicas } = testBroker();
  replicas.checksBeside = true;
  const client = connect();
  client.request(apis.produce, 9, produce(0));
  for (let i = 0; i < 10; i++) client.request(apis.produce, 9, produce(0, 20_000));
  clock.settle();
  expect(replicas.produced).toHaveLength(1);
  expect(client.paused).toBe(true);
  replicas.checksBeside = false;
  replicas.release();
  replicas.checking[0]!.appended();
  clock.settle();
  expect(replicas.produced).toHaveLength(10);
  expect(client.paused).toBe(false);
});

test('the bytes of a request count as held until it is answered', () => {
  const { connect, clock, replicas, frontEnd } = testBroker();
  replicas.checksBeside = true;
  const client = connect();
  client.request(apis.produce, 9, produce(1, 50_000));
  clock.settle();
  expect(frontEnd.budget.heldBytes).toBeGreaterThan(50_000);
  replicas.release();
  replicas.checking[0]!.appended();
  clock.settle();
  expect(frontEnd.budget.heldBytes).toBe(0);
});

test('the broker closes a connection: it cancels the check, and starts no later request when the check ends', () => {
  const { connect, clock, replicas, frontEnd } = testBroker();
  replicas.checksBeside = true;
  const client = connect();
  client.request(apis.produce, 9, produce(-1));
  client.request(apis.produce, 9, produce(-1));
  frontEnd.closeConnections('this broker was fenced');
  clock.settle();
  expect(replicas.checking[0]!.cancelled).toBe(true);
  replicas.checking[0]!.appended();
  replicas.release();
  clock.settle();
  expect(replicas.produced).toHaveLength(0);
});

test('with acks=0 the broker appends every received batch although the client is gone', () => {
  const { connect, clock, replicas } = testBroker();
  replicas.checksBeside = true;
  const client = connect();
  client.request(apis.produce, 9, produce(0));
  client.close();
  clock.settle();
  expect(replicas.checking[0]!.cancelled).toBe(false);
  replicas.release();
  replicas.checking[0]!.appended();
  clock.settle();
  expect(replicas.checking).toHaveLength(1);
});
