/**
 * Goal: if the log refuses records that a machine has already replayed, the runtime drops the machine, and
 * loads the partition again into a new one.
 */
import { ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { RuntimeHost } from '../support/runtime-host.ts';

test('after a refused append the waiters get errors, and the partition is loaded again from the log', () => {
  const host = new RuntimeHost();
  const { partitions } = host;
  const first = host.active();
  partitions.commits = false;
  const inFlight = host.increment(first, 'a');
  host.clock.advance(1);
  partitions.appendError = ErrorCode.NOT_ENOUGH_REPLICAS;
  const refused = host.increment(first, 'b');
  host.clock.advance(10);
  // The batch in flight may still be committed. The refused batch is not in the log.
  expect([inFlight, refused]).toEqual([['NOT_COORDINATOR'], ['COORDINATOR_NOT_AVAILABLE']]);
  expect(first.calls).toEqual(['loaded', 'ended NOT_COORDINATOR']);
  expect(host.runtime.shardFor('')).toBe(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS);
  expect(host.logger.events.at(-1)).toMatchObject({
    level: 'warn',
    event: 'coordinator-append-refused',
    facts: { partition: 0, errorCode: ErrorCode.NOT_ENOUGH_REPLICAS, decisions: 1, delayMs: 0 },
  });
  host.clock.advance(50);
  // The batch in flight is not committed yet.
  expect(host.runtime.shardFor('')).toBe(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS);
  partitions.appendError = ErrorCode.NONE;
  partitions.commits = true;
  partitions.settle(0);
  host.clock.advance(5);
  const second = host.machines[1]!;
  expect(host.runtime.shardFor('')).toBe(second);
  expect([...second.counters]).toEqual([['a', 1]]);
  expect([inFlight, refused].flat()).toHaveLength(2);
});

test('if an append fails, the client gets NOT_COORDINATOR (storage error) or UNKNOWN_SERVER_ERROR (batch too large)', () => {
  for (const [logError, answer] of [
    [ErrorCode.KAFKA_STORAGE_ERROR, 'NOT_COORDINATOR'],
    [ErrorCode.MESSAGE_TOO_LARGE, 'UNKNOWN_SERVER_ERROR'],
  ] as const) {
    const host = new RuntimeHost();
    const machine = host.active();
    host.partitions.appendError = logError;
    const answers = host.increment(machine, 'a');
    host.clock.advance(10);
    expect(answers).toEqual([answer]);
    expect(host.runtime.shards().machines).toEqual([host.machines[1]]);
  }
});

test('if the log refuses each append, the first new load begins at once, the next ones after 100 ms, 200 ms, up to 5 s', () => {
  const host = new RuntimeHost();
  host.active();
  host.partitions.appendError = ErrorCode.KAFKA_STORAGE_ERROR;
  const refuseOnce = () => {
    while (typeof host.runtime.shardFor('') === 'number') host.clock.advance(10);
    host.increment(host.machines.at(-1)!, 'a');
    host.clock.settle();
  };
  for (let i = 0; i < 9; i++) refuseOnce();
  const delays = () =>
    host.logger.events
      .filter(({ event }) => event === 'coordinator-append-refused')
      .map(({ facts }) => facts.delayMs);
  expect(delays()).toEqual([0, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
  // After a commit the delays begin again at 0.
  host.partitions.appendError = ErrorCode.NONE;
  refuseOnce();
  host.partitions.appendError = ErrorCode.KAFKA_STORAGE_ERROR;
  refuseOnce();
  expect(delays().at(-1)).toBe(0);
});

test('the end of the leadership cancels the next attempt to load', () => {
  const host = new RuntimeHost();
  host.partitions.readErrors.push(ErrorCode.KAFKA_STORAGE_ERROR);
  host.partitions.lead(0);
  host.clock.advance(50);
  host.partitions.resign(0);
  host.clock.advance(10_000);
  expect(host.machines).toHaveLength(1);
});
