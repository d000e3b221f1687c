/**
 * Goal: the table finds, replaces, orders and forgets offsets. Method: examples, and a random walk that
 * compares the table with a Map.
 */
import { type Uuid, ZERO_UUID } from '@millrace/base';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { OffsetTable } from '../../src/offsets/offset-table.ts';

const value = (offset: number, topicId: Uuid = ZERO_UUID) => ({
  offset,
  leaderEpoch: -1,
  metadata: '',
  commitTimestamp: 0,
  expireTimestamp: -1,
  topicId,
});

it('orders the partitions of a topic, and replaces an offset', () => {
  const table = new OffsetTable();
  for (const partition of [5, 0, 9, 3, 5]) table.put('g', 't', partition, value(partition + table.size));
  const { topics, size } = table.group('g')!;
  expect(topics.get('t')!.map(({ partition, offset }) => `${partition}=${offset}`)).toEqual([
    '0=1',
    '3=6',
    '5=9',
    '9=11',
  ]);
  expect([size, table.size]).toEqual([4, 4]);
});

it('changes the object of an offset while the shard loads, and replaces the object afterwards', () => {
  const table = new OffsetTable();
  const id = 'YWFhYWFhYWFhYWFhYWFhYQ' as Uuid;
  table.put('g', 't', 3, value(1));
  const first = table.get('g', 't', 3)!;
  const second = { ...value(2, id), leaderEpoch: 5, metadata: 'm', commitTimestamp: 6, expireTimestamp: 7 };
  table.put('g', 't', 3, second);
  expect(table.get('g', 't', 3)).toBe(first);
  expect({ ...first }).toEqual({ partition: 3, ...second });
  table.loaded();
  table.put('g', 't', 3, value(8));
  expect(first.offset).toBe(2);
  expect(table.get('g', 't', 3)).toMatchObject({ partition: 3, ...value(8) });
});

it('keeps the topic id of each offset', () => {
  const table = new OffsetTable();
  const [a, b] = ['YWFhYWFhYWFhYWFhYWFhYQ', 'YmJiYmJiYmJiYmJiYmJiYg'] as Uuid[];
  table.put('g', 't', 0, value(1, a));
  table.put('g', 't', 1, value(1, b));
  table.put('h', 't', 0, value(1, a));
  table.put('h', 't', 1, value(1));
  const idOf = (group: string, partition: number) => table.get(group, 't', partition)!.topicId;
  expect([idOf('g', 0), idOf('g', 1), idOf('h', 0), idOf('h', 1)]).toEqual([a, b, a, ZERO_UUID]);
});

it('forgets a group, or a topic, when its last offset is removed', () => {
  const table = new OffsetTable();
  table.put('g', 't', 0, value(1));
  table.put('h', 't', 0, value(1));
  table.remove('g', 't', 1);
  table.remove('g', 'u', 0);
  table.remove('x', 't', 0);
  expect(table.size).toBe(2);
  table.remove('g', 't', 0);
  expect([table.group('g'), table.hasTopic('t')]).toEqual([undefined, true]);
  table.remove('h', 't', 0);
  expect([table.size, table.hasTopic('t'), [...table.groups()]]).toEqual([0, false, []]);
});

it('has the same offsets as a Map after each step of a random walk', () => {
  const name = fc.constantFrom('a', 'b', 'c');
  const step = fc.tuple(fc.boolean(), name, name, fc.nat(6), fc.nat(99));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const table = new OffsetTable();
      const twin = new Map<string, number>();
      for (const [isPut, group, topic, partition, offset] of steps) {
        const key = `${group} ${topic}-${partition}`;
        if (isPut) {
          table.put(group, topic, partition, value(offset));
          twin.set(key, offset);
        } else {
          table.remove(group, topic, partition);
          twin.delete(key);
        }
        expect(table.get(group, topic, partition)?.offset).toBe(twin.get(key));
      }
      const held = [...table.groups()].flatMap(([group, { topics }]) =>
        [...topics].flatMap(([topic, offsets]) =>
          offsets.map(({ partition, offset }): [string, number] => [
            `${group} ${topic}-${partition}`,
            offset,
          ]),
        ),
      );
      expect(new Map(held)).toEqual(twin);
      expect([held.length, table.size]).toEqual([twin.size, twin.size]);
      const topics = new Set([...twin.keys()].map((key) => key.split(/[ -]/)[1]));
      for (const topic of ['a', 'b', 'c']) expect(table.hasTopic(topic)).toBe(topics.has(topic));
    }),
  );
});
