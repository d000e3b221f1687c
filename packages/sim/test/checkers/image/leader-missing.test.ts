import { expect, it } from 'vitest';
import { leaderMissing } from '../../../src/checkers/image/leader-missing.ts';
import { healthy, judgeImages, withRegistration, withState } from '../../support/image-steps.ts';

const fenced = withRegistration(healthy, 1, { fenced: true });

it('accepts a partition without a leader while no complete replica is active', () => {
  const waits = withState(fenced, { isr: [1], leader: -1, formerIsr: [2, 3] });
  expect(judgeImages(leaderMissing, [healthy, waits])).toBeUndefined();
});

it.each([
  ['ISR', { isr: [1, 2], leader: -1 }],
  ['ELR', { isr: [1], elr: [2], leader: -1 }],
])('sees that an active member of the %s does not lead', (_where, change) => {
  expect(judgeImages(leaderMissing, [healthy, withState(fenced, change)])).toMatch(
    /^leader-missing: t-0 has no leader, but broker 2 is active/,
  );
});
