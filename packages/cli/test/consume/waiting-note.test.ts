/**
 * Goal: if the group assigns no partition for some seconds, the command tells this to the user, who sees no
 * records.
 */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { waitingNote } from '../../src/consume/waiting-note.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('after five seconds without partitions, the command prints the note, once', () => {
  const notes: string[] = [];
  waitingNote('shop', (text) => notes.push(text));
  vi.advanceTimersByTime(4_999);
  expect(notes).toEqual([]);
  vi.advanceTimersByTime(60_000);
  expect(notes).toEqual([expect.stringMatching(/^group 'shop' has assigned no partition for 5 s: /)]);
});

test('if the member gets partitions in time, the command prints no note', () => {
  const notes: string[] = [];
  const waiting = waitingNote('shop', (text) => notes.push(text));
  vi.advanceTimersByTime(4_999);
  waiting.end();
  vi.advanceTimersByTime(60_000);
  expect(notes).toEqual([]);
});
