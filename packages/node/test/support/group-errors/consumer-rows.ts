/** Bad requests of members of KIP-848 groups: ConsumerGroupHeartbeat. */
import type { Uuid } from '@millrace/base';
import { apis } from '@millrace/protocol';
import { type Row, rowsOf } from './row.ts';
import { type ConsumerRequest, INSTANCE, MEMBER, OTHER_MEMBER, type Scene } from './scene.ts';

const asInstance = { instanceId: INSTANCE };
const OWNED_ID = 'AAAAAAAAAAAAAAAAAAAAZA' as Uuid;

/** Requests that no group accepts. Version 0 allows a joining member without an id. */
const invalidJoins: readonly [situation: string, more: Partial<ConsumerRequest>, versions?: '0-1' | '1'][] = [
  ['the group id is empty', { groupId: '' }],
  ['the group id is blank', { groupId: ' ' }],
  ['the instance id is empty', { instanceId: '' }],
  ['the rack id is empty', { rackId: '' }],
  ['a joining member has no id', { memberId: '' }, '1'],
  ['a member with an epoch has no id', { memberId: '', memberEpoch: 1 }],
  ['a leaving member has no id', { memberId: '', memberEpoch: -1 }],
  ['a joining member has no rebalance timeout', { rebalanceTimeoutMs: -1 }],
  ['a joining member does not say that it owns nothing', { topicPartitions: null }],
  ['a joining member owns partitions', { topicPartitions: [{ topicId: OWNED_ID, partitions: [0] }] }],
  ['a joining member has no subscription', { subscribedTopicNames: null }],
  ['a member leaves for a while, and has no instance id', { memberEpoch: -2 }],
  ['the epoch is below -2', { memberEpoch: -3 }],
];

const invalid = invalidJoins.flatMap(([situation, more, versions = '0-1']) =>
  rowsOf(apis.consumerGroupHeartbeat, [
    [versions, 'INVALID_REQUEST', '14.2 (2)', situation, (s, ask) => ask(s.consumerOf(more))],
  ]),
);

/** A request that the coordinator refuses after `before` has made the group. */
interface Refused {
  readonly versions?: '0-1' | '1';
  readonly before?: (scene: Scene) => Promise<unknown>;
  readonly request: (scene: Scene) => ConsumerRequest;
}

const consumer =
  (more: Partial<ConsumerRequest> = {}) =>
  (scene: Scene) =>
    scene.consumer(more);
const joining =
  (more: Partial<ConsumerRequest> = {}) =>
  (scene: Scene) =>
    scene.consumerOf(more);
const beating =
  (more: Partial<ConsumerRequest> = {}) =>
  (scene: Scene) =>
    scene.beatOf(more);

const refused: readonly [code: Row['code'], rule: string, situation: string, what: Refused][] = [
  [
    'UNSUPPORTED_ASSIGNOR',
    '14.2 (3)',
    'the coordinator does not have the assignor',
    { request: joining({ serverAssignor: 'sticky' }) },
  ],
  [
    'GROUP_ID_NOT_FOUND',
    '14.2 (4)',
    'the group does not exist, and the member has an epoch',
    { request: beating({ memberEpoch: 1 }) },
  ],
  [
    'GROUP_ID_NOT_FOUND',
    '14.2 (4)',
    'the group does not exist, and the member leaves',
    { request: beating({ memberEpoch: -1 }) },
  ],
  [
    'GROUP_ID_NOT_FOUND',
    '14.2 (4)',
    'the group is classic, and the member has an epoch',
    { before: (s) => s.stable(), request: beating({ memberEpoch: 1 }) },
  ],
  [
    'GROUP_ID_NOT_FOUND',
    '14.2 (4), 14.6',
    'the members of the classic group are not consumers',
    { before: (s) => s.stable({ protocolType: 'connect' }), request: joining() },
  ],
  [
    'UNKNOWN_MEMBER_ID',
    '14.2 (6)',
    'the group does not know the member id',
    { before: consumer(), request: beating({ memberId: 'unknown', memberEpoch: 1 }) },
  ],
  [
    'UNKNOWN_MEMBER_ID',
    '14.2 (6)',
    'an unknown member leaves',
    { before: consumer(), request: beating({ memberId: 'unknown', memberEpoch: -1 }) },
  ],
  [
    'FENCED_MEMBER_EPOCH',
    '14.2 (6)',
    'the epoch is newer',
    { before: consumer(), request: beating({ memberEpoch: 9 }) },
  ],
  [
    'FENCED_MEMBER_EPOCH',
    '14.2 (6)',
    'the epoch is older, and the member does not tell what it owns',
    {
      before: async (s) => {
        const memberEpoch = await s.consumer();
        await s.consumer({ memberId: OTHER_MEMBER });
        // The first member gives a partition to the new member, which raises the epoch of the first member.
        const topicPartitions = [{ topicId: s.stage.topicId, partitions: [0] }];
        await s.client.call(apis.consumerGroupHeartbeat, 1, s.beatOf({ memberEpoch, topicPartitions }));
      },
      request: beating({ memberEpoch: 1 }),
    },
  ],
  [
    'UNRELEASED_INSTANCE_ID',
    '14.2 (7)',
    'another member has the instance id',
    { before: consumer(asInstance), request: joining({ memberId: OTHER_MEMBER, ...asInstance }) },
  ],
  [
    'UNKNOWN_MEMBER_ID',
    '14.2 (7)',
    'no member has the instance id',
    { before: consumer(), request: beating({ memberEpoch: 1, ...asInstance }) },
  ],
  [
    'FENCED_INSTANCE_ID',
    '14.2 (7)',
    'another member with an epoch has the instance id',
    {
      before: consumer(asInstance),
      request: beating({ memberId: OTHER_MEMBER, memberEpoch: 1, ...asInstance }),
    },
  ],
  [
    'FENCED_INSTANCE_ID',
    '14.2 (7)',
    'a member leaves, and another has the instance id',
    {
      before: consumer(asInstance),
      request: beating({ memberId: OTHER_MEMBER, memberEpoch: -1, ...asInstance }),
    },
  ],
  [
    'INVALID_REGULAR_EXPRESSION',
    '14.2 (8)',
    'the regular expression does not compile',
    {
      versions: '1',
      request: joining({ subscribedTopicNames: null, subscribedTopicRegex: 'orders[' }),
    },
  ],
  [
    'UNKNOWN_SERVER_ERROR',
    '11.3',
    'the records would be larger than a batch',
    {
      request: joining({
        subscribedTopicNames: Array.from({ length: 50 }, (_, at) => `${at}`.padEnd(30_000, 'x')),
      }),
    },
  ],
];

export const consumerRows: readonly Row[] = [
  ...invalid,
  ...refused.flatMap(([code, rule, situation, { versions = '0-1', before, request }]) =>
    rowsOf(apis.consumerGroupHeartbeat, [
      [
        versions,
        code,
        rule,
        situation,
        async (scene, ask) => {
          await before?.(scene);
          return ask(request(scene));
        },
      ],
    ]),
  ),
];

/** For a broker whose `group.consumer.migration.policy` is `disabled`. */
export const migrationDisabledRows: readonly Row[] = [
  ...rowsOf(apis.consumerGroupHeartbeat, [
    [
      '0-1',
      'GROUP_ID_NOT_FOUND',
      '14.6',
      'the group is classic and has members',
      async (s, ask) => {
        await s.stable();
        return ask(s.consumerOf({ memberId: MEMBER }));
      },
    ],
  ]),
  ...rowsOf(apis.joinGroup, [
    [
      '0-9',
      'INCONSISTENT_GROUP_PROTOCOL',
      '14.6',
      'a classic member joins a KIP-848 group',
      async (s, ask) => {
        await s.consumer();
        return ask(s.joinOf());
      },
    ],
  ]),
];
