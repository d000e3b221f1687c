/**
 * The errors that the reference names for each API of groups and offsets (`protocol/behaviour.md` sections
 * 11.1-11.3, 12, 13.1-13.3, 14, and `protocol/errors.md`), as data, so that a test can find what the table of
 * rows lacks.
 */
import type { ErrorName } from './row.ts';

type Errors = Readonly<Record<string, readonly ErrorName[]>>;

const OF_COORDINATORS = [
  'COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR',
  'COORDINATOR_LOAD_IN_PROGRESS',
] as const satisfies readonly ErrorName[];

/** The comment above each list names the sections that give its errors. */
export const namedErrors: Errors = {
  // 11.1
  FindCoordinator: ['COORDINATOR_NOT_AVAILABLE', 'INVALID_REQUEST'],
  // 11.3, 12.1, 12.2, 12.7, 14.6
  JoinGroup: [
    ...OF_COORDINATORS,
    'INVALID_GROUP_ID',
    'INVALID_SESSION_TIMEOUT',
    'UNKNOWN_MEMBER_ID',
    'GROUP_MAX_SIZE_REACHED',
    'INCONSISTENT_GROUP_PROTOCOL',
    'MEMBER_ID_REQUIRED',
    'FENCED_INSTANCE_ID',
    'UNKNOWN_SERVER_ERROR',
  ],
  // 11.3, 12.1, 12.2, 12.3, 14.6
  SyncGroup: [
    ...OF_COORDINATORS,
    'INVALID_GROUP_ID',
    'INCONSISTENT_GROUP_PROTOCOL',
    'UNKNOWN_MEMBER_ID',
    'FENCED_INSTANCE_ID',
    'ILLEGAL_GENERATION',
    'REBALANCE_IN_PROGRESS',
    'UNKNOWN_SERVER_ERROR',
  ],
  // 12.1, 12.6, 14.6. While the coordinator loads the group, the answer is NONE.
  Heartbeat: [
    'COORDINATOR_NOT_AVAILABLE',
    'NOT_COORDINATOR',
    'NONE',
    'INVALID_GROUP_ID',
    'UNKNOWN_MEMBER_ID',
    'FENCED_INSTANCE_ID',
    'ILLEGAL_GENERATION',
    'REBALANCE_IN_PROGRESS',
  ],
  // 11.3, 12.1, 12.7
  LeaveGroup: [...OF_COORDINATORS, 'INVALID_GROUP_ID', 'UNKNOWN_MEMBER_ID', 'FENCED_INSTANCE_ID'],
  // 12.9
  ListGroups: ['COORDINATOR_LOAD_IN_PROGRESS'],
  // 12.1, 12.9. Up to version 5 the answer for an unknown group is NONE.
  DescribeGroups: [...OF_COORDINATORS, 'GROUP_ID_NOT_FOUND', 'NONE'],
  // 11.3, 12.1, 12.9
  DeleteGroups: [...OF_COORDINATORS, 'GROUP_ID_NOT_FOUND', 'NON_EMPTY_GROUP'],
  // 11.3, 12.1, 12.5, 13.1
  OffsetCommit: [
    ...OF_COORDINATORS,
    'UNKNOWN_TOPIC_OR_PARTITION',
    'UNKNOWN_TOPIC_ID',
    'OFFSET_METADATA_TOO_LARGE',
    'GROUP_ID_NOT_FOUND',
    'ILLEGAL_GENERATION',
    'UNKNOWN_MEMBER_ID',
    'FENCED_INSTANCE_ID',
    'REBALANCE_IN_PROGRESS',
    'UNSUPPORTED_VERSION',
    'STALE_MEMBER_EPOCH',
    'UNKNOWN_SERVER_ERROR',
  ],
  // 11.3, 12.1, 13.2, 14.6. COORDINATOR_NOT_AVAILABLE becomes NOT_COORDINATOR.
  OffsetFetch: [
    'NOT_COORDINATOR',
    'COORDINATOR_LOAD_IN_PROGRESS',
    'UNKNOWN_MEMBER_ID',
    'STALE_MEMBER_EPOCH',
    'ILLEGAL_GENERATION',
    'UNKNOWN_TOPIC_ID',
  ],
  // 11.3, 12.1, 13.3
  OffsetDelete: [
    ...OF_COORDINATORS,
    'INVALID_GROUP_ID',
    'GROUP_ID_NOT_FOUND',
    'NON_EMPTY_GROUP',
    'GROUP_SUBSCRIBED_TO_TOPIC',
    'UNKNOWN_TOPIC_OR_PARTITION',
  ],
  // 11.3, 12.1, 14.2, 14.6
  ConsumerGroupHeartbeat: [
    ...OF_COORDINATORS,
    'INVALID_REQUEST',
    'UNSUPPORTED_ASSIGNOR',
    'GROUP_ID_NOT_FOUND',
    'GROUP_MAX_SIZE_REACHED',
    'UNKNOWN_MEMBER_ID',
    'FENCED_MEMBER_EPOCH',
    'UNRELEASED_INSTANCE_ID',
    'FENCED_INSTANCE_ID',
    'INVALID_REGULAR_EXPRESSION',
    'UNKNOWN_SERVER_ERROR',
  ],
  // 12.1, 14.7
  ConsumerGroupDescribe: [...OF_COORDINATORS, 'INVALID_GROUP_ID', 'GROUP_ID_NOT_FOUND'],
};

const NO_ACLS = 'Millrace has no ACLs yet.';
const NO_TRANSACTIONS = 'Millrace has no transactions yet.';

/** Errors of the same sections that Millrace never answers. */
export const unansweredErrors: readonly { apis: readonly string[]; code: ErrorName; reason: string }[] = [
  { apis: Object.keys(namedErrors), code: 'GROUP_AUTHORIZATION_FAILED', reason: NO_ACLS },
  {
    apis: ['OffsetCommit', 'OffsetFetch', 'OffsetDelete', 'ConsumerGroupHeartbeat', 'ConsumerGroupDescribe'],
    code: 'TOPIC_AUTHORIZATION_FAILED',
    reason: NO_ACLS,
  },
  { apis: ['FindCoordinator'], code: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED', reason: NO_ACLS },
  { apis: ['FindCoordinator'], code: 'CLUSTER_AUTHORIZATION_FAILED', reason: NO_ACLS },
  { apis: ['OffsetFetch'], code: 'UNSTABLE_OFFSET_COMMIT', reason: NO_TRANSACTIONS },
  {
    apis: ['FindCoordinator'],
    code: 'UNKNOWN_SERVER_ERROR',
    reason: 'For an unknown type of key Kafka 4.3.1 answers INVALID_REQUEST, and so does Millrace.',
  },
  {
    apis: ['OffsetCommit'],
    code: 'INVALID_COMMIT_OFFSET_SIZE',
    reason: "Only Kafka's old coordinator answers it; Kafka 4.3.1 and Millrace answer UNKNOWN_SERVER_ERROR.",
  },
  {
    apis: ['ConsumerGroupHeartbeat'],
    code: 'UNSUPPORTED_VERSION',
    reason: 'Millrace has no setting that turns KIP-848 off.',
  },
  {
    apis: ['ListGroups'],
    code: 'COORDINATOR_NOT_AVAILABLE',
    reason: 'A broker that stops closes its connections before its coordinator ends.',
  },
];
