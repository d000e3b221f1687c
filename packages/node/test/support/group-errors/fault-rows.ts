/** Good requests that get an error because of the state of the cluster. */
import { apis } from '@millrace/protocol';
import { coordinatorOf } from './admin-rows.ts';
import { type ErrorName, type Row, rowsOf } from './row.ts';
import { MEMBER, type Scene } from './scene.ts';

interface Cause {
  readonly code: ErrorName;
  readonly rule: string;
  readonly situation: string;
  /** The codes of Heartbeat and OffsetFetch, if they differ from `code`. */
  readonly heartbeat?: ErrorName;
  readonly fetch?: ErrorName;
  /** True: the requests go to a broker that does not coordinate the group. */
  readonly elsewhere?: boolean;
}

/** One request of each API that needs the group's coordinator. */
function ofEveryApi({ code, rule, situation, heartbeat = code, fetch = code, elsewhere }: Cause): Row[] {
  const to = async (scene: Scene) => (elsewhere === true ? await scene.elsewhere() : scene.client);
  return [
    ...rowsOf(apis.joinGroup, [
      ['0-9', code, rule, situation, async (s, ask) => ask(s.joinOf(), await to(s))],
    ]),
    ...rowsOf(apis.syncGroup, [
      ['0-5', code, rule, situation, async (s, ask) => ask(s.syncOf('a'), await to(s))],
    ]),
    ...rowsOf(apis.heartbeat, [
      ['0-4', heartbeat, rule, situation, async (s, ask) => ask(s.heartbeatOf('a'), await to(s))],
    ]),
    ...rowsOf(apis.leaveGroup, [
      ['0-5', code, rule, situation, async (s, ask) => ask(s.leaveOf('a'), await to(s))],
    ]),
    ...rowsOf(apis.describeGroups, [
      ['0-6', code, rule, situation, async (s, ask) => ask({ groups: [s.group] }, await to(s))],
    ]),
    ...rowsOf(apis.deleteGroups, [
      ['0-2', code, rule, situation, async (s, ask) => ask({ groupsNames: [s.group] }, await to(s))],
    ]),
    ...rowsOf(apis.offsetCommit, [
      ['2-10', code, rule, situation, async (s, ask) => ask(s.commitOf(), await to(s))],
    ]),
    ...rowsOf(apis.offsetFetch, [
      // Version 1 has error codes only for the partitions, not for the group.
      ['1', fetch, rule, situation, async (s, ask) => ask(s.fetchOf(), await to(s))],
      ['2-7', fetch, rule, situation, async (s, ask) => ask(s.fetchOf(), await to(s))],
      ['8-10', fetch, rule, situation, async (s, ask) => ask(s.fetchOf(), await to(s))],
    ]),
    ...rowsOf(apis.offsetDelete, [
      ['0', code, rule, situation, async (s, ask) => ask(s.deletionOf(), await to(s))],
    ]),
    ...rowsOf(apis.consumerGroupHeartbeat, [
      ['0-1', code, rule, situation, async (s, ask) => ask(s.consumerOf(), await to(s))],
    ]),
    ...rowsOf(apis.consumerGroupDescribe, [
      ['0-1', code, rule, situation, async (s, ask) => ask({ groupIds: [s.group] }, await to(s))],
    ]),
  ];
}

/** FindCoordinator is last: it creates `__consumer_offsets`. */
export const withoutTopicRows: readonly Row[] = [
  ...ofEveryApi({
    code: 'NOT_COORDINATOR',
    rule: '12.1, 12.9, 13.2',
    situation: 'there is no topic __consumer_offsets',
  }),
  ...rowsOf(apis.findCoordinator, [
    [
      '6',
      'COORDINATOR_NOT_AVAILABLE',
      '11.1',
      'there is no topic __consumer_offsets',
      (s, ask) => ask(coordinatorOf(s)),
    ],
  ]),
];

/** The last three requests would also be invalid at the group's coordinator. */
export const elsewhereRows: readonly Row[] = [
  ...ofEveryApi({
    code: 'NOT_COORDINATOR',
    rule: '12.1, 12.9, 13.2',
    situation: 'another broker coordinates the group',
    elsewhere: true,
  }),
  ...rowsOf(apis.joinGroup, [
    [
      '0-9',
      'INVALID_SESSION_TIMEOUT',
      '12.2 (1)',
      'the session timeout is too short, and another broker coordinates the group',
      async (s, ask) => ask(s.joinOf({ sessionTimeoutMs: 5 }), await s.elsewhere()),
    ],
  ]),
  ...rowsOf(apis.syncGroup, [
    [
      '5',
      'INCONSISTENT_GROUP_PROTOCOL',
      '12.3',
      'the protocol is missing, and another broker coordinates the group',
      async (s, ask) => ask(s.syncOf('a', { protocolType: null }), await s.elsewhere()),
    ],
  ]),
  ...rowsOf(apis.consumerGroupHeartbeat, [
    [
      '0-1',
      'UNSUPPORTED_ASSIGNOR',
      '14.2 (3)',
      'there is no such assignor, and another broker coordinates the group',
      async (s, ask) => ask(s.consumerOf({ serverAssignor: 'sticky' }), await s.elsewhere()),
    ],
  ]),
];

/** The followers cannot get the last commit of the group, so the coordinator answers only after a timeout. */
export const uncommittedRows: readonly Row[] = ofEveryApi({
  code: 'COORDINATOR_NOT_AVAILABLE',
  fetch: 'NOT_COORDINATOR',
  rule: '11.3',
  situation: 'the last record of the group is not committed in time',
});

export const loadingRows: readonly Row[] = [
  ...ofEveryApi({
    code: 'COORDINATOR_LOAD_IN_PROGRESS',
    heartbeat: 'NONE',
    rule: '11.2; 12.6 for Heartbeat',
    situation: 'the coordinator loads the group',
  }),
  ...rowsOf(apis.listGroups, [
    ['0-5', 'COORDINATOR_LOAD_IN_PROGRESS', '12.9', 'the broker loads a partition', (_, ask) => ask({})],
  ]),
];

/** The group's partition has no leader. */
export const leaderlessRows: readonly Row[] = rowsOf(apis.findCoordinator, [
  [
    '0-6',
    'COORDINATOR_NOT_AVAILABLE',
    '11.1',
    'the partition of the group has no leader',
    async (s, ask) => ask(coordinatorOf(s)),
  ],
]);

/** A row whose group gets its state before the fault. */
export interface PreparedRow {
  readonly row: Row;
  /** Returns the id of the row's member, if the row needs one. */
  prepare(scene: Scene): Promise<unknown>;
}

const code = 'COORDINATOR_NOT_AVAILABLE';
const rule = '11.3';
const situation = 'the partition of the group is under min ISR';
const nothing = async () => {};

function prepared(prepare: PreparedRow['prepare'], rows: readonly Row[]): PreparedRow[] {
  return rows.map((row) => ({ row, prepare }));
}

/** The log accepts no record of the group. */
export const underMinIsrRows: readonly PreparedRow[] = [
  ...prepared(nothing, rowsOf(apis.joinGroup, [['0-9', code, rule, situation, (s, ask) => ask(s.joinOf())]])),
  ...prepared(
    (s) => s.joined(),
    rowsOf(apis.syncGroup, [['0-5', code, rule, situation, (s, ask) => ask(s.syncOf(s.member))]]),
  ),
  ...prepared(
    (s) => s.consumer(),
    rowsOf(apis.leaveGroup, [['0-5', code, rule, situation, (s, ask) => ask(s.leaveOf(MEMBER))]]),
  ),
  ...prepared(
    nothing,
    rowsOf(apis.offsetCommit, [['2-10', code, rule, situation, (s, ask) => ask(s.commitOf())]]),
  ),
  ...prepared(
    nothing,
    rowsOf(apis.consumerGroupHeartbeat, [['0-1', code, rule, situation, (s, ask) => ask(s.consumerOf())]]),
  ),
  ...prepared(
    (s) => s.simple(),
    rowsOf(apis.deleteGroups, [['0-2', code, rule, situation, (s, ask) => ask({ groupsNames: [s.group] })]]),
  ),
  ...prepared(
    (s) => s.simple(),
    rowsOf(apis.offsetDelete, [['0', code, rule, situation, (s, ask) => ask(s.deletionOf())]]),
  ),
];

const MOVED = 'the request waits while another broker becomes the coordinator';

/** The request gets no answer until its coordinator stops. */
export const movedRows: readonly PreparedRow[] = [
  ...prepared(
    async (s) => {
      await s.stable();
      return s.pending();
    },
    rowsOf(apis.joinGroup, [
      ['0-9', 'NOT_COORDINATOR', '11.2', MOVED, (s, ask) => ask(s.joinOf({ memberId: s.member }))],
    ]),
  ),
  ...prepared(
    async (s) => (await s.pairJoined()).follower,
    rowsOf(apis.syncGroup, [
      [
        '0-5',
        'NOT_COORDINATOR',
        '11.2',
        MOVED,
        (s, ask) => ask(s.syncOf(s.member, { generationId: 2, assignments: [] })),
      ],
    ]),
  ),
];
