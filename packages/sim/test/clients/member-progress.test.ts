import type { Uuid } from '@millrace/base';
import { newPosition } from '@millrace/client';
import { expect, it } from 'vitest';
import { MemberProgress } from '../../src/clients/member-progress.ts';

const [OLD, NEW] = ['old', 'new'] as Uuid[] as [Uuid, Uuid];
const place = { topic: 't', partition: 0 };
const position = (topicId: Uuid, offset: number) => newPosition(topicId, { ...place, start: offset });

it('follows a member from a topic to the next topic of the same name', () => {
  const progress = new MemberProgress();
  progress.began([{ ...place, topicId: OLD, start: 5 }]);
  progress.read(position(OLD, 9));
  expect(progress.reached(OLD, place)).toEqual({ topicId: OLD, read: 9, committed: 5 });
  progress.began([{ ...place, topicId: NEW, start: 'earliest' }]);
  progress.read(position(NEW, 2));
  expect(progress.reached(NEW, place)).toEqual({ topicId: NEW, read: 2, committed: 0 });
  expect(progress.reached(OLD, place)).toBeUndefined();
});

it('throws if a member reads another topic before it has asked where to begin there', () => {
  const progress = new MemberProgress();
  progress.began([{ ...place, topicId: OLD, start: 5 }]);
  expect(() => progress.read(position(NEW, 2))).toThrow(
    'a member begins in a topic before it reads the topic',
  );
});

it('if the start of a member names no topic, follows the topic that the member reads first', () => {
  const progress = new MemberProgress();
  progress.began([{ ...place, start: 'earliest' }]);
  progress.read(position(NEW, 2));
  expect(progress.reached(NEW, place)).toEqual({ topicId: NEW, read: 2, committed: 0 });
});
