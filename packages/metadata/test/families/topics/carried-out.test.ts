/** Goal: the memory of requests is bounded, and no kind of request pushes another kind out of it. */
import type { Uuid } from '@millrace/base';
import { expect, test } from 'vitest';
import { CarriedOut } from '../../../src/families/topics/carried-out.ts';

const requestId = (index: number) => String(index).padStart(22, 'A') as Uuid;
const topic = (resourceName: string) => ({ resourceType: 'topic' as const, resourceName });
const deleted = { name: 'events', topicId: requestId(1) };

test('altered configs, however many, push no deleted topic out of the memory', () => {
  let memory = CarriedOut.EMPTY.withDeleted(requestId(2), deleted);
  for (let index = 0; index < 50_000; index++) memory = memory.withAltered(requestId(3), topic(`t${index}`));
  expect([memory.isDeleted(deleted.topicId), memory.find(requestId(2), 'events')]).toEqual([true, deleted]);
});

test('the memory has at least the latest 20,000 altered configs, and at most twice as many', () => {
  let memory = CarriedOut.EMPTY;
  for (let index = 0; index < 50_000; index++) {
    memory = memory.withAltered(requestId(3), topic(`t${index}`));
    expect(memory.size).toBeLessThanOrEqual(40_000);
  }
  expect(memory.hasAltered(requestId(3), topic('t30000'))).toBe(true);
  expect(memory.hasAltered(requestId(3), topic('t0'))).toBe(false);
});
