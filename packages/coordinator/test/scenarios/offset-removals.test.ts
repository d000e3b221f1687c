/**
 * Goal: the removal of many offsets takes several small decisions, and keeps offsets that clients commit
 * between these decisions. Method: groups with thousands of offsets, one turn at a time.
 */
import { decodeGroupRecord, ErrorCode } from '@millrace/protocol';
import { expect, it } from 'vitest';
import { groupTombstone } from '../../src/classic/index.ts';
import { type Committed, config, OffsetsShard } from '../support/offsets-shard.ts';

const MANY = 1234;
/** A number of offsets that is too large for one decision that deletes a group. */
const VERY_MANY = 12_340;
const tombstone = groupTombstone('g');

function many(group: string, partitions = MANY): OffsetsShard {
  const shard = new OffsetsShard(true);
  const list: Record<number, Committed> = {};
  for (let partition = 0; partition < partitions; partition++) list[partition] = { offset: partition };
  shard.commit(group, 'orders', list);
  shard.port.transcript();
  return shard;
}

/** How many records each decision after the first has. */
const sizes = (shard: OffsetsShard) => shard.port.decisions.slice(1).map((records) => records.length);

function deleteGroup(shard: OffsetsShard, last = [tombstone]): ErrorCode[] {
  const answers: ErrorCode[] = [];
  shard.offsets.deleteGroup(
    'g',
    () => last,
    (errorCode) => answers.push(errorCode),
  );
  return answers;
}

it('one decision deletes a group with few offsets: tombstones of the offsets, and then of the group', () => {
  const shard = new OffsetsShard();
  shard.commit('g', 'orders', { 0: { offset: 5 }, 1: { offset: 6 } });
  shard.commit('g', 'bills', { 0: { offset: 7 } });
  shard.commit('other', 'bills', { 0: { offset: 7 } });
  shard.settle();
  const answers = deleteGroup(shard);
  expect(shard.port.transcript()).toEqual([
    'write #4 g orders-1=, g orders-0=, g bills-0=, group-metadata g',
  ]);
  expect(answers).toEqual([]);
  shard.port.commit();
  expect(answers).toEqual([ErrorCode.NONE]);
  expect([...shard.offsets.groupIds()]).toEqual(['other']);
});

it('the deletion of a group without offsets is answered when the tombstone of the group is committed', () => {
  const shard = new OffsetsShard();
  const answers = deleteGroup(shard);
  expect(shard.port.transcript()).toEqual(['write #1 group-metadata g']);
  expect(answers).toEqual([]);
  shard.port.commit();
  expect(answers).toEqual([ErrorCode.NONE]);
});

it('the deletion of a group without offsets and without records is answered at once', () => {
  const shard = new OffsetsShard();
  expect(deleteGroup(shard, [])).toEqual([ErrorCode.NONE]);
  expect(shard.port.decisions).toEqual([]);
});

it('the deletion of a group with many offsets takes one decision', () => {
  const shard = many('g');
  deleteGroup(shard);
  expect(sizes(shard)).toEqual([MANY + 1]);
});

it('a deletion takes small decisions if the topic allows only small batches', () => {
  const shard = many('g');
  const { port } = shard;
  const write = port.write.bind(port);
  port.write = (records) => (records.length > 600 ? ErrorCode.UNKNOWN_SERVER_ERROR : write(records));
  const answers = deleteGroup(shard);
  port.advance(2);
  expect([sizes(shard), answers]).toEqual([[500, 500, MANY - 1000 + 1], [ErrorCode.NONE]]);
});

it('the deletion of a group with very many offsets takes several turns, and ends with the group', () => {
  const shard = many('g', VERY_MANY);
  const answers = deleteGroup(shard);
  expect(sizes(shard)).toEqual([5000]);
  shard.port.advance(10);
  expect(sizes(shard)).toEqual([5000, 5000, VERY_MANY - 10_000 + 1]);
  expect(answers).toEqual([ErrorCode.NONE]);
  expect(shard.offsets.size).toBe(0);
  const { key, value } = shard.port.decisions.at(-1)!.at(-1)!;
  expect(decodeGroupRecord(key, value)?.name).toBe('groupMetadata');
});

it('the removal for a deleted topic makes one decision in a turn', () => {
  const shard = many('g');
  shard.offsets.metadataChanged(shard.deleteTopic('orders'));
  shard.port.advance(0);
  expect(sizes(shard)).toEqual([500]);
  shard.port.advance(1);
  expect(sizes(shard)).toEqual([500, 500]);
});

it('a retention check makes one decision in a turn', () => {
  const shard = many('g');
  shard.expiry.set('g', { kind: 'since-empty', emptySinceMs: 0 });
  shard.port.advance(config.retentionCheckIntervalMs);
  expect(sizes(shard)).toEqual([500]);
});

it('an offset that is committed between two decisions of a deletion stays', () => {
  const shard = many('g', VERY_MANY);
  const answers = deleteGroup(shard, []);
  shard.commit('g', 'orders', { 0: { offset: 1 }, 11000: { offset: 2 } });
  shard.port.advance(10);
  shard.port.transcript();
  shard.fetch('g');
  expect(shard.port.transcript()).toEqual(['fetch g: orders-0 1, orders-11000 2']);
  expect(answers).toEqual([ErrorCode.NONE]);
});

it('a deletion is answered with an error if the shard refuses one of its later decisions', () => {
  const shard = many('g', VERY_MANY);
  const answers = deleteGroup(shard);
  shard.port.refusal = ErrorCode.COORDINATOR_NOT_AVAILABLE;
  shard.port.advance(10);
  expect(answers).toEqual([ErrorCode.COORDINATOR_NOT_AVAILABLE]);
  expect(shard.offsets.size).toBe(VERY_MANY - 5000);
});

it('an unfinished deletion is answered when the leadership ends', () => {
  const shard = many('g', VERY_MANY);
  const answers = deleteGroup(shard);
  shard.port.end();
  shard.offsets.ended(ErrorCode.NOT_COORDINATOR);
  expect(answers).toEqual([ErrorCode.NOT_COORDINATOR]);
});

it('OffsetDelete of very many offsets takes several turns, and answers after the last', () => {
  const shard = many('g', VERY_MANY);
  shard.delete('g', { orders: Array.from({ length: VERY_MANY }, (_, partition) => partition) });
  expect(sizes(shard)).toEqual([5000]);
  shard.port.advance(10);
  expect(sizes(shard)).toEqual([5000, 5000, VERY_MANY - 10_000]);
  expect(shard.port.transcript().filter((line) => line.endsWith('NONE'))).toHaveLength(VERY_MANY + 1);
});

it('OffsetDelete stops removing offsets of a topic if a member subscribes to it between two decisions', () => {
  const shard = many('g', VERY_MANY);
  const subscribed: string[] = [];
  shard.delete('g', { orders: Array.from({ length: VERY_MANY }, (_, partition) => partition) }, subscribed);
  subscribed.push('orders');
  shard.port.advance(10);
  expect(sizes(shard)).toEqual([5000]);
  expect(shard.port.transcript()).toContain('delete g orders-0 GROUP_SUBSCRIBED_TO_TOPIC');
});

it('the removal of the many offsets of a deleted topic takes several turns', () => {
  const shard = many('g');
  shard.offsets.metadataChanged(shard.deleteTopic('orders'));
  expect(sizes(shard)).toEqual([500]);
  shard.port.advance(10);
  expect(sizes(shard)).toEqual([500, 500, MANY - 1000]);
});

it('one check expires all offsets of a group, in several turns', () => {
  const shard = many('g');
  shard.expiry.set('g', { kind: 'since-empty', emptySinceMs: 0 });
  shard.port.advance(config.retentionCheckIntervalMs + 10);
  expect(sizes(shard)).toEqual([500, 500, MANY - 1000]);
  expect(shard.port.transcript().slice(-2)).toEqual(['g has no offsets', 'checked']);
});

it('the expiry of the many offsets of a group takes several turns, and each turn asks for the rule', () => {
  const shard = many('g');
  shard.expiry.set('g', { kind: 'since-empty', emptySinceMs: 0 });
  const { port } = shard;
  port.advance(config.retentionCheckIntervalMs - 1);
  port.after(1, () => {
    // This timer runs in the turn of the check, before or after the check's first decision. The second
    // decision comes in a later turn, so it follows the new rule.
    port.after(1, () => shard.expiry.set('g', { kind: 'never' }));
  });
  port.advance(10);
  expect(shard.offsets.size).toBeGreaterThan(0);
  expect(shard.offsets.size).toBeLessThan(MANY);
  expect(port.transcript().at(-1)).toBe('checked');
  shard.expiry.delete('g');
  port.advance(config.retentionMs);
  expect(shard.offsets.size).toBe(0);
});

it('a decision has fewer records if the names of groups are long', () => {
  const group = 'g'.repeat(30_000);
  const shard = many(group, 40);
  shard.delete(group, { orders: Array.from({ length: 40 }, (_, partition) => partition) });
  shard.port.advance(10);
  expect(sizes(shard)).toEqual([18, 18, 4]);
});
