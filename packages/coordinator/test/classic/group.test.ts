import { ErrorCode } from '@millrace/protocol';
import { describe, expect, it } from 'vitest';
import {
  type ClassicGroupLimits,
  type GroupValue,
  joinOfNoGroup,
  leaveOfNoGroup,
} from '../../src/classic/index.ts';
import { groupRecord } from '../../src/classic/record.ts';
import { Subject, showValue, stable, utf8 } from '../support/classic-group.ts';

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

describe('a loaded group whose record has members and no leader', () => {
  /** The group as a consumer group leaves it that becomes classic. Its members are `a` and the static `b`. */
  function loaded(config: Partial<ClassicGroupLimits> = {}): Subject {
    const s = new Subject({ events: true, config });
    const member = (memberId: string, groupInstanceId: string | null): GroupValue['members'][number] => ({
      memberId,
      groupInstanceId,
      clientId: memberId,
      clientHost: '/h',
      rebalanceTimeout: 60_000,
      sessionTimeout: 10_000,
      subscription: utf8('topics'),
      assignment: utf8(`target of ${memberId}`),
    });
    const head = { protocolType: 'consumer', generation: 7, protocol: 'range', leader: null };
    const members = [member('a', null), member('b', 'i')];
    s.port.write([groupRecord('g', { ...head, currentStateTimestamp: s.port.wallMs(), members })]);
    s.skip();
    s.fail();
    return s;
  }
  const join = (s: Subject, name: string, instance: string | null = null) =>
    s.join(name, { memberId: name, instance, protocols: { range: 'topics' } });

  it('begins a rebalance, and is stable when its members have joined and have their assignments', () => {
    const s = loaded();
    expect(s.lines()).toEqual(['* rebalance of g7: rebalance-unfinished']);
    expect([s.group.state, s.group.describe().groupState]).toEqual([
      'PreparingRebalance',
      'PreparingRebalance',
    ]);
    s.heartbeat('a', 'a', 7);
    expect(s.commit({ memberId: 'a', generationId: 7 })).toBe('NONE');
    join(s, 'a');
    join(s, 'b', 'i');
    s.sync('a', 'a', 8, { a: 'a8', b: 'b8' });
    expect(s.lines()).toEqual([
      'a <- heartbeat REBALANCE_IN_PROGRESS',
      '* generation 8 of 2 after 0',
      'a <- join g8 consumer/range a leader a [a:topics b(i):topics]',
      'b <- join g8 consumer/range b leader a',
      'write #2 g8 "consumer"/range leader a [a:topics=a8 b(i):topics=b8]',
      '* stable 8 of 2 after 0',
      'a <- sync consumer/range "a8"',
    ]);
    s.fail();
    expect([s.group.state, s.lines()]).toEqual(['Stable', []]);
  });

  it('removes the members that do not join before their sessions end', () => {
    const s = loaded();
    s.pass(5000);
    join(s, 'a');
    expect(s.pass(5000)).toEqual([
      '* removed in g7: session-expired b after 10000',
      '* generation 8 of 1 after 10000',
      'a <- join g8 consumer/range a leader a [a:topics]',
    ]);
  });

  it('is empty when the sessions of all members have ended, and does not rebalance at the next load', () => {
    const s = loaded();
    s.pass(10_000);
    expect(s.group.state).toBe('Empty');
    s.skip();
    s.fail();
    expect([s.group.state, s.lines()]).toEqual(['Empty', []]);
  });

  it('gives a static member that comes back in a new process its place in the rebalance', () => {
    const s = loaded();
    s.skip();
    s.join('c', { instance: 'i', protocols: { range: 'topics' } });
    join(s, 'a');
    expect(s.lines().filter((line) => line.includes('join'))).toEqual([
      'a <- join g8 consumer/range a leader a [a:topics i#1(i):topics]',
      'c <- join g8 consumer/range i#1 leader a',
    ]);
  });

  it('begins only one rebalance if it also has too many members', () => {
    const s = loaded({ maxSize: 1 });
    expect(s.lines()).toEqual(['* rebalance of g7: rebalance-unfinished']);
    join(s, 'a');
    join(s, 'b', 'i');
    expect(s.pass(60_000)).toContain('b <- join GROUP_MAX_SIZE_REACHED');
  });
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

it('after a load, removes the members that send nothing', () => {
  const s = new Subject();
  stable(s, 'a', 'b');
  s.fail();
  s.pass(9999);
  expect(s.memberCount).toBe(2);
  s.pass(1);
  expect(s.group.isEmpty).toBe(true);
});
