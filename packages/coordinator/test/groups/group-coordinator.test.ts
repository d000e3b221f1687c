/** Goal: a broker checks requests about groups even if it does not coordinate these groups. */
import { ManualClock } from '@millrace/base/testing';
import { MetadataImage } from '@millrace/metadata';
import { ErrorCode } from '@millrace/protocol';
import { describe, expect, it } from 'vitest';
import type { GroupCoordinator } from '../../src/index.ts';
import { coordinatorOn } from '../support/coordinator.ts';
import { FakePartitions } from '../support/fake-partitions.ts';

function coordinator(): GroupCoordinator {
  const clock = new ManualClock();
  return coordinatorOn(new FakePartitions(clock), clock, () => MetadataImage.EMPTY);
}

it('the empty group id is invalid in ConsumerGroupDescribe, but not in DescribeGroups', () => {
  const told: unknown[] = [];
  coordinator().describe(['', 'g'], (groups) => told.push(groups));
  coordinator().describeClassic([''], 6, (groups) => told.push(groups));
  expect(told).toEqual([
    [
      { groupId: '', errorCode: ErrorCode.INVALID_GROUP_ID },
      { groupId: 'g', errorCode: ErrorCode.NOT_COORDINATOR },
    ],
    [{ groupId: '', errorCode: ErrorCode.NOT_COORDINATOR }],
  ]);
});

/** The longest id that is allowed: 32,767 bytes. */
const LONGEST = `${'x'.repeat(32_764)}\ufffd`;
const CLIENT = { clientId: 'c', clientHost: '/h' };

function join(change: object) {
  let told: number | undefined;
  const request = {
    groupId: 'g',
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 10_000,
    memberId: '',
    groupInstanceId: null,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: new Uint8Array(0) }],
    reason: null,
    ...change,
  };
  const reply = ({ errorCode }: { errorCode?: number }) => {
    told = errorCode;
  };
  coordinator().join({ request, version: 9, client: CLIENT, reply });
  return told;
}

function beat(change: object) {
  let told: unknown;
  const request = {
    groupId: 'g',
    memberId: 'm',
    memberEpoch: 0,
    instanceId: null,
    rackId: null,
    rebalanceTimeoutMs: 1000,
    subscribedTopicNames: ['t'],
    subscribedTopicRegex: null,
    serverAssignor: null,
    topicPartitions: [],
    ...change,
  };
  coordinator().consumerHeartbeat({
    request,
    version: 1,
    client: CLIENT,
    reply: ({ errorCode, errorMessage }) => {
      told = errorCode === ErrorCode.INVALID_REQUEST ? errorMessage : errorCode;
    },
  });
  return told;
}

describe('a text that is too long for a record is refused', () => {
  it('as the id of a group', () => {
    const told: unknown[] = [];
    const wanted = { memberId: null, memberEpoch: -1, requireStable: false };
    for (const groupId of [LONGEST, `${LONGEST}x`])
      coordinator().fetch({ ...wanted, groupId }, null, ({ errorCode }) => told.push(errorCode));
    expect(told).toEqual([ErrorCode.NOT_COORDINATOR, ErrorCode.INVALID_GROUP_ID]);
  });

  it('in JoinGroup', () => {
    const protocols = (count: number, name: string) =>
      Array.from({ length: count }, () => ({ name, metadata: new Uint8Array(0) }));
    const reached = ErrorCode.NOT_COORDINATOR;
    expect(join({ memberId: LONGEST, groupInstanceId: LONGEST, protocolType: LONGEST })).toBe(reached);
    expect(join({ protocols: protocols(100, LONGEST) })).toBe(reached);
    expect(join({ memberId: `${LONGEST}x` })).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
    expect(join({ groupInstanceId: `${LONGEST}x` })).toBe(ErrorCode.INVALID_REQUEST);
    expect(join({ protocolType: `${LONGEST}x` })).toBe(ErrorCode.INCONSISTENT_GROUP_PROTOCOL);
    expect(join({ protocols: protocols(1, `${LONGEST}x`) })).toBe(ErrorCode.INCONSISTENT_GROUP_PROTOCOL);
    expect(join({ protocols: protocols(101, 'a') })).toBe(ErrorCode.INCONSISTENT_GROUP_PROTOCOL);
  });

  it('in ConsumerGroupHeartbeat', () => {
    const reached = ErrorCode.NOT_COORDINATOR;
    expect(beat({ memberId: LONGEST, instanceId: LONGEST, rackId: LONGEST })).toBe(reached);
    expect(beat({ memberId: `${LONGEST}x` })).toBe('MemberId is too long.');
    expect(beat({ instanceId: `${LONGEST}x` })).toBe('InstanceId is too long.');
    expect(beat({ rackId: `${LONGEST}x` })).toBe('RackId is too long.');
    expect(beat({ subscribedTopicNames: ['t', `${LONGEST}x`] })).toBe('A topic name is too long.');
  });
});

describe('a bad request gets the same answer from every broker', () => {
  it('JoinGroup', () => {
    const timeouts = [5999, 6000, 1_800_000, 1_800_001];
    expect(timeouts.map((sessionTimeoutMs) => join({ sessionTimeoutMs }))).toEqual([
      ErrorCode.INVALID_SESSION_TIMEOUT,
      ErrorCode.NOT_COORDINATOR,
      ErrorCode.NOT_COORDINATOR,
      ErrorCode.INVALID_SESSION_TIMEOUT,
    ]);
    expect(join({ groupId: '', sessionTimeoutMs: 5 })).toBe(ErrorCode.INVALID_GROUP_ID);
  });

  it('SyncGroup without the protocol, from version 5 on', () => {
    const sync = (version: number, change: object) => {
      let told: number | undefined;
      const named = { protocolType: 'consumer', protocolName: 'range', ...change };
      const member = { generationId: 1, memberId: 'm', groupInstanceId: null, assignments: [] };
      coordinator().sync({
        request: { groupId: 'g', ...member, ...named },
        version,
        client: CLIENT,
        reply: ({ errorCode }) => {
          told = errorCode;
        },
      });
      return told;
    };
    const unnamed = { protocolType: null, protocolName: null };
    expect([sync(5, {}), sync(4, unnamed)]).toEqual([ErrorCode.NOT_COORDINATOR, ErrorCode.NOT_COORDINATOR]);
    for (const change of [{ protocolType: null }, { protocolName: null }, { ...unnamed, groupId: '' }])
      expect(sync(5, change)).toBe(ErrorCode.INCONSISTENT_GROUP_PROTOCOL);
  });

  it('ConsumerGroupHeartbeat', () => {
    expect(beat({ groupId: '' })).toBe("GroupId can't be empty.");
    expect(beat({ memberEpoch: -3 })).toBe('MemberEpoch is invalid.');
    expect(beat({ serverAssignor: 'sticky' })).toBe(ErrorCode.UNSUPPORTED_ASSIGNOR);
    expect(beat({ subscribedTopicNames: null, subscribedTopicRegex: '(' })).toBe(ErrorCode.NOT_COORDINATOR);
  });
});
