import { expect, it } from 'vitest';
import { leaderNotActive } from '../../../src/checkers/image/leader-not-active.ts';
import { healthy, judgeImages, withRegistration, withState } from '../../support/image-steps.ts';

it('accepts a leader that is active, and a partition without a leader', () => {
  const fenced = withState(withRegistration(healthy, 1, { fenced: true }), { leader: -1, isr: [1] });
  expect(judgeImages(leaderNotActive, [healthy, fenced])).toBeUndefined();
});

it.each([
  ['is fenced', withRegistration(healthy, 1, { fenced: true })],
  ['is in controlled shutdown', withRegistration(healthy, 1, { inControlledShutdown: true })],
  ['is not in the ISR', withState(healthy, { isr: [2, 3] })],
])('sees a leader that %s', (what, image) => {
  expect(judgeImages(leaderNotActive, [healthy, image])).toMatch(
    new RegExp(`^leader-not-active: broker 1 leads t-0 in epoch 0 \\(ISR .*, ELR none\\) and ${what}$`),
  );
});
