import { expect, test } from 'vitest';
import { Gate } from './gate.ts';
import { rangesOf } from './group.ts';
import { outcomeOf } from './member.ts';
import { optionsFrom } from './options.ts';

test('ranges cover each partition once, and their lengths differ by at most one', () => {
  expect(rangesOf(7, 3)).toEqual([
    [0, 1],
    [2, 3],
    [4, 5, 6],
  ]);
  expect(rangesOf(1, 2)).toEqual([[], [0]]);
});

test('a gate lets in as many groups as its width, in the order of their calls', () => {
  const gate = new Gate(1);
  const entered: string[] = [];
  const [first, second, third] = [{}, {}, {}];
  gate.enter(first, () => entered.push('first'));
  gate.enter(second, () => entered.push('second'));
  gate.enter(second, () => entered.push('second again'));
  gate.enter(third, () => entered.push('third'));
  expect(entered).toEqual(['first']);
  gate.leave(second);
  expect(entered).toEqual(['first']);
  gate.leave(first);
  expect(entered).toEqual(['first', 'second']);
  expect(gate.isInside(second)).toBe(true);
  gate.leave(second);
  expect(entered).toEqual(['first', 'second', 'third']);
});

test('a broken connection counts as a lost coordinator', () => {
  expect(outcomeOf(undefined)).toBe('lost');
  expect(outcomeOf(16)).toBe('lost');
  expect(outcomeOf(25)).toBe('out');
  expect(outcomeOf(0)).toBe('ok');
  expect(outcomeOf(-1)).toBe('failed');
});

test('reads sizes, sections and protocols from the command line', () => {
  const options = optionsFrom(['--only', 'settle,failover', '--protocol', 'consumer', '--groups', '5']);
  expect([...options.sections]).toEqual(['settle', 'failover']);
  expect(options.protocols).toEqual(['consumer']);
  expect(options.sizes.groups).toBe(5);
  expect(optionsFrom([]).sizes).toMatchObject({ groups: 1000, membersPerGroup: 10, offsetsPerGroup: 100 });
  expect(optionsFrom(['--members', '7']).sizes.lanes % 7).toBe(0);
});

test('refuses unknown sections and invalid sizes', () => {
  expect(() => optionsFrom(['--only', 'unsteady'])).toThrow(/--only takes steady/);
  expect(() => optionsFrom(['--groups', '0'])).toThrow(/--groups takes/);
  expect(() => optionsFrom(['--members', '10', '--lanes', '15'])).toThrow(/multiple/);
});
