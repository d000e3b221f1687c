import { expect, test } from 'vitest';
import { RebalanceHistory } from '../../src/groups/rebalance-history.ts';

const rebalance = (epoch: number) => ({
  atMs: epoch,
  epoch,
  cause: 'member-joined',
  memberId: 'm',
  clientId: 'c',
  clientHost: '/h',
});

test('keeps the last 100 rebalances of each group, oldest first', () => {
  const history = new RebalanceHistory();
  for (let epoch = 1; epoch <= 150; epoch++) history.note('g', rebalance(epoch));
  history.note('other', rebalance(1));
  expect(history.of('g').map(({ epoch }) => epoch)).toEqual(Array.from({ length: 100 }, (_, i) => 51 + i));
  expect(history.of('other')).toEqual([rebalance(1)]);
  history.forget('g');
  expect(history.of('g')).toEqual([]);
});

test('keeps the start of long texts', () => {
  const history = new RebalanceHistory();
  const long = 'x'.repeat(300);
  history.note('g', { ...rebalance(1), memberId: long, clientId: long, reason: long });
  const start = 'x'.repeat(255);
  expect(history.of('g')).toEqual([{ ...rebalance(1), memberId: start, clientId: start, reason: start }]);
});
