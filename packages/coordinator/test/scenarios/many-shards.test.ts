/** Goal: no turn of the event loop does the work of all shards of a broker. */
import type { Uuid } from '@millrace/base';
import { ManualClock } from '@millrace/base/testing';
import { applyRecords, MetadataDelta, MetadataImage, type MetadataRecord } from '@millrace/metadata';
import { buildBatch, readBatchHeader } from '@millrace/protocol';
import { expect, test, vi } from 'vitest';
import type { GroupCoordinator } from '../../src/index.ts';
import { encodeOffset } from '../../src/offsets/offset-record.ts';
import { coordinatorOn } from '../support/coordinator.ts';
import { FakePartitions, TOPIC, TOPIC_ID } from '../support/fake-partitions.ts';
import { groupsConfig } from '../support/machine-host.ts';
import { topicOf } from '../support/topic-records.ts';

const SHARDS = 50;
const OFFSETS = 700;
const ORDERS = 'b3JkZXJzb3JkZXJzb3JkZQ' as Uuid;

/** A coordinator with 50 shards. Each has a group with 700 offsets of the topic `orders`. */
class ManyShards {
  readonly clock = new ManualClock();
  private readonly partitions = new FakePartitions(this.clock);
  private image = MetadataImage.EMPTY;
  private readonly coordinator: GroupCoordinator;

  constructor() {
    this.coordinator = coordinatorOn(this.partitions, this.clock, () => this.image);
    this.change([...topicOf(TOPIC, TOPIC_ID, SHARDS), ...topicOf('orders', ORDERS, 1)]);
    for (let index = 0; index < SHARDS; index++) {
      this.partitions.put(index, buildBatch({ baseTimestamp: 0, records: offsetsOf(`g${index}`) }));
      this.partitions.lead(index);
    }
    this.clock.advance(10);
  }

  change(records: MetadataRecord[]): void {
    const applied = applyRecords(this.image, { baseOffset: this.image.offset + 1, epoch: 1, records });
    this.image = applied.image;
    this.coordinator.publish(applied.delta);
  }

  /**
   * Returns how many tombstones the shards wrote in this turn and in each later turn. Ends when all offsets
   * are removed, or after `turnsMax` turns.
   */
  tombstonesOfTurns(turnsMax: number): number[] {
    const turns: number[] = [];
    let before = 0;
    while (before < SHARDS * OFFSETS && turns.length < turnsMax) {
      this.clock.advance(turns.length === 0 ? 0 : 1);
      const now = this.tombstones();
      turns.push(now - before);
      before = now;
    }
    return turns;
  }

  private tombstones(): number {
    let count = 0;
    for (const batches of this.partitions.logs.values())
      for (const batch of batches.slice(1)) count += readBatchHeader(batch).recordCount;
    return count;
  }
}

function offsetsOf(group: string) {
  return Array.from({ length: OFFSETS }, (_, partition) => {
    const value = {
      offset: 5,
      leaderEpoch: -1,
      metadata: '',
      commitTimestamp: 0,
      expireTimestamp: -1,
      topicId: ORDERS,
    };
    return encodeOffset({ group, topic: 'orders', partition }, value);
  });
}

test('in each turn, all shards together run at most one slice of their retention checks', () => {
  const shards = new ManyShards();
  shards.clock.advance(groupsConfig.offsets.retentionCheckIntervalMs - 20);
  const turns = shards.tombstonesOfTurns(1000);
  expect(turns.reduce((sum, count) => sum + count)).toBe(SHARDS * OFFSETS);
  expect(Math.max(...turns)).toBe(500);
});

test('in each turn, all shards together run at most one slice of the removals for a deleted topic', () => {
  const shards = new ManyShards();
  shards.change([{ type: 'removeTopic', topicId: ORDERS }]);
  const turns = shards.tombstonesOfTurns(1000);
  expect(turns.reduce((sum, count) => sum + count)).toBe(SHARDS * OFFSETS);
  expect(Math.max(...turns)).toBe(500);
});

test('the coordinator computes only once, for all shards, which topics a metadata change concerns', () => {
  const shards = new ManyShards();
  const changedPartitions = vi.spyOn(MetadataDelta.prototype, 'changedPartitions', 'get');
  const words = 'd29yZHN3b3Jkc3dvcmRzdw' as Uuid;
  shards.change(topicOf('words', words, 3));
  shards.change([{ type: 'removeTopic', topicId: words }]);
  expect(changedPartitions).toHaveBeenCalledTimes(2);
  changedPartitions.mockRestore();
});
