/**
 * Goal: the runtime has one machine for each leadership of a partition of its topic, and finds the machine
 * that is responsible for a key.
 */

import { MetadataImage } from '@millrace/metadata';
import { ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { keyPartition } from '../../src/index.ts';
import { nameOf } from '../support/counter-machine.ts';
import { PARTITIONS, RuntimeHost } from '../support/runtime-host.ts';

function found(host: RuntimeHost, key: string): string | number {
  const machine = host.runtime.shardFor(key);
  return typeof machine === 'number' ? nameOf(machine) : machine.partition;
}

test('a key finds the machine of its partition, or the reason why there is none', () => {
  const host = new RuntimeHost();
  const keys = ['group-a', 'group-b', 'group-c', 'group-d', 'group-e', 'group-f'];
  expect(found(host, 'group-a')).toBe('NOT_COORDINATOR');
  for (let index = 0; index < PARTITIONS; index++) host.partitions.lead(index);
  expect(found(host, 'group-a')).toBe('COORDINATOR_LOAD_IN_PROGRESS');
  host.clock.advance(10);
  for (const key of keys) {
    expect(found(host, key)).toBe(keyPartition(key, PARTITIONS));
  }
  host.partitions.resign(keyPartition('group-a', PARTITIONS));
  expect(found(host, 'group-a')).toBe('NOT_COORDINATOR');
});

test('while the topic is unknown, no broker is the coordinator', () => {
  const host = new RuntimeHost();
  host.image = MetadataImage.EMPTY;
  expect(found(host, 'a')).toBe('NOT_COORDINATOR');
});

test('leaderships of other topics are ignored', () => {
  const host = new RuntimeHost();
  host.partitions.lead(0, 0, 'events');
  host.clock.advance(10);
  expect(host.machines).toEqual([]);
});

test('a new leadership gets a new machine, even if nobody reported the end of the earlier leadership', () => {
  const host = new RuntimeHost();
  const first = host.active();
  host.partitions.resign(0, false);
  host.partitions.lead(0, 3);
  expect(first.calls).toEqual(['loaded', 'ended NOT_COORDINATOR']);
  host.clock.advance(10);
  expect(host.runtime.shardFor('')).toBe(host.machines[1]);
  // A late report that the earlier leadership ended does not end the new machine.
  host.partitions.tellEnd(0, 0);
  expect(host.runtime.shardFor('')).toBe(host.machines[1]);
});

test('shards lists the loaded machines, and says whether another partition is being loaded', () => {
  const host = new RuntimeHost();
  expect(host.runtime.shards()).toEqual({ machines: [], isLoading: false });
  host.partitions.lead(2);
  host.clock.advance(10);
  host.partitions.lead(1);
  expect(host.runtime.shards()).toEqual({ machines: [host.machines[0]], isLoading: true });
  host.clock.advance(10);
  expect(host.runtime.shards().machines.map(({ partition }) => partition)).toEqual([1, 2]);
  expect(host.runtime.shards().isLoading).toBe(false);
});

test('only loaded machines learn of new metadata', () => {
  const host = new RuntimeHost();
  host.publish();
  const machine = host.active();
  host.partitions.lead(1);
  host.publish();
  const { offset } = host.image;
  host.partitions.resign(0);
  host.publish();
  expect(machine.calls).toEqual(['loaded', `metadata ${offset}`, 'ended NOT_COORDINATOR']);
  expect(host.machines[1]!.calls).toEqual([]);
});

test('stop answers every waiting request with the given error, and nothing happens afterwards', () => {
  const host = new RuntimeHost();
  const machine = host.active();
  host.partitions.commits = false;
  const answers = host.increment(machine, 'a');
  machine.port.after(5, () => machine.calls.push('timer'));
  host.runtime.stop(ErrorCode.COORDINATOR_NOT_AVAILABLE);
  host.runtime.stop(ErrorCode.COORDINATOR_NOT_AVAILABLE);
  expect(answers).toEqual(['COORDINATOR_NOT_AVAILABLE']);
  expect(machine.calls).toEqual(['loaded', 'ended COORDINATOR_NOT_AVAILABLE']);
  expect(found(host, 'a')).toBe('COORDINATOR_NOT_AVAILABLE');
  expect(host.partitions.isWatched).toBe(false);
  host.clock.advance(10_000);
  host.publish();
  expect(host.partitions.contents(0)).toEqual([]);
  expect(machine.calls).toHaveLength(2);
  expect(answers).toHaveLength(1);
});
