import { expect, it } from 'vitest';
import { elrBroken } from '../../../src/checkers/image/elr-broken.ts';
import { healthy, judgeImages, withRegistration, withState } from '../../support/image-steps.ts';

const small = withState(healthy, { isr: [1], elr: [2], formerIsr: [2, 3] });
const again = withRegistration(small, 2, { epoch: 30 });

it('accepts an ELR while the ISR is below min.insync.replicas, also when a member restarts after a clean stop', () => {
  expect(judgeImages(elrBroken, [healthy, small, again])).toBeUndefined();
});

it('accepts a killed broker that leaves the ELR, or is the last complete replica', () => {
  const left = withState(again, { elr: [] });
  expect(judgeImages(elrBroken, [healthy, small, left], { killed: [1] })).toBeUndefined();
  const last = withState(healthy, { isr: [2], leader: 2 });
  const images = [healthy, last, withRegistration(last, 2, { epoch: 30 })];
  expect(judgeImages(elrBroken, images, { killed: [1] })).toBeUndefined();
});

it('sees a killed broker that stays in the ELR after its registration', () => {
  expect(judgeImages(elrBroken, [healthy, small, again], { killed: [1] })).toBe(
    'elr-broken: broker 2 was killed and registered again, and stays a complete replica of t-0 (ISR 1, ELR 2)',
  );
});

it('sees a broker that joins the ELR from outside of ISR and ELR', () => {
  const stranger = withState(withState(healthy, { isr: [1] }), { elr: [3] });
  expect(judgeImages(elrBroken, [healthy, withState(healthy, { isr: [1] }), stranger])).toBe(
    'elr-broken: broker 3 joined the ELR of t-0, but was neither in the ISR nor in the ELR',
  );
});

it('sees an ELR that is not empty although the ISR has min.insync.replicas members', () => {
  expect(judgeImages(elrBroken, [healthy, withState(healthy, { isr: [1, 3], elr: [2] })])).toBe(
    'elr-broken: t-0 has an ELR, but its ISR has 2 members or more (ISR 1,3, ELR 2)',
  );
});
