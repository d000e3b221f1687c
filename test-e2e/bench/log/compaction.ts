/**
 * Compacts the same log on Millrace and on Apache Kafka, and compares the rates of their cleaners. Both
 * brokers get the same Produce requests, so their segments have the same batches. The topic's
 * `min.cleanable.dirty.ratio` is 1 until all records are there: no log is dirtier, so no cleaner begins. Then
 * the ratio becomes 0. Each cleaner measures its own time, without the wait for its start, and logs it.
 *
 * On a busy machine the elapsed times depend on who else runs. So the bench also measures the CPU time that
 * the broker's process takes from the change of the ratio until the end of the cleaning.
 *
 * Only one product runs at a time. They take turns to go first.
 */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../../lib/cluster.ts';
import { cpuMs } from '../../lib/cpu.ts';
import { alterTopic } from '../../lib/wire.ts';
import type { Goals } from '../goals.ts';
import { startPeerKafka } from '../peer-kafka.ts';
import { brokerOf, dirtyTopic, startBroker } from './broker.ts';
import { kafkaCleaning, millraceCleaning } from './cleaner-lines.ts';
import type { Sizes } from './options.ts';

const TOPIC = 'compacted';
/** Each key has this many records. */
const RECORDS_PER_KEY = 4;
const RECORD_BYTES = 1024;
const WAIT_LIMIT_MS = 300_000;
const SETTINGS = { 'log.cleaner.backoff.ms': '200' };
/** Shows the lines in which Kafka's cleaner reports a cleaning. */
const LOG4J = `rootLogger.level = warn
rootLogger.appenderRef.stdout.ref = STDOUT
appender.stdout.type = Console
appender.stdout.name = STDOUT
appender.stdout.layout.type = PatternLayout
appender.stdout.layout.pattern = %d{HH:mm:ss.SSS} %p %c{1} %m%n
logger.cleaner.name = org.apache.kafka.storage.internals.log
logger.cleaner.level = info
`;

export async function compaction(folder: string, sizes: Sizes, goals: Goals): Promise<void> {
  const conf = join(folder, 'log4j2.properties');
  writeFileSync(conf, LOG4J);
  const millrace = async () => await costOn(await startBroker(SETTINGS), sizes, millraceCleaning);
  const kafka = async () => {
    const flags = [`-Dlog4j2.configurationFile=${conf}`];
    const cluster = await startPeerKafka('combined', { settings: SETTINGS, jvmFlags: flags });
    return await costOn(cluster, sizes, kafkaCleaning);
  };
  for (let round = 0; round < sizes.compactionRounds; round++) {
    const [ours, theirs] =
      round % 2 === 0
        ? [await millrace(), await kafka()]
        : await kafka().then(async (cost) => [await millrace(), cost] as const);
    goals.add({ title: 'compaction, Millrace', unit: 'MB/s' }, ours.rate);
    goals.add({ title: 'compaction, Apache Kafka', unit: 'MB/s' }, theirs.rate);
    goals.add({ title: 'compaction, Millrace to Kafka', unit: 'x', atLeast: 1 }, ours.rate / theirs.rate);
    goals.add({ title: 'CPU time of a compaction, Millrace', unit: 'ms/MB' }, ours.cpuMsPerMb);
    goals.add({ title: 'CPU time of a compaction, Apache Kafka', unit: 'ms/MB' }, theirs.cpuMsPerMb);
  }
}

interface Cost {
  /** MB of the log before the cleaning, for each second. */
  readonly rate: number;
  readonly cpuMsPerMb: number;
}

/** Fills a log and cleans it. */
async function costOn(
  cluster: Cluster,
  { dirtyBytes }: Sizes,
  durationMs: (text: string, topic: string) => number | undefined,
): Promise<Cost> {
  const server = cluster.bootstrapServers;
  try {
    await dirtyTopic(server, TOPIC, dirtyBytes, dirtyBytes / RECORD_BYTES / RECORDS_PER_KEY);
    const bytes = sealedBytes(cluster);
    const { pid } = await brokerOf(cluster);
    const cpuBefore = cpuMs(pid);
    await alterTopic(server, TOPIC, { 'min.cleanable.dirty.ratio': '0' });
    const ms = await until(`${cluster.name} cleans the log`, () => durationMs(logsOf(cluster), TOPIC));
    return { rate: bytes / 1000 / ms, cpuMsPerMb: ((cpuMs(pid) - cpuBefore) * 1e6) / bytes };
  } finally {
    await cluster.stop();
  }
}

/** Bytes of all segments of the topic but the active one. */
function sealedBytes({ folder }: Cluster): number {
  const found = filesBelow(folder!).filter((file) => file.includes(`/${TOPIC}-0/`) && file.endsWith('.log'));
  return found
    .sort()
    .slice(0, -1)
    .reduce((sum, file) => sum + statSync(file).size, 0);
}

function logsOf({ folder }: Cluster): string {
  return filesBelow(folder!)
    .filter((file) => /\/(out|node)\.log$/.test(file))
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));
}

async function until<T>(what: string, found: () => T | undefined): Promise<T> {
  const deadline = performance.now() + WAIT_LIMIT_MS;
  for (;;) {
    const value = found();
    if (value !== undefined) return value;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${WAIT_LIMIT_MS} ms`);
    await sleep(200);
  }
}
