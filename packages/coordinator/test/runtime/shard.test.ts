/**
 * Goal: a shard accepts only decisions that can reach the log, and lets a machine answer only when they are
 * committed.
 */
import { ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { nameOf, record } from '../support/counter-machine.ts';
import { RuntimeHost } from '../support/runtime-host.ts';

function manual(config = {}) {
  const host = new RuntimeHost(config);
  const machine = host.active();
  host.partitions.commits = false;
  return { host, machine, partitions: host.partitions };
}

test('a decision is replayed within write, and answered when it is committed', () => {
  const { host, machine, partitions } = manual();
  const answers = host.increment(machine, 'a');
  expect(machine.counters.get('a')).toBe(1);
  expect(machine.port.lastWrite).toBe(1);
  host.clock.advance(100);
  expect(answers).toEqual([]);
  partitions.settle(0);
  host.clock.advance(0);
  expect(answers).toEqual([1]);
});

test('a write without records makes no decision', () => {
  const { host, machine, partitions } = manual();
  expect(machine.port.write([])).toBe(ErrorCode.NONE);
  host.clock.settle();
  expect([machine.port.lastWrite, partitions.contents(0)]).toEqual([0, []]);
});

test('records of one decision stay together', () => {
  const { host, machine, partitions } = manual();
  partitions.batchBytesMax = 120;
  for (let i = 0; i < 6; i++) machine.port.write([record(`left-${i}`, '1'), record(`right-${i}`, '1')]);
  host.clock.advance(10);
  for (const texts of partitions.contents(0)) {
    expect(texts.length % 2).toBe(0);
    expect(texts[0]).toMatch(/^left/);
  }
  expect(partitions.contents(0).flat()).toHaveLength(12);
});

test('under min ISR a decision is refused, and nothing is replayed', () => {
  const { host, machine, partitions } = manual();
  partitions.refusal = ErrorCode.NOT_ENOUGH_REPLICAS;
  expect(host.increment(machine, 'a')).toEqual(['COORDINATOR_NOT_AVAILABLE']);
  expect(machine.counters.size).toBe(0);
  expect(machine.port.lastWrite).toBe(0);
  partitions.refusal = ErrorCode.NONE;
  partitions.commits = true;
  const answers = host.increment(machine, 'a');
  host.clock.settle();
  expect(answers).toEqual([1]);
});

test('while more than waitingBytesMax bytes are not committed, decisions are refused', () => {
  const { host, machine, partitions } = manual({ waitingBytesMax: 500 });
  const answers = Array.from({ length: 10 }, () => host.increment(machine, 'a', 'x'.repeat(100)));
  expect(answers.slice(0, 4)).toEqual([[], [], [], []]);
  expect(answers.slice(4).flat()).toEqual(Array(6).fill('COORDINATOR_NOT_AVAILABLE'));
  expect(machine.counters.get('a')).toBe(4);
  host.clock.advance(20);
  expect(host.increment(machine, 'a')).toEqual(['COORDINATOR_NOT_AVAILABLE']);
  partitions.settle(0);
  host.clock.settle();
  expect(answers.slice(0, 4)).toEqual([[1], [2], [3], [4]]);
  expect(host.increment(machine, 'a')).toEqual([]);
});

test('a decision that is larger than a batch is refused', () => {
  const { host, machine, partitions } = manual();
  partitions.batchBytesMax = 200;
  expect(host.increment(machine, 'a', 'x'.repeat(129))).toEqual(['UNKNOWN_SERVER_ERROR']);
  expect(machine.counters.size).toBe(0);
  // 61 bytes of the batch header, 11 of the record, and 128 of padding.
  expect(host.increment(machine, 'a', 'x'.repeat(128))).toEqual([]);
  host.clock.settle();
  expect(partitions.log(0).map(({ length }) => length)).toEqual([200]);
});

test('after offsets.commit.timeout.ms an answer is COORDINATOR_NOT_AVAILABLE, and the decision stays', () => {
  const { host, machine, partitions } = manual({ commitTimeoutMs: 700 });
  const answers = host.increment(machine, 'a');
  host.clock.advance(699);
  expect(answers).toEqual([]);
  host.clock.advance(1);
  expect(answers).toEqual(['COORDINATOR_NOT_AVAILABLE']);
  partitions.settle(0);
  host.clock.advance(0);
  expect(answers).toHaveLength(1);
  expect(host.runtime.shardFor('')).toBe(machine);
  expect(machine.counters.get('a')).toBe(1);
});

test('whenCommitted calls back within the call if the decision is committed already', () => {
  const { host, machine, partitions } = manual();
  host.increment(machine, 'a');
  host.clock.settle();
  partitions.settle(0);
  host.clock.settle();
  host.increment(machine, 'b');
  const heard: string[] = [];
  for (const write of [0, 1, 2])
    machine.port.whenCommitted(write, (code) => heard.push(`${write} ${nameOf(code)}`));
  expect(heard).toEqual(['0 NONE', '1 NONE']);
});

test('without a lease the shard reports no commit, because another broker may have made decisions meanwhile', () => {
  const { host, machine, partitions } = manual();
  partitions.hasLease = false;
  const heard: string[] = [];
  const wait = () => machine.port.whenCommitted(0, (code) => heard.push(nameOf(code)));
  wait();
  wait();
  host.clock.advance(100);
  expect(heard).toEqual([]);
  partitions.hasLease = true;
  partitions.settle(0);
  host.clock.settle();
  expect(heard).toEqual(['NONE', 'NONE']);
  partitions.hasLease = false;
  wait();
  host.clock.advance(5000);
  expect(heard[2]).toBe('COORDINATOR_NOT_AVAILABLE');
  wait();
  partitions.resign(0);
  expect(heard[3]).toBe('NOT_COORDINATOR');
});

test('a lease that ends between the commit and the answer delays the answer', () => {
  const { host, machine, partitions } = manual();
  const answers = host.increment(machine, 'a');
  host.clock.settle();
  partitions.settle(0);
  partitions.hasLease = false;
  host.clock.advance(100);
  expect(answers).toEqual([]);
  partitions.settle(0);
  host.clock.advance(100);
  expect(answers).toEqual([]);
  partitions.hasLease = true;
  partitions.settle(0);
  host.clock.settle();
  expect(answers).toEqual([1]);
});

test('a machine may write within loaded()', () => {
  const host = new RuntimeHost();
  host.partitions.lead(0);
  const answers: (number | string)[] = [];
  const machine = host.machines[0]!;
  machine.onLoaded = () => machine.increment('a', (answer) => answers.push(answer));
  host.clock.advance(10);
  expect(answers).toEqual([1]);
});

test('a machine must not write while it loads, or within replay()', () => {
  const host = new RuntimeHost();
  host.partitions.lead(0);
  const machine = host.machines[0]!;
  expect(() => machine.port.write([record('a', '1')])).toThrow('loaded');
  host.clock.advance(10);
  machine.replay = () => {
    machine.port.write([record('b', '1')]);
  };
  expect(() => machine.port.write([record('a', '1')])).toThrow('within replay');
});

test('a timer runs once, in a later turn, but not if it is cancelled or if its shard has ended', () => {
  const { host, machine, partitions } = manual();
  const heard: string[] = [];
  machine.port.after(10, () => heard.push('first'));
  const cancel = machine.port.after(10, () => heard.push('cancelled'));
  machine.port.after(0, () => heard.push('at once'));
  cancel();
  expect(heard).toEqual([]);
  host.clock.advance(10);
  expect(heard).toEqual(['at once', 'first']);
  machine.port.after(10, () => heard.push('too late'));
  partitions.resign(0);
  machine.port.after(10, () => heard.push('after the end'))();
  machine.port.after(10, () => heard.push('after the end'));
  host.clock.advance(100);
  expect(heard).toHaveLength(2);
});

test('a slice of an ended shard does not run, and does not delay the slices of another shard', () => {
  const { host, machine, partitions } = manual();
  partitions.lead(1);
  host.clock.advance(10);
  const other = host.machines.at(-1)!;
  const heard: string[] = [];
  machine.port.inOwnTurn(0, () => heard.push('at once'));
  machine.port.inOwnTurn(0, () => heard.push('waits'));
  machine.port.inOwnTurn(10, () => heard.push('too late'));
  other.port.inOwnTurn(0, () => heard.push('other'));
  expect(heard).toEqual(['at once']);
  partitions.resign(0);
  machine.port.inOwnTurn(0, () => heard.push('after the end'));
  host.clock.advance(1);
  expect(heard).toEqual(['at once', 'other']);
  host.clock.advance(100);
  expect(heard).toHaveLength(2);
});

test('a slice does not run if it is cancelled before it is due, or while it waits for its turn', () => {
  const { host, machine } = manual();
  const heard: string[] = [];
  machine.port.inOwnTurn(0, () => heard.push('at once'))();
  const cancelWaiting = machine.port.inOwnTurn(0, () => heard.push('waits'));
  const cancelLater = machine.port.inOwnTurn(5, () => heard.push('later'));
  machine.port.inOwnTurn(5, () => heard.push('last'));
  cancelWaiting();
  cancelLater();
  host.clock.advance(10);
  expect(heard).toEqual(['at once', 'last']);
});

test('when the leadership ends, every answer is NOT_COORDINATOR, and then the machine ends', () => {
  const { host, machine, partitions } = manual();
  const order: string[] = [];
  machine.increment('a', (answer) => order.push(`a ${answer}`));
  host.clock.settle();
  machine.increment('b', (answer) => order.push(`b ${answer}`));
  machine.ended = (errorCode) => order.push(`ended ${nameOf(errorCode)}`);
  partitions.resign(0);
  expect(order).toEqual(['a NOT_COORDINATOR', 'b NOT_COORDINATOR', 'ended NOT_COORDINATOR']);
  host.clock.advance(100);
  // Decision b waited for the batch in flight. The ended shard does not append it.
  expect(partitions.contents(0)).toEqual([['a=1']]);
  expect(machine.port.write([record('c', '1')])).toBe(ErrorCode.NOT_COORDINATOR);
  const late: string[] = [];
  machine.port.whenCommitted(0, (code) => late.push(nameOf(code)));
  expect(late).toEqual(['NOT_COORDINATOR']);
});

test('before the end of the leadership is reported, decisions are refused, and a failed commit ends the shard', () => {
  const { host, machine, partitions } = manual();
  const answers = host.increment(machine, 'a');
  host.clock.settle();
  partitions.resign(0, false);
  expect(host.increment(machine, 'b')).toEqual(['NOT_COORDINATOR']);
  expect(answers).toEqual([]);
  host.clock.settle();
  expect(answers).toEqual(['NOT_COORDINATOR']);
  expect(machine.calls).toEqual(['loaded', 'ended NOT_COORDINATOR']);
  partitions.tellEnd(0, 0);
  expect(machine.calls).toHaveLength(2);
  host.clock.advance(10_000);
  expect(host.machines).toHaveLength(1);
});
