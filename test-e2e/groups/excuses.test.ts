/**
 * Goal: an excuse (excuses.ts) counts only in a run in which its cause occurred, and README.md lists every
 * excuse with its reason.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { testRoot } from '../lib/paths.ts';
import { type Excuse, excusedChecks } from './excuses.ts';
import { DROPPED, type MemberLine } from './member-lines.ts';
import { variants } from './variants.ts';

const excuse: Excuse = { checks: ['order', 'kept'], after: 'refused', reason: 'none' };
const error = (m: string): MemberLine => ({ e: 'error', t: 1, m });
const failed = (m: string): MemberLine => ({ e: 'commit', t: 1, o: { 0: 5 }, m });
const owned: MemberLine = { e: 'assigned', t: 1, p: [0] };
const committed: MemberLine = { e: 'commit', t: 1, o: { 0: 5 } };

describe('an excuse', () => {
  test('counts when a member printed its cause, as an error or as a failed commit', () => {
    expect(excusedChecks([excuse], [], [owned, error('it was refused at last')])).toEqual(['order', 'kept']);
    expect(excusedChecks([excuse], [], [owned, failed('refused')])).toEqual(['order', 'kept']);
  });

  test('does not count when no member printed its cause', () => {
    expect(excusedChecks([excuse], ['kill'], [owned, committed, error('something else')])).toEqual([]);
  });

  test('of one event does not count in a run without the event', () => {
    const ofKill: Excuse = { ...excuse, at: 'kill' };
    expect(excusedChecks([ofKill], ['leave'], [error('refused')])).toEqual([]);
    expect(excusedChecks([ofKill], ['leave', 'kill'], [error('refused')])).toEqual(['order', 'kept']);
  });

  test('of @platformatic/kafka needs the line about its dropped partitions', () => {
    const { excuses = [] } = variants.find(
      ({ client, protocol }) => client === 'platformatic' && protocol === 'classic',
    )!;
    expect(excusedChecks(excuses, ['pause'], [owned, committed])).toEqual([]);
    expect(excusedChecks(excuses, ['pause'], [error(DROPPED)])).toContain('kept');
  });
});

test.each(
  variants.flatMap(({ client, protocol, excuses = [], lacks = {} }) => [
    ...excuses.map(({ checks, at, reason }) => {
      const names = checks.map((name) => `\`${name}\``).join(', ');
      return `| ${client}, ${protocol} | ${names}${at === undefined ? '' : ` at \`${at}\``} | ${reason} |`;
    }),
    ...Object.entries(lacks).map(
      ([event, reason]) => `| ${client}, ${protocol} | no \`${event}\` | ${reason} |`,
    ),
  ]),
)('README.md has the row %s', (row) => {
  expect(readFileSync(join(testRoot, 'README.md'), 'utf8')).toContain(`${row}\n`);
});
