/** Goal: a justification covers the difference that it names, and no other answer of Millrace. */
import { expect, test } from 'vitest';
import { justificationOf } from './compare.ts';

const LONG = `"${'x'.repeat(159)}… (264)`;
const REGEX = 'a regex of 1,001 characters';
const NONE = '0 NONE';
const UNKNOWN = '-1 UNKNOWN_SERVER_ERROR';

test.each([
  ['FindCoordinator', 6, 'keyType=1', 'coordinators{g}.errorCode', '42 INVALID_REQUEST', NONE],
  ['FindCoordinator', 6, 'keyType=1', 'coordinators{g}.host', '""', '"<host>"'],
  ['FindCoordinator', 3, 'keyType=1', 'nodeId', '-1', '"<broker>"'],
  ['FindCoordinator', 6, 'a share partition', 'coordinators{g:a:0}.errorCode', '42 INVALID_REQUEST', NONE],
  ['JoinGroup', 9, "groupInstanceId='x'", 'errorCode', '25 UNKNOWN_MEMBER_ID', UNKNOWN],
  ['JoinGroup', 9, "groupInstanceId='x'", 'memberId', '"<member>"', '""'],
  ['JoinGroup', 9, 'a protocol twice', '', 'answer 0', 'silence'],
  ['JoinGroup', 3, 'client id x*1000', 'memberId', LONG, LONG.replace('264', '1009')],
  ['ConsumerGroupHeartbeat', 1, REGEX, 'errorCode', '128 INVALID_REGULAR_EXPRESSION', NONE],
  ['ConsumerGroupHeartbeat', 1, REGEX, 'memberEpoch', '0', '1'],
  ['ConsumerGroupHeartbeat', 1, REGEX, 'assignment', 'null', '{"topicPartitions":[]}'],
  ['ConsumerGroupHeartbeat', 1, 'consumer: another assignor', 'memberEpoch', '3', '2'],
  [
    'OffsetFetch',
    9,
    'member: groups[].memberId=null',
    'groups{g}.errorCode',
    '25 UNKNOWN_MEMBER_ID',
    UNKNOWN,
  ],
])('%s v%i, %s: %s', (api, version, name, path, ours, peer) => {
  const found = { api, version, name, path, peer };
  expect(justificationOf({ ...found, ours })).toBeDefined();
  for (const other of ['15 COORDINATOR_NOT_AVAILABLE', '"something else"', '7', 'answer 42', 'closed'])
    expect(justificationOf({ ...found, ours: other }), other).toBeUndefined();
});
