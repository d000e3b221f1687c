import { ErrorCode } from '@millrace/protocol';
import { expect, it } from 'vitest';
import type { Member } from '../../src/classic/member.ts';
import { Subject, stable, utf8 } from '../support/classic-group.ts';

it('refuses an empty protocol type and an empty list of protocols, and creates no group for them', () => {
  const s = new Subject();
  s.join('a', { protocolType: '' });
  s.join('a', { protocols: {} });
  expect(s.lines()).toEqual([
    'a <- join INCONSISTENT_GROUP_PROTOCOL',
    'a <- join INCONSISTENT_GROUP_PROTOCOL',
  ]);
  expect(s.group.isForgettable).toBe(true);
});

it('refuses another protocol type, and protocols that not all members support', () => {
  const s = new Subject();
  stable(s, 'a');
  s.join('b', { protocolType: 'connect' });
  s.join('b', { protocols: { sticky: 'b' } });
  s.join('b', { protocols: {} });
  expect(s.lines()).toEqual([
    'b <- join INCONSISTENT_GROUP_PROTOCOL',
    'b <- join INCONSISTENT_GROUP_PROTOCOL',
    'b <- join INCONSISTENT_GROUP_PROTOCOL',
  ]);
  s.join('b', { protocols: { sticky: 'b', range: 'b' } });
  expect(s.lines()).toEqual(['b <- join MEMBER_ID_REQUIRED b#1']);
});

it('an empty group takes over the protocol type of the first member that joins', () => {
  const s = new Subject();
  const [a] = stable(s, 'a');
  s.leave('a', [{ memberId: a! }]);
  s.join('c', { protocolType: 'connect', protocols: { eager: 'c' }, version: 3 });
  s.skip();
  expect(s.pass(3000)).toEqual(['c <- join g3 connect/eager c#1 leader c#1 [c#1:c]']);
});

it('from version 4 on gives a new dynamic member an id, and adds the member when it joins with this id', () => {
  const s = new Subject();
  const answer = s.join('a', { version: 4 }).answer!;
  expect(answer.memberId).toMatch(/^a-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
  expect(s.memberCount).toBe(0);
  s.join('a', { version: 4, memberId: answer.memberId! });
  expect(s.memberCount).toBe(1);
});

it('up to version 3 adds a new dynamic member at its first join', () => {
  const s = new Subject();
  s.join('a', { version: 3 });
  expect(s.memberCount).toBe(1);
  expect(s.pass(3000)).toEqual([
    'write #1 g0 ""/null leader null',
    'a <- join g1 consumer/range a#1 leader a#1 [a#1:a]',
  ]);
});

it('refuses a join of a new or a known member if the metadata of all members would exceed the limit', () => {
  const s = new Subject();
  const half = 'x'.repeat(30 << 20);
  const join = (name: string, metadata: string, memberId = '') =>
    s.join(name, { version: 3, memberId, protocols: { range: metadata } }).answer?.errorCode;
  expect(join('a', half)).toBeUndefined();
  expect(join('b', half)).toBeUndefined();
  expect(join('c', half)).toBe(ErrorCode.GROUP_MAX_SIZE_REACHED);
  expect(join('c', 'c')).toBeUndefined();
  expect(s.memberCount).toBe(3);
  expect(join('c', half, 'c#1')).toBe(ErrorCode.GROUP_MAX_SIZE_REACHED);
  expect(s.memberCount).toBe(3);
});

it('forgets a pending id after one session timeout', () => {
  const s = new Subject();
  const { memberId } = s.join('a', { sessionTimeoutMs: 7000 }).answer!;
  s.skip().pass(6999);
  s.join('a', { memberId: memberId!, sessionTimeoutMs: 7000 });
  expect(s.lines()).toEqual([]);
  const other = s.join('b', { sessionTimeoutMs: 7000 }).answer!.memberId!;
  s.pass(7000);
  s.skip();
  s.join('b', { memberId: other });
  expect(s.lines()).toEqual(['b <- join UNKNOWN_MEMBER_ID b#1']);
});

it('forgets the oldest pending id when there are too many', () => {
  const s = new Subject({ config: { maxPendingMembers: 2 } });
  const ids = ['a', 'b', 'c'].map((name) => s.join(name).answer!.memberId!);
  s.skip();
  s.join('a', { memberId: ids[0]! });
  expect(s.lines()).toEqual(['a <- join UNKNOWN_MEMBER_ID a#1']);
  s.join('b', { memberId: ids[1]! });
  s.join('c', { memberId: ids[2]! });
  expect(s.memberCount).toBe(2);
});

it('answers UNKNOWN_MEMBER_ID if a pending id comes with an instance id', () => {
  const s = new Subject();
  const { memberId } = s.join('a').answer!;
  s.skip();
  s.join('a', { memberId: memberId!, instance: 'i' });
  expect(s.lines()).toEqual(['a <- join UNKNOWN_MEMBER_ID a#1']);
});

it('adds a new static member at its first join, with an id that begins with its instance id', () => {
  const s = new Subject();
  s.join('a', { instance: 'i' });
  expect(s.pass(3000)).toEqual([
    'write #1 g0 ""/null leader null',
    'a <- join g1 consumer/range i#1 leader i#1 [i#1(i):a]',
  ]);
});

it('refuses an unknown member id or instance id, and fences a member id that is not that of the instance id', () => {
  const s = new Subject();
  const { answer } = s.join('a', { instance: 'i' });
  expect(answer).toBeUndefined();
  s.pass(3000);
  s.skip();
  s.join('b', { memberId: 'x' });
  s.join('b', { memberId: 'x', instance: 'j' });
  s.join('b', { memberId: 'x', instance: 'i' });
  expect(s.lines()).toEqual([
    'b <- join UNKNOWN_MEMBER_ID x',
    'b <- join UNKNOWN_MEMBER_ID x',
    'b <- join FENCED_INSTANCE_ID x',
  ]);
});

it('an answer with an error has no generation, protocol, leader or members', () => {
  const s = new Subject();
  stable(s, 'a');
  const v7 = s.join('b', { version: 7, memberId: 'x' }).answer!;
  expect(v7).toEqual({ errorCode: ErrorCode.UNKNOWN_MEMBER_ID, memberId: 'x', protocolName: null });
  const v6 = s.join('b', { version: 6, memberId: 'x' }).answer!;
  expect(v6.protocolName).toBe('');
});

it.each([
  [6, ''],
  [7, null],
])('version %i writes an empty protocol name as %j, also in an error', (version, name) => {
  const s = new Subject();
  const refused = s.join('a', { version, protocols: {} });
  const joined = s.join('b', { version, protocols: { '': 'B' }, instance: 'i' });
  s.pass(3000);
  expect([refused.answer?.protocolName, joined.answer?.protocolName]).toEqual([name, name]);
});

it('parks the join of a member until all members have joined, and updates its metadata', () => {
  const s = new Subject();
  const [a, b] = stable(s, 'a', 'b');
  s.join('a', { memberId: a!, protocols: { range: 'A' } });
  expect(s.group.state).toBe('PreparingRebalance');
  expect(s.lines()).toEqual([]);
  s.join('b', { memberId: b!, protocols: { range: 'B' } });
  expect(s.lines()).toEqual([
    'a <- join g2 consumer/range a#1 leader a#1 [a#1:A b#1:B]',
    'b <- join g2 consumer/range b#1 leader a#1',
  ]);
});

it('in CompletingRebalance answers a join at once while the protocols of the member are unchanged', () => {
  const s = new Subject();
  const [a, b] = stable(s, 'a', 'b');
  s.join('a', { memberId: a! });
  s.join('b', { memberId: b! });
  s.skip();
  s.join('b', { memberId: b! });
  s.join('a', { memberId: a! });
  expect(s.lines()).toEqual([
    'b <- join g2 consumer/range b#1 leader a#1',
    'a <- join g2 consumer/range a#1 leader a#1 [a#1:a b#1:b]',
  ]);
  s.join('b', { memberId: b!, protocols: { range: 'changed' } });
  expect(s.group.state).toBe('PreparingRebalance');
});

it('begins a rebalance when the leader of a stable group joins again', () => {
  const s = new Subject({ events: true });
  const [a] = stable(s, 'a', 'b');
  s.join('a', { memberId: a!, reason: 'partitions changed' });
  expect(s.lines()).toEqual(['* rebalance of g1: leader-rejoined a#1 (partitions changed)']);
});

it('in a stable group answers a member other than the leader at once while its metadata is unchanged', () => {
  const s = new Subject({ events: true });
  const [, b] = stable(s, 'a', 'b');
  s.join('b', { memberId: b! });
  expect(s.lines()).toEqual(['b <- join g1 consumer/range b#1 leader a#1']);
  s.join('b', { memberId: b!, protocols: { range: 'B' }, reason: 'topics' });
  expect(s.lines()).toEqual(['* rebalance of g1: metadata-changed b#1 (topics)']);
});

it('refuses new members when the group is full, and accepts known ones', () => {
  const s = new Subject({ config: { maxSize: 2 } });
  const [a, b] = stable(s, 'a', 'b');
  s.join('c');
  s.join('b', { memberId: b! });
  expect(s.lines()).toEqual([
    'c <- join GROUP_MAX_SIZE_REACHED',
    'b <- join g1 consumer/range b#1 leader a#1',
  ]);
  s.join('a', { memberId: a! });
  s.join('c');
  // In the join phase only members that have joined again count. So c gets a member id, but then b takes the
  // last place.
  s.join('b', { memberId: b! });
  expect(s.lines()).toEqual(['c <- join MEMBER_ID_REQUIRED c#1']);
  s.join('c', { memberId: s.join('c').answer?.memberId || 'none' });
  expect(s.lines()).toEqual(['c <- join GROUP_MAX_SIZE_REACHED', 'c <- join GROUP_MAX_SIZE_REACHED']);
});

it('when the group is larger than allowed, removes the members that join again last', () => {
  const s = new Subject({ events: true });
  const [a, b, c] = stable(s, 'a', 'b', 'c');
  (s.config as { maxSize: number }).maxSize = 2;
  s.fail();
  expect(s.lines()).toEqual(['* rebalance of g1: group-too-large']);
  s.join('c', { memberId: c! });
  s.join('b', { memberId: b! });
  s.join('a', { memberId: a! });
  expect(s.lines()).toEqual([
    '* removed in g1: group-too-large a#1',
    '* generation 2 of 2 after 0',
    'a <- join GROUP_MAX_SIZE_REACHED',
    'b <- join g2 consumer/range b#1 leader b#1 [b#1:b c#1:c]',
    'c <- join g2 consumer/range c#1 leader b#1',
  ]);
});

it('lets a member into an empty group even if the limit is 0', () => {
  const s = new Subject({ config: { maxSize: 0 } });
  s.join('a');
  expect(s.lines().at(-1)).toBe('a <- join MEMBER_ID_REQUIRED a#1');
});

it('lets the newer join of a member replace the parked one', () => {
  const s = new Subject();
  const [a, b] = stable(s, 'a', 'b');
  const first = s.join('a', { memberId: a! });
  const second = s.join('a', { memberId: a!, protocols: { range: 'new' } });
  expect(s.lines()).toEqual(['a <- join REBALANCE_IN_PROGRESS']);
  s.join('b', { memberId: b! });
  expect(s.lines()).toEqual([
    'a <- join g2 consumer/range a#1 leader a#1 [a#1:new b#1:b]',
    'b <- join g2 consumer/range b#1 leader a#1',
  ]);
  expect([first.count, second.count]).toEqual([1, 1]);
});

it('takes the session timeout as the rebalance timeout in version 0', () => {
  const s = new Subject();
  s.join('a', { version: 0, sessionTimeoutMs: 8000, rebalanceTimeoutMs: -1 });
  expect([...s.group.members][0]!.rebalanceTimeoutMs).toBe(8000);
});

it('keeps its own copy of the metadata', () => {
  const s = new Subject();
  // A Buffer, because a slice of a Buffer shares its memory. So a group that copies with `slice` would fail
  // this test.
  const metadata = Buffer.from('mine');
  s.join('a', { version: 3, protocols: [['range', metadata]] });
  metadata.fill(0);
  expect(s.pass(3000).at(-1)).toContain(':mine]');
});

it('answers COORDINATOR_NOT_AVAILABLE when the log refuses the record of a new group', () => {
  const s = new Subject();
  s.port.refusal = ErrorCode.COORDINATOR_NOT_AVAILABLE;
  s.join('a');
  expect(s.lines()).toEqual(['refused g0 ""/null leader null', 'a <- join COORDINATOR_NOT_AVAILABLE']);
  expect([s.group.isForgettable, s.port.timerCount]).toEqual([true, 0]);
  s.port.refusal = ErrorCode.NONE;
  s.join('a');
  expect(s.group.isForgettable).toBe(false);
});

it('answers after the record of the new group is committed', () => {
  const s = new Subject({ commits: false });
  s.join('a');
  expect(s.lines()).toEqual(['write #1 g0 ""/null leader null']);
  s.port.commit();
  expect(s.lines()).toEqual(['a <- join MEMBER_ID_REQUIRED a#1']);
  s.join('b');
  expect(s.lines()).toEqual(['b <- join MEMBER_ID_REQUIRED b#1']);
});

it('counts a protocol once if a client names it twice', () => {
  const s = new Subject();
  s.join('a', {
    version: 3,
    protocols: [
      ['range', utf8('1')],
      ['range', utf8('2')],
    ],
  });
  expect(s.pass(3000).at(-1)).toBe('a <- join g1 consumer/range a#1 leader a#1 [a#1:1]');
});

it('restarts the session of a member that joins again only because it missed an answer', () => {
  const s = new Subject();
  const [a, b] = stable(s, 'a', 'b');
  s.pass(5000);
  s.join('b', { memberId: b! });
  s.heartbeat('a', a!, 1);
  s.pass(9999);
  expect(s.memberCount).toBe(2);
});

it('does not wait for a pending member whose join it has refused', () => {
  const s = new Subject({ config: { maxSize: 2 } });
  const [a, b] = stable(s, 'a', 'b');
  s.join('a', { memberId: a! });
  const { memberId } = s.join('c').answer!;
  s.join('b', { memberId: b! });
  s.skip();
  s.join('c', { memberId: memberId! });
  expect(s.lines()).toEqual([
    'c <- join GROUP_MAX_SIZE_REACHED',
    'a <- join g2 consumer/range a#1 leader a#1 [a#1:a b#1:b]',
    'b <- join g2 consumer/range b#1 leader a#1',
  ]);
});

it('keeps no request of a parked call', () => {
  const s = new Subject();
  const leader = s.joinNew('a');
  const [member] = s.group.members as Iterable<Member>;
  expect(Object.keys(member!.parkedJoin!)).toEqual(['version', 'reply']);
  const other = s.joinNew('b');
  s.port.advance(3000);
  s.port.advance(3000);
  s.sync('b', other, 1);
  const parked = [...(s.group.members as Iterable<Member>)].find(({ memberId }) => memberId === other);
  expect(Object.keys(parked!.parkedSync!)).toEqual(['version', 'reply']);
  expect(leader).toBe(s.group.leaderId);
});
