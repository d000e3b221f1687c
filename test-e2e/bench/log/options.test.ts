import { expect, test } from 'vitest';
import { optionsFrom, sectionNames } from './options.ts';

test('a run has all sections and a log of 10 GB', () => {
  const { sizes, sections } = optionsFrom([]);
  expect([...sections]).toEqual([...sectionNames]);
  expect(sizes.logBytes).toBe(10e9);
});

test('a quick run is smaller, and takes another size of the log', () => {
  expect(optionsFrom(['--quick']).sizes.logBytes).toBe(1e9);
  expect(optionsFrom(['--quick', '--gigabytes', '0.5']).sizes.logBytes).toBe(5e8);
  expect(optionsFrom(['--quick']).sizes.rounds).toBeLessThan(optionsFrom([]).sizes.rounds);
});

test('--only names sections', () => {
  expect([...optionsFrom(['--only', 'read,crash']).sections]).toEqual(['read', 'crash']);
  expect(() => optionsFrom(['--only', 'write'])).toThrow('--only takes append, read');
});

test('refuses a size that is no number', () => {
  expect(() => optionsFrom(['--gigabytes', 'many'])).toThrow('--gigabytes takes a number');
  expect(() => optionsFrom(['--gigabytes', '0'])).toThrow('--gigabytes takes a number');
});
