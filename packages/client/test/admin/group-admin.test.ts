/** Goal: an administrator sees the groups of both protocols, and changes only what a group allows. */
import {
  apis,
  consumerProtocolAssignment,
  consumerProtocolSubscription,
  ErrorCode,
} from '@millrace/protocol';
import { describe, expect, test } from 'vitest';
import { GroupAdmin } from '../../src/index.ts';
import { metadataOf, TOPIC_ID } from '../support/metadata.ts';
import { PlayedGroup } from '../support/played-group.ts';

class Asked extends PlayedGroup {
  readonly ends: unknown[] = [];
  readonly admin: GroupAdmin;

  constructor() {
    super();
    const { clock, open } = this;
    const topicId = (topic: string) => (topic === 'events' ? TOPIC_ID : undefined);
    this.admin = new GroupAdmin({ clock, cluster: this.cluster.view, open, timeoutMs: 1_000, topicId });
  }

  describe(includeRebalances = false): void {
    this.admin.describe('g', (found, error) => this.ends.push(found ?? error), includeRebalances);
    this.found();
  }
}

describe('listing', () => {
  test('every broker lists its groups; the list is sorted', () => {
    const asked = new Asked();
    asked.admin.list((groups, failed, error) => asked.ends.push(groups, [...failed], error));
    asked.cluster.server.answer(apis.metadata, metadataOf());
    for (const port of [4, 5, 6]) asked.cluster.opens(port);
    asked.clock.advance(100);
    const group = { groupType: 'consumer', groupState: 'Stable', protocolType: 'consumer' };
    const tells = (port: number, errorCode: number, ...ids: string[]) =>
      asked.broker(port).answer(apis.listGroups, {
        errorCode,
        groups: ids.map((groupId) => ({ groupId, ...group })),
      });
    tells(4, 0, 'c');
    tells(5, 0, 'b', 'a');
    tells(6, ErrorCode.COORDINATOR_LOAD_IN_PROGRESS);
    expect(asked.ends).toEqual([]);
    asked.clock.advance(100);
    tells(6, 0);
    expect(asked.ends).toMatchObject([
      [
        { groupId: 'a', type: 'consumer', state: 'Stable', protocolType: 'consumer' },
        { groupId: 'b' },
        { groupId: 'c' },
      ],
      [],
      undefined,
    ]);
  });

  test('a broker that does not answer in time is named', () => {
    const asked = new Asked();
    asked.admin.list((groups, failed) => asked.ends.push(groups.length, [...failed]));
    asked.cluster.server.answer(apis.metadata, metadataOf());
    for (const port of [4, 5]) asked.cluster.opens(port);
    asked.clock.advance(100);
    for (const port of [4, 5]) asked.broker(port).answer(apis.listGroups, { errorCode: 0, groups: [] });
    asked.clock.advance(1_000);
    expect(asked.ends).toEqual([0, [[6, 'the broker does not answer']]]);
  });
});

describe('describing', () => {
  test('a consumer group (KIP-848), with its last rebalances if the broker tells them', () => {
    const asked = new Asked();
    asked.describe(true);
    const topicPartitions = [{ topicId: TOPIC_ID, topicName: 'events', partitions: [1, 0] }];
    const rebalance = { atMs: 1, epoch: 3, cause: 'member joined', memberId: 'm', clientId: 'c' };
    const group = {
      groupId: 'g',
      groupState: 'Stable',
      groupEpoch: 3,
      assignorName: 'uniform',
      members: [
        {
          memberId: 'm',
          memberEpoch: 3,
          clientId: 'c',
          clientHost: '/127.0.0.1',
          subscribedTopicNames: ['events'],
          assignment: { topicPartitions },
          targetAssignment: { topicPartitions: [] },
        },
      ],
      rebalances: [{ ...rebalance, clientHost: '/127.0.0.1' }],
    };
    const request = asked.answer(apis.consumerGroupDescribe, { groups: [group] });
    expect(request).toMatchObject({ groupIds: ['g'], includeRebalances: true });
    expect(asked.ends).toMatchObject([
      {
        type: 'consumer',
        state: 'Stable',
        assignor: 'uniform',
        epoch: 3,
        members: [
          {
            epoch: 3,
            topics: ['events'],
            assignment: [
              { topic: 'events', partition: 0 },
              { topic: 'events', partition: 1 },
            ],
            target: [],
          },
        ],
        rebalances: [{ ...rebalance, reason: null, afterMs: -1 }],
      },
    ]);
  });

  test('a classic group: the answer to the second request describes it', () => {
    const asked = new Asked();
    asked.describe();
    const other = { groupId: 'g', errorCode: ErrorCode.GROUP_ID_NOT_FOUND };
    asked.answer(apis.consumerGroupDescribe, { groups: [other] });
    const memberMetadata = consumerProtocolSubscription.encode(3, { topics: ['events'] });
    const assignedPartitions = [{ topic: 'events', partitions: [0] }];
    const memberAssignment = consumerProtocolAssignment.encode(1, { assignedPartitions });
    const member = { memberId: 'm', clientId: 'c', clientHost: '/::1', memberMetadata, memberAssignment };
    const protocol = { protocolType: 'consumer', protocolData: 'range' };
    const group = { groupId: 'g', groupState: 'Stable', ...protocol, members: [member] };
    const request = asked.answer(apis.describeGroups, { groups: [group] });
    expect(request).toMatchObject({ groups: ['g'], includeRebalances: false });
    expect(asked.ends).toMatchObject([
      {
        type: 'classic',
        assignor: 'range',
        epoch: undefined,
        members: [{ topics: ['events'], assignment: [{ topic: 'events', partition: 0 }], target: undefined }],
        rebalances: undefined,
      },
    ]);
  });

  test.each([
    { errorCode: ErrorCode.GROUP_ID_NOT_FOUND, groupState: 'Dead' },
    { errorCode: ErrorCode.NONE, groupState: 'Dead' },
  ])('a group that does not exist: $errorCode', (told) => {
    const asked = new Asked();
    asked.describe();
    const other = { groupId: 'g', errorCode: ErrorCode.GROUP_ID_NOT_FOUND };
    asked.answer(apis.consumerGroupDescribe, { groups: [other] });
    asked.answer(apis.describeGroups, { groups: [{ groupId: 'g', ...told }] });
    expect(asked.ends).toEqual(['GROUP_ID_NOT_FOUND']);
  });

  test('a member of another protocol type has no topics, because its bytes are no subscription', () => {
    const asked = new Asked();
    asked.describe();
    const other = { groupId: 'g', errorCode: ErrorCode.GROUP_ID_NOT_FOUND };
    asked.answer(apis.consumerGroupDescribe, { groups: [other] });
    const odd = Uint8Array.of(1);
    const members = [{ memberId: 'm', memberMetadata: odd, memberAssignment: odd }];
    asked.answer(apis.describeGroups, { groups: [{ groupId: 'g', groupState: 'Stable', members }] });
    expect(asked.ends).toMatchObject([{ members: [{ topics: undefined, assignment: [] }] }]);
  });
});

describe('changing', () => {
  test('a group is deleted at its coordinator, also after the group moved', () => {
    const asked = new Asked();
    asked.admin.delete('g', (error) => asked.ends.push(error));
    asked.found();
    const tells = (errorCode: number, port: number) =>
      asked.answer(apis.deleteGroups, { results: [{ groupId: 'g', errorCode }] }, port);
    tells(ErrorCode.NOT_COORDINATOR, 9);
    asked.clock.advance(100);
    asked.found(8);
    tells(ErrorCode.NONE, 8);
    expect(asked.ends).toEqual([undefined]);
  });

  test('a group with members is not deleted', () => {
    const asked = new Asked();
    asked.admin.delete('g', (error) => asked.ends.push(error));
    asked.found();
    const errorCode = ErrorCode.NON_EMPTY_GROUP;
    asked.answer(apis.deleteGroups, { results: [{ groupId: 'g', errorCode }] });
    expect(asked.ends).toEqual(['NON_EMPTY_GROUP']);
  });

  test('alterOffsets commits without a member id, and reports the refusal of the coordinator; deleteOffsets deletes', () => {
    const asked = new Asked();
    const place = { topic: 'events', partition: 0 };
    const offset = { ...place, offset: 3, leaderEpoch: -1, metadata: '' };
    asked.admin.alterOffsets('g', [offset], (error, failed) => asked.ends.push([error, failed.length]));
    asked.found();
    const topics = [{ topicId: TOPIC_ID, partitions: [{ partitionIndex: 0, errorCode: 25 }] }];
    const commit = asked.answer(apis.offsetCommit, { topics });
    expect(commit).toMatchObject({ memberId: '', generationIdOrMemberEpoch: -1 });
    asked.admin.deleteOffsets('g', [place], (error) => asked.ends.push(error));
    asked.found();
    const deleted = [{ name: 'events', partitions: [{ partitionIndex: 0, errorCode: 0 }] }];
    asked.answer(apis.offsetDelete, { errorCode: 0, topics: deleted });
    expect(asked.ends).toEqual([['UNKNOWN_MEMBER_ID', 1], undefined]);
  });

  test('the client must not read a topic of the group: the offsets cannot be listed', () => {
    const asked = new Asked();
    asked.admin.listOffsets('g', null, (found, error) => asked.ends.push(found, error));
    asked.found();
    const errorCode = ErrorCode.TOPIC_AUTHORIZATION_FAILED;
    const none = { committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode };
    const topics = [{ name: 'events', partitions: [{ ...none, partitionIndex: 0 }] }];
    asked.answer(apis.offsetFetch, { groups: [{ groupId: 'g', topics }] } as never);
    expect(asked.ends).toEqual([undefined, 'TOPIC_AUTHORIZATION_FAILED']);
  });

  test('listOffsets without partitions returns all committed offsets of a group', () => {
    const asked = new Asked();
    asked.admin.listOffsets('g', null, (found) => asked.ends.push(found));
    asked.found();
    const partitions = [{ partitionIndex: 0, committedOffset: 3, committedLeaderEpoch: 1, metadata: 'x' }];
    const groups = [{ groupId: 'g', topics: [{ name: 'events', partitions }] }];
    expect(asked.answer(apis.offsetFetch, { groups } as never).groups[0]?.topics).toBeNull();
    expect(asked.ends).toMatchObject([[{ topic: 'events', partition: 0, offset: 3, leaderEpoch: 1 }]]);
  });
});

test('no coordinator within the timeout: the call says so', () => {
  const asked = new Asked();
  asked.admin.delete('g', (error) => asked.ends.push(error));
  asked.clock.advance(1_000);
  expect(asked.ends).toEqual(['no coordinator within 1000 ms']);
});
