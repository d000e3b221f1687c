/**
 * A bad client can hurt only itself. The broker sends the answers to its earlier requests, closes its
 * connection with a logged reason, and serves the other clients.
 */
import { Prng } from '@millrace/base';
import { apis, ErrorCode } from '@millrace/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TOPIC_ID, testBroker } from '../support/broker.ts';
import { apiNamed, rawFrame } from '../support/client.ts';

describe('bad input', () => {
  test('an unknown API key closes the connection', () => {
    const { connect, clock, log } = testBroker();
    const client = connect();
    client.bytes(rawFrame(999, 0, 1));
    clock.settle();
    expect(client.ended).toBe(true);
    expect(log()).toEqual(['connection-closed: unknown API key']);
  });

  test('an unsupported version closes the connection, even if ApiVersions lists it', () => {
    for (const version of [-1, 0, 2, 14]) {
      const { connect, clock, logger } = testBroker();
      const client = connect();
      client.bytes(rawFrame(apis.produce.key, version, 1, new Uint8Array([0xff, 0xff, 0])));
      clock.settle();
      expect(client.ended).toBe(true);
      expect(logger.events[0]!.facts).toMatchObject({
        reason: 'unsupported version',
        api: 'Produce',
        apiVersion: version,
      });
    }
  });

  test.each([99, 32767, -1, -32768])(
    'ApiVersions v%i is answered in the form of version 0 (KIP-511)',
    (version) => {
      const { connect, clock } = testBroker();
      const client = connect();
      const correlationId = client.expect(apiNamed(18), 0);
      // Client id null, no tagged fields, then an unreadable body.
      client.bytes(rawFrame(18, version, correlationId, new Uint8Array([0xff, 0xff, 0x00, 0xde, 0xad])));
      clock.settle();
      expect(client.answers[0]!.response).toMatchObject({
        errorCode: ErrorCode.UNSUPPORTED_VERSION,
        apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 4 }],
      });
      const again = client.request(apis.apiVersions, 4, {
        clientSoftwareName: 'x',
        clientSoftwareVersion: '1',
      });
      clock.settle();
      expect(client.answers[1]).toMatchObject({
        correlationId: again,
        response: { errorCode: ErrorCode.NONE },
      });
    },
  );

  test('a frame of 2 GiB, and one of negative size, close the connection, and the broker allocates no memory for them', () => {
    for (const size of [0x7fffffff, 104_857_601, -1]) {
      const { connect, clock, frontEnd, log } = testBroker();
      const client = connect();
      const bytes = new Uint8Array(4);
      new DataView(bytes.buffer).setInt32(0, size);
      client.bytes(bytes);
      clock.settle();
      expect(client.ended).toBe(true);
      expect(log()).toEqual(['connection-closed: malformed request']);
      expect(frontEnd.budget.heldBytes).toBe(0);
    }
  });

  test('the broker answers the requests before the garbage', () => {
    const { connect, clock } = testBroker();
    const client = connect();
    const good = client.frame(apis.apiVersions, 0, {});
    client.bytes(new Uint8Array([...good, 0xff, 0xff, 0xff, 0xff]));
    clock.settle();
    expect(client.order).toEqual(['ApiVersions#1']);
    expect(client.ended).toBe(true);
  });

  test('the broker ignores bytes behind a body: librdkafka sends three such bytes when it asks for all topics', () => {
    const { connect, clock, log } = testBroker();
    const client = connect();
    const id = client.expect(apiNamed(apis.metadata.key), 9);
    const header = [0, 1, 0x61, 0];
    const allTopics = [0, 1, 0, 0, 0];
    client.bytes(rawFrame(apis.metadata.key, 9, id, new Uint8Array([...header, ...allTopics, 0, 0, 0])));
    const next = client.request(apis.apiVersions, 0, {});
    clock.settle();
    expect(client.answer(apis.metadata, id).topics.map(({ name }) => name)).toEqual(['words']);
    expect(client.answer(apis.apiVersions, next).errorCode).toBe(ErrorCode.NONE);
    expect(log()).toEqual([]);
  });

  /** An array of 2^31-1 topics, of which the frame has none. */
  const endlessArray = new Uint8Array([0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
  const noise = Uint8Array.from({ length: 40 }, (_unused, index) => 0x7f ^ (index * 91));
  /** A name of two bytes, of which the frame has none. */
  const cutName = new Uint8Array([0xff, 0xff, 0, 0, 0, 1, 0, 2]);

  test.each([
    ['a header that is cut', new Uint8Array([0, 0, 0, 3, 0, 3, 0])],
    ['a body without bytes', rawFrame(apis.metadata.key, 1, 1, new Uint8Array([0, 0, 0, 0]))],
    ['a body that is cut', rawFrame(apis.metadata.key, 1, 1, cutName)],
    ['an array without end', rawFrame(apis.metadata.key, 1, 1, endlessArray)],
  ])('%s closes the connection, without an answer', (_name, bytes) => {
    const { connect, clock, log } = testBroker();
    const client = connect();
    client.bytes(bytes);
    clock.settle();
    expect([client.ended, client.answers]).toEqual([true, []]);
    expect(log()).toEqual(['connection-closed: malformed request']);
  });

  test.each([
    ['random bytes', new Uint8Array([0, 0, 0, noise.length, ...noise])],
    ['Fetch in version 99', rawFrame(apis.fetch.key, 99, 1, new Uint8Array([0xff, 0xff, 0]))],
  ])('%s close the connection, without an answer', (_name, bytes) => {
    const { connect, clock, log } = testBroker();
    const client = connect();
    client.bytes(bytes);
    clock.settle();
    expect([client.ended, client.answers, log().length]).toEqual([true, [], 1]);
  });

  const GARBAGE = {
    'a body that is cut': rawFrame(apis.metadata.key, 1, 1, new Uint8Array([0, 0, 0, 9])),
    'an unknown API key': rawFrame(999, 0, 1),
    'an unsupported version': rawFrame(apis.metadata.key, 77, 1, new Uint8Array([0xff, 0xff, 0])),
    'a negative size': new Uint8Array([0xff, 0xff, 0xff, 0xff]),
    'a frame that is too large': new Uint8Array([0x7f, 0xff, 0xff, 0xff]),
  };

  test.each(Object.entries(GARBAGE))(
    '%s behind pending requests: the broker answers the pending requests first',
    (_, garbage) => {
      const { connect, clock, replicas, frontEnd, log } = testBroker();
      const client = connect();
      const records = new Uint8Array(61);
      const topicData = [{ name: 'words', topicId: TOPIC_ID, partitionData: [{ index: 0, records }] }];
      for (let i = 0; i < 2; i++) client.request(apis.produce, 9, { acks: -1, timeoutMs: 1000, topicData });
      client.bytes(garbage);
      client.request(apis.produce, 9, { acks: -1, timeoutMs: 1000, topicData });
      clock.settle();
      expect(client.ended).toBe(false);
      // The broker ignores everything behind the garbage.
      expect(replicas.produced).toHaveLength(2);
      replicas.release();
      clock.settle();
      expect(client.order).toEqual(['Produce#1']);
      expect(client.ended).toBe(false);
      replicas.release();
      clock.settle();
      expect(client.order).toEqual(['Produce#1', 'Produce#2']);
      expect(client.ended).toBe(true);
      expect(log()).toHaveLength(1);
      expect(frontEnd.budget.heldBytes).toBe(0);
    },
  );

  test('the broker forgets a client that disconnects while its last answers are due', () => {
    const { connect, clock, replicas, frontEnd } = testBroker();
    const client = connect();
    const records = new Uint8Array(61);
    const topicData = [{ name: 'words', topicId: TOPIC_ID, partitionData: [{ index: 0, records }] }];
    client.request(apis.produce, 9, { acks: -1, timeoutMs: 1000, topicData });
    client.bytes(GARBAGE['a negative size']);
    client.close();
    replicas.release();
    clock.settle();
    expect(client.writes).toBe(0);
    expect(frontEnd.connections.size).toBe(0);
    expect(frontEnd.budget.heldBytes).toBe(0);
  });

  test('the broker disconnects a peer that does not close its side within the grace period, and drops what the peer sends', () => {
    const { connect, clock, frontEnd } = testBroker();
    const client = connect();
    client.bytes(rawFrame(999, 0, 1));
    clock.advance(500);
    client.bytes(new Uint8Array(100_000));
    expect(client.destroyed).toBeUndefined();
    clock.advance(600);
    expect(client.destroyed).toBe('the peer kept its end open');
    expect(frontEnd.connections.size).toBe(0);
  });

  test('random bytes and mutated requests never throw, and never stop another client', () => {
    const { connect, clock, frontEnd, replicas } = testBroker();
    const well = connect();
    const random = new Prng(7);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(17), (noise, pick) => {
        const client = connect();
        // The client reads no answers, because they may have correlation ids that it never sent.
        client.slow = true;
        const good = client.frame(apis.metadata, 12, { topics: [{ name: 'words' }] });
        const mutated = good.slice();
        for (let i = 0; i <= pick; i++) mutated[4 + random.below(good.length - 4)] = random.below(256);
        client.bytes(pick % 2 === 0 ? noise : mutated);
        clock.settle();
        client.close();
      }),
      { numRuns: 1000, seed: 11 },
    );
    for (const parked of replicas.fetches.splice(0)) parked.done({});
    const asked = well.request(apis.metadata, 12, { topics: null });
    clock.settle();
    expect(well.order).toEqual([`Metadata#${asked}`]);
    expect(frontEnd.connections.size).toBe(1);
    expect(frontEnd.budget.heldBytes).toBe(0);
  });

  test('many bad clients do not flood the log, and suppressed lines are counted', () => {
    const { connect, clock, logger } = testBroker();
    for (let i = 0; i < 500; i++) connect().bytes(rawFrame(999, 0, 1));
    expect(logger.events.length).toBe(20);
    clock.advance(1500);
    connect().bytes(rawFrame(999, 0, 1));
    expect(logger.events.length).toBe(21);
    expect(logger.events[20]!.facts.suppressed).toBe(480);
  });
});
