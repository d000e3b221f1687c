/**
 * Goal: each metric shows what it claims. Method: a table of actions, each with the change that a scrape must
 * show, against a cluster of real nodes in this process.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type MetricDefinition, metricsTable } from '@millrace/metrics';
import { apis } from '@millrace/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningCluster, startCluster } from '../../src/index.ts';
import { eventually, TestClient } from '../support/client.ts';

let cluster: RunningCluster;
let client: TestClient;
/** The leader of the topic's partition, and its two followers. */
let [leader, follower, other] = [0, 0, 0];
const CONTROLLER = 1;
const CONNECTIONS_MAX = 60;
const OPEN_FILES_MAX = 16;
/** The first cleaning of each broker starts a worker thread: on a busy machine this took up to 11 s. */
const CHANGE_MS_MAX = 40_000;
const TOPIC = 'measured';
/** The controller takes a snapshot when a client has created a topic with 60 partitions. */
const SNAPSHOT_BYTES = 2_000;

beforeAll(async () => {
  const settings = {
    'health.port': 0,
    'replica.lag.time.max.ms': 2000,
    'max.connections': CONNECTIONS_MAX,
    'log.initial.task.delay.ms': 100,
    'log.retention.check.interval.ms': 500,
    'metadata.log.max.record.bytes.between.snapshots': SNAPSHOT_BYTES,
    'log.cleaner.backoff.ms': 200,
    'log.open.files.max': OPEN_FILES_MAX,
  };
  cluster = await startCluster({ controllers: 1, brokers: 3, settings });
  const first = await TestClient.connect(cluster.node(2).port!);
  await first.createTopic(TOPIC, 1, 3, { 'min.insync.replicas': '2', 'flush.messages': '1' });
  const { topics } = await eventually(async () => {
    const answer = await first.metadata(TOPIC);
    return answer.topics[0]?.errorCode === 0 ? answer : undefined;
  });
  leader = topics[0]!.partitions[0]!.leaderId;
  [follower, other] = [2, 3, 4].filter((id) => id !== leader) as [number, number];
  first.close();
  client = await TestClient.connect(cluster.node(leader).port!);
}, 20_000);

afterAll(async () => {
  client?.close();
  await cluster?.stop();
}, 20_000);

type Samples = ReadonlyMap<string, number>;

async function scrape(nodeId: number, of: RunningCluster = cluster): Promise<Samples> {
  const answer = await fetch(`http://127.0.0.1:${of.node(nodeId).running!.healthPort}/metrics`);
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0.0.4/);
  const lines = (await answer.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(' ');
      return [line.slice(0, space), Number(line.slice(space + 1).replace('Inf', 'Infinity'))];
    }),
  );
}

/** The change on one node. `grows`: the least increase of samples. `becomes`: the new values of samples. */
interface Expected {
  readonly on: () => number;
  readonly grows?: Readonly<Record<string, number>>;
  readonly becomes?: Readonly<Record<string, number>>;
}

interface Row {
  readonly stimulus: string;
  readonly act: () => Promise<unknown>;
  readonly expected: readonly Expected[];
}

const produce = () => client.produce(TOPIC, 0, ['one', 'two', 'three']);
const brokers = () => leader;
const controller = () => CONTROLLER;

const rows: readonly Row[] = [
  {
    stimulus: 'a batch is produced with acks=all and flush.messages=1',
    act: produce,
    expected: [
      {
        on: brokers,
        grows: {
          'millrace_requests_total{api="Produce"}': 1,
          'millrace_request_seconds_count{api="Produce"}': 1,
          'millrace_request_bytes_total{api="Produce"}': 100,
          'millrace_response_bytes_total{api="Produce"}': 20,
          'millrace_appends_total{role="leader"}': 1,
          'millrace_appended_bytes_total{role="leader"}': 70,
          millrace_log_bytes: 70,
          millrace_fsync_seconds_count: 1,
        },
        becomes: { millrace_disk_space_low: 0 },
      },
      {
        on: () => follower,
        grows: {
          'millrace_appends_total{role="follower"}': 1,
          'millrace_appended_bytes_total{role="follower"}': 70,
          millrace_fsync_seconds_count: 1,
        },
      },
    ],
  },
  {
    stimulus: 'a topic is created',
    act: () => client.createTopic('another', 2, 3),
    expected: [
      {
        on: controller,
        grows: {
          millrace_topics: 1,
          millrace_partitions: 2,
          millrace_quorum_end_offset: 3,
          millrace_quorum_high_watermark: 3,
          millrace_quorum_commit_seconds_count: 1,
        },
        becomes: { millrace_offline_partitions: 0 },
      },
      {
        on: brokers,
        grows: {
          'millrace_requests_total{api="CreateTopics"}': 1,
          millrace_metadata_applied_offset: 3,
          millrace_log_segments: 2,
        },
      },
    ],
  },
  {
    stimulus: 'the records of new topics make the controller take snapshots',
    act: async () => {
      await client.createTopic('wide', 60, 3);
      await client.createTopic('wider', 60, 3);
    },
    expected: [
      {
        on: controller,
        grows: {
          millrace_metadata_snapshot_end_offset: 100,
          millrace_metadata_snapshot_bytes: 2_000,
          millrace_quorum_start_offset: 1,
        },
      },
    ],
  },
  {
    stimulus: 'a topic is created, and the controller takes no snapshot yet',
    act: () => client.createTopic('narrow', 1, 3),
    expected: [
      {
        on: controller,
        grows: { millrace_metadata_snapshot_age_seconds: 0.001, millrace_metadata_bytes_since_snapshot: 50 },
      },
    ],
  },
  {
    stimulus: 'a record of a topic with a short retention expires',
    act: async () => {
      await client.createTopic('brief', 1, 3, { 'retention.ms': '1' });
      const brief = await eventually(async () => {
        const { topics } = await client.metadata('brief');
        const { leaderId } = topics[0]?.partitions[0] ?? { leaderId: -1 };
        return leaderId < 0 ? undefined : leaderId;
      });
      const producer = await TestClient.connect(cluster.node(brief).port!);
      await producer.produce('brief', 0, ['gone soon']);
      producer.close();
    },
    expected: [
      {
        on: brokers,
        grows: { millrace_removed_segments_total: 1, millrace_removed_segment_bytes_total: 70 },
      },
    ],
  },
  {
    stimulus: 'later records of a compacted topic replace one',
    act: async () => {
      const configs = { 'cleanup.policy': 'compact', 'segment.ms': '1', 'min.cleanable.dirty.ratio': '0' };
      await client.createTopic('table', 1, 3, configs);
      const lead = await eventually(async () => {
        const { topics } = await client.metadata('table');
        const { leaderId } = topics[0]?.partitions[0] ?? { leaderId: -1 };
        return leaderId < 0 ? undefined : leaderId;
      });
      const producer = await TestClient.connect(cluster.node(lead).port!);
      for (let version = 0; version < 4; version++) {
        await producer.produce('table', 0, [`version ${version}`], -1, 'key');
        await new Promise((later) => setTimeout(later, 10));
      }
      producer.close();
    },
    expected: [
      {
        on: brokers,
        grows: {
          'millrace_cleanings_total{result="cleaned"}': 1,
          millrace_cleaner_read_bytes_total: 140,
          millrace_cleaner_written_bytes_total: 61,
          millrace_cleaner_dropped_records_total: 1,
        },
        becomes: {
          millrace_uncleanable_partitions: 0,
          millrace_dirty_ratio_max: 0,
          millrace_compaction_overdue_seconds_max: 0,
        },
      },
    ],
  },
  {
    stimulus: 'the leader writes to more logs than log.open.files.max allows open files',
    act: async () => {
      await client.createTopic('files', 60, 3);
      const { topics } = await eventually(async () => {
        const answer = await client.metadata('files');
        return answer.topics[0]?.errorCode === 0 ? answer : undefined;
      });
      for (const { leaderId, partitionIndex } of topics[0]!.partitions)
        if (leaderId === leader) await client.produce('files', partitionIndex, ['one']);
    },
    expected: [
      {
        on: brokers,
        grows: { millrace_open_file_evictions_total: 1 },
        becomes: { millrace_open_files: OPEN_FILES_MAX },
      },
    ],
  },
  {
    stimulus: 'a client connects and sends bytes that are no Kafka request',
    act: async () => {
      const socket = connect({ host: '127.0.0.1', port: cluster.node(leader).port! });
      socket.on('error', () => {});
      socket.write(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
      await new Promise((closed) => socket.once('close', closed));
    },
    expected: [
      {
        on: brokers,
        grows: {
          'millrace_connections_accepted_total{listener="PLAINTEXT"}': 1,
          millrace_malformed_requests_total: 1,
        },
      },
    ],
  },
  {
    stimulus: 'more connections come than max.connections allows',
    act: async () => {
      const port = cluster.node(leader).port!;
      const sockets = Array.from({ length: CONNECTIONS_MAX + 1 }, () => connect({ host: '127.0.0.1', port }));
      const closed = new Promise((resolve) => {
        for (const socket of sockets) socket.on('error', () => {}).once('close', resolve);
      });
      await closed;
      for (const socket of sockets) socket.destroy();
    },
    expected: [{ on: brokers, grows: { millrace_connections_refused_total: 1 } }],
  },
  {
    stimulus: 'a fetch of a session waits for data',
    act: async () => {
      const consumer = await TestClient.connect(cluster.node(leader).port!);
      void consumer
        .call(apis.fetch, 11, {
          replicaId: -1,
          maxWaitMs: 3000,
          minBytes: 1_000_000,
          maxBytes: 10 << 20,
          sessionEpoch: 0,
          topics: [
            {
              topic: TOPIC,
              partitions: [
                { partition: 0, fetchOffset: 0, partitionMaxBytes: 1 << 20, currentLeaderEpoch: -1 },
              ],
            },
          ],
        })
        .catch(() => {})
        .finally(() => consumer.close());
    },
    expected: [
      {
        on: brokers,
        grows: { millrace_parked_fetches: 1, millrace_fetch_sessions: 1, millrace_connections: 1 },
      },
    ],
  },
  {
    stimulus: 'a client deletes one record after the other, and each deletion waits for the followers',
    act: async () => {
      const admin = await TestClient.connect(cluster.node(leader).port!);
      const deleteAll = async () => {
        for (const offset of [1, 2, 3]) {
          const topics = [{ name: TOPIC, partitions: [{ partitionIndex: 0, offset }] }];
          await admin.call(apis.deleteRecords, 2, { topics, timeoutMs: 10_000 });
        }
      };
      void deleteAll()
        .catch(() => {})
        .finally(() => admin.close());
    },
    expected: [{ on: brokers, grows: { millrace_parked_deletions: 1 } }],
  },
  {
    stimulus: 'a follower is killed',
    act: async () => {
      await cluster.kill(other);
      await produce();
    },
    expected: [
      {
        on: brokers,
        grows: { millrace_isr_shrinks_total: 1, millrace_under_replicated_partitions: 1 },
        becomes: { millrace_under_min_isr_partitions: 0 },
      },
      { on: controller, becomes: { millrace_fenced_brokers: 1, millrace_registered_brokers: 3 } },
    ],
  },
  {
    stimulus: 'the other follower is killed too',
    act: () => cluster.kill(follower),
    expected: [{ on: brokers, becomes: { millrace_under_min_isr_partitions: 1 } }],
  },
  {
    stimulus: 'both followers come back',
    act: () => Promise.all([cluster.startNode(other), cluster.startNode(follower)]),
    expected: [
      {
        on: brokers,
        grows: { millrace_isr_expands_total: 1 },
        becomes: { millrace_under_replicated_partitions: 0, millrace_under_min_isr_partitions: 0 },
      },
      { on: controller, becomes: { millrace_fenced_brokers: 0 } },
    ],
  },
  {
    stimulus: 'the leader is killed',
    act: () => cluster.kill(leader),
    expected: [
      {
        on: controller,
        grows: { 'millrace_leader_elections_total{from="isr"}': 1 },
        becomes: { millrace_offline_partitions: 0 },
      },
    ],
  },
  {
    stimulus: 'every replica is killed',
    act: () => Promise.all([cluster.kill(follower), cluster.kill(other)]),
    expected: [
      { on: controller, grows: { millrace_offline_partitions: 1 }, becomes: { millrace_fenced_brokers: 3 } },
    ],
  },
  {
    stimulus: 'two of the three replicas come back',
    act: () => Promise.all([cluster.startNode(follower), cluster.startNode(other)]),
    expected: [{ on: controller, becomes: { millrace_offline_partitions: 0, millrace_fenced_brokers: 1 } }],
  },
  {
    stimulus: 'a broker starts with a log that it cannot open',
    act: async () => {
      await cluster.stopNode(other);
      const log = join(cluster.directory, `node-${other}`, 'another-0', '00000000000000000000.log');
      rmSync(log, { force: true });
      mkdirSync(log);
      await cluster.startNode(other);
    },
    expected: [{ on: () => other, becomes: { millrace_offline_replicas: 1, millrace_logs_to_open: 0 } }],
  },
];

test.each(rows)(
  '$stimulus',
  async ({ act, expected }) => {
    const before = await Promise.all(expected.map(({ on }) => scrape(on())));
    await act();
    for (const [index, { on, grows = {}, becomes = {} }] of expected.entries()) {
      let after: Samples = new Map();
      const unmet = () => [
        ...Object.entries(grows).filter(
          ([name, by]) => !((after.get(name) ?? 0) - (before[index]!.get(name) ?? 0) >= by),
        ),
        ...Object.entries(becomes).filter(([name, value]) => after.get(name) !== value),
      ];
      const end = performance.now() + CHANGE_MS_MAX;
      for (;;) {
        after = await scrape(on());
        if (unmet().length === 0 || performance.now() > end) break;
        // Scrapes without a pause would take the cores from the nodes of this process.
        await new Promise((later) => setTimeout(later, 50));
      }
      expect(unmet()).toEqual([]);
    }
  },
  CHANGE_MS_MAX + 10_000,
);

test('the leader of the quorum shows how many records a killed voter lacks', async () => {
  const quorum = await startCluster({ controllers: 3, brokers: 1, settings: { 'health.port': 0 } });
  try {
    const lags = async () => {
      for (const { id, role, running } of quorum.nodes) {
        if (role !== 'controller' || running === undefined) continue;
        const samples = await scrape(id, quorum);
        const own = [...samples].filter(([name]) => name.startsWith('millrace_quorum_voter_lag_records'));
        if (own.length > 0) return new Map(own);
      }
      return undefined;
    };
    const [[sample]] = [...(await eventually(lags))] as [[string, number]];
    const voter = Number(/voter="(\d+)"/.exec(sample)![1]);
    await quorum.kill(voter);
    const asks = await TestClient.connect(quorum.nodes.find(({ role }) => role === 'broker')!.port!);
    await asks.createTopic('lagging', 5, 1);
    asks.close();
    const grown = await eventually(async () => ((await lags())?.get(sample) ?? 0) >= 6 || undefined);
    expect(grown).toBe(true);
  } finally {
    await quorum.stop();
  }
}, 20_000);

/**
 * Commits an offset in a group that the broker coordinates, and joins the group. Otherwise the broker shows
 * no lag.
 */
async function useGroup(broker: TestClient, brokerId: number): Promise<void> {
  const groups = Array.from({ length: 60 }, (_, number) => `group-${number}`);
  await eventually(async () => {
    const { coordinators } = await broker.call(apis.findCoordinator, 4, {
      keyType: 0,
      coordinatorKeys: groups,
    });
    const own = coordinators.find(({ errorCode, nodeId }) => errorCode === 0 && nodeId === brokerId);
    if (own === undefined) return undefined;
    const partitions = [{ partitionIndex: 0, committedOffset: 1 }];
    const { topics } = await broker.call(apis.offsetCommit, 8, {
      groupId: own.key,
      topics: [{ name: TOPIC, partitions }],
    });
    if (topics[0]!.partitions[0]!.errorCode !== 0) return undefined;
    const { errorCode } = await broker.call(apis.consumerGroupHeartbeat, 1, {
      groupId: own.key,
      memberId: 'a member',
      memberEpoch: 0,
      rebalanceTimeoutMs: 5000,
      subscribedTopicNames: [TOPIC],
      topicPartitions: [],
    });
    return errorCode === 0 || undefined;
  });
}

test('a broker and a controller show every metric of their role', async () => {
  const table = Object.entries(metricsTable) as [string, MetricDefinition][];
  const shown = async (nodeId: number) => {
    const names = [...(await scrape(nodeId)).keys()].map((sample) => sample.replace(/\{.*/, ''));
    return new Set(names.map((name) => name.replace(/_(bucket|sum|count)$/, '')));
  };
  // Metrics of requests appear after the first request of an API. Only a leader shows the lag of followers.
  const asks = await TestClient.connect(cluster.node(follower).port!);
  const newLeader = await eventually(async () => {
    const { topics } = await asks.metadata(TOPIC);
    const { leaderId } = topics[0]!.partitions[0]!;
    return leaderId === follower || leaderId === other ? leaderId : undefined;
  });
  asks.close();
  const leads = await TestClient.connect(cluster.node(newLeader).port!);
  await leads.metadata(TOPIC);
  await useGroup(leads, newLeader);
  leads.close();
  for (const [role, nodeId] of [
    ['controller', CONTROLLER],
    ['broker', newLeader],
  ] as const) {
    const names = await shown(nodeId);
    const own = table.filter(([, { of }]) => of === role || of === 'node').map(([name]) => name);
    const missing = own.filter((name) => !names.has(name));
    // The only voter of the quorum has no followers that could lag.
    expect([role, missing]).toEqual([
      role,
      role === 'controller' ? ['millrace_quorum_voter_lag_records'] : [],
    ]);
  }
});
