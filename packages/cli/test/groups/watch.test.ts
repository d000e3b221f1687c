/** Goal: a report is repeated until it fails, or until a signal. */
import { expect, test } from 'vitest';
import { watched } from '../../src/groups/watch.ts';

test('a report that fails ends the command, and signals end the process again', async () => {
  const before = process.listenerCount('SIGINT');
  const stream = { isTTY: false, write: () => true } as unknown as NodeJS.WriteStream;
  const report = () => Promise.reject(new Error('no such group'));
  await expect(watched(2, report, stream)).rejects.toThrow('no such group');
  expect(process.listenerCount('SIGINT')).toBe(before);
});
