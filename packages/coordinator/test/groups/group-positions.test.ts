import { expect, test } from 'vitest';
import { groupPositions } from '../../src/groups/group-positions.ts';
import type { GroupOffsets } from '../../src/offsets/offset-table.ts';
import { ids, OffsetsShard } from '../support/offsets-shard.ts';

/** A shard with offsets, and a function that lists positions. Each topic has only partition 0. */
function bench() {
  const shard = new OffsetsShard(true);
  let visited = 0;
  function* visiting(): Generator<[string, GroupOffsets]> {
    for (const entry of shard.offsets.byGroup) {
      visited++;
      yield entry;
    }
  }
  const machine = {
    get offsetCount() {
      return shard.offsets.size;
    },
    get offsetsByGroup() {
      return visiting();
    },
  };
  const positions = (max: number) => {
    visited = 0;
    const found = groupPositions({ shards: () => ({ machines: [machine] }) }, shard.port.metadata, max);
    const shown = found.positions.map(
      ({ groupId, topic, topicId, partition, offset }) =>
        `${groupId} ${topic}${topicId === ids[topic] ? '' : ' again'}-${partition} ${offset}`,
    );
    return { shown, omitted: found.omitted, visited };
  };
  return { shard, positions };
}

test('lists the positions of groups in the topics that exist', () => {
  const { shard, positions } = bench();
  shard.commit('a', 'orders', { 0: { offset: 5 }, 1: { offset: 6 } });
  shard.commit('a', 'bills', { 0: { offset: 7 } });
  shard.commit('b', 'bills', { 0: { offset: 8 } }, 1000);
  // A commit with a retention time writes version 1 of the record, which has no topic id.
  shard.commit('b', 'orders', { 0: { offset: 9 } }, 1000);
  const before = positions(10);
  expect(before.shown).toEqual(['a orders-0 5', 'a bills-0 7', 'b bills-0 8', 'b orders-0 9']);
  expect(before.omitted).toBe(0);
  shard.deleteTopic('orders');
  expect(positions(10).shown).toEqual(['a bills-0 7', 'b bills-0 8']);
  shard.createTopic('orders', ids['orders again']);
  expect(positions(10).shown).toEqual(['a bills-0 7', 'b bills-0 8', 'b orders again-0 9']);
});

test('offsets of deleted topics do not count towards the limit; offsets beyond the limit are omitted', () => {
  const { shard, positions } = bench();
  shard.commit('a', 'orders', { 0: { offset: 5 } });
  for (const group of ['b', 'c', 'd', 'e']) shard.commit(group, 'bills', { 0: { offset: 7 } });
  shard.deleteTopic('orders');
  const { shown, omitted } = positions(2);
  expect([shown, omitted]).toEqual([['b bills-0 7', 'c bills-0 7'], 2]);
  expect(positions(4).omitted).toBe(0);
});

test('the walk over the groups ends at the limit', () => {
  const { shard, positions } = bench();
  for (let group = 0; group < 50; group++) shard.commit(`g${group}`, 'bills', { 0: { offset: 1 } });
  const { shown, omitted, visited } = positions(3);
  expect([shown.length, omitted]).toEqual([3, 47]);
  expect(visited).toBeLessThan(6);
  expect(positions(0)).toMatchObject({ shown: [], omitted: 50 });
});
