/**
 * A client may send a request before it has the answer to the previous one. The broker sends the answers in
 * request order, each as soon as all earlier answers are ready. It writes to the connection once a turn. The
 * tests hold back the acknowledgements of produce requests.
 */
import { apis } from '@millrace/protocol';
import { describe, expect, test } from 'vitest';
import { TOPIC_ID, testBroker } from '../support/broker.ts';

const BATCH = new Uint8Array(61);
const produce = (acks: number) => ({
  acks,
  timeoutMs: 1000,
  topicData: [{ name: 'words', topicId: TOPIC_ID, partitionData: [{ index: 0, records: BATCH }] }],
});

describe('pipelining', () => {
  test('a fast Metadata behind a slow acks=all Produce is answered after it, in the same write', () => {
    const { connect, clock, replicas } = testBroker();
    const client = connect();
    const slow = client.request(apis.produce, 9, produce(-1));
    const fast = client.request(apis.metadata, 12, { topics: null });
    clock.settle();
    expect(client.order).toEqual([]);

    replicas.release();
    clock.settle();
    expect(client.order).toEqual([`Produce#${slow}`, `Metadata#${fast}`]);
    expect(client.writes).toBe(1);
  });

  test('acknowledgements that arrive out of order leave in order', () => {
    const { connect, clock, replicas } = testBroker();
    const client = connect();
    for (let i = 0; i < 4; i++) client.request(apis.produce, 9, produce(-1));
    const [first, second, third, fourth] = replicas.produced;
    const ok = [{ errorCode: 0, baseOffset: 1, logAppendTimeMs: -1, logStartOffset: 0 } as const];
    third!.done([...ok]);
    clock.settle();
    expect(client.order).toEqual([]);
    first!.done([...ok]);
    clock.settle();
    expect(client.order).toEqual(['Produce#1']);
    fourth!.done([...ok]);
    second!.done([...ok]);
    clock.settle();
    expect(client.order).toEqual(['Produce#1', 'Produce#2', 'Produce#3', 'Produce#4']);
  });

  test('a request arrives behind a parked Fetch: the Fetch gets onNextRequest, and the request starts after the answer to the Fetch', () => {
    for (const together of [true, false]) {
      const { connect, clock, replicas } = testBroker();
      const client = connect();
      const parked = client.frame(apis.fetch, 12, { maxWaitMs: 100, minBytes: 1, topics: [] });
      const behind = client.frame(apis.apiVersions, 0, {});
      if (together) client.bytes(new Uint8Array([...parked, ...behind]));
      else {
        client.bytes(parked);
        clock.settle();
        expect(replicas.fetches[0]!.overtaken).toBe(false);
        client.bytes(behind);
      }
      clock.settle();
      expect(replicas.fetches[0]!.overtaken).toBe(true);
      expect(client.order).toEqual([]);
      replicas.fetches[0]!.done({ errorCode: 0, sessionId: 0, responses: [] });
      clock.settle();
      expect(client.order).toEqual(['Fetch#1', 'ApiVersions#2']);
    }
  });

  test('connections do not wait for each other', () => {
    const { connect, clock } = testBroker();
    const slow = connect();
    const fast = connect();
    slow.request(apis.produce, 9, produce(-1));
    fast.request(apis.metadata, 12, { topics: null });
    clock.settle();
    expect(fast.order).toEqual(['Metadata#1']);
    expect(slow.order).toEqual([]);
  });

  test('the broker reads requests that are cut at any byte, and requests that are joined in one chunk', () => {
    const { connect, clock } = testBroker();
    const client = connect();
    const one = client.frame(apis.metadata, 12, { topics: null });
    const two = client.frame(apis.apiVersions, 0, {});
    for (const byte of one) client.bytes(new Uint8Array([byte]));
    const glued = new Uint8Array([...two, ...client.frame(apis.apiVersions, 2, {}), ...one.slice(0, 0)]);
    client.bytes(glued);
    clock.settle();
    expect(client.order).toEqual(['Metadata#1', 'ApiVersions#2', 'ApiVersions#3']);
    // The turn ends in `settle`, so the broker sends all three answers with one write.
    expect(client.writes).toBe(1);
  });

  test('a Produce with acks=0 gets no answer; once it is done, the next answer leaves', () => {
    const { connect, clock, replicas } = testBroker();
    const client = connect();
    client.request(apis.produce, 9, produce(0));
    const next = client.request(apis.metadata, 12, { topics: null });
    clock.settle();
    expect(client.order).toEqual([]);
    replicas.release();
    clock.settle();
    expect(client.order).toEqual([`Metadata#${next}`]);
  });

  test('a failed acks=0 Produce closes the connection after the answers to earlier requests', () => {
    const { connect, clock, replicas, log } = testBroker();
    const client = connect();
    const before = client.request(apis.metadata, 12, { topics: null });
    client.request(apis.produce, 9, produce(0));
    client.request(apis.metadata, 12, { topics: null });
    replicas.release({ errorCode: 6 });
    clock.settle();
    expect(client.order).toEqual([`Metadata#${before}`]);
    expect(client.ended).toBe(true);
    expect(log()).toEqual(['connection-closed: acks=0 produce failed']);
  });

  test('the broker answers a fetch before it starts any request behind it', () => {
    const { connect, clock, replicas } = testBroker();
    const client = connect();
    client.request(apis.fetch, 12, { replicaId: -1, maxWaitMs: 500, topics: [] });
    client.request(apis.fetch, 12, { replicaId: -1, maxWaitMs: 500, topics: [] });
    client.request(apis.produce, 9, produce(-1));
    clock.settle();
    expect(replicas.fetches.length).toBe(1);
    expect(replicas.produced.length).toBe(0);
    replicas.fetches[0]!.done({ responses: [] });
    clock.settle();
    expect(client.order).toEqual(['Fetch#1']);
    expect(replicas.fetches.length).toBe(2);
    replicas.fetches[1]!.done({ responses: [] });
    clock.settle();
    expect(replicas.produced.length).toBe(1);
  });

  test('a connection that ends cancels its parked fetch, and the broker drops late answers', () => {
    const { connect, clock, replicas, frontEnd } = testBroker();
    const client = connect();
    client.request(apis.produce, 9, produce(-1));
    client.request(apis.fetch, 12, { replicaId: -1, maxWaitMs: 500, topics: [] });
    client.close();
    expect(replicas.fetches[0]!.cancelled).toBe(true);
    replicas.release();
    replicas.fetches[0]!.done({ responses: [] });
    clock.settle();
    expect(client.writes).toBe(0);
    expect(frontEnd.connections.size).toBe(0);
    expect(frontEnd.budget.heldBytes).toBe(0);
  });
});
