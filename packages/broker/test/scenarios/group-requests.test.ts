/** Goal: the answers about groups have Kafka's form. A fake coordinator decides what is in them. */
import { type Api, apis, ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
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

test('a description tells the authorized operations only of a group that exists', () => {
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
