/** Goal: a person sees at a glance who is in a group, and how far it is behind. */
import type { GroupDescription, MemberDescription } from '@millrace/client';
import { expect, test } from 'vitest';
import { lagsOf } from '../../src/groups/lag.ts';
import {
  describeText,
  historyText,
  lagText,
  listText,
  memberNames,
  stateJson,
  totalText,
} from '../../src/groups/report.ts';

const at = (partition: number) => ({ topic: 'x', partition });
const offsetAt = (partition: number, offset: number) => ({
  ...at(partition),
  offset,
  leaderEpoch: 0,
  metadata: '',
});

const member: MemberDescription = {
  memberId: 'm1',
  instanceId: 'i1',
  clientId: 'app',
  clientHost: '/10.0.0.1',
  epoch: 4,
  topics: ['x'],
  regex: null,
  assignment: [at(0)],
  target: [at(0), at(1)],
};
const group: GroupDescription = {
  groupId: 'g',
  type: 'consumer',
  state: 'Reconciling',
  protocolType: 'consumer',
  assignor: 'uniform',
  epoch: 4,
  members: [member],
  rebalances: undefined,
};
const partitions = lagsOf(
  group,
  [at(1), at(0), at(2)],
  [offsetAt(0, 3), offsetAt(1, 9)],
  [offsetAt(0, 10), offsetAt(1, 8), offsetAt(2, 5)],
);

test('the partitions are in order; the lag of a partition without a committed offset is unknown', () => {
  expect(partitions.map(({ partition, committed, end, lag }) => [partition, committed, end, lag])).toEqual([
    [0, 3, 10, 7],
    [1, 9, 8, 0],
    [2, null, 5, null],
  ]);
  expect(partitions.map((one) => one.member?.memberId)).toEqual(['m1', undefined, undefined]);
});

test('a description shows the members, and the lag of each partition', () => {
  expect(describeText({ group, partitions })).toBe(
    `group g: consumer, Reconciling, assignor uniform, epoch 4, 1 member, lag 7 without 1 partition with no committed offset yet

MEMBER            CLIENT  HOST      PARTITIONS
m1 (instance i1)  app     10.0.0.1  x:0 (on the way to x:0,1)

TOPIC  PARTITION  COMMITTED  END  LAG  MEMBER
x      0          3          10   7    m1 (instance i1)
x      1          9          8    0    -
x      2          -          5    -    -
`,
  );
  expect(describeText({ group: { ...group, members: [] }, partitions: [] })).toContain(
    'The group has no members.',
  );
  expect(lagText([])).toBe('The group has no partitions and no committed offsets.\n');
});

test('if the end of a partition is not known, its row has the reason; the other rows have their lag', () => {
  const lags = lagsOf(
    group,
    [at(0), at(1), at(2)],
    [offsetAt(0, 3), offsetAt(1, 9)],
    [offsetAt(0, 10)],
    new Map([['x-1', 'LEADER_NOT_AVAILABLE']]),
  );
  expect(totalText([...lags, ...partitions.slice(2)])).toBe(
    'lag 7 without 1 partition with no committed offset yet and 2 partitions whose lag is not known',
  );
  expect(lagText(lags)).toBe(
    `TOPIC  PARTITION  COMMITTED  END                               LAG  MEMBER
x      0          3          10                                7    m1 (instance i1)
x      1          9          - (LEADER_NOT_AVAILABLE)          -    -
x      2          -          - (the partition does not exist)  -    -
`,
  );
});

test('an error names members with their client and host', () => {
  expect(memberNames([member])).toBe('m1 (instance i1) (client app, host 10.0.0.1)');
});

test('the list has no type and no state if an old broker does not send them', () => {
  const listed = { groupId: 'g', type: '', state: '', protocolType: 'consumer' };
  expect(listText([listed])).toBe('GROUP  TYPE  STATE\ng      -     -\n');
});

test('the history of rebalances', () => {
  const rebalance = {
    atMs: 0,
    epoch: 4,
    cause: 'session-expired',
    memberId: 'm1',
    clientId: 'app',
    clientHost: '/10.0.0.1',
    reason: null,
    afterMs: 45_000,
  };
  expect(historyText([rebalance])).toBe(
    `TIME                      EPOCH  CAUSE                           MEMBER  CLIENT  HOST      REASON
1970-01-01T00:00:00.000Z  4      session-expired after 45000 ms  m1      app     10.0.0.1  -
`,
  );
  expect(historyText([])).toContain('knows of no rebalance');
  expect(historyText(undefined)).toContain('keeps no history');
});

test('JSON has the same facts', () => {
  expect(stateJson({ group, partitions })).toMatchObject({
    groupId: 'g',
    lag: 7,
    members: [{ memberId: 'm1' }],
    partitions: [
      { partition: 0, lag: 7, memberId: 'm1' },
      { memberId: null },
      { committed: null, lag: null },
    ],
  });
});
