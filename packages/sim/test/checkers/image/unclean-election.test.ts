import { expect, it } from 'vitest';
import { uncleanElection } from '../../../src/checkers/image/unclean-election.ts';
import { healthy, judgeImages, uuidOf, withRegistration, withState } from '../../support/image-steps.ts';

/** Broker 1 is alone in the ISR, and broker 2 was the last to leave it. */
const alone = withState(healthy, { isr: [1], leader: 1, formerIsr: [2] });
const elected = (id: number) => withState(alone, { isr: [id], leader: id, leaderEpoch: 1 });

it('accepts a leader from the ISR or the ELR', () => {
  const small = withState(healthy, { isr: [1], elr: [3] });
  const images = [healthy, small, withState(small, { isr: [3], elr: [1], leader: 3, leaderEpoch: 1 })];
  expect(judgeImages(uncleanElection, images)).toBeUndefined();
});

it('sees a leader from outside of ISR and ELR', () => {
  expect(judgeImages(uncleanElection, [healthy, alone, elected(2)])).toBe(
    'unclean-election: broker 2 is elected for t-0 in epoch 1, but before it was ISR 1, ELR none, former ISR 2',
  );
});

it('accepts only a leader from the former ISR when the last complete replica registers with another disk', () => {
  const onOtherDisk = (id: number) => withRegistration(elected(id), 1, { epoch: 20, logDirs: [uuidOf(77)] });
  expect(judgeImages(uncleanElection, [healthy, alone, onOtherDisk(2)])).toBeUndefined();
  expect(judgeImages(uncleanElection, [healthy, alone, onOtherDisk(3)])).toMatch(/broker 3 is elected/);
});
