/**
 * Goal: removals of many offsets come in small decisions, and do not touch what was committed meanwhile.
 * Method: groups with thousands of offsets; one turn at a time.
 */
import { decodeGroupRecord, ErrorCode } from '@millrace/protocol';
import { expect, it } from 'vitest';
import { groupTombstone } from '../../src/classic/index.ts';
import { type Committed, config, OffsetsShard } from '../support/offsets-shard.ts';

const MANY = 1234;
/** Too many for one decision that deletes a group. */
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

it('a deleted group loses all offsets with the tombstone of the group, in one decision if they are few', () => {
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

it('a group without offsets waits for its tombstone', () => {
  const shard = new OffsetsShard();
  const answers = deleteGroup(shard);
  expect(shard.port.transcript()).toEqual(['write #1 group-metadata g']);
  expect(answers).toEqual([]);
  shard.port.commit();
  expect(answers).toEqual([ErrorCode.NONE]);
});

it('a group without offsets and records is answered at once', () => {
  const shard = new OffsetsShard();
  expect(deleteGroup(shard, [])).toEqual([ErrorCode.NONE]);
  expect(shard.port.decisions).toEqual([]);
});

it('a deleted group with many offsets takes one decision', () => {
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

it('a deleted group with very many offsets takes several turns, and its tombstone comes last', () => {
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

it('a turn has one decision of a removal', () => {
  const shard = many('g');
  shard.offsets.metadataChanged(shard.deleteTopic('orders'));
  shard.port.advance(0);
  expect(sizes(shard)).toEqual([500]);
  shard.port.advance(1);
  expect(sizes(shard)).toEqual([500, 500]);
});

it('a turn has one decision of a retention check', () => {
  const shard = many('g');
  shard.expiry.set('g', { kind: 'since-empty', emptySinceMs: 0 });
  shard.port.advance(config.retentionCheckIntervalMs);
  expect(sizes(shard)).toEqual([500]);
});

it('an offset that is committed between two decisions stays', () => {
  const shard = many('g', VERY_MANY);
  const answers = deleteGroup(shard, []);
  shard.commit('g', 'orders', { 0: { offset: 1 }, 11000: { offset: 2 } });
  shard.port.advance(10);
  shard.port.transcript();
  shard.fetch('g');
  expect(shard.port.transcript()).toEqual(['fetch g: orders-0 1, orders-11000 2']);
  expect(answers).toEqual([ErrorCode.NONE]);
});

it('a removal that the shard refuses in the middle answers the error', () => {
  const shard = many('g', VERY_MANY);
  const answers = deleteGroup(shard);
  shard.port.refusal = ErrorCode.COORDINATOR_NOT_AVAILABLE;
  shard.port.advance(10);
  expect(answers).toEqual([ErrorCode.COORDINATOR_NOT_AVAILABLE]);
  expect(shard.offsets.size).toBe(VERY_MANY - 5000);
});

it('a removal in the middle is answered when the leadership ends', () => {
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

it('OffsetDelete between two decisions spares a topic that a member subscribes to now', () => {
  const shard = many('g', VERY_MANY);
  const subscribed: string[] = [];
  shard.delete('g', { orders: Array.from({ length: VERY_MANY }, (_, partition) => partition) }, subscribed);
  subscribed.push('orders');
  shard.port.advance(10);
  expect(sizes(shard)).toEqual([5000]);
  expect(shard.port.transcript()).toContain('delete g orders-0 GROUP_SUBSCRIBED_TO_TOPIC');
});

it('a deleted topic with many offsets takes several turns', () => {
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

it('an expired group with many offsets takes several turns, and asks for the rule in each', () => {
  const shard = many('g');
  shard.expiry.set('g', { kind: 'since-empty', emptySinceMs: 0 });
  const { port } = shard;
  port.advance(config.retentionCheckIntervalMs - 1);
  port.after(1, () => {
    // Runs in the turn of the check, before or after its first decision; the second comes in a later turn.
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

it('a decision has few records if the names are long', () => {
  const group = 'g'.repeat(30_000);
  const shard = many(group, 40);
  shard.delete(group, { orders: Array.from({ length: 40 }, (_, partition) => partition) });
  shard.port.advance(10);
  expect(sizes(shard)).toEqual([18, 18, 4]);
});
