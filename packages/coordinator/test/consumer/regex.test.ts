import { expect, it } from 'vitest';
import { compileRegex, regexFault } from '../../src/consumer/regex.ts';
import { RegexRefresh, type ResolvedRegexes } from '../../src/consumer/regex-refresh.ts';
import { estimatedProgramSize } from '../../src/consumer/regex-size.ts';
import { GroupBench } from '../support/group-bench.ts';

it('accepts ordinary expressions', () => {
  for (const regex of [
    'orders-.*',
    '(?i)orders|payments',
    '[a-zA-Z0-9._-]{1,200}',
    '\\d{4}-\\d{2}-\\d{2}',
    '[[:alpha:]]{10}',
    '\\p{Greek}{100}',
    'a'.repeat(1000),
    Array.from({ length: 60 }, (_, i) => `topic-number-${i}`).join('|'),
  ])
    expect(regexFault(regex)).toBeUndefined();
});

it('refuses a long expression', () => {
  expect(regexFault('a'.repeat(1001))).toBe('it has more than 1000 characters');
});

it.each([
  '(a?b?){1000}',
  '(a?b?){1000}'.repeat(80),
  '((a{10}b{10}){10}){10}',
  '(?:[ab]{0,9}c){100}',
  '[^]a]{0,1000}'.repeat(70),
  '(a?b?\\Q)\\E){1000}'.repeat(50),
  '(a?b?[)]){1000}'.repeat(60),
  '(a?b?[[:alpha:])]){1000}'.repeat(40),
  '(a?b?\\)){1000}'.repeat(60),
  '(\\p{L}?a?){1000}'.repeat(50),
])('refuses a large program: %.30s', (regex) => {
  expect(regexFault(regex)).toBe('its repetitions make a program of more than 1100 instructions');
});

it('the estimated size of a program is at least half of its real size', () => {
  for (const regex of [
    '(a?b?){100}',
    '((|)|){100}',
    '(a|b|[cd]){3,90}x{2,}',
    '(?:a*b+){5}',
    '\\Qa.b\\E{9}',
  ]) {
    const { programSize } = compileRegex(regex)!;
    expect(estimatedProgramSize(regex) * 2).toBeGreaterThanOrEqual(programSize);
  }
});

it('matches slow expressions in several turns, and a fast expression in one turn', () => {
  const bench = new GroupBench();
  const { port } = bench;
  for (let i = 0; i < 20; i++) bench.createTopic('ab'.repeat(100) + i, 1);
  const turns = (...regexes: string[]) => {
    let count = 0;
    const after = port.after.bind(port);
    port.after = (ms, callback) =>
      after(ms, () => {
        count++;
        callback();
      });
    let resolved: ResolvedRegexes = new Map();
    new RegexRefresh(port, (found) => {
      resolved = found;
    }).start(regexes);
    port.advance(1000);
    port.after = after;
    return [count, [...resolved].map(([regex, { topics }]) => `${regex} ${topics.size}`)];
  };
  expect(turns('ab.*')).toEqual([1, ['ab.* 20']]);
  expect(turns('(a?b?.?){120}', 'a.*', '(')).toEqual([
    expect.any(Number),
    ['(a?b?.?){120} 20', 'a.* 20', '( 0'],
  ]);
  expect(turns('(a?b?.?){120}')[0]).toBeGreaterThan(10);
});
