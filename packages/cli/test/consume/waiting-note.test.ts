/** Goal: the command tells a user who sees no records that the group assigned no partition. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { waitingNote } from '../../src/consume/waiting-note.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('a member without partitions for five seconds says so once', () => {
  const notes: string[] = [];
  waitingNote('shop', (text) => notes.push(text));
  vi.advanceTimersByTime(4_999);
  expect(notes).toEqual([]);
  vi.advanceTimersByTime(60_000);
  expect(notes).toEqual([expect.stringMatching(/^group 'shop' has assigned no partition for 5 s: /)]);
});

test('a member that gets partitions in time says nothing', () => {
  const notes: string[] = [];
  const waiting = waitingNote('shop', (text) => notes.push(text));
  vi.advanceTimersByTime(4_999);
  waiting.end();
  vi.advanceTimersByTime(60_000);
  expect(notes).toEqual([]);
});
