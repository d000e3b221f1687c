/**
 * The limits of a connection and of all connections, each with its effect: the broker stops reading, or
 * closes the connection with a reason. A test plays peers that read slowly, send half frames, or stay silent.
 */
import { apis, ErrorCode } from '@millrace/protocol';
import { describe, expect, test } from 'vitest';
import { partition, TOPIC_ID, testBroker } from '../support/broker.ts';

const produceOf = (bytes: number) => ({
  acks: -1,
  timeoutMs: 1000,
  topicData: [
    { name: 'words', topicId: TOPIC_ID, partitionData: [{ index: 0, records: new Uint8Array(bytes) }] },
  ],
});
const ALL_TOPICS = { topics: null };

/** The announced size of a frame, and the first `sentBytes` bytes of the frame. */
function half(sizeBytes: number, sentBytes: number): Uint8Array {
  const bytes = new Uint8Array(4 + sentBytes);
  new DataView(bytes.buffer).setInt32(0, sizeBytes);
  return bytes;
}

describe('one connection', () => {
  test('too many requests in flight: the broker stops reading until it has answered some', () => {
    const { connect, clock, replicas } = testBroker({ limits: { connectionMaxRequests: 3 } });
    const client = connect();
    for (let i = 0; i < 3; i++) client.request(apis.produce, 9, produceOf(61));
    expect(client.paused).toBe(true);
    client.request(apis.produce, 9, produceOf(61));
    expect(replicas.produced.length).toBe(3);

    replicas.release();
    clock.settle();
    expect(client.order).toEqual(['Produce#1']);
    expect(replicas.produced.length).toBe(3);
    expect(client.paused).toBe(true);
    for (let i = 0; i < 3; i++) replicas.release();
    clock.settle();
    expect(client.order).toEqual(['Produce#1', 'Produce#2', 'Produce#3', 'Produce#4']);
    expect(client.paused).toBe(false);
  });

  test('above the limit, the broker does not even start requests that have already arrived', () => {
    const { connect, clock, replicas } = testBroker({ limits: { connectionMaxRequests: 2 } });
    const client = connect();
    const frames = [1, 2, 3, 4, 5].map(() => client.frame(apis.produce, 9, produceOf(61)));
    client.bytes(new Uint8Array(frames.flatMap((frame) => [...frame])));
    expect(replicas.produced.length).toBe(2);
    for (let i = 0; i < 5; i++) {
      replicas.release();
      clock.settle();
    }
    expect(client.order.length).toBe(5);
  });

  test('too many bytes in flight: the broker accepts the request that crosses the limit, and does not read the next', () => {
    const { connect, clock, replicas } = testBroker({ limits: { connectionMaxBytes: 10_000 } });
    const client = connect();
    client.request(apis.produce, 9, produceOf(50_000));
    expect(replicas.produced.length).toBe(1);
    expect(client.paused).toBe(true);
    replicas.release();
    clock.settle();
    expect(client.paused).toBe(false);
  });

  test('the limit on bytes also covers answers that wait for an earlier answer', () => {
    const { connect, clock, replicas, frontEnd } = testBroker({ limits: { connectionMaxBytes: 5_000 } });
    const client = connect();
    client.request(apis.produce, 9, produceOf(61));
    for (let i = 0; i < 500; i++) client.request(apis.metadata, 12, ALL_TOPICS);
    clock.settle();
    expect(client.paused).toBe(true);
    expect(frontEnd.budget.heldBytes).toBeLessThan(6_000);
    replicas.release();
    clock.settle();
    expect(client.order.length).toBe(501);
    expect(frontEnd.budget.heldBytes).toBe(0);
  });

  test('while a peer does not read its answers, the broker neither sends more nor reads its requests', () => {
    const { connect, clock } = testBroker();
    const client = connect();
    client.slow = true;
    client.request(apis.metadata, 12, ALL_TOPICS);
    clock.settle();
    expect(client.paused).toBe(true);
    const unread = client.unreadBytes;
    for (let i = 0; i < 100; i++) client.request(apis.metadata, 12, ALL_TOPICS);
    clock.advance(1000);
    expect(client.unreadBytes).toBe(unread);

    client.readOn();
    clock.settle();
    expect(client.order.length).toBe(101);
    expect(client.paused).toBe(false);
  });

  test('a parked fetch blocks the next request, and the broker reads only a limited number of bytes ahead', () => {
    const { connect, clock, replicas } = testBroker();
    const client = connect();
    client.request(apis.fetch, 12, { replicaId: -1, maxWaitMs: 500, topics: [] });
    client.request(apis.produce, 9, produceOf(30_000));
    expect(client.paused).toBe(false);
    client.request(apis.produce, 9, produceOf(50_000));
    expect(client.paused).toBe(true);
    replicas.fetches[0]!.done({});
    clock.settle();
    expect(replicas.produced.length).toBe(2);
    expect(client.paused).toBe(false);
  });
});

describe('idle connections', () => {
  test('a silent connection is closed after connections.max.idle.ms', () => {
    const { connect, clock, log } = testBroker({ limits: { idleMs: 10_000 } });
    const client = connect();
    clock.advance(6_000);
    client.request(apis.metadata, 12, ALL_TOPICS);
    clock.advance(9_999);
    expect(client.ended).toBe(false);
    clock.advance(1);
    expect(client.ended).toBe(true);
    expect(log()).toEqual(['connection-closed: idle']);
  });

  test('a client that waits for an answer is not idle; a client that does not read its answers is idle', () => {
    const { connect, clock } = testBroker({ limits: { idleMs: 10_000 } });
    const waiting = connect();
    waiting.request(apis.fetch, 12, { replicaId: -1, maxWaitMs: 60_000, topics: [] });
    const deaf = connect();
    deaf.slow = true;
    deaf.request(apis.metadata, 12, ALL_TOPICS);
    clock.advance(30_000);
    expect(waiting.ended).toBe(false);
    expect(deaf.ended).toBe(true);
  });

  test('10,000 connections that say nothing arm one timer and hold no bytes', () => {
    const { connect, clock, frontEnd } = testBroker();
    let armed = 0;
    const setTimer = clock.setTimer.bind(clock);
    clock.setTimer = (delayMs, callback) => {
      armed++;
      return setTimer(delayMs, callback);
    };
    for (let i = 0; i < 10_000; i++) connect({ address: `10.1.${i >> 8}.${i & 255}` });
    expect(armed).toBe(1);
    expect(frontEnd.budget.heldBytes).toBe(0);
    const client = connect();
    client.request(apis.metadata, 12, ALL_TOPICS);
    clock.settle();
    expect(client.order).toEqual(['Metadata#1']);
    clock.advance(602_000);
    expect(frontEnd.connections.size).toBe(0);
  });
});

describe('all connections together', () => {
  test('max.connections and max.connections.per.ip: the broker closes each further connection immediately', () => {
    const { connect, clock, log } = testBroker({ limits: { maxConnections: 3, maxConnectionsPerIp: 2 } });
    const first = connect({ address: 'a' });
    connect({ address: 'a' });
    expect(connect({ address: 'a' }).destroyed).toBe('max.connections.per.ip reached');
    connect({ address: 'b' });
    expect(connect({ address: 'c' }).destroyed).toBe('max.connections reached');
    clock.settle();
    expect(log()).toEqual([
      'connection-refused: max.connections.per.ip reached',
      'connection-refused: max.connections reached',
    ]);
    first.close();
    expect(connect({ address: 'a' }).destroyed).toBeUndefined();
  });

  test('a request changes max.connections while the broker runs, and the new value counts at once', () => {
    const { connect, add } = testBroker({ limits: { maxConnections: 1 } });
    const config = { type: 'config', resourceType: 'broker', name: 'max.connections' } as const;
    connect();
    expect(connect().destroyed).toBe('max.connections reached');
    add([{ ...config, resourceName: '', value: '2' }]);
    expect(connect().destroyed).toBeUndefined();
    add([{ ...config, resourceName: '1', value: '1' }]);
    expect(connect().destroyed).toBe('max.connections reached');
    add([{ ...config, resourceName: '1', value: undefined }]);
    add([{ ...config, resourceName: '', value: '3' }]);
    expect(connect().destroyed).toBeUndefined();
  });

  test('max.connections does not limit the inter-broker listener, but the connections there count', () => {
    const config = { exemptListenerName: 'INTERNAL' };
    const { connect } = testBroker({ config, limits: { maxConnections: 2, maxConnectionsPerIp: 3 } });
    connect();
    connect({ listener: 'INTERNAL' });
    expect(connect().destroyed).toBe('max.connections reached');
    expect(connect({ listener: 'INTERNAL' }).destroyed).toBeUndefined();
    expect(connect({ listener: 'INTERNAL' }).destroyed).toBe('max.connections.per.ip reached');
  });

  test('memory used up: the broker stops reading connections that would use more, until memory is free', () => {
    const { connect, clock, replicas } = testBroker({ limits: { queuedMaxBytes: 100_000 } });
    const busy = connect();
    busy.request(apis.produce, 9, produceOf(90_000));
    const other = connect();
    other.bytes(half(50_000, 20_000));
    expect(other.paused).toBe(true);
    // The broker still serves a small request.
    const small = connect();
    small.request(apis.metadata, 12, ALL_TOPICS);
    clock.settle();
    expect(small.order).toEqual(['Metadata#1']);

    replicas.release();
    clock.settle();
    expect(other.paused).toBe(false);
  });

  test('unread answers leave less memory for the next answers, even within one turn', () => {
    const { connect, clock, frontEnd, replicas } = testBroker({ limits: { queuedMaxBytes: 100_000 } });
    for (let i = 0; i < 30; i++) {
      const deaf = connect();
      deaf.slow = true;
      deaf.request(apis.fetch, 12, { replicaId: -1, maxWaitMs: 60_000, topics: [] });
    }
    const given = replicas.fetches.map(({ request, done }) => {
      const sizeBytes = Math.min(50_000, request.memoryBytes!());
      const records = [new Uint8Array(sizeBytes)];
      done({
        responses: [{ topic: 'words', partitions: [{ partitionIndex: 0, highWatermark: 1, records }] }],
      });
      return sizeBytes;
    });
    clock.settle();
    expect(given[0]).toBeGreaterThan(24_000);
    expect(given.every((sizeBytes, i) => i === 0 || sizeBytes < 0.8 * given[i - 1]! || sizeBytes < 100)).toBe(
      true,
    );
    expect(frontEnd.budget.heldBytes).toBeLessThan(110_000);
  });

  test('the broker drops clients whose half frames fill the memory, the longest stalled first, and serves the others', () => {
    const limits = { queuedMaxBytes: 100_000, stalledPeerMs: 5_000 };
    const { connect, clock, frontEnd, log } = testBroker({ limits });
    const garbage = [0, 1, 2, 3].map(() => {
      const client = connect();
      client.bytes(half(1_000_000, 30_000));
      clock.advance(10);
      return client;
    });
    expect(frontEnd.budget.exhausted).toBe(true);
    const honest = connect();
    const frame = honest.frame(apis.produce, 9, produceOf(40_000));
    honest.bytes(frame.subarray(0, 100));
    expect(honest.paused).toBe(true);
    clock.advance(4_000);
    expect(garbage.map((client) => client.destroyed)).toEqual([undefined, undefined, undefined, undefined]);
    clock.advance(2_000);
    const reason = 'stalled while memory is short';
    expect(garbage.map((client) => client.destroyed)).toEqual([reason, reason, reason, undefined]);
    expect(honest.paused).toBe(false);
    expect(log()).toContain('memory-budget-exhausted');
    expect(log()).toContain(`connection-closed: ${reason}`);
  });
});

describe('the stop of a broker', () => {
  test('a stopping broker sends the answers that are ready, closes every connection, and accepts no more', () => {
    const { connect, clock, frontEnd, replicas } = testBroker();
    const client = connect();
    client.request(apis.produce, 9, produceOf(61));
    const quiet = connect();
    let done = false;
    replicas.release();
    frontEnd.close(() => {
      done = true;
    });
    expect(client.order).toEqual(['Produce#1']);
    expect([client.ended, quiet.ended]).toEqual([true, true]);
    expect(connect().destroyed).toBe('the broker is stopping');
    quiet.close();
    clock.advance(500);
    expect(done).toBe(false);
    clock.advance(600);
    expect(client.destroyed).toBe('the peer kept its end open');
    expect(done).toBe(true);
  });

  test('a broker without connections stops at once', () => {
    const { clock, frontEnd } = testBroker();
    let done = false;
    frontEnd.close(() => {
      done = true;
    });
    clock.settle();
    expect(done).toBe(true);
  });
});

describe('the memory of a decoded request', () => {
  /** A request with many names of topics: small on the wire, large in memory. */
  const names = (count: number) => ({
    topics: Array.from({ length: count }, () => ({ name: 'a-topic' })),
    timeoutMs: 1000,
  });
  const failed = { errorCode: ErrorCode.REQUEST_TIMED_OUT, body: new Uint8Array(0) };

  test('counts as held until the request is answered', () => {
    const { connect, clock, forwarded, frontEnd } = testBroker();
    const client = connect();
    const frame = client.frame(apis.createPartitions, 3, names(1000));
    client.bytes(frame);
    expect(frontEnd.budget.heldBytes).toBeGreaterThan(frame.length + 50_000);
    expect(frontEnd.budget.decodedBytes).toBe(frontEnd.budget.heldBytes - (frame.length - 4));
    forwarded[0]!.done(failed);
    clock.settle();
    expect(client.order).toHaveLength(1);
    expect(frontEnd.budget.decodedBytes).toBe(0);
    expect(frontEnd.budget.heldBytes).toBe(0);
  });

  test('a waiting fetch holds nothing, because the broker drops the frame and the decoded request', () => {
    const { connect, clock, replicas, frontEnd } = testBroker();
    const client = connect();
    const partitions = Array.from({ length: 1000 }, () => ({ partition: 0, fetchOffset: 0 }));
    const frame = client.frame(apis.fetch, 12, { replicaId: -1, topics: [{ topic: 'words', partitions }] });
    client.bytes(frame);
    expect(replicas.fetches).toHaveLength(1);
    expect(frontEnd.budget.heldBytes).toBe(0);
    expect(frontEnd.budget.decodedBytes).toBe(0);
    replicas.fetches[0]!.done({});
    clock.settle();
    expect(client.order).toHaveLength(1);
    expect(frontEnd.budget.heldBytes).toBe(0);
  });

  test('a JoinGroup request counts until its answer; a waiting SyncGroup request does not count', () => {
    const parked: (() => void)[] = [];
    const { connect, clock, frontEnd } = testBroker({
      limits: { queuedMaxBytes: 100_000 },
      groups: {
        join: ({ reply }) => parked.push(() => reply({ memberId: 'm', members: [] })),
        sync: ({ reply }) => parked.push(() => reply({ assignment: new Uint8Array(0) })),
      },
    });
    const bytes = new Uint8Array(90_000);
    const member = { groupId: 'g', memberId: 'm', protocolType: 'consumer' };
    const joining = { ...member, sessionTimeoutMs: 10_000, protocols: [{ name: 'range', metadata: bytes }] };
    const syncing = { ...member, generationId: 1, assignments: [{ memberId: 'm', assignment: bytes }] };
    const joiner = connect();
    joiner.request(apis.joinGroup, 5, joining);
    expect(frontEnd.budget.heldBytes).toBeGreaterThan(90_000);
    for (const answer of parked.splice(0)) answer();
    clock.settle();
    expect(joiner.order).toHaveLength(1);
    const clients = Array.from({ length: 4 }, () => connect());
    for (const client of clients) client.request(apis.syncGroup, 4, syncing);
    expect(parked).toHaveLength(4);
    expect([frontEnd.budget.heldBytes, frontEnd.budget.decodedBytes]).toEqual([0, 0]);
    const other = connect();
    other.request(apis.metadata, 9, ALL_TOPICS);
    clock.settle();
    expect(other.order).toEqual(['Metadata#1']);
    for (const answer of parked) answer();
    clock.settle();
    expect(clients.map(({ order }) => order.length)).toEqual([1, 1, 1, 1]);
    expect(frontEnd.budget.heldBytes).toBe(0);
  });

  test('while decoded requests use a quarter of the memory, the broker starts small requests but no large one', () => {
    const limits = { queuedMaxBytes: 32_000_000 };
    const { connect, clock, forwarded, frontEnd, log } = testBroker({ limits });
    const clients = [connect(), connect(), connect()];
    for (const client of clients) {
      const frame = client.frame(apis.createPartitions, 3, names(90_000));
      expect(frame.length).toBeGreaterThan(1 << 20);
      for (let at = 0; at < frame.length; at += 100_000) client.bytes(frame.subarray(at, at + 100_000));
    }
    expect(forwarded).toHaveLength(1);
    expect(clients.map(({ paused }) => paused)).toEqual([false, true, true]);
    // Much memory is free.
    expect(log()).toEqual(['memory-budget-crowded']);
    const small = connect();
    small.request(apis.createPartitions, 3, names(1));
    expect(forwarded).toHaveLength(2);
    for (let next = 0; next < 4; next++) {
      forwarded[next]!.done(failed);
      clock.settle();
    }
    expect(clients.map(({ order }) => order.length)).toEqual([1, 1, 1]);
    expect(small.order).toHaveLength(1);
    expect(frontEnd.budget.heldBytes).toBe(0);
  });

  test('the broker refuses a request with more elements than the cluster can need', () => {
    const { connect, clock, add, forwarded, log } = testBroker();
    connect().request(apis.createPartitions, 3, names(100_000));
    expect(forwarded).toHaveLength(1);
    const client = connect();
    // The cluster has two partitions.
    client.request(apis.createPartitions, 3, names(100_009));
    clock.settle();
    expect(client.ended).toBe(true);
    expect(log()).toEqual(['connection-closed: malformed request']);
    add([partition(TOPIC_ID, 2, [1, 2, 3], 1)]);
    connect().request(apis.createPartitions, 3, names(100_009));
    expect(forwarded).toHaveLength(2);
  });

  test('the broker refuses a Fetch with more elements than 10,000 and four for each partition of the cluster', () => {
    const { connect, replicas, log } = testBroker();
    const fetchOf = (count: number) => {
      const partitions = Array.from({ length: count }, () => ({ partition: 0, fetchOffset: 0 }));
      return { replicaId: -1, topics: [{ topic: 'words', partitions }] };
    };
    connect().request(apis.fetch, 12, fetchOf(10_000));
    expect(replicas.fetches).toHaveLength(1);
    const client = connect();
    client.request(apis.fetch, 12, fetchOf(10_010));
    expect(client.ended).toBe(true);
    expect(log()).toEqual(['connection-closed: malformed request']);
    expect(replicas.fetches).toHaveLength(1);
  });

  test('the broker refuses a Fetch above 2 MiB after its first bytes, but waits for a large request of some APIs', () => {
    const { connect, add, frontEnd, log } = testBroker();
    const beginning = (apiKey: number, sizeBytes: number) => {
      const bytes = new Uint8Array(1000);
      new DataView(bytes.buffer).setInt32(0, sizeBytes);
      bytes[5] = apiKey;
      return bytes;
    };
    const large = [apis.produce, apis.createTopics, apis.joinGroup, apis.syncGroup, apis.offsetCommit];
    const open = large.map(({ key }) => {
      const client = connect();
      client.bytes(beginning(key, 90 << 20));
      return client;
    });
    // The cluster has two partitions; each adds a kibibyte to the limit.
    const most = (2 << 20) + 2048;
    const fitting = connect();
    fitting.bytes(beginning(apis.fetch.key, most));
    const halves = connect();
    const begun = beginning(apis.fetch.key, most + 1);
    halves.bytes(begun.subarray(0, 5));
    halves.bytes(begun.subarray(5));
    expect([...open, fitting].filter(({ ended }) => ended)).toEqual([]);
    expect(halves.ended).toBe(true);
    expect(log()).toEqual(['connection-closed: malformed request']);
    add([partition(TOPIC_ID, 2, [1, 2, 3], 1)]);
    const later = connect();
    later.bytes(begun);
    expect(later.ended).toBe(false);
    expect(frontEnd.budget.heldBytes).toBe(7 * 996);
  });

  test('a large OffsetCommit gets an answer', () => {
    const parked: (() => void)[] = [];
    const { connect, clock, frontEnd } = testBroker({
      groups: {
        commit: (_wanted, topics, reply) => {
          const { OFFSET_METADATA_TOO_LARGE: errorCode } = ErrorCode;
          parked.push(() =>
            reply(
              topics.map(({ name, topicId, partitions }) => ({
                name,
                topicId,
                partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
              })),
            ),
          );
        },
      },
    });
    const client = connect();
    const partitions = [0, 1].map((partitionIndex) => ({
      partitionIndex,
      committedOffset: 5,
      committedMetadata: 'm'.repeat(2 << 20),
    }));
    const frame = client.frame(apis.offsetCommit, 9, {
      groupId: 'g',
      topics: [{ name: 'words', partitions }],
    });
    for (let at = 0; at < frame.length; at += 1_000_000) client.bytes(frame.subarray(at, at + 1_000_000));
    clock.settle();
    expect(client.ended).toBe(false);
    expect(parked).toHaveLength(1);
    parked[0]!();
    clock.settle();
    expect(client.order).toHaveLength(1);
    expect(frontEnd.budget.heldBytes).toBe(0);
  });

  test('a connection that ends gives back the memory of its decoded requests', () => {
    const { connect, frontEnd } = testBroker();
    const client = connect();
    client.request(apis.createPartitions, 3, names(1000));
    client.close();
    expect(frontEnd.budget.decodedBytes).toBe(0);
    expect(frontEnd.budget.heldBytes).toBe(0);
  });
});
