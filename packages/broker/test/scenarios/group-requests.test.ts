/**
 * Goal: the answers about groups have Kafka's form. A fake coordinator decides the content of the answers.
 */
import { type Api, apis, ErrorCode } from '@millrace/protocol';
import { describe, expect, test } from 'vitest';
import type { GroupPort } from '../../src/handler.ts';
import { testBroker } from '../support/broker.ts';

const UNKNOWN_OPERATIONS = -2147483648;

function ask<Req, Res, ReqInput, ResInput>(
  groups: Partial<GroupPort>,
  api: Api<Req, Res, ReqInput, ResInput>,
  version: number,
  value: ReqInput,
): Res {
  const broker = testBroker({ groups });
  const client = broker.connect();
  const id = client.request(api, version, value);
  broker.clock.settle();
  return client.answer(api, id);
}

test('a description has the authorized operations only if the group exists', () => {
  const groups: Partial<GroupPort> = {
    describeClassic: (_ids, _version, reply) =>
      reply([{ groupId: 'a' }, { groupId: 'b', errorCode: ErrorCode.GROUP_ID_NOT_FOUND }]),
    describe: (_ids, reply) =>
      reply([{ groupId: 'a' }, { groupId: 'b', errorCode: ErrorCode.GROUP_ID_NOT_FOUND }]),
  };
  const classic = (includeAuthorizedOperations: boolean) =>
    ask(groups, apis.describeGroups, 6, { groups: ['a', 'b'], includeAuthorizedOperations });
  const consumer = (includeAuthorizedOperations: boolean) =>
    ask(groups, apis.consumerGroupDescribe, 1, { groupIds: ['a', 'b'], includeAuthorizedOperations });
  for (const describe of [classic, consumer]) {
    const told = (isAsked: boolean) => describe(isAsked).groups.map((group) => group.authorizedOperations);
    expect(told(true)).toEqual([3400, UNKNOWN_OPERATIONS]);
    expect(told(false)).toEqual([UNKNOWN_OPERATIONS, UNKNOWN_OPERATIONS]);
  }
});

test('DeleteGroups answers once for a group that is named twice', () => {
  const groups: Partial<GroupPort> = {
    delete: (ids, reply) => reply(ids.map((groupId) => ({ groupId, errorCode: ErrorCode.NONE }))),
  };
  const { results } = ask(groups, apis.deleteGroups, 2, { groupsNames: ['b', 'a', 'b'] });
  expect(results.map(({ groupId }) => groupId)).toEqual(['b', 'a']);
});

test('DescribeGroups and ConsumerGroupDescribe answer once for a group that is named twice', () => {
  const groups: Partial<GroupPort> = {
    describeClassic: (ids, _version, reply) => reply(ids.map((groupId) => ({ groupId }))),
    describe: (ids, reply) => reply(ids.map((groupId) => ({ groupId }))),
  };
  const named = ['b', 'a', 'b', ...Array.from({ length: 30_000 }, () => 'a')];
  const classic = ask(groups, apis.describeGroups, 6, { groups: named });
  const consumer = ask(groups, apis.consumerGroupDescribe, 1, { groupIds: named });
  for (const { groups: told } of [classic, consumer])
    expect(told.map(({ groupId }) => groupId)).toEqual(['b', 'a']);
});

describe('OffsetFetch answers once for what is named more than once', () => {
  const asked: unknown[] = [];
  const groups: Partial<GroupPort> = {
    fetch: ({ groupId, memberId, memberEpoch }, topics, reply) => {
      asked.push([
        groupId,
        memberId,
        memberEpoch,
        topics?.map(({ name, partitionIndexes }) => [name, partitionIndexes]),
      ]);
      reply({ errorCode: ErrorCode.NONE, topics: [] });
    },
  };
  const topic = (name: string, ...partitionIndexes: number[]) => ({ name, partitionIndexes });

  test('groups, topics and partitions', () => {
    const { groups: told } = ask(groups, apis.offsetFetch, 9, {
      groups: [
        { groupId: 'g', memberId: 'm', memberEpoch: 3, topics: [topic('a', 1, 0, 1), topic('b', 0)] },
        { groupId: 'h', topics: [topic('a', 0)] },
        {
          groupId: 'g',
          memberId: 'n',
          memberEpoch: 4,
          topics: [topic('b', 0), topic('c', 5), topic('a', 2, 0)],
        },
        { groupId: 'h', topics: null },
        { groupId: 'h', topics: [topic('c', 0)] },
      ],
    });
    expect(told.map(({ groupId }) => groupId)).toEqual(['g', 'h']);
    const ofG = [
      ['a', [1, 0]],
      ['b', [0]],
      ['c', [5]],
      ['a', [2]],
    ];
    expect(asked.splice(0)).toEqual([
      ['g', 'm', 3, ofG],
      ['h', null, -1, undefined],
    ]);
  });

  test('in a version that asks for one group', () => {
    ask(groups, apis.offsetFetch, 7, {
      groupId: 'g',
      topics: [topic('a', 1, 1), topic('a', 1), topic('a', 1, 0)],
    });
    expect(asked.splice(0)).toEqual([
      [
        'g',
        null,
        -1,
        [
          ['a', [1]],
          ['a', [0]],
        ],
      ],
    ]);
  });
});

test('OffsetCommit and OffsetDelete leave out a topic without partitions', () => {
  const groups: Partial<GroupPort> = {
    deleteOffsets: (_groupId, topics, reply) =>
      reply({ errorCode: ErrorCode.NONE, topics: [...topics] as never }),
  };
  const topics = [
    { name: 'words', partitions: [] },
    { name: 'unknown', partitions: [] },
  ];
  expect(ask(groups, apis.offsetDelete, 0, { groupId: 'g', topics }).topics).toEqual([]);
  const commit = { groupId: 'g', generationIdOrMemberEpoch: -1, memberId: '', topics };
  expect(ask(groups, apis.offsetCommit, 9, commit).topics).toEqual([]);
});
