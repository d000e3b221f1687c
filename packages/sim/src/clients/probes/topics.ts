/** CreateTopics, DeleteTopics and CreatePartitions that the controller must refuse. */
import { type Uuid, ZERO_UUID } from '@millrace/base';
import { apis, ErrorCode } from '@millrace/protocol';
import { CONTROLLER_TROUBLES, type Probe, type ProbeTools, UNKNOWN_TOPIC } from './probe.ts';

interface NewTopic {
  readonly name?: string;
  /** Default 1. */
  readonly numPartitions?: number;
  /** Default 1. */
  readonly replicationFactor?: number;
  /** Broker ids of partition 0. */
  readonly assigned?: readonly number[];
  readonly config?: readonly [string, string | null];
}

const TIMEOUT_MS = 1_000;
const UNKNOWN_BROKER = 99;
/** A controller creates at most 10,000 at once. */
const TOO_MANY_PARTITIONS = 20_000;

/** Expects this answer for the last topic. */
function creating(
  name: string,
  code: ErrorCode,
  make: (tools: ProbeTools) => readonly NewTopic[],
  { timeoutMs = TIMEOUT_MS, validateOnly = false, troubles = CONTROLLER_TROUBLES } = {},
): Probe {
  return {
    name: `create-topic-${name}`,
    expected: [code],
    troubles,
    ask(tools, answered) {
      const topics = make(tools).map(({ name: topic = UNKNOWN_TOPIC, assigned, config, ...counts }) => ({
        name: topic,
        numPartitions: counts.numPartitions ?? 1,
        replicationFactor: counts.replicationFactor ?? 1,
        assignments: assigned === undefined ? [] : [{ partitionIndex: 0, brokerIds: [...assigned] }],
        configs: config === undefined ? [] : [{ name: config[0], value: config[1] }],
      }));
      tools.leader.request(apis.createTopics, 7, { topics, timeoutMs, validateOnly }, (response) =>
        answered(response?.topics.at(-1)?.errorCode),
      );
    },
  };
}

function one(name: string, code: ErrorCode, topic: NewTopic): Probe {
  return creating(name, code, () => [topic]);
}

const BY_HAND = { numPartitions: -1, replicationFactor: -1 };

function deleting(
  name: string,
  code: ErrorCode,
  target: (tools: ProbeTools) => { readonly name: string | null; readonly topicId: Uuid },
  times = 1,
): Probe {
  return {
    name: `delete-topic-${name}`,
    // With delete.topic.enable=false the controller checks nothing else.
    expected: [code, ErrorCode.TOPIC_DELETION_DISABLED],
    troubles: CONTROLLER_TROUBLES,
    ask(tools, answered) {
      const topics = new Array(times).fill(target(tools));
      tools.leader.request(
        apis.deleteTopics,
        6,
        { topics, topicNames: [], timeoutMs: TIMEOUT_MS },
        (response) => answered(response?.responses[0]?.errorCode),
      );
    },
  };
}

function growing(
  name: string,
  code: ErrorCode,
  wanted: {
    readonly topic?: string;
    readonly count: number;
    readonly assigned?: readonly number[];
    readonly times?: number;
  },
): Probe {
  return {
    name: `create-partitions-${name}`,
    expected: [code],
    troubles: CONTROLLER_TROUBLES,
    ask(tools, answered) {
      const { topic = tools.topic.name, count, assigned, times = 1 } = wanted;
      const assignments = assigned === undefined ? null : [{ brokerIds: [...assigned] }];
      const topics = new Array(times).fill({ name: topic, count, assignments });
      tools.leader.request(
        apis.createPartitions,
        3,
        { topics, timeoutMs: TIMEOUT_MS, validateOnly: false },
        (response) => answered(response?.results[0]?.errorCode),
      );
    },
  };
}

export const topicProbes: readonly Probe[] = [
  creating('that-exists', ErrorCode.TOPIC_ALREADY_EXISTS, ({ topic }) => [{ name: topic.name }]),
  creating('in-no-time', ErrorCode.REQUEST_TIMED_OUT, ({ topic }) => [{ name: topic.name }], {
    timeoutMs: 0,
  }),
  creating(
    'that-collides',
    ErrorCode.INVALID_TOPIC_EXCEPTION,
    () => [{ name: 'probe.collides' }, { name: 'probe_collides' }],
    // While every broker is fenced, the first topic is refused, so the second collides with nothing.
    { validateOnly: true, troubles: [...CONTROLLER_TROUBLES, ErrorCode.INVALID_REPLICATION_FACTOR] },
  ),
  creating('named-twice', ErrorCode.INVALID_REQUEST, () => [{}, {}]),
  one('bad-name', ErrorCode.INVALID_TOPIC_EXCEPTION, { name: 'no/such name' }),
  one('dots', ErrorCode.INVALID_TOPIC_EXCEPTION, { name: '..' }),
  one('of-the-cluster', ErrorCode.INVALID_REQUEST, { name: '__cluster_metadata' }),
  one('replication-factor', ErrorCode.INVALID_REPLICATION_FACTOR, { replicationFactor: 50 }),
  one('no-replicas', ErrorCode.INVALID_REPLICATION_FACTOR, { replicationFactor: 0 }),
  one('no-partitions', ErrorCode.INVALID_PARTITIONS, { numPartitions: 0 }),
  one('too-many-partitions', ErrorCode.POLICY_VIOLATION, { numPartitions: TOO_MANY_PARTITIONS }),
  one('unknown-config', ErrorCode.INVALID_CONFIG, { config: ['no.such.config', '1'] }),
  one('bad-config', ErrorCode.INVALID_CONFIG, { config: ['segment.bytes', 'large'] }),
  one('null-config', ErrorCode.INVALID_CONFIG, { config: ['segment.bytes', null] }),
  one('unknown-broker', ErrorCode.INVALID_REPLICA_ASSIGNMENT, { ...BY_HAND, assigned: [UNKNOWN_BROKER] }),
  one('broker-twice', ErrorCode.INVALID_REPLICA_ASSIGNMENT, {
    ...BY_HAND,
    assigned: [UNKNOWN_BROKER, UNKNOWN_BROKER],
  }),
  one('by-hand-and-counted', ErrorCode.INVALID_REQUEST, { assigned: [UNKNOWN_BROKER] }),
  deleting('unknown', ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, () => ({
    name: UNKNOWN_TOPIC,
    topicId: ZERO_UUID,
  })),
  deleting('unknown-id', ErrorCode.UNKNOWN_TOPIC_ID, ({ env }) => ({
    name: null,
    topicId: env.random.uuid(),
  })),
  deleting('by-name-and-id', ErrorCode.INVALID_REQUEST, ({ topic }) => ({
    name: topic.name,
    topicId: topic.topicId,
  })),
  deleting('by-nothing', ErrorCode.INVALID_REQUEST, () => ({ name: null, topicId: ZERO_UUID })),
  deleting(
    'named-twice',
    ErrorCode.INVALID_REQUEST,
    ({ topic }) => ({ name: topic.name, topicId: ZERO_UUID }),
    2,
  ),
  growing('unknown-topic', ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, { topic: UNKNOWN_TOPIC, count: 3 }),
  growing('same-count', ErrorCode.INVALID_PARTITIONS, { count: 1 }),
  growing('downwards', ErrorCode.INVALID_PARTITIONS, { count: 0 }),
  growing('too-many', ErrorCode.POLICY_VIOLATION, { count: TOO_MANY_PARTITIONS }),
  growing('wrong-assignment', ErrorCode.INVALID_REPLICA_ASSIGNMENT, {
    count: 3,
    assigned: [UNKNOWN_BROKER],
  }),
  growing('unknown-broker', ErrorCode.INVALID_REPLICA_ASSIGNMENT, { count: 2, assigned: [UNKNOWN_BROKER] }),
  growing('named-twice', ErrorCode.INVALID_REQUEST, { count: 2, times: 2 }),
];
