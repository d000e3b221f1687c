/**
 * The error codes that the product's code can return. `test/support/product-sources.ts` finds them in the
 * source of the product. The seeds must reach each code, except those that this file names.
 */
import type { CoverageItem, Exemption } from './item.ts';

export interface ErrorArea {
  readonly name: string;
  /** The counts of a run (`world.counts`) that each prove an answer with this code. */
  keysOf(code: string): readonly string[];
  /** Error codes that the seeds need not reach. */
  readonly exempt: readonly Exemption[];
  /**
   * Error codes that answer only invalid requests. No fault changes these answers, so other tests demand them
   * and the seeds need not reach them.
   */
  readonly demandedByTests: readonly string[];
}

const CLIENT_APIS = ['Produce', 'Fetch', 'ListOffsets', 'OffsetForLeaderEpoch'];

/**
 * The errors of a partition, in answers to Produce, to Fetch (of consumers and followers) and to lookups of
 * offsets.
 */
const partitionErrors: ErrorArea = {
  name: 'partition error',
  keysOf: (code) => [
    ...CLIENT_APIS.map((api) => `answer ${api} ${code}`),
    `log replica-fetch-refused error=${code}`,
    `log fetch-session-refused error=${code}`,
  ],
  exempt: [
    {
      name: 'INVALID_TOPIC_EXCEPTION',
      reason: 'no simulated client writes to an internal topic',
    },
    { name: 'INELIGIBLE_REPLICA', reason: 'the controller answers a leader with it: see below' },
    {
      name: 'OPERATION_NOT_ATTEMPTED',
      reason: "a leader understands it, but Millrace's controller never sends it",
    },
  ],
  demandedByTests: [
    'CORRUPT_MESSAGE',
    'FETCH_SESSION_TOPIC_ID_ERROR',
    'INVALID_REQUEST',
    'INVALID_REQUIRED_ACKS',
    'INVALID_RECORD',
    'INVALID_TXN_STATE',
    'MESSAGE_TOO_LARGE',
    'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
    'UNSUPPORTED_COMPRESSION_TYPE',
    'UNSUPPORTED_VERSION',
  ],
};

const NO_EPOCH = 'DeleteRecords names no leader epoch';

/** The errors of a partition in answers to DeleteRecords. */
const deletionErrors: ErrorArea = {
  name: 'deletion error',
  keysOf: (code) => [`answer DeleteRecords ${code}`],
  exempt: [
    { name: 'FENCED_LEADER_EPOCH', reason: NO_EPOCH },
    { name: 'UNKNOWN_LEADER_EPOCH', reason: NO_EPOCH },
    { name: 'OUT_OF_ORDER_SEQUENCE_NUMBER', reason: 'a leader answers only Produce with it' },
    { name: 'UNKNOWN_TOPIC_ID', reason: 'DeleteRecords names each topic by its name, not by its id' },
  ],
  demandedByTests: ['INVALID_TOPIC_EXCEPTION', 'POLICY_VIOLATION'],
};

const BROKER_METHODS = ['register', 'heartbeat', 'alter-partition', 'producer-ids', 'session'];
const ADMIN_METHODS = ['CreateTopics', 'DeleteTopics', 'CreatePartitions'];

/**
 * The errors of the controller. Most are answers of the active controller to brokers and administrators,
 * which net/rpc-sniffer.ts counts. The others are answers that a broker gives to a client in the controller's
 * place. A broker that gets no block of producer ids logs `producer-id-block-refused`, and answers
 * COORDINATOR_LOAD_IN_PROGRESS to the clients that wait for an id. Few clients wait that long, so the log
 * event counts as this answer.
 */
const controllerErrors: ErrorArea = {
  name: 'controller error',
  keysOf: (code) => [
    ...[...BROKER_METHODS, ...ADMIN_METHODS].map((method) => `control ${method} ${code}`),
    `answer InitProducerId ${code}`,
    ...(code === 'COORDINATOR_LOAD_IN_PROGRESS' ? ['log producer-id-block-refused'] : []),
  ],
  exempt: [
    { name: 'INCONSISTENT_CLUSTER_ID', reason: 'no simulated node gets the disk of another cluster' },
    {
      name: 'INVALID_REGISTRATION',
      reason: 'only our own brokers register, and their registrations are well formed',
    },
    {
      name: 'BROKER_ID_NOT_REGISTERED',
      reason: "a broker understands it, but Millrace's controller never sends it",
    },
    { name: 'UNKNOWN_SERVER_ERROR', reason: 'a run cannot use up all 2^53 producer ids' },
  ],
  demandedByTests: [
    'INVALID_CONFIG',
    'INVALID_REPLICA_ASSIGNMENT',
    'INVALID_REQUEST',
    'INVALID_TOPIC_EXCEPTION',
    'POLICY_VIOLATION',
    'UNKNOWN_TOPIC_ID',
    'UNSUPPORTED_VERSION',
  ],
};

const GROUP_APIS = [
  'FindCoordinator',
  'OffsetCommit',
  'OffsetFetch',
  'JoinGroup',
  'SyncGroup',
  'Heartbeat',
  'LeaveGroup',
  'ConsumerGroupHeartbeat',
];
const OF_THE_LOG = 'the log answers the coordinator with it, and the coordinator turns it into another error';

/** The errors of a group coordinator, and of a broker that refuses because it is not the coordinator. */
const groupErrors: ErrorArea = {
  name: 'group error',
  keysOf: (code) => GROUP_APIS.map((api) => `answer ${api} ${code}`),
  exempt: [
    { name: 'KAFKA_STORAGE_ERROR', reason: OF_THE_LOG },
    { name: 'NOT_ENOUGH_REPLICAS', reason: OF_THE_LOG },
    { name: 'NOT_ENOUGH_REPLICAS_AFTER_APPEND', reason: OF_THE_LOG },
    { name: 'NOT_LEADER_OR_FOLLOWER', reason: OF_THE_LOG },
    { name: 'REQUEST_TIMED_OUT', reason: OF_THE_LOG },
    { name: 'UNSTABLE_OFFSET_COMMIT', reason: 'no client commits offsets in a transaction' },
  ],
  demandedByTests: [
    'GROUP_ID_NOT_FOUND',
    'GROUP_MAX_SIZE_REACHED',
    'GROUP_SUBSCRIBED_TO_TOPIC',
    'INCONSISTENT_GROUP_PROTOCOL',
    'INVALID_GROUP_ID',
    'INVALID_REGULAR_EXPRESSION',
    'INVALID_REQUEST',
    'INVALID_SESSION_TIMEOUT',
    'NON_EMPTY_GROUP',
    'OFFSET_METADATA_TOO_LARGE',
    'UNKNOWN_SERVER_ERROR',
    'UNSUPPORTED_ASSIGNOR',
    'UNSUPPORTED_VERSION',
  ],
};

export const errorAreas: readonly ErrorArea[] = [
  partitionErrors,
  deletionErrors,
  controllerErrors,
  groupErrors,
];

/** The items of an area. `codes`: the codes that the product's code can return. */
export function errorItems(
  { keysOf, exempt, demandedByTests, name }: ErrorArea,
  codes: readonly string[],
): CoverageItem[] {
  const others = new Set([...exempt.map((one) => one.name), ...demandedByTests]);
  return codes
    .filter((code) => !others.has(code))
    .map((code) => ({ name: code, sentence: `a ${name} is answered`, keys: keysOf(code) }));
}
