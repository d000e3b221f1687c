/**
 * Goal: the retention check removes exactly the expired offsets, and reports each group that then has no
 * offsets. Method: transcripts of decisions and reports.
 */
import { ErrorCode } from '@millrace/protocol';
import { expect, it } from 'vitest';
import type { Expiry } from '../../src/offsets/expiry.ts';
import { config, DAY, MINUTE, OffsetsShard } from '../support/offsets-shard.ts';

const WEEK = config.retentionMs;
const CHECK = config.retentionCheckIntervalMs;

/** A shard whose group `g` committed an offset of each topic. */
function committed(rule?: Expiry): OffsetsShard {
  const shard = new OffsetsShard(true);
  if (rule !== undefined) shard.expiry.set('g', rule);
  shard.commit('g', 'orders', { 0: { offset: 5 } });
  shard.commit('g', 'bills', { 0: { offset: 6 } });
  shard.port.transcript();
  return shard;
}

it('removes each offset of a simple group one retention time after its commit, then reports the group', () => {
  const shard = committed();
  shard.port.advance(DAY);
  shard.commit('g', 'bills', { 0: { offset: 7 } });
  shard.port.transcript();
  shard.port.advance(6 * DAY - 1);
  expect(new Set(shard.port.transcript())).toEqual(new Set(['checked']));
  shard.port.advance(1);
  expect(shard.port.transcript()).toEqual(['write #4 g orders-0=', 'checked']);
  shard.port.advance(DAY - CHECK);
  expect(new Set(shard.port.transcript())).toEqual(new Set(['checked']));
  shard.port.advance(CHECK);
  expect(shard.port.transcript()).toEqual(['write #5 g bills-0=', 'g has no offsets', 'checked']);
});

it('removes the offsets of an empty group one retention time after the group became empty', () => {
  const shard = committed();
  shard.port.advance(WEEK - CHECK);
  shard.expiry.set('g', { kind: 'since-empty', emptySinceMs: shard.port.wallMs() });
  shard.port.transcript();
  shard.port.advance(WEEK - 1);
  expect(new Set(shard.port.transcript())).toEqual(new Set(['checked']));
  shard.port.advance(1);
  expect(shard.port.transcript()).toEqual([
    'write #3 g orders-0=, g bills-0=',
    'g has no offsets',
    'checked',
  ]);
});

it('keeps the offsets of topics that a member subscribes to', () => {
  const shard = committed({ kind: 'since-commit', isSubscribed: (topic) => topic === 'orders' });
  shard.port.advance(WEEK);
  expect(shard.port.transcript().slice(-2)).toEqual(['write #3 g bills-0=', 'checked']);
  shard.port.advance(10 * WEEK);
  expect(shard.offsets.sizeOf('g')).toBe(1);
});

it('keeps all offsets under the rule never', () => {
  const shard = committed({ kind: 'never' });
  shard.port.advance(10 * WEEK);
  expect(shard.offsets.sizeOf('g')).toBe(2);
});

it('removes an offset with an explicit retention time when that time is over', () => {
  const shard = committed({ kind: 'since-empty', emptySinceMs: 0 });
  shard.expiry.set('h', { kind: 'since-empty', emptySinceMs: 0 });
  shard.commit('h', 'orders', { 0: { offset: 5 } }, 2 * CHECK);
  shard.commit('h', 'orders', { 1: { offset: 5 } }, 20 * WEEK);
  shard.port.transcript();
  shard.port.advance(2 * CHECK);
  expect(shard.port.transcript()).toEqual([
    'write #5 g orders-0=, g bills-0=',
    'g has no offsets',
    'checked',
    'write #6 h orders-0=',
    'checked',
  ]);
});

it('keeps an offset while a transactional commit of its partition is pending', () => {
  const shard = committed();
  shard.pending.add('g orders-0');
  shard.port.advance(2 * WEEK);
  expect(shard.offsets.sizeOf('g')).toBe(1);
  shard.pending.clear();
  shard.port.advance(CHECK);
  expect(shard.offsets.sizeOf('g')).toBe(0);
});

it('removes the offsets of topics that were deleted while no shard was loaded', () => {
  const shard = committed({ kind: 'never' });
  shard.deleteTopic('orders');
  shard.deleteTopic('bills');
  shard.createTopic('bills', 'YWdhaW5hZ2FpbmFnYWluYQ' as never);
  shard.port.advance(CHECK);
  expect(shard.port.transcript()).toEqual([
    'write #3 g orders-0=, g bills-0=',
    'g has no offsets',
    'checked',
  ]);
});

it('checks again after the interval if the shard accepts no records', () => {
  const shard = committed();
  shard.port.advance(WEEK - 1);
  shard.port.transcript();
  shard.port.refusal = ErrorCode.COORDINATOR_NOT_AVAILABLE;
  shard.port.advance(1);
  expect(shard.port.transcript()).toEqual(['refused g orders-0=, g bills-0=']);
  shard.port.refusal = ErrorCode.NONE;
  shard.port.advance(CHECK - 1);
  expect(shard.port.transcript()).toEqual([]);
  shard.port.advance(1);
  expect(shard.port.transcript()).toEqual([
    'write #3 g orders-0=, g bills-0=',
    'g has no offsets',
    'checked',
  ]);
});

it('checks once in each interval', () => {
  const shard = new OffsetsShard();
  shard.port.advance(35 * MINUTE);
  expect(shard.port.transcript()).toEqual(['checked', 'checked', 'checked']);
});
