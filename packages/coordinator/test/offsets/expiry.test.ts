/** Goal: offsets expire at the time that KIP-211 asks for. Method: one offset, with each of the rules. */
import { ZERO_UUID } from '@millrace/base';
import { expect, it } from 'vitest';
import { type Expiry, expireTimestamp, isExpired } from '../../src/offsets/expiry.ts';

const RETENTION = 100;
const sinceCommit: Expiry = { kind: 'since-commit', isSubscribed: () => false };

function expiredAt(now: number, rule: Expiry, expires = -1): boolean {
  const times = { commitTimestamp: 1000, expireTimestamp: expires };
  const offset = { partition: 0, offset: 1, leaderEpoch: -1, metadata: '', ...times, topicId: ZERO_UUID };
  return isExpired(offset, rule, now, RETENTION);
}

it.each<[string, Expiry, number | undefined, number]>([
  ['a retention time after its commit', sinceCommit, undefined, 1100],
  ['a retention time after the group emptied', { kind: 'since-empty', emptySinceMs: 5000 }, undefined, 5100],
  [
    'a retention time after the group emptied, even if the commit came later',
    { kind: 'since-empty', emptySinceMs: 500 },
    undefined,
    600,
  ],
  ['at its own expiry time', sinceCommit, 1050, 1050],
  ['at its own expiry time, not with the group', { kind: 'since-empty', emptySinceMs: 500 }, 3000, 3000],
])('an offset expires %s', (_, rule, expires, at) => {
  expect(expiredAt(at - 1, rule, expires)).toBe(false);
  expect(expiredAt(at, rule, expires)).toBe(true);
});

it('under the rule `never`, an offset does not expire, not even at its own expiry time', () => {
  expect(expiredAt(9999, { kind: 'never' })).toBe(false);
  expect(expiredAt(9999, { kind: 'never' }, 1050)).toBe(false);
});

it.each([
  [-1, 1000, -1],
  [0, 1000, 1000],
  [50, 1000, 1050],
  [-5000, 1000, 0],
  [Number.MAX_SAFE_INTEGER, 1000, Number.MAX_SAFE_INTEGER],
])('retention time %i at %i expires at %i', (retentionTimeMs, now, expected) => {
  expect(expireTimestamp(retentionTimeMs, now)).toBe(expected);
});
