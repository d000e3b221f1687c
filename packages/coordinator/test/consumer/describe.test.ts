import { ErrorCode } from '@millrace/protocol';
import { expect, it } from 'vitest';
import { GroupBench } from '../support/group-bench.ts';

it('describes each member with its current partitions and its target partitions', () => {
  const b = new GroupBench();
  b.createTopic('foo', 4);
  b.join('a', ['foo'], { rackId: 'r', instanceId: 'i' });
  b.join('b', ['foo']);
  b.beat('a', 2, { instanceId: 'i' });
  const topic = { topicId: b.topicId('foo'), topicName: 'foo' };
  const member = { clientId: 'c', clientHost: '/h', subscribedTopicNames: ['foo'], memberType: 1 };
  expect(b.group.describe()).toEqual({
    groupId: 'g',
    groupState: 'Reconciling',
    groupEpoch: 3,
    assignmentEpoch: 3,
    assignorName: 'uniform',
    members: [
      {
        ...member,
        memberId: 'a',
        instanceId: 'i',
        rackId: 'r',
        memberEpoch: 2,
        subscribedTopicRegex: '',
        // Includes the partitions that the member must give up.
        assignment: { topicPartitions: [{ ...topic, partitions: [0, 1, 2, 3] }] },
        targetAssignment: { topicPartitions: [{ ...topic, partitions: [0, 1] }] },
      },
      {
        ...member,
        memberId: 'b',
        instanceId: null,
        rackId: null,
        memberEpoch: 3,
        subscribedTopicRegex: '',
        assignment: { topicPartitions: [] },
        targetAssignment: { topicPartitions: [{ ...topic, partitions: [2, 3] }] },
      },
    ],
  });
});

it('leaves out the partitions of deleted topics', () => {
  const b = new GroupBench();
  b.createTopic('foo', 1);
  b.settle('a');
  b.deleteTopic('foo');
  expect(b.described('a').assignment.topicPartitions).toEqual([]);
});

it('names the states of a group', () => {
  const b = new GroupBench({ assignmentIntervalMs: 1_000 });
  b.createTopic('foo', 2);
  const states = [b.group.stateName];
  b.join('a', ['foo']);
  states.push(b.group.stateName);
  b.join('b', ['foo']);
  states.push(b.group.stateName);
  b.port.advance(1_000);
  b.beat('b', 2);
  states.push(b.group.stateName);
  b.beat('a', -1);
  b.beat('b', -1);
  states.push(b.group.stateName);
  expect(b.port.write(b.tombstones())).toBe(ErrorCode.NONE);
  states.push(b.group.stateName);
  expect(states).toEqual(['Dead', 'Stable', 'Assigning', 'Reconciling', 'Empty', 'Dead']);
  expect(b.group.exists).toBe(false);
});
