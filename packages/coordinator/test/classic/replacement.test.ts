import { ErrorCode } from '@millrace/protocol';
import { expect, it } from 'vitest';
import { Subject } from '../support/classic-group.ts';

/** A stable group of the static member `i` (leader) and a dynamic member `b`. */
function withStatic(s: Subject, sessionTimeoutMs = 10_000): { i: string; b: string } {
  s.join('a', { instance: 'i', sessionTimeoutMs });
  const b = s.joinNew('b', { sessionTimeoutMs });
  s.pass(6000);
  const [i] = [...s.group.members].map(({ memberId }) => memberId);
  s.sync('a', i!, 1, { [i!]: 'A', [b]: 'B' }, { instance: 'i' });
  s.sync('b', b, 1);
  s.skip();
  return { i: i!, b };
}

it('replaces a static member of a stable group without a rebalance, and stores the new id', () => {
  const s = new Subject({ events: true });
  withStatic(s);
  s.join('a', { instance: 'i', host: '/new' });
  expect(s.lines()).toEqual([
    'write #3 g1 "consumer"/range leader i#2 [i#2(i):a=A b#1:b=B]',
    'a <- join g1 consumer/range i#2 leader i#2 [i#2(i):a b#1:b] skip',
  ]);
  expect(s.group.state).toBe('Stable');
  expect([...s.group.members].map(({ client }) => client.clientHost)).toEqual(['/new', '/b']);
});

it('gives a client of version 5 to 8 the old leader id and no members, so that it does not assign', () => {
  const s = new Subject();
  withStatic(s);
  for (const version of [5, 8]) s.join('a', { instance: 'i', version });
  expect(s.lines().filter((line) => line.startsWith('a'))).toEqual([
    'a <- join g1 consumer/range i#2 leader i#1',
    'a <- join g1 consumer/range i#3 leader i#2',
  ]);
});

it('does not tell a static member that is not the leader to skip the assignment', () => {
  const s = new Subject();
  const b = s.joinNew('b');
  s.join('a', { instance: 'i' });
  s.pass(6000);
  const [, i] = [...s.group.members].map(({ memberId }) => memberId);
  s.sync('b', b, 1, { [i!]: 'A' });
  s.skip();
  s.join('a', { instance: 'i' });
  expect(s.lines().at(-1)).toBe('a <- join g1 consumer/range i#2 leader b#1');
  s.sync('a', [...s.group.members][1]!.memberId, 1, {}, { instance: 'i' });
  expect(s.lines()).toEqual(['a <- sync consumer/range "A"']);
});

it('refuses every later request under the old id', () => {
  const s = new Subject();
  const { i } = withStatic(s);
  s.join('a', { instance: 'i' });
  s.skip();
  s.heartbeat('a', i, 1, 'i');
  s.sync('a', i, 1, {}, { instance: 'i' });
  s.join('a', { memberId: i, instance: 'i' });
  s.leave('a', [{ memberId: i, instance: 'i' }]);
  s.heartbeat('a', i, 1);
  expect(s.lines()).toEqual([
    'a <- heartbeat FENCED_INSTANCE_ID',
    'a <- sync FENCED_INSTANCE_ID',
    'a <- join FENCED_INSTANCE_ID i#1',
    'a <- leave NONE i#1:FENCED_INSTANCE_ID',
    'a <- heartbeat UNKNOWN_MEMBER_ID',
  ]);
  expect(s.commit({ memberId: i, groupInstanceId: 'i', generationId: 1 })).toBe('FENCED_INSTANCE_ID');
});

it('changes nothing when the log refuses the record', () => {
  const s = new Subject();
  const { i } = withStatic(s);
  const before = s.group.value;
  s.port.refusal = ErrorCode.COORDINATOR_NOT_AVAILABLE;
  const { answer } = s.join('a', { instance: 'i', protocols: { range: 'new' }, sessionTimeoutMs: 20_000 });
  expect(s.lines().at(-1)).toBe('a <- join COORDINATOR_NOT_AVAILABLE');
  expect(answer).toMatchObject({ generationId: 1, leader: i, memberId: '', protocolName: 'range' });
  expect(s.group.value).toEqual(before);
  s.heartbeat('a', i, 1, 'i');
  expect(s.lines()).toEqual(['a <- heartbeat NONE']);
  s.join('a', { memberId: i, instance: 'i' });
  expect(s.group.state).toBe('PreparingRebalance');
});

it('answers when the record is committed', () => {
  const s = new Subject();
  withStatic(s);
  s.port.commitsAtOnce = false;
  s.join('a', { instance: 'i' });
  expect(s.lines()).toHaveLength(1);
  s.port.commit();
  expect(s.lines()).toHaveLength(1);
  s.join('a', { instance: 'i' });
  s.skip();
  s.port.timeOutCommits();
  expect(s.lines()).toEqual(['a <- join COORDINATOR_NOT_AVAILABLE']);
});

it('begins a rebalance when the chosen protocol would change', () => {
  const s = new Subject({ events: true });
  s.join('a', { instance: 'i', protocols: { range: '1', sticky: '2' } });
  s.pass(3000);
  s.sync('a', s.group.leaderId!, 1);
  s.skip();
  s.join('a', { instance: 'i', protocols: { sticky: '2', range: '1' }, reason: 'upgrade' });
  expect(s.lines()).toEqual([
    'write #3 g1 "consumer"/range leader null [i#2(i):1=]',
    '* rebalance of g1: static-member-replaced i#2 (upgrade)',
    '* generation 2 of 1 after 0',
    'a <- join g2 consumer/sticky i#2 leader i#2 [i#2(i):2]',
  ]);
});

it('begins a rebalance in CompletingRebalance, and fences the parked SyncGroup of the old id', () => {
  const s = new Subject({ events: true });
  s.joinNew('b');
  s.join('a', { instance: 'i' });
  s.pass(6000);
  const [b, i] = [...s.group.members].map(({ memberId }) => memberId);
  s.sync('a', i!, 1, {}, { instance: 'i' });
  s.skip();
  s.join('a', { instance: 'i' });
  expect(s.lines()).toEqual([
    'write #2 g1 "consumer"/range leader null [b#1:b= i#2(i):a=]',
    '* rebalance of g1: static-member-replaced i#2',
    'a <- sync FENCED_INSTANCE_ID',
  ]);
  s.join('b', { memberId: b! });
  expect(s.lines().slice(1)).toEqual([
    'b <- join g2 consumer/range b#1 leader b#1 [b#1:b i#2(i):a]',
    'a <- join g2 consumer/range i#2 leader b#1',
  ]);
});

it('counts the new id as joined in PreparingRebalance, and fences the parked join of the old id', () => {
  const s = new Subject();
  const { i, b } = withStatic(s);
  s.join('a', { memberId: i, instance: 'i' });
  s.join('a', { instance: 'i' });
  expect(s.lines()).toEqual([
    'write #3 g1 "consumer"/range leader null [i#2(i):a=A b#1:b=B]',
    'a <- join FENCED_INSTANCE_ID i#1',
  ]);
  s.join('b', { memberId: b });
  expect(s.lines()).toEqual([
    'b <- join g2 consumer/range b#1 leader i#2',
    'a <- join g2 consumer/range i#2 leader i#2 [b#1:b i#2(i):a]',
  ]);
});

it('gives the new id its own session', () => {
  const s = new Subject({ events: true });
  const { b } = withStatic(s);
  s.pass(5000);
  s.join('a', { instance: 'i', sessionTimeoutMs: 20_000 });
  s.heartbeat('b', b, 1);
  s.skip();
  for (let second = 1; second < 20; second++) {
    s.pass(1000);
    s.heartbeat('b', b, 1);
  }
  s.skip();
  expect(s.pass(1000)[0]).toBe('* removed in g1: session-expired i#2 after 20000');
});

it('replaces a static member of a full group', () => {
  const s = new Subject({ config: { maxSize: 2 } });
  withStatic(s);
  s.join('a', { instance: 'i' });
  expect(s.lines().at(-1)).toBe('a <- join g1 consumer/range i#2 leader i#2 [i#2(i):a b#1:b] skip');
});

it('keeps all protocols of the new member, not only the one in the record', () => {
  const s = new Subject();
  const { b } = withStatic(s);
  s.join('a', { instance: 'i', protocols: { range: 'r', sticky: 's' } });
  s.skip();
  const [i] = [...s.group.members];
  expect(i!.protocols.map(({ name }) => name)).toEqual(['range', 'sticky']);
  expect(b).toBeDefined();
});

it('does not wait for the SyncGroup of a fenced member id', () => {
  const s = new Subject({ events: true });
  const options = { rebalanceTimeoutMs: 9000 };
  const b = s.joinNew('b', options);
  s.join('a', { ...options, instance: 'i' });
  s.pass(6000);
  s.sync('b', b, 1);
  s.join('a', { ...options, instance: 'i' });
  const i = [...s.group.members][1]!.memberId;
  for (let second = 0; second < 20; second++) {
    s.heartbeat('a', i, 1, 'i');
    s.heartbeat('b', b, 1);
    s.pass(1000);
  }
  expect([s.group.state, s.group.generation]).toEqual(['Stable', 1]);
  s.heartbeat('a', i, 1, 'i');
  expect(s.lines().at(-1)).toBe('a <- heartbeat NONE');
});
