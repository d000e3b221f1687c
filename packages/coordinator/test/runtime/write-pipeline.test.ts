/**
 * Goal: the decisions of a turn are in one batch. While that batch is in flight, later decisions gather in
 * the next one.
 */
import { ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { RuntimeHost } from '../support/runtime-host.ts';

/** A host with a loaded machine. Nothing is committed until the test calls `settle`. */
function manual(config = {}) {
  const host = new RuntimeHost(config);
  const machine = host.active();
  host.partitions.commits = false;
  return { host, machine, partitions: host.partitions };
}

test('all decisions of a turn become one batch at the end of the turn', () => {
  const { host, machine, partitions } = manual();
  host.increment(machine, 'a');
  host.increment(machine, 'b');
  host.increment(machine, 'a');
  expect(partitions.contents(0)).toEqual([]);
  host.clock.settle();
  expect(partitions.contents(0)).toEqual([['a=1', 'b=1', 'a=2']]);
});

test('while a batch is in flight, decisions gather; the shard appends them when that batch is committed', () => {
  const { host, machine, partitions } = manual();
  const first = host.increment(machine, 'a');
  host.clock.settle();
  const second = host.increment(machine, 'a');
  host.clock.settle();
  const third = host.increment(machine, 'a');
  host.clock.advance(5);
  expect(partitions.contents(0)).toEqual([['a=1']]);
  partitions.settle(0);
  host.clock.settle();
  expect(partitions.contents(0)).toEqual([['a=1'], ['a=2', 'a=3']]);
  expect([first, second, third]).toEqual([[1], [], []]);
  partitions.settle(0);
  host.clock.settle();
  expect([first, second, third]).toEqual([[1], [2], [3]]);
});

test('a decision waits at most 10 ms for the batch in flight', () => {
  const { host, machine, partitions } = manual();
  host.increment(machine, 'a');
  host.clock.advance(3);
  host.increment(machine, 'a');
  host.clock.advance(4);
  host.increment(machine, 'a');
  host.clock.advance(5);
  expect(partitions.contents(0)).toEqual([['a=1']]);
  host.clock.advance(1);
  expect(partitions.contents(0)).toEqual([['a=1'], ['a=2', 'a=3']]);
  host.increment(machine, 'a');
  host.clock.advance(9);
  expect(partitions.contents(0)).toHaveLength(2);
  host.clock.advance(1);
  expect(partitions.contents(0)).toEqual([['a=1'], ['a=2', 'a=3'], ['a=4']]);
});

test('a full batch is appended at the end of the turn, and no batch exceeds the limit', () => {
  const { host, machine, partitions } = manual();
  partitions.batchBytesMax = 300;
  const answers = Array.from({ length: 20 }, () => host.increment(machine, 'key', 'x'.repeat(50)));
  host.clock.settle();
  const sizes = () => partitions.log(0).map(({ length }) => length);
  // The last batch is not full, and waits.
  expect(partitions.contents(0).flat()).toHaveLength(18);
  host.clock.advance(10);
  expect(partitions.contents(0).flat()).toHaveLength(20);
  for (const size of sizes()) expect(size).toBeLessThanOrEqual(300);
  expect(
    sizes()
      .slice(0, -1)
      .every((size) => size > 230),
  ).toBe(true);
  partitions.settle(0);
  host.clock.settle();
  expect(answers.flat()).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
});

test('the commit of a batch answers its decisions, but not those of a later batch', () => {
  const { host, machine, partitions } = manual();
  const answers = [host.increment(machine, 'a')];
  host.clock.advance(10);
  answers.push(host.increment(machine, 'a'));
  host.clock.advance(10);
  expect(partitions.log(0)).toHaveLength(2);
  partitions.settle(0, ErrorCode.NONE, 1);
  host.clock.settle();
  expect(answers).toEqual([[1], []]);
  partitions.settle(0);
  host.clock.settle();
  expect(answers).toEqual([[1], [2]]);
});

test('a batch whose append ends with NOT_ENOUGH_REPLICAS_AFTER_APPEND is committed', () => {
  const { host, machine, partitions } = manual();
  const answers = host.increment(machine, 'a');
  host.clock.settle();
  partitions.settle(0, ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND);
  host.clock.settle();
  expect(answers).toEqual([1]);
  expect(host.runtime.shardFor('')).toBe(machine);
});

test('a decision that a machine makes while it answers goes into the next batch', () => {
  const { host, machine, partitions } = manual();
  const inner: (number | string)[] = [];
  machine.increment('a', () => machine.increment('b', (answer) => inner.push(answer)));
  host.clock.settle();
  partitions.settle(0);
  host.clock.settle();
  expect(partitions.contents(0)).toEqual([['a=1'], ['b=1']]);
  partitions.settle(0);
  host.clock.settle();
  expect(inner).toEqual([1]);
});
