/**
 * `npm run measure:metadata`: creates 10,000 topics with 3 partitions on three controllers and three brokers,
 * alters configs until the controllers have taken several snapshots, and measures:
 *
 *   controller    the restart of a standby controller after kill -9, until it has the leader's whole log
 *                 (DescribeQuorum); Apache Kafka may apply the log to its image later
 *   all three     the restart of all controllers after kill -9 at once, until they accept a new topic
 *   broker        the start of a broker with an empty folder, until it answers with all topics
 *   folder        the size of the largest metadata log with its snapshots
 *
 * Times include the start of the processes. Measures the same for Apache Kafka, unless --alone is given. The
 * constants below have the goals for Millrace. --topics N sets the number of topics.
 *
 * Both systems take a snapshot after the same number of altered configs, and one measurement includes several
 * snapshots. A system takes a snapshot when its metadata log has grown by a threshold in bytes. So each
 * system gets its own threshold: that number, times the bytes that the system counts for one altered config.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { KafkaClient } from '@millrace/client/io';
import { apis, ConfigOperation, ConfigResourceType } from '@millrace/protocol';
import { type Cluster, startMillrace } from '../lib/cluster.ts';
import { table } from '../lib/table.ts';
import { activeController, allTopics, connect, createTopic, hasCaughtUp } from '../lib/wire.ts';
import { startPeerKafka } from './peer-kafka.ts';

const PARTITIONS = 3;
const TOPICS_PER_REQUEST = 250;
const ROUNDS = 8;
/** A snapshot is due when the configs of this share of the topics were altered. */
const ALTERED_SHARE = 0.6;
/**
 * The bytes that the metadata log counts for one altered config, measured with 250 topics in a request.
 * Millrace's number includes the record that names the request. Kafka's number includes the header of the
 * batch.
 */
const ALTERED_BYTES = { millrace: 79, kafka: 45 };
const GOAL_MS = 3000;
/**
 * The folder may have two snapshots of about 2 MB, the metadata log of two thresholds, and data that LevelDB
 * has not compacted yet.
 */
const FOLDER_GOAL_MB = 30;
const TIMEOUT_MS = 120_000;

interface Measured {
  readonly name: string;
  readonly createdMs: number;
  readonly controllerMs: number;
  readonly allMs: number;
  readonly brokerMs: number;
  readonly folderMb: number;
}

const { values } = parseArgs({
  options: { topics: { type: 'string', default: '10000' }, alone: { type: 'boolean', default: false } },
});
const count = Number(values.topics);
const threshold = (alteredBytes: number) => ({
  'metadata.log.max.record.bytes.between.snapshots': String(Math.ceil(count * ALTERED_SHARE * alteredBytes)),
});
const nameOf = (index: number) => `topic-${index}`;

async function createAll(client: KafkaClient): Promise<void> {
  for (let first = 0; first < count; first += TOPICS_PER_REQUEST) {
    const topics = Array.from({ length: Math.min(TOPICS_PER_REQUEST, count - first) }, (_unused, index) => ({
      name: nameOf(first + index),
      numPartitions: PARTITIONS,
      replicationFactor: 1,
      assignments: [],
      configs: [],
    }));
    const request = { topics, timeoutMs: TIMEOUT_MS, validateOnly: false };
    const answer = await client.call(apis.createTopics, request);
    const refused = answer.topics.find(({ errorCode }) => errorCode !== 0);
    if (refused !== undefined) throw new Error(`${refused.name}: error ${refused.errorCode}`);
  }
}

async function alterAll(client: KafkaClient, round: number): Promise<void> {
  for (let first = 0; first < count; first += TOPICS_PER_REQUEST) {
    const resources = Array.from(
      { length: Math.min(TOPICS_PER_REQUEST, count - first) },
      (_unused, index) => ({
        resourceType: ConfigResourceType.TOPIC,
        resourceName: nameOf(first + index),
        configs: [
          { name: 'retention.ms', configOperation: ConfigOperation.SET, value: String(1_000_000 + round) },
        ],
      }),
    );
    const answer = await client.call(apis.incrementalAlterConfigs, { resources, validateOnly: false });
    const refused = answer.responses.find(({ errorCode }) => errorCode !== 0);
    if (refused !== undefined) throw new Error(`${refused.resourceName}: error ${refused.errorCode}`);
  }
}

/** Time until `act` succeeds. */
async function timeUntil(act: () => Promise<boolean>): Promise<number> {
  const start = performance.now();
  while (!(await act().catch(() => false))) {
    if (performance.now() - start > TIMEOUT_MS) throw new Error(`not reached within ${TIMEOUT_MS} ms`);
    await sleep(10);
  }
  return Math.round(performance.now() - start);
}

/** Kills the nodes and starts them again. Returns the time from their start until `isBack`. */
async function restarted(
  cluster: Cluster,
  ids: readonly number[],
  isBack: (sinceMs: number) => Promise<boolean>,
): Promise<number> {
  await cluster.kill(...ids);
  const sinceMs = Date.now();
  const starting = cluster.startAll();
  const ms = await timeUntil(() => isBack(sinceMs));
  await starting;
  return ms;
}

function bytesOf(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true }))
    if (entry.isFile())
      bytes += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  return bytes;
}

/** The size of the largest metadata log, in MB. */
function folderMb({ folder }: Cluster): number {
  const isMetadata = /(metadata-quorum|__cluster_metadata-0)$/;
  const folders = readdirSync(folder!, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isDirectory() && isMetadata.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
  return Math.max(...folders.map(bytesOf)) / 1e6;
}

async function measure(start: () => Promise<Cluster>): Promise<Measured> {
  const cluster = await start();
  const { name, bootstrapServers } = cluster;
  try {
    const client = await connect(bootstrapServers.split(',')[0]!, TIMEOUT_MS);
    const begun = performance.now();
    await createAll(client);
    const createdMs = Math.round(performance.now() - begun);
    for (let round = 0; round < ROUNDS; round++) await alterAll(client, round);
    client.close();
    await sleep(5_000);
    const folder = folderMb(cluster);
    const controllers = (await cluster.nodes()).filter(({ role }) => role === 'controller');
    const active = await activeController(bootstrapServers);
    const standby = controllers.find(({ id }) => id !== active)!.id;
    const controllerMs = await restarted(cluster, [standby], (sinceMs) =>
      hasCaughtUp(bootstrapServers, standby, sinceMs),
    );
    let tries = 0;
    const allMs = await restarted(
      cluster,
      controllers.map(({ id }) => id),
      async () => {
        await createTopic(bootstrapServers, { name: `after-${tries++}`, partitions: 1, replicas: 1 });
        return true;
      },
    );
    const address = await cluster.addBroker();
    const brokerMs = await timeUntil(async () => (await allTopics(address)).length >= count);
    const largest = Math.max(folder, folderMb(cluster));
    return { name, createdMs, controllerMs, allMs, brokerMs, folderMb: largest };
  } finally {
    await cluster.stop();
  }
}

const results = [await measure(() => startMillrace({ settings: threshold(ALTERED_BYTES.millrace) }))];
if (!values.alone) {
  // Kafka's metadata log deletes only whole segments. 8 MiB is the smallest size of a segment that Kafka
  // allows.
  const segments = { 'metadata.log.segment.bytes': String(8 << 20) };
  const settings = { ...threshold(ALTERED_BYTES.kafka), ...segments };
  results.push(await measure(() => startPeerKafka('three-and-three', { settings })));
}

const head = ['', 'created ms', 'controller ms', 'all three ms', 'broker ms', 'folder MB'];
const rows = results.map(({ name, createdMs, controllerMs, allMs, brokerMs, folderMb: mb }) => [
  name,
  ...[createdMs, controllerMs, allMs, brokerMs].map(String),
  mb.toFixed(1),
]);
process.stdout.write(`${count} topics of ${PARTITIONS} partitions, ${ROUNDS} rounds of altered configs:\n\n`);
process.stdout.write(`${table(head, rows)}\n\n`);
const { controllerMs, brokerMs, folderMb: mb } = results[0]!;
const isReached = controllerMs < GOAL_MS && brokerMs < GOAL_MS && mb < FOLDER_GOAL_MB;
const goal = `controller and broker under ${GOAL_MS} ms, folder under ${FOLDER_GOAL_MB} MB`;
process.stdout.write(`goal (${goal}): ${isReached ? 'reached' : 'NOT reached'}\n`);
process.exitCode = isReached ? 0 : 1;
