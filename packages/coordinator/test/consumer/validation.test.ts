import type { Uuid } from '@millrace/base';
import { type ConsumerGroupHeartbeatRequest, ErrorCode } from '@millrace/protocol';
import { expect, it } from 'vitest';
import { heartbeatFault } from '../../src/consumer/validation.ts';

const join: ConsumerGroupHeartbeatRequest = {
  groupId: 'g',
  memberId: 'm',
  memberEpoch: 0,
  instanceId: null,
  rackId: null,
  rebalanceTimeoutMs: 1000,
  subscribedTopicNames: [],
  subscribedTopicRegex: null,
  serverAssignor: null,
  topicPartitions: [],
};

function fault(change: Partial<ConsumerGroupHeartbeatRequest>, version = 1): string | undefined {
  const found = heartbeatFault(version, { ...join, ...change }, ['uniform', 'range']);
  if (found === undefined) return undefined;
  if (found.errorCode !== ErrorCode.INVALID_REQUEST)
    expect(found.errorCode).toBe(ErrorCode.UNSUPPORTED_ASSIGNOR);
  return found.errorMessage ?? '';
}

it('accepts a join', () => {
  expect(fault({})).toBeUndefined();
  expect(fault({ subscribedTopicNames: null, subscribedTopicRegex: '' })).toBeUndefined();
});

it('allows an empty member id only in version 0, and only with epoch 0 or an epoch below -1', () => {
  expect(fault({ memberId: '' })).toBe("MemberId can't be empty.");
  expect(fault({ memberId: '' }, 0)).toBeUndefined();
  expect(fault({ memberId: '', memberEpoch: 1 }, 0)).toBe("MemberId can't be empty.");
  expect(fault({ memberId: ' ', memberEpoch: -1 }, 0)).toBe("MemberId can't be empty.");
  expect(fault({ memberId: '', memberEpoch: -2, instanceId: 'i' }, 0)).toBeUndefined();
});

it('refuses an empty group id, instance id or rack id', () => {
  expect(fault({ groupId: ' ' })).toBe("GroupId can't be empty.");
  expect(fault({ instanceId: '' })).toBe("InstanceId can't be empty.");
  expect(fault({ rackId: '' })).toBe("RackId can't be empty.");
});

it('refuses a join without rebalance timeout, with partitions, or without subscription', () => {
  expect(fault({ rebalanceTimeoutMs: -1 })).toBe('RebalanceTimeoutMs must be provided in first request.');
  const needsEmpty = 'TopicPartitions must be empty when (re-)joining.';
  expect(fault({ topicPartitions: null })).toBe(needsEmpty);
  expect(fault({ topicPartitions: [{ topicId: 't' as Uuid, partitions: [0] }] })).toBe(needsEmpty);
  expect(fault({ subscribedTopicNames: null })).toBe(
    'Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.',
  );
});

it('refuses a static leave without instance id, and epochs below -2', () => {
  expect(fault({ memberEpoch: -2 })).toBe("InstanceId can't be null.");
  expect(fault({ memberEpoch: -3 })).toBe('MemberEpoch is invalid.');
});

it('refuses an unknown assignor, but only after all other checks', () => {
  expect(fault({ serverAssignor: 'x' })).toBe(
    'ServerAssignor x is not supported. Supported assignors: uniform, range.',
  );
  expect(fault({ serverAssignor: 'x', memberEpoch: -3 })).toBe('MemberEpoch is invalid.');
  expect(fault({ serverAssignor: 'range' })).toBeUndefined();
});
