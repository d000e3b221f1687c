/** Goal: flush.ms limits how long records stay unflushed. Method: one replica alone, with a manual clock. */
import { expect, test } from 'vitest';
import { LoneReplica } from '../support/lone-replica.ts';

test('the log flushes appended records when flush.ms is over, and not before', () => {
  const replica = new LoneReplica({ flushMs: 1000 });
  const { log } = replica.partition;
  replica.produce(1);
  replica.clock.advance(600);
  replica.produce(1);
  replica.clock.advance(399);
  expect(log.recoveryPoint).toBe(0);
  replica.clock.advance(1);
  expect(log.recoveryPoint).toBe(2);
  // The next append starts a new deadline.
  replica.clock.advance(5000);
  replica.produce(1);
  replica.clock.advance(999);
  expect(log.recoveryPoint).toBe(2);
  replica.clock.advance(1);
  expect(log.recoveryPoint).toBe(3);
});

test('a follower flushes by time, too', () => {
  const leader = new LoneReplica();
  leader.produce(1);
  const bytes = leader.partition.log.read({
    fromOffset: 0,
    endOffsetMax: 1,
    maxBytes: 1000,
    atLeastOneBatch: true,
  }).chunks[0]!;
  const replica = new LoneReplica({ flushMs: 100 });
  replica.decide({ leader: 2 });
  replica.partition.appendAsFollower(bytes);
  replica.clock.advance(100);
  expect(replica.partition.log.recoveryPoint).toBe(1);
});

test('a changed setting applies at once to unflushed records; a closed replica flushes nothing', () => {
  const replica = new LoneReplica();
  const { log } = replica.partition;
  replica.produce(1);
  replica.clock.advance(100_000);
  expect(log.recoveryPoint).toBe(0);
  replica.configure({ flushMs: 50 });
  replica.clock.advance(50);
  expect(log.recoveryPoint).toBe(1);
  replica.produce(1);
  replica.configure({ flushMs: 60_000 });
  replica.clock.advance(50);
  expect(log.recoveryPoint).toBe(1);
  replica.configure({ flushMs: Number.POSITIVE_INFINITY });
  replica.clock.advance(60_000);
  expect(log.recoveryPoint).toBe(1);
  replica.configure({ flushMs: 50 });
  replica.partition.close(-1);
  replica.clock.advance(60_000);
  expect(log.recoveryPoint).toBe(1);
});
