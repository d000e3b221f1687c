/** Goal: a report is repeated until a signal, even if a later round fails. */
import { expect, test } from 'vitest';
import { watched } from '../../src/groups/watch.ts';
import { UserError } from '../../src/user-error.ts';

test('an error in the first report ends the command, and signals end the process again', async () => {
  const before = process.listenerCount('SIGINT');
  const stream = { isTTY: false, write: () => true } as unknown as NodeJS.WriteStream;
  const report = () => Promise.reject(new Error('no such group'));
  await expect(watched(2, report, stream)).rejects.toThrow('no such group');
  expect(process.listenerCount('SIGINT')).toBe(before);
});

test('an error of a later round is printed, and the next round prints the report again', async () => {
  const printed: string[] = [];
  const sink = { isTTY: false, write: (text: string) => printed.push(text) > 0 };
  let round = 0;
  const report = async () => {
    round++;
    if (round === 2) throw new UserError('the coordinator does not answer');
    if (round === 3) process.emit('SIGINT');
    return `round ${round}\n`;
  };
  const stream = sink as unknown as NodeJS.WriteStream;
  await watched(0.001, report, stream, stream);
  expect(printed.slice(0, 3)).toEqual([
    'round 1\n',
    'the coordinator does not answer; trying again every 0.001 s\n',
    '\nround 3\n',
  ]);
});

test('an error that is a bug in the command ends the command in any round', async () => {
  let round = 0;
  const report = async () => {
    round++;
    if (round === 2) throw new TypeError('not a function');
    return '';
  };
  const stream = { isTTY: false, write: () => true } as unknown as NodeJS.WriteStream;
  await expect(watched(0.001, report, stream, stream)).rejects.toThrow('not a function');
});
