import { ErrorCode } from '@millrace/protocol';
import { expect, it } from 'vitest';
import { joinOfNoGroup, leaveOfNoGroup } from '../../src/classic/index.ts';
import { Subject, showValue, stable } from '../support/classic-group.ts';

it('answers a heartbeat with an error that depends on the state of the group, and restarts the session', () => {
  const s = new Subject();
  const [a, b] = stable(s, 'a', 'b');
  s.heartbeat('a', 'x', 1);
  s.heartbeat('a', a!, 0);
  s.heartbeat('a', a!, 1, 'i');
  s.heartbeat('a', a!, 1);
  expect(s.lines()).toEqual([
    'a <- heartbeat UNKNOWN_MEMBER_ID',
    'a <- heartbeat ILLEGAL_GENERATION',
    'a <- heartbeat UNKNOWN_MEMBER_ID',
    'a <- heartbeat NONE',
  ]);
  s.join('a', { memberId: a! });
  for (let second = 0; second < 12; second++) {
    s.heartbeat('b', b!, 1);
    expect(s.pass(1000)).toEqual(['b <- heartbeat REBALANCE_IN_PROGRESS']);
  }
  s.join('b', { memberId: b! });
  s.skip();
  s.heartbeat('b', b!, 2);
  expect(s.lines()).toEqual(['b <- heartbeat NONE']);
  expect(s.group.state).toBe('CompletingRebalance');
});

it('accepts or refuses a commit according to its sender and to the state of the group', () => {
  const s = new Subject();
  expect(s.commit({})).toBe('NONE');
  expect(s.commit({ generationId: 0 })).toBe('UNKNOWN_MEMBER_ID');
  const [a, b] = stable(s, 'a', 'b');
  expect(s.commit({})).toBe('UNKNOWN_MEMBER_ID');
  expect(s.commit({ isTransactional: true })).toBe('NONE');
  expect(s.commit({ memberId: 'x', generationId: 1 })).toBe('UNKNOWN_MEMBER_ID');
  expect(s.commit({ memberId: a!, generationId: 0 })).toBe('ILLEGAL_GENERATION');
  expect(s.commit({ memberId: a!, generationId: -1 })).toBe('ILLEGAL_GENERATION');
  expect(s.commit({ memberId: a!, generationId: 1, groupInstanceId: 'i' })).toBe('UNKNOWN_MEMBER_ID');
  expect(s.commit({ memberId: a!, generationId: 1 })).toBe('NONE');
  s.join('a', { memberId: a! });
  expect(s.commit({ memberId: b!, generationId: 1 })).toBe('NONE');
  s.join('b', { memberId: b! });
  expect(s.commit({ memberId: b!, generationId: 2 })).toBe('REBALANCE_IN_PROGRESS');
  expect(s.commit({ memberId: b!, generationId: 2, isTransactional: true })).toBe('NONE');
  s.group.ended(ErrorCode.NOT_COORDINATOR);
  expect(s.commit({})).toBe('COORDINATOR_NOT_AVAILABLE');
});

it('counts each commit of a member as a heartbeat, except transactional commits', () => {
  const s = new Subject();
  const [a] = stable(s, 'a', 'b');
  for (let second = 0; second < 3; second++) {
    s.pass(5000);
    s.commit({ memberId: a!, generationId: 1 });
  }
  expect(s.memberCount).toBe(1);
  s.commit({ memberId: a!, generationId: 1, isTransactional: true });
  s.pass(5000);
  s.commit({ memberId: a!, generationId: 1, isTransactional: true });
  s.pass(5000);
  expect(s.memberCount).toBe(0);
});

it('is stable after a load if the record has members, and gives each member a new session', () => {
  const s = new Subject();
  const [a, b] = stable(s, 'a', 'b');
  s.pass(9000);
  const before = showValue(s.group.value);
  s.fail();
  expect(showValue(s.group.value)).toBe(before);
  expect(s.group.state).toBe('Stable');
  s.pass(9000);
  s.heartbeat('a', a!, 1);
  s.sync('b', b!, 1);
  expect(s.lines()).toEqual(['a <- heartbeat NONE', 'b <- sync consumer/range "b1"']);
});

it('after a load, continues from the generation of the last record if a rebalance was not finished', () => {
  const s = new Subject();
  const [a, b] = stable(s, 'a', 'b');
  s.join('a', { memberId: a! });
  s.join('b', { memberId: b! });
  expect(s.group.generation).toBe(2);
  s.skip();
  s.fail();
  expect([s.group.state, s.group.generation]).toEqual(['Stable', 1]);
  s.heartbeat('a', a!, 2);
  s.join('a', { memberId: a! });
  s.join('b', { memberId: b! });
  expect(s.lines()).toEqual([
    'a <- heartbeat ILLEGAL_GENERATION',
    'a <- join g2 consumer/range a#1 leader a#1 [a#1:a b#1:b]',
    'b <- join g2 consumer/range b#1 leader a#1',
  ]);
});

it('is empty after a load if the record has no members', () => {
  const s = new Subject();
  const [a] = stable(s, 'a');
  s.leave('a', [{ memberId: a! }]);
  const since = s.group.emptySinceMs;
  s.pass(5000);
  s.fail();
  expect([s.group.isEmpty, s.group.generation, s.group.emptySinceMs]).toEqual([true, 2, since]);
  expect(s.group.protocolType).toBe('consumer');
});

it('has no `emptySinceMs` if it never had a member', () => {
  const s = new Subject();
  s.join('a');
  expect([s.group.isEmpty, s.group.emptySinceMs]).toEqual([true, undefined]);
});

it('answers all parked calls when it ends, and sets no timer afterwards', () => {
  const s = new Subject();
  s.join('p');
  const [a] = stable(s, 'a', 'b');
  s.join('a', { memberId: a! });
  s.group.ended(ErrorCode.NOT_COORDINATOR);
  expect(s.lines()).toEqual(['a <- join NOT_COORDINATOR a#1']);
  expect([s.group.state, s.port.timerCount]).toEqual(['Dead', 0]);
  s.join('a', { memberId: a! });
  s.sync('a', a!, 1);
  s.heartbeat('a', a!, 1);
  s.leave('a', [{ memberId: a! }]);
  expect(s.lines()).toEqual([
    'a <- join COORDINATOR_NOT_AVAILABLE a#1',
    'a <- sync COORDINATOR_NOT_AVAILABLE',
    'a <- heartbeat COORDINATOR_NOT_AVAILABLE',
    'a <- leave COORDINATOR_NOT_AVAILABLE',
  ]);
});

it('when the shard ends, answers each call that waits for a commit with the error of the port', () => {
  const s = new Subject();
  const ids = ['a', 'b'].map((name) => s.joinNew(name));
  s.pass(6000);
  s.port.commitsAtOnce = false;
  s.sync('b', ids[1]!, 1);
  s.sync('a', ids[0]!, 1);
  s.heartbeat('a', ids[0]!, 1);
  s.skip();
  s.port.end();
  s.group.ended(ErrorCode.NOT_COORDINATOR);
  expect(s.lines()).toEqual([
    'a <- sync NOT_COORDINATOR',
    'b <- sync NOT_COORDINATOR',
    'a <- heartbeat NOT_COORDINATOR',
  ]);
});

it('sends the answers of an input only when the input is complete, because a reply may bring the next request', () => {
  const s = new Subject();
  const [a, b] = stable(s, 'a', 'b');
  const seen: string[] = [];
  const request = {
    groupId: 'g',
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 60_000,
    memberId: a!,
    groupInstanceId: null,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: new Uint8Array(0) }],
    reason: null,
  };
  const reply = () => {
    seen.push(s.group.state);
    s.sync('a', a!, 2, { [b!]: 'B' });
  };
  s.group.join({ request, version: 9, client: { clientId: 'a', clientHost: '/a' }, reply });
  s.join('b', { memberId: b! });
  s.sync('b', b!, 2);
  expect(seen).toEqual(['CompletingRebalance']);
  expect(s.lines().at(-1)).toBe('b <- sync consumer/range "B"');
});

it('has an answer for each request about a group that does not exist', () => {
  const base = { client: { clientId: '', clientHost: '' }, reply: () => {} };
  const join = {
    ...base,
    version: 9,
    request: {
      groupId: 'g',
      sessionTimeoutMs: 1,
      rebalanceTimeoutMs: 1,
      memberId: 'x',
      groupInstanceId: null,
      protocolType: '',
      protocols: [],
      reason: null,
    },
  };
  expect(joinOfNoGroup(join)).toEqual({ errorCode: 25, memberId: 'x', protocolName: null });
  const members = [{ memberId: 'x', groupInstanceId: null, reason: null }];
  const leave = { ...base, request: { groupId: 'g', memberId: 'y', members } };
  expect(leaveOfNoGroup({ ...leave, version: 2 })).toEqual({ errorCode: 25 });
  expect(leaveOfNoGroup({ ...leave, version: 3 })).toEqual({
    errorCode: 0,
    members: [{ memberId: 'x', groupInstanceId: null, errorCode: 25 }],
  });
});

it('begins a rebalance when its owner asks for one', () => {
  const s = new Subject({ events: true });
  stable(s, 'a');
  s.group.beginRebalance('became-classic');
  expect(s.lines()).toEqual(['* rebalance of g1: became-classic']);
});

it('after a load, removes the members that send nothing', () => {
  const s = new Subject();
  stable(s, 'a', 'b');
  s.fail();
  s.pass(9999);
  expect(s.memberCount).toBe(2);
  s.pass(1);
  expect(s.group.isEmpty).toBe(true);
});
