/**
 * Goal: a client knows a broker's versions before its first request. Method: brokers that support other
 * versions than the client.
 */
import { Timers } from '@millrace/base';
import { ManualClock } from '@millrace/base/testing';
import { type AnyApi, apis, ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { BrokerConnection, BrokerVersions } from '../../src/index.ts';
import { frameOf, MemoryNet } from '../support/memory-net.ts';

const METADATA = apis.metadata.key;

function opened() {
  const clock = new ManualClock();
  const net = new MemoryNet(clock);
  const changes: string[] = [];
  const connection = new BrokerConnection(
    {
      net,
      address: { host: 'b1', port: 9092 },
      timers: new Timers(clock),
      clientId: 'test',
      software: { name: 'test', version: '1' },
      requestTimeoutMs: 1_000,
      frameBytesMax: 10_000,
    },
    { changed: (it) => changes.push(it.isReady ? 'ready' : `closed: ${it.closeReason}`) },
  );
  net.last.open();
  return { clock, connection, changes, broker: net.last };
}

test('a connection is ready when the broker has answered ApiVersions', () => {
  const { connection, changes, broker } = opened();
  expect(connection.isReady).toBe(false);
  expect(broker.received).toMatchObject([{ api: 'ApiVersions', version: 3 }]);
  broker.answer(apis.apiVersions, { apiKeys: [{ apiKey: METADATA, minVersion: 0, maxVersion: 5 }] });
  expect(changes).toEqual(['ready']);
  expect(connection.versions?.newest(apis.metadata)).toBe(5);
  expect(connection.versions?.newest(apis.fetch)).toBeUndefined();
  broker.breaks();
  expect(changes).toEqual(['ready', 'closed: connection reset by the peer']);
  expect(connection.isReady).toBe(false);
});

test('a broker does not know this version of ApiVersions: the client asks in the newest that the broker knows', () => {
  const { connection, changes, broker } = opened();
  const { correlationId } = broker.received.shift()!;
  const ranges = [{ apiKey: apis.apiVersions.key, minVersion: 0, maxVersion: 2 }];
  const refusal = { errorCode: ErrorCode.UNSUPPORTED_VERSION, apiKeys: ranges };
  broker.bytes(frameOf(apis.apiVersions as AnyApi, 0, correlationId, refusal));
  expect(broker.received).toMatchObject([{ api: 'ApiVersions', version: 2 }]);
  broker.answerVersions();
  expect(changes).toEqual(['ready']);
  expect(connection.versions?.has(METADATA)).toBe(true);
});

test('a broker refuses every version of ApiVersions: the client tries each once, then closes the connection', () => {
  const { clock, changes, broker } = opened();
  for (let version = 3; broker.received.length > 0; version--) {
    const { correlationId } = broker.received.shift()!;
    const value = { errorCode: ErrorCode.UNSUPPORTED_VERSION, apiKeys: [] };
    broker.bytes(frameOf(apis.apiVersions as AnyApi, 0, correlationId, value));
    expect(version).toBeGreaterThan(0);
  }
  clock.settle();
  expect(changes).toEqual(['closed: ApiVersions was answered UNSUPPORTED_VERSION']);
});

test('an undecodable answer to ApiVersions, and a missing one, end the connection', () => {
  const odd = opened();
  const { correlationId } = odd.broker.received.shift()!;
  const bytes = new Uint8Array(9);
  new DataView(bytes.buffer).setInt32(0, 5);
  new DataView(bytes.buffer).setInt32(4, correlationId);
  odd.broker.bytes(bytes);
  odd.clock.settle();
  expect(odd.changes).toHaveLength(1);
  expect(odd.changes[0]).toMatch(/^closed: /);
  const silent = opened();
  silent.clock.advance(1_000);
  expect(silent.changes).toEqual(['closed: no answer to ApiVersions within 1000 ms']);
});

test('`newest` is the newest version that both sides have, or undefined if they share none', () => {
  const { key, minVersion, maxVersion } = apis.fetch;
  const newest = (min: number, max: number) =>
    new BrokerVersions({ apiKeys: [{ apiKey: key, minVersion: min, maxVersion: max }] }).newest(apis.fetch);
  expect(newest(0, 999)).toBe(maxVersion);
  expect(newest(0, minVersion)).toBe(minVersion);
  expect(newest(0, minVersion - 1)).toBeUndefined();
  expect(newest(maxVersion + 1, maxVersion + 5)).toBeUndefined();
});
