import { expect, test } from 'vitest';
import { parseTopic, partitionsIn } from '../src/topic-list.ts';

test('a topic stands for all of its partitions, or for some', () => {
  const counts = new Map([
    ['orders', 2],
    ['events', 1],
  ]);
  const named = ['orders', 'events:0'].map(parseTopic);
  expect(partitionsIn(named, counts)).toEqual([
    { topic: 'orders', partition: 0 },
    { topic: 'orders', partition: 1 },
    { topic: 'events', partition: 0 },
  ]);
});

test('an error names the missing topic or partition, and the partitions that exist', () => {
  const counts = new Map([['orders', 2]]);
  expect(() => partitionsIn([parseTopic('orders:1,2')], counts)).toThrow(
    "topic 'orders' has no partition 2: it has partitions 0 to 1",
  );
  expect(() => partitionsIn([parseTopic('x')], counts)).toThrow("topic 'x' does not exist");
});

test.each([['orders', 'orders'], ['orders', 'orders:1'], ['orders:1,1']])(
  '%j name a partition twice',
  (...texts) => {
    const counts = new Map([['orders', 2]]);
    expect(() => partitionsIn(texts.map(parseTopic), counts)).toThrow(
      /^partition orders-[01] is given twice$/,
    );
  },
);
