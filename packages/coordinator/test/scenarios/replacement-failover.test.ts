/**
 * Goal: a static member that comes back during a rebalance keeps its new member id when the coordinator
 * dies. Otherwise the next coordinator would take the new process for an old one, and fence it for good.
 */
import { ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { assignAll, Subject, stable } from '../support/classic-group.ts';

/** The static members `a` and `b`, with the instance ids `i` and `j`, are stable in generation 1. */
function statics(): { s: Subject; a: string; b: string } {
  const s = new Subject({ events: true });
  s.join('a', { instance: 'i' });
  s.join('b', { instance: 'j' });
  s.port.advance(6000);
  const [a, b] = [...s.group.members].map(({ memberId }) => memberId) as [string, string];
  s.sync('a', a, 1, { [a]: 'a1', [b]: 'b1' }, { instance: 'i' });
  s.sync('b', b, 1, {}, { instance: 'j' });
  expect(s.group.state).toBe('Stable');
  s.skip();
  return { s, a, b };
}

const idOf = (s: Subject, instance: string) =>
  [...s.group.members].find(({ groupInstanceId }) => groupInstanceId === instance)!.memberId;

test('the next coordinator knows the new member id, and all members join again', () => {
  const { s, a, b } = statics();
  s.join('a', { memberId: a, instance: 'i' });
  expect(s.group.state).toBe('PreparingRebalance');
  const joined = s.join('b2', { instance: 'j' });
  const b2 = idOf(s, 'j');
  expect([joined.answer?.memberId, s.group.state]).toEqual([b2, 'CompletingRebalance']);
  s.fail();
  expect([idOf(s, 'j'), s.group.state]).toEqual([b2, 'PreparingRebalance']);
  s.skip();
  s.join('b', { memberId: b, instance: 'j' });
  s.join('b2', { memberId: b2, instance: 'j' });
  s.join('a', { memberId: a, instance: 'i' });
  expect(s.lines().map((line) => line.replace(/ leader.*/, ''))).toEqual([
    `b <- join FENCED_INSTANCE_ID ${s.label(b)}`,
    '* generation 2 of 2 after 0',
    `a <- join g2 consumer/range ${s.label(a)}`,
    `b2 <- join g2 consumer/range ${s.label(b2)}`,
  ]);
});

test('the new process may also join again without its member id', () => {
  const { s, a } = statics();
  s.join('a', { memberId: a, instance: 'i' });
  s.join('b2', { instance: 'j' });
  s.fail();
  s.join('a', { memberId: a, instance: 'i' });
  const again = s.join('b2', { instance: 'j' });
  expect(again.answer).toMatchObject({ errorCode: ErrorCode.NONE, memberId: idOf(s, 'j') });
});

test('a member that has never been in a generation is not in the record', () => {
  const { s, a } = statics();
  s.joinNew('c');
  expect(s.group.memberCount).toBe(3);
  s.join('b2', { instance: 'j' });
  s.fail();
  expect([...s.group.members].map(({ groupInstanceId }) => groupInstanceId)).toEqual(['i', 'j']);
  s.join('a', { memberId: a, instance: 'i' });
  expect(s.group.state).toBe('PreparingRebalance');
});

test('the record has a protocol that the new process supports, too', () => {
  const s = new Subject();
  const both = { range: 'r', sticky: 's' };
  s.join('a', { instance: 'i', protocols: both });
  s.join('b', { instance: 'j', protocols: both });
  s.port.advance(6000);
  const [a, b] = [idOf(s, 'i'), idOf(s, 'j')];
  s.sync('a', a, 1, { [a]: 'a1', [b]: 'b1' }, { instance: 'i' });
  s.skip();
  s.join('b2', { instance: 'j', protocols: { sticky: 's2' } });
  expect(s.lines()).toEqual(['write #3 g1 "consumer"/sticky leader null [i#1(i):s=a1 j#2(j):s2=b1]']);
  s.fail();
  s.skip();
  s.join('b2', { memberId: idOf(s, 'j'), instance: 'j', protocols: { sticky: 's2' } });
  s.join('a', { memberId: a, instance: 'i', protocols: both });
  expect(s.lines()).toEqual([
    'a <- join g2 consumer/sticky i#1 leader i#1 [i#1(i):s j#2(j):s2]',
    'b2 <- join g2 consumer/sticky j#2 leader i#1',
  ]);
});

test('the join gets an error, and changes nothing, while the log refuses the record', () => {
  const { s, a, b } = statics();
  s.join('a', { memberId: a, instance: 'i' });
  s.port.refusal = ErrorCode.COORDINATOR_NOT_AVAILABLE;
  const { answer } = s.join('b2', { instance: 'j' });
  expect([answer?.errorCode, idOf(s, 'j')]).toEqual([ErrorCode.COORDINATOR_NOT_AVAILABLE, b]);
  s.port.refusal = ErrorCode.NONE;
  expect(s.join('b2', { instance: 'j' }).answer?.memberId).toBe(idOf(s, 'j'));
});

test('a group without a generation writes no record, because no coordinator knows the earlier member id', () => {
  const s = new Subject();
  s.join('a', { instance: 'i' });
  const { lastWrite } = s.port;
  s.join('a2', { instance: 'i' });
  expect(s.port.lastWrite).toBe(lastWrite);
});

test('the rebalance ends with a record that has a leader', () => {
  const { s, a } = statics();
  s.join('a', { memberId: a, instance: 'i' });
  s.join('b2', { instance: 'j' });
  const b2 = idOf(s, 'j');
  s.sync('a', a, 2, { [a]: 'a2', [b2]: 'b2' }, { instance: 'i' });
  s.fail();
  expect([s.group.state, s.group.leaderId, s.group.generation]).toEqual(['Stable', a, 2]);
});

test('a rebalance without a replacement writes no record before its end', () => {
  const s = new Subject();
  const [a, b] = stable(s, 'a', 'b');
  const { lastWrite } = s.port;
  s.join('a', { memberId: a! });
  s.join('b', { memberId: b! });
  expect(s.port.lastWrite).toBe(lastWrite);
  assignAll(s, ['a', 'b'], [a!, b!], 2);
  expect(s.port.lastWrite).toBe(lastWrite + 1);
});
