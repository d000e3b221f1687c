/**
 * Goal: a shard serves requests from exactly the committed records of the partition, or serves no requests.
 */
import { buildBatch, Compression, ErrorCode, type NewBatch } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import { expect, test } from 'vitest';
import { nameOf, record } from '../support/counter-machine.ts';
import { RuntimeHost } from '../support/runtime-host.ts';

/** A batch of `key=value` records; the value `null` is a tombstone. */
function batch(texts: readonly string[], more: Partial<NewBatch> = {}): Uint8Array {
  const records = texts.map((text) => {
    const [key, value] = text.split('=') as [string, string];
    return record(key, value === 'null' ? null : value);
  });
  return buildBatch({ baseTimestamp: 0, records, codecs: compressionCodecs, ...more });
}

function stateOf(host: RuntimeHost): string {
  const found = host.runtime.shardFor('');
  return typeof found === 'number' ? nameOf(found) : 'active';
}

function load(batches: readonly Uint8Array[]): RuntimeHost {
  const host = new RuntimeHost();
  for (const one of batches) host.partitions.put(0, one);
  host.partitions.lead(0);
  host.clock.advance(50);
  return host;
}

const entries = (host: RuntimeHost) => [...host.machines.at(-1)!.counters];

test('the shard loads the log in slices, and refuses requests meanwhile', () => {
  const host = new RuntimeHost();
  for (const text of ['a=1', 'b=1', 'a=2']) host.partitions.put(0, batch([text]));
  host.partitions.lead(0);
  const states: string[] = [];
  for (let turn = 0; turn < 5; turn++) {
    states.push(stateOf(host));
    host.clock.advance(1);
  }
  expect(states).toEqual([...Array(4).fill('COORDINATOR_LOAD_IN_PROGRESS'), 'active']);
  expect(entries(host)).toEqual([
    ['a', 2],
    ['b', 1],
  ]);
  expect(host.machines[0]!.calls).toEqual(['loaded']);
  expect(host.logger.events.at(-1)).toMatchObject({
    level: 'info',
    event: 'coordinator-loaded',
    facts: {
      topic: '__consumer_offsets',
      partition: 0,
      leaderEpoch: 0,
      records: 3,
      endOffset: 3,
      durationMs: 4,
    },
  });
});

test('a load begins at the log start offset, and replays tombstones', () => {
  const host = new RuntimeHost();
  for (const text of ['a=1', 'b=1', 'b=null', 'c=4']) host.partitions.put(0, batch([text]));
  host.partitions.startOffset = 1;
  host.partitions.lead(0);
  host.clock.advance(50);
  expect(entries(host)).toEqual([['c', 4]]);
});

test.each(Object.entries(Compression))(
  'a load reads batches with the compression %s',
  (_name, compression) => {
    const host = load([batch(['a=1', 'b=2'], { compression }), batch(['a=7'], { compression })]);
    expect(entries(host)).toEqual([
      ['a', 7],
      ['b', 2],
    ]);
  },
);

test('a load skips control batches and batches of a transaction', () => {
  const producer = { producerId: 9, producerEpoch: 0, baseSequence: 0 };
  const host = load([
    batch(['a=1']),
    batch(['a=2'], { ...producer, isTransactional: true }),
    batch(['b=3'], { ...producer, isTransactional: true, isControl: true }),
    batch(['c=4'], producer),
  ]);
  expect(entries(host)).toEqual([
    ['a', 1],
    ['c', 4],
  ]);
});

test('a load waits until all records that it read are committed', () => {
  const host = new RuntimeHost();
  host.partitions.commits = false;
  host.partitions.put(0, batch(['a=1']));
  host.partitions.lead(0);
  host.clock.advance(1000);
  expect(stateOf(host)).toBe('COORDINATOR_LOAD_IN_PROGRESS');
  expect(host.machines[0]!.calls).toEqual([]);
  host.partitions.settle(0);
  host.clock.advance(0);
  expect(stateOf(host)).toBe('active');
});

test.each(['OFFSET_OUT_OF_RANGE', 'KAFKA_STORAGE_ERROR'] as const)(
  'when a read fails with %s, the broker loads again with a new machine: after 100 ms, then 200 ms, up to 5 s',
  (name) => {
    const host = new RuntimeHost();
    host.partitions.put(0, batch(['a=1']));
    // Each attempt reads one batch, and then fails.
    for (let attempt = 0; attempt < 8; attempt++) host.partitions.readErrors.push(0, ErrorCode[name]);
    host.partitions.lead(0);
    host.clock.advance(25_000);
    const delays = host.logger.events.filter(({ event }) => event === 'coordinator-load-retried');
    expect(delays.map(({ facts }) => facts.delayMs)).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    expect(delays[0]!.facts.errorCode).toBe(ErrorCode[name]);
    expect(stateOf(host)).toBe('active');
    expect(host.machines).toHaveLength(9);
    expect(entries(host)).toEqual([['a', 1]]);
    expect(host.machines.slice(0, -1).every(({ calls }) => calls.length === 0)).toBe(true);
  },
);

test('a record that cannot be decoded makes the broker refuse the partition until the next leadership', () => {
  const host = load([batch(['a=1']), batch(['b=1', 'unreadable=1', 'c=1']), batch(['d=1'])]);
  expect(stateOf(host)).toBe('NOT_COORDINATOR');
  expect(host.runtime.shards()).toEqual({ machines: [], isLoading: false });
  expect(host.machines[0]!.calls).toEqual([]);
  expect(host.machines[0]!.counters.has('d')).toBe(false);
  expect(host.logger.events.at(-1)).toMatchObject({
    level: 'error',
    event: 'coordinator-load-failed',
    facts: { partition: 0, offset: 2, reason: 'not a counter' },
  });
  host.clock.advance(60_000);
  expect(host.machines).toHaveLength(1);
  host.partitions.resign(0);
  host.partitions.logs.set(0, []);
  host.partitions.lead(0, 1);
  host.clock.advance(50);
  expect(stateOf(host)).toBe('active');
});

test('a batch with a wrong checksum is not replayed, and the leader asks for another leader', () => {
  const damaged = batch(['b=1']);
  damaged[damaged.length - 2]! ^= 1;
  const host = load([batch(['a=1']), damaged]);
  expect(stateOf(host)).toBe('NOT_COORDINATOR');
  expect(host.partitions.corruptions).toEqual(['the checksum of the batch at offset 1 is wrong']);
  expect(entries(host)).toEqual([['a', 1]]);
});

test('a record without a key makes the load fail', () => {
  const host = load([buildBatch({ baseTimestamp: 0, records: [{ key: null, value: null }] })]);
  expect(host.events()).toContain('coordinator-load-failed');
});

test('the end of the leadership ends a load, and the machine gets no call', () => {
  const host = new RuntimeHost();
  for (const text of ['a=1', 'b=1', 'c=1']) host.partitions.put(0, batch([text]));
  host.partitions.lead(0);
  host.clock.advance(2);
  host.partitions.resign(0);
  host.clock.advance(1000);
  expect(stateOf(host)).toBe('NOT_COORDINATOR');
  expect(host.machines[0]!.counters.size).toBe(2);
  expect(host.machines[0]!.calls).toEqual([]);
});

test('the end of the leadership while the load waits for the commit ends the load', () => {
  const host = new RuntimeHost();
  host.partitions.commits = false;
  host.partitions.put(0, batch(['a=1']));
  host.partitions.lead(0);
  host.clock.advance(50);
  host.partitions.resign(0, false);
  host.clock.advance(50);
  expect(stateOf(host)).toBe('COORDINATOR_LOAD_IN_PROGRESS');
  host.partitions.tellEnd(0, 0);
  expect(stateOf(host)).toBe('NOT_COORDINATOR');
  expect(host.machines[0]!.calls).toEqual([]);
});

test('if the leadership has already ended, the partition counts as loading until the broker reports this end', () => {
  const host = new RuntimeHost();
  host.partitions.lead(0);
  host.partitions.resign(0, false);
  host.clock.advance(50);
  expect(stateOf(host)).toBe('COORDINATOR_LOAD_IN_PROGRESS');
  host.partitions.tellEnd(0, 0);
  expect(stateOf(host)).toBe('NOT_COORDINATOR');
});
