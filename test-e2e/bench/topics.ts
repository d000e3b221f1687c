/**
 * `npm run measure:topics`: creates 1,000 topics on three controllers and three brokers: first in one
 * request, then in 1,000 requests over 32 connections. Measures the time, and the CPU time of the busiest
 * controller and of the busiest broker. Goal: each measurement takes less than 3 s. "Busy after" is the time
 * for which nodes still work after the last answer, for example to create folders. The second measurement
 * begins after that. --topics N: the number of topics; --peer: measures Apache Kafka.
 *
 * Sends raw requests, because an ordinary client asks for the metadata of all topics before each creation.
 * The measurement would include that work.
 */
import { parseArgs } from 'node:util';
import type { KafkaClient } from '@millrace/client/io';
import { apis } from '@millrace/protocol';
import { startMillrace } from '../lib/cluster.ts';
import { cpuMs } from '../lib/cpu.ts';
import { table } from '../lib/table.ts';
import { connect } from '../lib/wire.ts';
import { startPeerKafka } from './peer-kafka.ts';

const CONNECTIONS = 32;
const GOAL_MS = 3000;
const TIMEOUT_MS = 60_000;
const QUIET_MS = 300;

const { values } = parseArgs({
  options: { topics: { type: 'string', default: '1000' }, peer: { type: 'boolean', default: false } },
});
const count = Number(values.topics);
const rows: string[][] = [];

async function create(client: KafkaClient, names: readonly string[]): Promise<void> {
  const topics = names.map((name) => ({
    name,
    numPartitions: 1,
    replicationFactor: 3,
    assignments: [],
    configs: [],
  }));
  const answer = await client.call(apis.createTopics, { topics, timeoutMs: TIMEOUT_MS, validateOnly: false });
  const refused = answer.topics.find(({ errorCode }) => errorCode !== 0);
  if (refused !== undefined) throw new Error(`${refused.name}: error ${refused.errorCode}`);
}

const cluster = values.peer ? await startPeerKafka('three-and-three') : await startMillrace();
const nodes = await cluster.nodes();

function cpuOfNodes(): Map<number, number> {
  return new Map(nodes.map(({ id, pid }) => [id, cpuMs(pid)]));
}

/** Returns when no node has used more than a tenth of a core for QUIET_MS, or after TIMEOUT_MS. */
async function quiet(): Promise<void> {
  const end = performance.now() + TIMEOUT_MS;
  for (let before = cpuOfNodes(); performance.now() < end; ) {
    await new Promise((done) => setTimeout(done, QUIET_MS));
    const after = cpuOfNodes();
    if ([...after].every(([id, ms]) => ms - before.get(id)! <= QUIET_MS / 10)) return;
    before = after;
  }
}

async function measured(what: string, work: () => Promise<unknown>): Promise<void> {
  await quiet();
  const before = cpuOfNodes();
  const start = performance.now();
  await work();
  const ms = Math.round(performance.now() - start);
  await quiet();
  const busyAfterMs = Math.max(0, Math.round(performance.now() - start - ms - QUIET_MS));
  const after = cpuOfNodes();
  const busiest = (role: string) => {
    const spent = nodes
      .filter((node) => node.role === role)
      .map(({ id }) => after.get(id)! - before.get(id)!);
    return `${Math.max(...spent)} ms`;
  };
  const verdict = ms < GOAL_MS ? 'yes' : 'no';
  rows.push([what, `${ms} ms`, verdict, `${busyAfterMs} ms`, busiest('controller'), busiest('broker')]);
}

try {
  const servers = cluster.bootstrapServers.split(',');
  const clients = await Promise.all(
    Array.from({ length: CONNECTIONS }, (_unused, index) =>
      connect(servers[index % servers.length]!, TIMEOUT_MS),
    ),
  );
  await measured(`${count} topics in one request`, () =>
    create(
      clients[0]!,
      Array.from({ length: count }, (_unused, index) => `once-${index}`),
    ),
  );
  await measured(`${count} requests of one over ${CONNECTIONS} connections`, () =>
    Promise.all(
      clients.map(async (client, first) => {
        for (let index = first; index < count; index += CONNECTIONS) await create(client, [`each-${index}`]);
      }),
    ),
  );
  for (const client of clients) client.close();
  process.stdout.write(
    `${table(['what', 'took', `under ${GOAL_MS} ms`, 'busy after', 'CPU controller', 'CPU broker'], rows)}\n`,
  );
} finally {
  await cluster.stop();
}
