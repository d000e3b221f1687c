import { expect, it } from 'vitest';
import { inactiveInIsr } from '../../../src/checkers/image/inactive-in-isr.ts';
import { healthy, judgeImages, withRegistration, withState } from '../../support/image-steps.ts';

const fenced = withRegistration(healthy, 3, { fenced: true });

it('accepts an ISR of active members, and an ISR without any active member', () => {
  const last = withState(fenced, { isr: [3], leader: -1 });
  expect(judgeImages(inactiveInIsr, [healthy, withState(fenced, { isr: [1, 2] }), last])).toBeUndefined();
});

it('sees an ISR with a fenced member and an active member', () => {
  expect(judgeImages(inactiveInIsr, [healthy, fenced])).toBe(
    'inactive-in-isr: broker 3 is fenced, and stays in the ISR of t-0 beside broker 1 (ISR 1,2,3, ELR none)',
  );
});
