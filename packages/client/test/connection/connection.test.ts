/**
 * Goal: a connection matches answers to requests, and waits for no answer beyond its deadline. Method: a
 * broker played by hand.
 */
import { Timers } from '@millrace/base';
import { ManualClock } from '@millrace/base/testing';
import { type AnyApi, apis, SpareBuffers } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { Connection, type ConnectionOptions } from '../../src/index.ts';
import { frameOf, MemoryNet } from '../support/memory-net.ts';

const VERSION = 4;

/** A connection, and the calls that its owner gets, in order. */
class Owner {
  readonly clock = new ManualClock();
  readonly net = new MemoryNet(this.clock);
  readonly told: string[] = [];
  readonly connection: Connection;

  constructor(options: Partial<ConnectionOptions> = {}) {
    this.connection = new Connection(
      {
        net: this.net,
        address: { host: 'b1', port: 9092 },
        timers: new Timers(this.clock),
        clientId: 'test',
        requestTimeoutMs: 1_000,
        connectTimeoutMs: 500,
        frameBytesMax: 10_000,
        spares: new SpareBuffers({ spoils: true }),
        ...options,
      },
      {
        opened: () => this.told.push('opened'),
        closed: (reason) => this.told.push(`closed: ${reason}`),
        misordered: (correlationId) => this.told.push(`misordered ${correlationId}`),
        malformed: (message) => this.told.push(`malformed: ${message}`),
      },
    );
  }

  static opened(options: Partial<ConnectionOptions> = {}): Owner {
    const owner = new Owner(options);
    owner.net.last.open();
    owner.told.length = 0;
    return owner;
  }

  /** Sends a request. When it ends, `told` gets the name with the answer's end offset, or with `lost`. */
  ask(name: string, timeoutMs?: number): void {
    const request = { replicaId: 2, topics: [] };
    const api = apis.offsetForLeaderEpoch;
    this.connection.request(
      api,
      VERSION,
      request,
      (response) => this.told.push(`${name} ${response?.topics[0]?.partitions[0]?.endOffset ?? 'lost'}`),
      timeoutMs,
    );
  }

  /** The broker's answer to the request with this correlation id. */
  answer(correlationId: number, endOffset: number): Uint8Array {
    const partitions = [{ errorCode: 0, partition: 0, leaderEpoch: 7, endOffset }];
    const value = { throttleTimeMs: 0, topics: [{ topic: 'events', partitions }] };
    return frameOf(apis.offsetForLeaderEpoch as AnyApi, VERSION, correlationId, value);
  }
}

test('requests are pipelined, and each gets its own answer', () => {
  const owner = Owner.opened();
  owner.ask('a');
  owner.ask('b');
  expect(owner.net.last.waiting).toEqual(['OffsetForLeaderEpoch', 'OffsetForLeaderEpoch']);
  expect(owner.connection.inFlightCount).toBe(2);
  owner.net.last.bytes(Buffer.concat([owner.answer(0, 10), owner.answer(1, 11)]));
  expect(owner.told).toEqual(['a 10', 'b 11']);
  expect(owner.connection.inFlightCount).toBe(0);
});

test('an answer that arrives in two pieces is intact, although each piece is overwritten after it was read', () => {
  const length = new Owner().answer(0, 123).length;
  for (let cut = 1; cut < length; cut++) {
    const owner = Owner.opened();
    owner.ask('a');
    const answer = owner.answer(0, 123);
    owner.net.last.bytes(answer.subarray(0, cut));
    owner.net.last.bytes(answer.subarray(cut));
    expect([cut, owner.told]).toEqual([cut, ['a 123']]);
  }
});

test('a connection breaks: its requests in flight end first, in order, then the owner learns it once', () => {
  const owner = Owner.opened();
  owner.ask('a');
  owner.ask('b');
  owner.net.last.breaks();
  expect(owner.told).toEqual(['a lost', 'b lost', 'closed: connection reset by the peer']);
  expect(owner.connection.isOpen).toBe(false);
  owner.clock.advance(10_000);
  expect(owner.told).toHaveLength(3);
});

test('a request timeout ends the connection and every request in flight; the late answer is not read', () => {
  const owner = Owner.opened();
  owner.ask('a');
  owner.clock.advance(600);
  owner.ask('b');
  owner.clock.advance(399);
  expect(owner.told).toEqual([]);
  owner.clock.advance(1);
  const reason = 'no answer to OffsetForLeaderEpoch within 1000 ms';
  expect(owner.told).toEqual(['a lost', 'b lost', `closed: ${reason}`]);
  owner.net.last.bytes(owner.answer(0, 10));
  expect(owner.told).toHaveLength(3);
});

test('a request may have its own timeout, which its answer cancels', () => {
  const owner = Owner.opened();
  owner.ask('a', 5_000);
  owner.ask('b', 100);
  owner.net.last.bytes(Buffer.concat([owner.answer(0, 1), owner.answer(1, 2)]));
  owner.clock.advance(60_000);
  expect(owner.told).toEqual(['a 1', 'b 2']);
  owner.ask('c', 100);
  owner.clock.advance(100);
  expect(owner.told.slice(2)).toEqual(['c lost', 'closed: no answer to OffsetForLeaderEpoch within 100 ms']);
});

test('an answer out of order, a duplicate answer and an answer to no request end the connection', () => {
  for (const ids of [[1], [0, 0], [0, 1, 2]]) {
    const owner = Owner.opened();
    owner.ask('a');
    owner.ask('b');
    owner.net.last.bytes(Buffer.concat(ids.map((id) => owner.answer(id, id))));
    owner.clock.settle();
    const odd = ids.at(-1)!;
    expect(owner.told).toEqual([
      ...ids.slice(0, -1).map((id) => `${id === 0 ? 'a' : 'b'} ${id}`),
      `misordered ${odd}`,
      ...['a lost', 'b lost'].slice(ids.length - 1),
      `closed: the broker sent answer ${odd} out of order`,
    ]);
  }
});

test('an answer that is cut short or too large, or has a negative size, ends the connection', () => {
  const whole = new Owner().answer(0, 5);
  for (let bytes = 1; bytes <= whole.length - 4; bytes++) {
    const owner = Owner.opened();
    owner.ask('a');
    const cut = whole.slice(0, whole.length - bytes);
    new DataView(cut.buffer).setInt32(0, cut.length - 4);
    owner.net.last.bytes(cut);
    owner.clock.settle();
    expect(owner.told[0], `without ${bytes} bytes`).toMatch(/^malformed: /);
    // A request whose answer cannot be decoded stays in flight, and ends with the connection.
    expect(owner.told.at(-1)).toMatch(/^closed: /);
    expect(owner.told).toContain('a lost');
  }
  for (const size of [-1, 10_001]) {
    const owner = Owner.opened();
    const head = new Uint8Array(4);
    new DataView(head.buffer).setInt32(0, size);
    owner.net.last.bytes(head);
    expect(owner.told[0]).toMatch(/^malformed: frame of /);
  }
});

test('the connection does not treat an exception of its owner as a fault of the broker', () => {
  const owner = Owner.opened();
  owner.connection.request(apis.offsetForLeaderEpoch, VERSION, { replicaId: 2, topics: [] }, () => {
    throw new Error('the owner fails');
  });
  expect(() => owner.net.last.bytes(owner.answer(0, 1))).toThrow('the owner fails');
  expect(owner.net.last.destroyed).toBeUndefined();
});

test('a connection that does not open in time is closed, and one that opened has no deadline left', () => {
  const late = new Owner();
  late.clock.advance(500);
  expect(late.told).toEqual(['closed: no connection within 500 ms']);
  const owner = Owner.opened();
  owner.clock.advance(60_000);
  expect(owner.told).toEqual([]);
});

test('abandon: no event follows, and requests get no answer', () => {
  const owner = Owner.opened();
  owner.ask('a');
  owner.connection.abandon('the owner leaves');
  owner.clock.advance(60_000);
  expect(owner.net.last.destroyed).toBe('the owner leaves');
  owner.net.last.bytes(owner.answer(0, 1));
  expect(owner.told).toEqual([]);
});

test('close: the requests in flight end as lost, and what the broker sends afterwards is not read', () => {
  const owner = Owner.opened();
  owner.ask('a');
  owner.connection.close('enough');
  owner.net.last.bytes(owner.answer(0, 1));
  expect(owner.told).toEqual([]);
  owner.clock.settle();
  expect(owner.told).toEqual(['a lost', 'closed: enough']);
});

test('an owner that abandons the connection within an answer gets no further answer from the same bytes', () => {
  const owner = Owner.opened();
  owner.connection.request(apis.offsetForLeaderEpoch, VERSION, { replicaId: 2, topics: [] }, () => {
    owner.told.push('first');
    owner.connection.abandon('one is enough');
  });
  owner.ask('b');
  owner.net.last.bytes(Buffer.concat([owner.answer(0, 1), owner.answer(1, 2)]));
  owner.clock.settle();
  expect(owner.told).toEqual(['first']);
});

test('the connection waits for no answer to a request that gets none (acks=0)', () => {
  const owner = Owner.opened();
  const topicData = [{ name: 't', partitionData: [{ index: 0, records: new Uint8Array(0) }] }];
  owner.connection.send(apis.produce, 9, { acks: 0, timeoutMs: 1, topicData });
  owner.ask('a');
  owner.net.last.bytes(owner.answer(1, 4));
  expect(owner.told).toEqual(['a 4']);
  owner.clock.advance(60_000);
  expect(owner.told).toHaveLength(1);
});
