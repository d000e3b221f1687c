import { expect, it } from 'vitest';
import { MemberTimers } from '../../src/consumer/timers.ts';
import { FakeShardPort } from '../../src/testing/index.ts';
import { PausedPort } from '../support/paused-port.ts';

function bench() {
  const port = new FakeShardPort();
  const lines: string[] = [];
  const timers = new MemberTimers(
    port,
    (memberId) => lines.push(`${memberId} expired at ${port.now()}`),
    (memberId, duty) => lines.push(`${memberId} did not ${duty} at ${port.now()}`),
  );
  const start = port.now();
  return { port, timers, lines, start };
}

it('extends a session with each heartbeat, and never has more than one timer for it', () => {
  const { port, timers, lines, start } = bench();
  for (let i = 0; i < 5; i++) {
    timers.extendSession('m', 100);
    expect(port.timerCount).toBe(1);
    port.advance(50);
  }
  port.advance(49);
  expect(lines).toEqual([]);
  port.advance(1);
  expect(lines).toEqual([`m expired at ${start + 300}`]);
});

it('ends a session earlier if it is extended with a shorter timeout', () => {
  const { port, timers, lines, start } = bench();
  timers.extendSession('m', 100);
  timers.extendSession('m', 10);
  port.advance(10);
  expect(lines).toEqual([`m expired at ${start + 10}`]);
});

it('expectStill keeps the first deadline of a duty', () => {
  const { port, timers, lines, start } = bench();
  timers.expectStill('m', 'join', 100);
  port.advance(60);
  timers.expectStill('m', 'join', 100);
  timers.expect('m', 'sync', 100);
  port.advance(100);
  expect(lines).toEqual([`m did not join at ${start + 100}`, `m did not sync at ${start + 160}`]);
});

it('forgets the deadlines of a removed member, and the deadline of a duty that is done', () => {
  const { port, timers, lines } = bench();
  timers.extendSession('m', 100);
  timers.expect('m', 'revoke', 100);
  timers.expect('n', 'revoke', 100);
  timers.remove('m');
  timers.fulfil('n', 'revoke');
  port.advance(1_000);
  expect(lines).toEqual([]);
});

it('sets no timer after end()', () => {
  const { port, timers, lines } = bench();
  timers.extendSession('m', 100);
  timers.end();
  timers.extendSession('m', 100);
  timers.expect('m', 'join', 100);
  expect(port.timerCount).toBe(0);
  port.advance(1_000);
  expect(lines).toEqual([]);
});

it('keeps a member whose heartbeat waited while the process stood still', () => {
  const port = new PausedPort();
  const lines: string[] = [];
  const timers = new MemberTimers(
    port,
    (memberId) => lines.push(`${memberId} expired`),
    (memberId, duty) => lines.push(`${memberId} did not ${duty}`),
  );
  for (const memberId of ['alive', 'dead']) {
    timers.extendSession(memberId, 100);
    timers.expect(memberId, 'revoke', 100);
  }
  port.pause(5_000);
  expect(lines).toEqual([]);
  timers.extendSession('alive', 10_000);
  timers.fulfil('alive', 'revoke');
  port.run(2_000);
  expect(lines).toEqual(['dead expired', 'dead did not revoke']);
});
