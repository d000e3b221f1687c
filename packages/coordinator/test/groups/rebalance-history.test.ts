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

test('keeps only the first 255 characters of a long text', () => {
  const history = new RebalanceHistory();
  const long = 'x'.repeat(300);
  history.note('g', { ...rebalance(1), memberId: long, clientId: long, reason: long });
  const start = 'x'.repeat(255);
  expect(history.of('g')).toEqual([{ ...rebalance(1), memberId: start, clientId: start, reason: start }]);
});

test('keeps fewer rebalances of each group if the shard has many groups, but at least 10', () => {
  const kept = (groups: number) => {
    const history = new RebalanceHistory();
    for (let group = 0; group < groups; group++) history.note(`g${group}`, rebalance(0));
    for (let epoch = 1; epoch <= 150; epoch++) history.note('g0', rebalance(epoch));
    return history.of('g0').map(({ epoch }) => epoch);
  };
  expect(kept(100)).toHaveLength(100);
  expect(kept(200)).toEqual(Array.from({ length: 50 }, (_, i) => 101 + i));
  expect(kept(5_000)).toEqual(Array.from({ length: 10 }, (_, i) => 141 + i));
});

test('after the shard has got many groups, a group forgets all but its last 10 rebalances at its next rebalance', () => {
  const history = new RebalanceHistory();
  for (let epoch = 1; epoch <= 100; epoch++) history.note('g', rebalance(epoch));
  for (let group = 0; group < 999; group++) history.note(`other${group}`, rebalance(0));
  history.note('g', rebalance(101));
  expect(history.of('g').map(({ epoch }) => epoch)).toEqual(Array.from({ length: 10 }, (_, i) => 92 + i));
});
