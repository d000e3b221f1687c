import { expect, it } from 'vitest';
import { epochDidNotGrow } from '../../../src/checkers/image/epoch-did-not-grow.ts';
import { healthy, judgeImages, uuidOf, withRegistration, withState } from '../../support/image-steps.ts';

it('accepts a registration and an election with new epochs', () => {
  const elected = withState(healthy, { leader: 2, leaderEpoch: 1 });
  const registered = withRegistration(elected, 1, { epoch: 40, incarnationId: uuidOf(41) });
  expect(judgeImages(epochDidNotGrow, [healthy, elected, registered])).toBeUndefined();
});

it.each([
  ['1 registered with the epoch 0 after 0', withRegistration(healthy, 1, { incarnationId: uuidOf(41) })],
  ['2 registered with the epoch 0 after 1', withRegistration(healthy, 2, { epoch: 0 })],
])('sees that broker %s', (what, image) => {
  expect(judgeImages(epochDidNotGrow, [healthy, image])).toBe(`epoch-did-not-grow: broker ${what}`);
});

it.each([
  ['t-0 changed, and its partition epoch went from 0 to 0', { isr: [1, 2], partitionEpoch: 0 }],
  ['brokers 1 and 2 lead t-0 in the same leader epoch 0', { leader: 2 }],
  ['the leader epoch of t-0 fell from 0 to -1', { leaderEpoch: -1 }],
])('sees that %s', (what, change) => {
  expect(judgeImages(epochDidNotGrow, [healthy, withState(healthy, change)])).toBe(
    `epoch-did-not-grow: ${what}`,
  );
});
