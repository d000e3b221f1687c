import { ErrorCode } from '@millrace/protocol';
import { expect, it } from 'vitest';
import { assignAll, Subject, stable, text } from '../support/classic-group.ts';

it('waits for the initial delay when the group was empty', () => {
  const s = new Subject({ events: true });
  s.joinNew('a');
  expect(s.lines()).toEqual([
    'write #1 g0 ""/null leader null',
    'a <- join MEMBER_ID_REQUIRED a#1',
    '* rebalance of g0: member-joined a#1',
  ]);
  expect(s.pass(2999)).toEqual([]);
  expect(s.pass(1)).toEqual([
    '* generation 1 of 1 after 3000',
    'a <- join g1 consumer/range a#1 leader a#1 [a#1:a]',
  ]);
});

it('while new members arrive, extends the initial delay by its own length, at most up to the rebalance timeout', () => {
  const s = new Subject();
  const options = { rebalanceTimeoutMs: 7500 };
  s.joinNew('a', options);
  for (const [ms, name] of [
    [1000, 'b'],
    [3000, 'c'],
    [3000, 'd'],
  ] as const) {
    s.pass(ms);
    s.joinNew(name, options);
  }
  expect(s.skip().pass(499)).toEqual([]);
  expect(s.pass(1)).toHaveLength(4);
  expect(s.port.now()).toBe(7500);
});

it('extends the initial delay no further when no new member came', () => {
  const s = new Subject();
  s.joinNew('a');
  s.pass(2000);
  s.joinNew('b');
  s.skip();
  expect(s.pass(3999)).toEqual([]);
  expect(s.pass(1)).toHaveLength(2);
});

it('waits until every member has joined again', () => {
  const s = new Subject();
  const [a, b] = stable(s, 'a', 'b');
  s.joinNew('c');
  s.skip();
  s.join('b', { memberId: b! });
  expect(s.pass(1000)).toEqual([]);
  s.join('a', { memberId: a! });
  expect(s.lines()).toEqual([
    'a <- join g2 consumer/range a#1 leader a#1 [a#1:a b#1:b c#1:c]',
    'b <- join g2 consumer/range b#1 leader a#1',
    'c <- join g2 consumer/range c#1 leader a#1',
  ]);
});

it('waits for pending members, too, until they join or their session timeout ends', () => {
  const s = new Subject();
  const [a] = stable(s, 'a');
  s.join('b', { sessionTimeoutMs: 8000 });
  s.join('a', { memberId: a! });
  s.skip();
  expect(s.pass(7999)).toEqual([]);
  expect(s.pass(1)).toEqual(['a <- join g2 consumer/range a#1 leader a#1 [a#1:a]']);
});

it('waits at most for the largest rebalance timeout, and removes dynamic members that have not joined', () => {
  const s = new Subject({ events: true });
  const ids = ['a', 'b', 'c'].map((name, index) =>
    s.joinNew(name, { rebalanceTimeoutMs: 20_000 + index * 1000, sessionTimeoutMs: 60_000 }),
  );
  s.pass(6000);
  assignAll(s, ['a', 'b', 'c'], ids, 1);
  s.skip();
  s.join('b', {
    memberId: ids[1]!,
    protocols: { range: 'B' },
    rebalanceTimeoutMs: 20_000,
    sessionTimeoutMs: 60_000,
  });
  s.skip();
  expect(s.pass(21_999)).toEqual([]);
  expect(s.pass(1)).toEqual([
    '* removed in g1: rebalance-timeout a#1 after 22000',
    '* removed in g1: rebalance-timeout c#1 after 22000',
    '* generation 2 of 1 after 22000',
    'b <- join g2 consumer/range b#1 leader b#1 [b#1:B]',
  ]);
  s.heartbeat('a', ids[0]!, 1);
  expect(s.lines()).toEqual(['a <- heartbeat UNKNOWN_MEMBER_ID']);
});

it('keeps a static member that has not joined again, with its earlier metadata', () => {
  const s = new Subject({ events: true });
  s.join('a', { instance: 'i', sessionTimeoutMs: 600_000 });
  const b = s.joinNew('b');
  s.pass(6000);
  const [i] = [...s.group.members].map(({ memberId }) => memberId);
  s.sync('a', i!, 1, {});
  s.sync('b', b, 1);
  s.skip();
  s.join('b', { memberId: b, protocols: { range: 'B' } });
  s.skip();
  expect(s.pass(60_000)).toEqual([
    '* generation 2 of 2 after 60000',
    'b <- join g2 consumer/range b#1 leader b#1 [i#1(i):a b#1:B]',
  ]);
});

it('repeats the wait when no member has joined', () => {
  const s = new Subject({ events: true });
  s.join('a', { instance: 'i', sessionTimeoutMs: 100_000 });
  s.pass(3000);
  const [i] = [...s.group.members].map(({ memberId }) => memberId);
  s.sync('a', i!, 1, {});
  // A dynamic member joins, then leaves: only the static member is left, and it does not join again.
  const b = s.joinNew('b');
  s.leave('b', [{ memberId: b }]);
  s.skip();
  expect(s.pass(60_000)).toEqual([]);
  expect(s.group.state).toBe('PreparingRebalance');
  expect(s.pass(39_999)).toEqual([]);
  expect(s.pass(1)).toEqual([
    '* removed in g1: session-expired i#1 after 100000',
    'write #3 g2 "consumer"/null leader null',
    '* generation 2 of 0 after 100000',
  ]);
});

it('if the leader does not join again, the first member that has joined becomes the leader', () => {
  const s = new Subject();
  const [, b, c] = stable(s, 'a', 'b', 'c');
  s.join('c', { memberId: c!, protocols: { range: 'C' } });
  s.join('b', { memberId: b! });
  s.skip();
  // Member a sends nothing, so its session expires. Of the two others, b is the first.
  expect(s.pass(10_000)).toEqual([
    'b <- join g2 consumer/range b#1 leader b#1 [b#1:b c#1:C]',
    'c <- join g2 consumer/range c#1 leader b#1',
  ]);
});

it('chooses the protocol with the most votes among those that all members support', () => {
  const s = new Subject();
  s.joinNew('a', { protocols: { only: 'a', range: 'a', sticky: 'a' } });
  s.joinNew('b', { protocols: { sticky: 'b', range: 'b' } });
  s.joinNew('c', { protocols: { sticky: 'c', range: 'c' } });
  s.skip();
  expect(s.pass(6000)[0]).toBe('a <- join g1 consumer/sticky a#1 leader a#1 [a#1:a b#1:b c#1:c]');
});

it('removes a new member when its join is parked for five minutes, and answers UNKNOWN_MEMBER_ID', () => {
  const s = new Subject({ events: true });
  s.joinNew('a', { rebalanceTimeoutMs: 1_000_000 });
  s.pass(3000);
  const a = s.group.leaderId!;
  s.sync('a', a, 1, {});
  s.joinNew('b');
  s.skip();
  let lines: string[] = [];
  for (let second = 0; second < 300; second++) {
    s.heartbeat('a', a, 1);
    s.skip();
    lines = s.pass(1000);
  }
  expect(lines).toEqual(['* removed in g1: session-expired b#1 after 300000', 'b <- join UNKNOWN_MEMBER_ID']);
  expect(s.group.state).toBe('PreparingRebalance');
});

it('pauses the session of a member whose call is parked', () => {
  const s = new Subject();
  const [a, b] = stable(s, 'a', 'b');
  s.join('a', { memberId: a! });
  // Only heartbeats keep the session of b alive.
  for (let second = 0; second < 50; second++) {
    s.heartbeat('b', b!, 1);
    s.pass(1000);
  }
  s.skip();
  s.join('b', { memberId: b! });
  expect(s.lines()[0]).toBe('a <- join g2 consumer/range a#1 leader a#1 [a#1:a b#1:b]');
  expect(s.memberCount).toBe(2);
  // The session continues after the answer.
  s.pass(9999);
  expect(s.memberCount).toBe(2);
  s.pass(1);
  expect(s.memberCount).toBe(0);
});

it('begins a rebalance when a session expires', () => {
  const s = new Subject({ events: true });
  const [a] = stable(s, 'a', 'b');
  s.pass(4000);
  s.heartbeat('a', a!, 1);
  s.skip();
  expect(s.pass(6000)).toEqual([
    '* removed in g1: session-expired b#1 after 10000',
    '* rebalance of g1: session-expired b#1 after 10000',
  ]);
});

it('removes members that do not send SyncGroup within the rebalance timeout', () => {
  const s = new Subject({ events: true });
  const options = { rebalanceTimeoutMs: 9000 };
  const [a, b] = ['a', 'b'].map((name) => s.joinNew(name, options));
  s.pass(6000);
  s.sync('a', a!, 1, { [a!]: 'x', [b!]: 'y' });
  for (let second = 0; second < 8; second++) {
    s.pass(1000);
    s.heartbeat('a', a!, 1);
    s.heartbeat('b', b!, 1);
  }
  s.skip();
  expect(s.group.state).toBe('Stable');
  expect(s.pass(1000)).toEqual([
    '* removed in g1: sync-timeout b#1 after 9000',
    '* rebalance of g1: sync-timeout b#1 after 9000',
  ]);
});

it('answers parked SyncGroups with REBALANCE_IN_PROGRESS when another rebalance begins', () => {
  const s = new Subject({ events: true });
  s.joinNew('a');
  const b = s.joinNew('b');
  s.pass(6000);
  s.sync('b', b, 1);
  s.skip();
  s.joinNew('c');
  expect(s.lines()).toEqual([
    'c <- join MEMBER_ID_REQUIRED c#1',
    '* rebalance of g1: member-joined c#1',
    'b <- sync REBALANCE_IN_PROGRESS',
  ]);
});

it('when the last member is gone, writes the record of the empty group, with the next generation', () => {
  const s = new Subject();
  const [a] = stable(s, 'a');
  expect(s.pass(10_000)).toEqual(['write #3 g2 "consumer"/null leader null']);
  expect([s.group.state, s.group.generation, s.group.protocolType]).toEqual(['Empty', 2, 'consumer']);
  expect(s.group.emptySinceMs).toBe(s.port.wallMs());
  s.heartbeat('a', a!, 2);
  expect(s.lines()).toEqual(['a <- heartbeat UNKNOWN_MEMBER_ID']);
});

it('while the log refuses the record of the empty group, tries again to write it', () => {
  const s = new Subject();
  const [a] = stable(s, 'a');
  s.port.refusal = ErrorCode.COORDINATOR_NOT_AVAILABLE;
  s.leave('a', [{ memberId: a! }]);
  expect(s.lines()).toEqual(['refused g2 "consumer"/null leader null', 'a <- leave NONE a#1:NONE']);
  expect([s.group.state, s.group.generation]).toEqual(['PreparingRebalance', 1]);
  expect(s.pass(1000)).toEqual(['refused g2 "consumer"/null leader null']);
  s.port.refusal = ErrorCode.NONE;
  expect(s.pass(1000)).toEqual(['write #3 g2 "consumer"/null leader null']);
  expect(s.group.isEmpty).toBe(true);
});

it('lets a member join while the log still refuses the record of the empty group', () => {
  const s = new Subject();
  const [a] = stable(s, 'a');
  s.port.refusal = ErrorCode.COORDINATOR_NOT_AVAILABLE;
  s.leave('a', [{ memberId: a! }]);
  s.skip();
  s.joinNew('b');
  expect(s.lines()).toEqual([
    'b <- join MEMBER_ID_REQUIRED b#1',
    'b <- join g2 consumer/range b#1 leader b#1 [b#1:b]',
  ]);
  s.pass(1000);
  expect(s.group.state).toBe('CompletingRebalance');
});

it('keeps a member whose client is gone while its join is parked', () => {
  // The group does not learn that a connection has closed. The parked call stays, and nobody gets the answer.
  const s = new Subject();
  const [a, b] = stable(s, 'a', 'b');
  s.join('a', { memberId: a! });
  s.join('b', { memberId: b! });
  expect(s.lines()).toHaveLength(2);
  expect(s.pass(10_000)).toEqual(['write #3 g3 "consumer"/null leader null']);
});

it('restarts the session of a new member that sends a heartbeat while its join is parked', () => {
  const s = new Subject({ events: true });
  const [a] = stable(s, 'a');
  const b = s.joinNew('b');
  s.heartbeat('b', b, 1);
  s.heartbeat('a', a!, 1);
  s.pass(5000);
  s.heartbeat('a', a!, 1);
  s.skip();
  expect(s.pass(5000)[0]).toBe('* removed in g1: session-expired b#1 after 10000');
});

it('among protocols with equal votes takes the one that got its first vote earlier', () => {
  const s = new Subject();
  s.joinNew('a', { protocols: { sticky: 'a', range: 'a' } });
  s.joinNew('b', { protocols: { range: 'b', sticky: 'b' } });
  s.skip();
  expect(s.pass(6000)[1]).toBe('b <- join g1 consumer/sticky b#1 leader a#1');
});

it('does not wait for the SyncGroup of a member that has left', () => {
  const s = new Subject();
  const options = { rebalanceTimeoutMs: 9000 };
  const [a, b] = ['a', 'b'].map((name) => s.joinNew(name, options));
  s.pass(6000);
  s.leave('b', [{ memberId: b! }]);
  s.join('a', { ...options, memberId: a! });
  s.sync('a', a!, 2);
  for (let second = 0; second < 20; second++) {
    s.heartbeat('a', a!, 2);
    s.pass(1000);
  }
  expect([s.group.state, s.group.generation]).toEqual(['Stable', 2]);
});

it('restarts the session of a member whose SyncGroup another rebalance refuses', () => {
  const s = new Subject({ events: true });
  const [a, b] = ['a', 'b'].map((name) => s.joinNew(name));
  s.pass(6000);
  s.sync('b', b!, 1);
  s.joinNew('c');
  s.join('a', { memberId: a! });
  s.skip();
  expect(s.pass(10_000)[0]).toBe('* removed in g1: session-expired b#1 after 10000');
});

it('forgets the earlier assignments when another rebalance begins before the leader has assigned', () => {
  const s = new Subject();
  const [a] = stable(s, 'a');
  s.joinNew('b');
  expect(text(s.group.describe().members[0]!.memberAssignment)).toBe('a1');
  s.join('a', { memberId: a! });
  s.joinNew('c');
  expect(text(s.group.describe().members[0]!.memberAssignment)).toBe('');
});

it('sets no timer that it does not need', () => {
  const s = new Subject();
  const [a] = stable(s, 'a');
  // The timer of the session.
  expect(s.port.timerCount).toBe(1);
  const { memberId } = s.join('b').answer!;
  s.leave('b', [{ memberId: memberId! }]);
  expect(s.port.timerCount).toBe(1);
  s.join('a', { memberId: a! });
  // The timers of the session and of the wait for SyncGroup.
  expect(s.port.timerCount).toBe(2);
  s.leave('a', [{ memberId: a! }]);
  expect([s.group.state, s.port.timerCount]).toEqual(['Empty', 0]);
});

it('when the wait for SyncGroup ends, removes only members that are still in the group', () => {
  const s = new Subject({ events: true });
  const options = { rebalanceTimeoutMs: 9000 };
  const [a, b] = ['a', 'b'].map((name) => s.joinNew(name, options));
  s.pass(6000);
  s.leave('b', [{ memberId: b! }]);
  s.join('a', { ...options, memberId: a! });
  s.skip();
  expect(s.pass(9000)).toEqual([
    '* removed in g2: sync-timeout a#1 after 9000',
    '* rebalance of g2: sync-timeout a#1 after 9000',
    'write #2 g3 "consumer"/null leader null',
    '* generation 3 of 0 after 0',
  ]);
});
