import { expect, test } from 'vitest';
import { RuleTable } from '../../src/links/rules.ts';
import type { LinkEnd, LinkRule } from '../../src/target/target.ts';

test('a rule holds for one direction only, and heal opens every link', () => {
  const rules = new RuleTable([1, 2]);
  const link = rules.link(1, 2);
  rules.set(1, 2, { state: 'silent' }, 0);
  rules.set('clients', 2, { state: 'open', delayMs: 5 }, 0);
  expect(link.rule).toEqual({ state: 'silent' });
  expect(rules.link(2, 1).rule).toEqual({ state: 'open' });
  rules.heal(1);
  expect(link.rule).toEqual({ state: 'open' });
  expect(rules.link('clients', 2).rule).toEqual({ state: 'open' });
});

test('all users of a link share its bytes per second; without a limit everything passes', () => {
  const rules = new RuleTable([1, 2]);
  const link = rules.link(1, 2);
  expect(link.take(1_000_000, 0)).toBe(1_000_000);
  expect(link.waitMs(1_000_000, 0)).toBe(0);
  rules.set(1, 2, { state: 'open', bytesPerSecond: 1000 }, 0);
  expect(link.take(6, 10)).toBe(6);
  expect(link.take(6, 10)).toBe(4);
  expect(link.waitMs(6, 10)).toBe(6);
});

test.each<[LinkEnd, LinkEnd, LinkRule, RegExp]>([
  [1, 3, { state: 'open' }, /at one of the nodes 1, 2, not at 3/],
  [1, 1, { state: 'open' }, /two different ends, not 1 twice/],
  ['clients', 'clients', { state: 'open' }, /two different ends/],
  [1, 2, { state: 'shut' as 'cut' }, /open, cut or silent, not shut/],
  [1, 2, { state: 'open', delayMs: -1 }, /delayMs .* not -1/],
  [1, 2, { state: 'open', delayMs: Number.NaN }, /delayMs .* not NaN/],
  [1, 2, { state: 'open', bytesPerSecond: 0 }, /bytesPerSecond .* not 0/],
  [1, 2, { state: 'open', bytesPerSecond: Number.POSITIVE_INFINITY }, /bytesPerSecond .* not Infinity/],
])('a wrong rule changes nothing: %s to %s, %o', (from, to, rule, message) => {
  const rules = new RuleTable([1, 2]);
  rules.set(1, 2, { state: 'cut' }, 0);
  expect(() => rules.set(from, to, rule, 0)).toThrow(message);
  expect(rules.link(1, 2).rule).toEqual({ state: 'cut' });
});
