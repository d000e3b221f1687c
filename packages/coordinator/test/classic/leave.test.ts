import { expect, it } from 'vitest';
import { Subject, stable } from '../support/classic-group.ts';

it('up to version 2 the error of the only member is the error of the whole answer', () => {
  const s = new Subject();
  const [, b] = stable(s, 'a', 'b');
  s.leave('b', [{ memberId: 'x' }], 2);
  s.leave('b', [{ memberId: b! }], 0);
  expect(s.lines()).toEqual(['b <- leave UNKNOWN_MEMBER_ID', 'b <- leave NONE']);
});

it('from version 3 on answers with one result for each member, and begins one rebalance for all of them', () => {
  const s = new Subject({ events: true });
  const [, b, c] = stable(s, 'a', 'b', 'c');
  s.leave('b', [{ memberId: b!, reason: 'closed' }, { memberId: 'x' }, { memberId: c! }, { memberId: c! }]);
  expect(s.lines()).toEqual([
    '* removed in g1: member-left b#1 (closed)',
    '* removed in g1: member-left c#1',
    '* rebalance of g1: member-left b#1 (closed)',
    'b <- leave NONE b#1:NONE x:UNKNOWN_MEMBER_ID c#1:NONE c#1:UNKNOWN_MEMBER_ID',
  ]);
  expect(s.group.state).toBe('PreparingRebalance');
});

it('removes a static member by its instance id alone', () => {
  const s = new Subject();
  s.join('a', { instance: 'i' });
  s.pass(3000);
  s.skip();
  s.leave('admin', [{ instance: 'j' }, {}, { instance: 'i' }]);
  expect(s.lines()).toEqual([
    'write #2 g2 "consumer"/null leader null',
    'admin <- leave NONE j:UNKNOWN_MEMBER_ID :UNKNOWN_MEMBER_ID i:NONE',
  ]);
});

it('fences a member id that does not hold the instance id', () => {
  const s = new Subject();
  s.join('a', { instance: 'i' });
  s.pass(3000);
  s.skip();
  s.leave('b', [
    { memberId: 'x', instance: 'i' },
    { memberId: s.group.leaderId!, instance: 'j' },
  ]);
  expect(s.lines()).toEqual(['b <- leave NONE x:FENCED_INSTANCE_ID i#1:UNKNOWN_MEMBER_ID']);
});

it('lets a pending member leave, without a rebalance', () => {
  const s = new Subject({ events: true });
  stable(s, 'a');
  const { memberId } = s.join('b').answer!;
  s.skip();
  s.leave('b', [{ memberId: memberId! }]);
  expect(s.lines()).toEqual(['b <- leave NONE b#1:NONE']);
  expect(s.group.state).toBe('Stable');
  s.join('b', { memberId: memberId! });
  expect(s.lines()).toEqual(['b <- join UNKNOWN_MEMBER_ID b#1']);
});

it('completes the join phase when the last missing member leaves', () => {
  const s = new Subject();
  const [a, b] = stable(s, 'a', 'b');
  s.join('a', { memberId: a! });
  s.leave('b', [{ memberId: b! }]);
  expect(s.lines()).toEqual([
    'a <- join g2 consumer/range a#1 leader a#1 [a#1:a]',
    'b <- leave NONE b#1:NONE',
  ]);
});

it('completes the join phase when the last pending member leaves', () => {
  const s = new Subject();
  const [a] = stable(s, 'a');
  const { memberId } = s.join('b').answer!;
  s.join('a', { memberId: a! });
  s.skip();
  s.leave('b', [{ memberId: memberId! }]);
  expect(s.lines()).toEqual([
    'a <- join g2 consumer/range a#1 leader a#1 [a#1:a]',
    'b <- leave NONE b#1:NONE',
  ]);
});

it('answers a LeaveGroup before the rebalance is over', () => {
  const s = new Subject();
  const [a] = stable(s, 'a', 'b');
  s.leave('a', [{ memberId: a! }]);
  expect(s.lines()).toEqual(['a <- leave NONE a#1:NONE']);
});

it('answers the parked calls of a removed member with UNKNOWN_MEMBER_ID', () => {
  const s = new Subject();
  const [, b] = stable(s, 'a', 'b');
  const parked = s.join('b', { memberId: b!, protocols: { range: 'B' } });
  s.leave('admin', [{ memberId: b! }]);
  expect(s.lines()).toEqual(['b <- join UNKNOWN_MEMBER_ID', 'admin <- leave NONE b#1:NONE']);
  expect(parked.answer!.protocolName).toBeNull();

  const t = new Subject();
  const ids = ['c', 'd'].map((name) => t.joinNew(name));
  t.pass(6000);
  t.sync('d', ids[1]!, 1);
  t.skip();
  t.leave('admin', [{ memberId: ids[1]! }]);
  expect(t.lines()).toEqual(['d <- sync UNKNOWN_MEMBER_ID', 'admin <- leave NONE d#1:NONE']);
});
