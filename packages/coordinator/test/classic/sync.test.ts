import { ErrorCode } from '@millrace/protocol';
import { expect, it } from 'vitest';
import { Subject, stable } from '../support/classic-group.ts';

/**
 * Lets these members join. Afterwards the group is in CompletingRebalance, in generation 1. Returns the
 * member ids.
 */
function completing(s: Subject, ...names: string[]): string[] {
  const ids = names.map((name) => s.joinNew(name));
  s.pass(6000);
  s.skip();
  return ids;
}

it('checks the member and its instance, then the generation, then the protocol', () => {
  const s = new Subject();
  s.join('a', { instance: 'i' });
  s.pass(3000);
  s.skip();
  const id = s.group.leaderId!;
  s.sync('a', 'x', 9);
  s.sync('a', 'x', 9, {}, { instance: 'i' });
  s.sync('a', 'x', 9, {}, { instance: 'j' });
  s.sync('a', id, 2, {}, { protocolName: 'sticky' });
  s.sync('a', id, 0);
  s.sync('a', id, 1, {}, { protocolName: 'sticky' });
  s.sync('a', id, 1, {}, { protocolType: 'connect' });
  expect(s.lines()).toEqual([
    'a <- sync UNKNOWN_MEMBER_ID',
    'a <- sync FENCED_INSTANCE_ID',
    'a <- sync UNKNOWN_MEMBER_ID',
    'a <- sync ILLEGAL_GENERATION',
    'a <- sync ILLEGAL_GENERATION',
    'a <- sync INCONSISTENT_GROUP_PROTOCOL',
    'a <- sync INCONSISTENT_GROUP_PROTOCOL',
  ]);
});

it('answers REBALANCE_IN_PROGRESS in PreparingRebalance', () => {
  const s = new Subject();
  const [a, b] = stable(s, 'a', 'b');
  s.join('a', { memberId: a! });
  s.sync('b', b!, 1);
  expect(s.lines()).toEqual(['b <- sync REBALANCE_IN_PROGRESS']);
});

it('parks each SyncGroup until the assignments of the leader are committed, and then answers all', () => {
  const s = new Subject({ events: true });
  const [a, b, c] = completing(s, 'a', 'b', 'c');
  s.port.commitsAtOnce = false;
  s.sync('b', b!, 1);
  expect(s.lines()).toEqual([]);
  s.sync('a', a!, 1, { [a!]: 'A', [b!]: 'B' });
  expect(s.lines()).toEqual([
    'write #2 g1 "consumer"/range leader a#1 [a#1:a=A b#1:b=B c#1:c=]',
    '* stable 1 of 3 after 6000',
  ]);
  expect(s.group.state).toBe('Stable');
  // c sends SyncGroup before the record is committed, so the answer to c must wait for the commit.
  s.sync('c', c!, 1);
  s.heartbeat('a', a!, 1);
  expect(s.lines()).toEqual([]);
  s.port.commit();
  expect(s.lines()).toEqual([
    'a <- sync consumer/range "A"',
    'b <- sync consumer/range "B"',
    'c <- sync consumer/range ""',
    'a <- heartbeat NONE',
  ]);
});

it('like Kafka, writes the time at which the join phase ended', () => {
  const s = new Subject();
  const [a] = completing(s, 'a');
  const endedAtMs = s.port.wallMs() - 3000;
  s.sync('a', a!, 1);
  expect(s.group.value.currentStateTimestamp).toBe(endedAtMs);
});

it('ignores assignments that a follower sends', () => {
  const s = new Subject();
  const [, b] = completing(s, 'a', 'b');
  s.sync('b', b!, 1, { [b!]: 'mine' });
  expect(s.lines()).toEqual([]);
  expect(s.group.state).toBe('CompletingRebalance');
});

it('stores the assignment for a member, and ignores one for an id that is not in the group', () => {
  const s = new Subject();
  const [a] = completing(s, 'a');
  s.sync('a', a!, 1, { stranger: 'x', [a!]: 'A' });
  expect(s.lines()).toEqual([
    'write #2 g1 "consumer"/range leader a#1 [a#1:a=A]',
    'a <- sync consumer/range "A"',
  ]);
});

it('in a stable group, answers at once with the present assignment', () => {
  const s = new Subject();
  const [, b] = stable(s, 'a', 'b');
  s.sync('b', b!, 1);
  expect(s.lines()).toEqual(['b <- sync consumer/range "b1"']);
});

it('stays in CompletingRebalance if the log refuses the record for now, and only the leader gets the error', () => {
  const s = new Subject();
  const [a, b] = completing(s, 'a', 'b');
  s.sync('b', b!, 1);
  s.port.refusal = ErrorCode.COORDINATOR_NOT_AVAILABLE;
  s.sync('a', a!, 1, { [b!]: 'B' });
  expect(s.lines().slice(1)).toEqual(['a <- sync COORDINATOR_NOT_AVAILABLE']);
  expect(s.group.state).toBe('CompletingRebalance');
  s.port.refusal = ErrorCode.NONE;
  s.join('a', { memberId: a! });
  s.sync('a', a!, 1, { [b!]: 'B' });
  expect(s.lines()).toEqual([
    'a <- join g1 consumer/range a#1 leader a#1 [a#1:a b#1:b]',
    'write #2 g1 "consumer"/range leader a#1 [a#1:a= b#1:b=B]',
    'a <- sync consumer/range ""',
    'b <- sync consumer/range "B"',
  ]);
});

it('if the assignments do not fit into a batch, answers all members with an error and rebalances', () => {
  const s = new Subject({ events: true });
  const [a, b] = completing(s, 'a', 'b');
  s.sync('b', b!, 1);
  s.port.refusal = ErrorCode.UNKNOWN_SERVER_ERROR;
  s.sync('a', a!, 1, { [b!]: 'B' });
  expect(s.lines().slice(1)).toEqual([
    '* rebalance of g1: assignment-not-stored a#1',
    'a <- sync UNKNOWN_SERVER_ERROR',
    'b <- sync UNKNOWN_SERVER_ERROR',
  ]);
  expect(s.group.state).toBe('PreparingRebalance');
});

it('answers COORDINATOR_NOT_AVAILABLE when the record is not committed in time', () => {
  const s = new Subject();
  const [a, b] = completing(s, 'a', 'b');
  s.port.commitsAtOnce = false;
  s.sync('b', b!, 1);
  s.sync('a', a!, 1, { [b!]: 'B' });
  s.skip();
  s.port.timeOutCommits();
  expect(s.lines()).toEqual(['a <- sync COORDINATOR_NOT_AVAILABLE', 'b <- sync COORDINATOR_NOT_AVAILABLE']);
  // The record is committed later after all. So b, which sends SyncGroup again, gets its assignment.
  s.sync('b', b!, 1);
  s.port.commit();
  expect(s.lines()).toEqual(['b <- sync consumer/range "B"']);
});

it('lets the newer SyncGroup of a member replace the parked one', () => {
  const s = new Subject();
  const [a, b] = completing(s, 'a', 'b');
  const first = s.sync('b', b!, 1);
  s.sync('b', b!, 1);
  s.sync('a', a!, 1, { [b!]: 'B' });
  expect(s.lines()).toEqual([
    'b <- sync REBALANCE_IN_PROGRESS',
    'write #2 g1 "consumer"/range leader a#1 [a#1:a= b#1:b=B]',
    'a <- sync consumer/range ""',
    'b <- sync consumer/range "B"',
  ]);
  expect(first.count).toBe(1);
});

it('pauses the session of a member while its SyncGroup is parked', () => {
  const s = new Subject();
  const [a, b] = completing(s, 'a', 'b');
  s.sync('b', b!, 1);
  for (let second = 0; second < 30; second++) {
    s.heartbeat('a', a!, 1);
    s.pass(1000);
  }
  expect(s.memberCount).toBe(2);
  s.sync('a', a!, 1);
  s.pass(9999);
  expect(s.memberCount).toBe(2);
});

it('restarts the session of a member when its SyncGroup is answered, even with an error', () => {
  const s = new Subject();
  const [a, b] = completing(s, 'a', 'b');
  s.sync('b', b!, 1);
  s.pass(5000);
  s.port.refusal = ErrorCode.COORDINATOR_NOT_AVAILABLE;
  s.sync('a', a!, 1);
  s.port.refusal = ErrorCode.NONE;
  s.pass(9999);
  expect(s.memberCount).toBe(2);
  s.sync('a', a!, 1);
  s.pass(9999);
  expect(s.memberCount).toBe(2);
  s.pass(1);
  expect(s.memberCount).toBe(0);
});

it('keeps the protocols of a member that are not in the record', () => {
  const s = new Subject();
  const options = { protocols: { range: 'r', sticky: 's' } };
  const [a, b] = ['a', 'b'].map((name) => s.joinNew(name, options));
  s.pass(6000);
  s.sync('b', b!, 1);
  s.sync('a', a!, 1);
  s.skip();
  s.join('b', { ...options, memberId: b! });
  expect(s.lines()).toEqual(['b <- join g1 consumer/range b#1 leader a#1']);
});
