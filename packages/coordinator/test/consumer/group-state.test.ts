/**
 * Goal: replay computes the state of a group from its records, even if an older or newer version of Kafka
 * wrote them.
 */
import type { Uuid } from '@millrace/base';
import { describe, expect, it } from 'vitest';
import { GroupState } from '../../src/consumer/group-state.ts';
import { MemberState } from '../../src/consumer/member.ts';
import { GroupBench } from '../support/group-bench.ts';

const TOPIC = 'AAAAAAAAAAAAAAAAAAAAAQ' as Uuid;
const OTHER = 'AAAAAAAAAAAAAAAAAAAAAg' as Uuid;

function currentAssignment(memberId: string, memberEpoch: number, partitions: number[], state = 0) {
  const assigned = [{ topicId: TOPIC, partitions, assignmentEpochs: null }];
  return {
    name: 'consumerGroupCurrentMemberAssignment' as const,
    key: { groupId: 'g', memberId },
    value: {
      memberEpoch,
      previousMemberEpoch: memberEpoch,
      state,
      assignedPartitions: assigned,
      partitionsPendingRevocation: [],
    },
  };
}

it('uses the member epoch as the assignment epoch if the record has none, because Kafka before 4.3 wrote it', () => {
  const state = new GroupState();
  state.replay(currentAssignment('m', 5, [0, 1]));
  expect([...state.members.get('m')!.assigned.get(TOPIC)!]).toEqual([
    [0, 5],
    [1, 5],
  ]);
});

it('while a compacted log loads, a partition stays with the member that got it last', () => {
  const state = new GroupState();
  state.replay(currentAssignment('old', 5, [0]));
  state.replay(currentAssignment('new', 6, [0]));
  state.replay(currentAssignment('old', 6, []));
  expect(state.holders.holder(TOPIC, 0)).toBe('new');
  expect(state.holders.holder(OTHER, 0)).toBeUndefined();
});

it('changes a copy and the original independently', () => {
  const state = new GroupState();
  state.replay(currentAssignment('m', 5, [0]));
  const copy = state.copy();
  copy.replay(currentAssignment('m', 6, [1]));
  state.replay(currentAssignment('n', 6, [2]));
  expect([0, 1, 2].map((partition) => state.holders.holder(TOPIC, partition))).toEqual(['m', undefined, 'n']);
  expect([0, 1, 2].map((partition) => copy.holders.holder(TOPIC, partition))).toEqual([
    undefined,
    'm',
    undefined,
  ]);
});

it('ignores tombstones of unknown members', () => {
  const state = new GroupState();
  state.replay({ ...currentAssignment('m', 5, []), value: null });
  expect([state.members.size, state.persisted]).toEqual([0, false]);
});

it.each([-1, 1_000_000, 2 ** 31 - 1])(
  'nobody holds the impossible partition %i of a record; the other partitions of the topic have their holder',
  (partition) => {
    const state = new GroupState();
    const holders = () => [0, partition].map((one) => state.holders.holder(TOPIC, one));
    state.replay(currentAssignment('m', 5, [0, partition]));
    expect(holders()).toEqual(['m', undefined]);
    expect(new Set(state.members.get('m')!.assigned.get(TOPIC)?.keys())).toEqual(new Set([0, partition]));
    state.replay(currentAssignment('m', 6, []));
    expect(holders()).toEqual([undefined, undefined]);
  },
);

describe('a member in a state that this version does not know', () => {
  function bench(): GroupBench {
    const b = new GroupBench();
    b.createTopic('foo', 1);
    b.settle('a');
    b.write([currentAssignment('a', 2, [0], 9)]);
    b.transcript();
    return b;
  }

  it('is fenced until it owns nothing', () => {
    const b = bench();
    expect(MemberState.UNKNOWN).toBe(127);
    b.beat('a', 2);
    expect(b.transcript()).toEqual([
      'a < FENCED_MEMBER_EPOCH The consumer group member is in a unknown state. The member must abandon all ' +
        'its partitions and rejoin.',
    ]);
    b.join('a', ['foo']);
    expect(b.transcript().at(-1)).toBe('a < epoch 2 foo:0');
  });
});

it('the next group epoch removes the record of partition counts that Kafka before 4.1 wrote', () => {
  const b = new GroupBench();
  b.createTopic('foo', 1);
  b.settle('a');
  b.write([{ name: 'consumerGroupPartitionMetadata', key: { groupId: 'g' }, value: { topics: [] } }]);
  b.transcript();
  b.growTopic('foo', 2);
  b.beat('a', 2);
  expect(b.transcript()[0]).toContain('group epoch 3, consumerGroupPartitionMetadata,');
});
