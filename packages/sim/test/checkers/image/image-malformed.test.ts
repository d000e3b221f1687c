import { withoutTopicName } from '@millrace/metadata/testing';
import { expect, it } from 'vitest';
import { imageMalformed } from '../../../src/checkers/image/image-malformed.ts';
import { healthy, judgeImages, withState } from '../../support/image-steps.ts';

it('accepts a healthy image', () => {
  expect(
    judgeImages(imageMalformed, [healthy, withState(healthy, { isr: [1], elr: [2], formerIsr: [3] })]),
  ).toBe(undefined);
});

it.each([
  [{ replicas: [1, 2, 2] }, 'the replicas 1,2,2 repeat a broker'],
  [{ isr: [1, 1] }, 'the ISR 1,1 repeats a broker'],
  [{ isr: [] }, 'the ISR is empty'],
  [{ isr: [1], elr: [1] }, 'broker 1 is in the ISR, and in the ELR or the former ISR as well'],
  [{ isr: [1], formerIsr: [1] }, 'broker 1 is in the ISR, and in the ELR or the former ISR as well'],
  [{ elr: [4] }, 'broker 4 is in the ELR and has no replica'],
  [{ lastKnownLeader: 2 }, 'broker 1 leads, and broker 2 is the last known leader'],
])('sees %o', (change, what) => {
  expect(judgeImages(imageMalformed, [healthy, withState(healthy, change)])).toBe(
    `image-malformed: t-0: ${what}`,
  );
});

it('sees a replica on a broker that never registered', () => {
  expect(judgeImages(imageMalformed, [withState(healthy, { replicas: [1, 2, 3, 7] })])).toBe(
    'image-malformed: t-0 has a replica on broker 7, which is not registered',
  );
});

it('sees a topic that is not found by its name', () => {
  expect(judgeImages(imageMalformed, [withoutTopicName(healthy, 't')])).toBe(
    'image-malformed: 1 topics have 1 names, and 0 are found by name',
  );
});
