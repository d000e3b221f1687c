/**
 * Starts Apache Kafka 4.3.1, the peer of the measurements, from Maven's jars. Its processes listen on
 * loopback, and the cluster has the same interface as a Millrace cluster. All settings are Kafka's defaults,
 * except roles, addresses, the data folder, the replication of internal topics, and the settings of the
 * caller.
 */

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ADDED_ID, type Cluster, type ClusterNode, freePorts, untilGone } from '../lib/cluster.ts';
import { run } from '../lib/exec.ts';
import { cacheFolder, testRoot } from '../lib/paths.ts';
import { kafkaFolder } from '../lib/tools.ts';
import { aliveBrokers } from '../lib/wire.ts';

/** One node with both roles, or three controllers and three brokers. */
export type PeerLayout = 'combined' | 'three-and-three';

interface PeerNode {
  readonly id: number;
  readonly roles: 'broker' | 'controller' | 'broker,controller';
  readonly port: number;
  /** The port of the CONTROLLER listener, if the node is a controller. */
  readonly controllerPort: number;
  readonly folder: string;
  pid: number | undefined;
}

const READY_LIMIT_MS = 120_000;
const STOP_LIMIT_MS = 30_000;
/**
 * The flags of `kafka-server-start.sh`, except for the heap: a controller needs less than the script's
 * gigabyte.
 */
const JVM_FLAGS = ['-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20', '-XX:InitiatingHeapOccupancyPercent=35'];
const heapMegabytes: Record<PeerNode['roles'], number> = {
  broker: 1024,
  'broker,controller': 1024,
  controller: 256,
};

export interface PeerOptions {
  /** Further properties for every node. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The heap of each node that is a broker. Undefined: a gigabyte. */
  readonly heapMegabytes?: number;
  /** Further arguments of `java` for every node. */
  readonly jvmFlags?: readonly string[];
}

export async function startPeerKafka(layout: PeerLayout, options: PeerOptions = {}): Promise<Cluster> {
  const jars = join(await kafkaFolder(), 'libs', '*');
  const classPath = `${jars}:${join(testRoot, 'clients', 'java', 'conf')}`;
  const folder = mkdtempSync(join(cacheFolder('clusters'), 'apache-kafka-'));
  const nodes = await plan(layout, folder);
  const clusterId = randomBytes(16).toString('base64url').replace(/^-/, 'A');
  const brokers = nodes.filter(({ roles }) => roles.includes('broker'));
  const bootstrapServers = brokers.map(({ port }) => `127.0.0.1:${port}`).join(',');
  process.on('exit', () => {
    for (const { pid } of nodes) if (pid !== undefined) signal(pid, 'SIGKILL');
  });
  const format = (node: PeerNode) =>
    formatNode(node, clusterId, classPath, properties(node, nodes, layout, options.settings ?? {}));
  for (const node of nodes) await format(node);
  let readyMs = 0;
  const startAll = async () => {
    const started = performance.now();
    for (const node of nodes) if (!isAlive(node)) launchNode(node, classPath, options);
    await untilReady(brokers, nodes);
    readyMs = Math.round(performance.now() - started);
  };
  const stop = async (keep = false) => {
    // The brokers stop first, because they need the controllers to hand over their leaderships.
    for (const role of ['broker', 'controller'])
      await Promise.all(nodes.filter((n) => n.roles.includes(role)).map(end));
    if (!keep) rmSync(folder, { recursive: true, force: true });
  };
  try {
    await startAll();
  } catch (error) {
    await stop(true);
    throw new Error(`${(error as Error).message}; the nodes' logs are in ${folder}`);
  }
  return {
    name: 'Apache Kafka',
    folder,
    bootstrapServers,
    get readyMs() {
      return readyMs;
    },
    nodes: async () => nodes.map(asClusterNode),
    kill: async (...ids) => {
      const victims = nodes.filter(({ id }) => ids.includes(id));
      for (const { pid } of victims) if (pid !== undefined) signal(pid, 'SIGKILL');
      await Promise.all(victims.map(({ pid }) => (pid === undefined ? undefined : untilGone(pid))));
      for (const victim of victims) victim.pid = undefined;
    },
    startAll,
    addBroker: async () => {
      const port = await freePorts(1, 0);
      const at = { port, controllerPort: port + 1000, folder: join(folder, 'added') };
      const node: PeerNode = { id: ADDED_ID, roles: 'broker', ...at, pid: undefined };
      await format(node);
      launchNode(node, classPath, options);
      nodes.push(node);
      return `127.0.0.1:${port}`;
    },
    stop,
  };
}

function asClusterNode(node: PeerNode): ClusterNode {
  const role = node.roles === 'controller' ? 'controller' : 'broker';
  const port = role === 'controller' ? node.controllerPort : node.port;
  return { id: node.id, role, pid: isAlive(node) ? node.pid : undefined, port };
}

async function plan(layout: PeerLayout, folder: string): Promise<PeerNode[]> {
  const count = layout === 'combined' ? 1 : 3;
  const port = await freePorts(count, count);
  const node = (id: number, roles: PeerNode['roles'], index: number): PeerNode => {
    const ports = { port: port + index, controllerPort: port + 1000 + index };
    return { id, roles, ...ports, folder: join(folder, `node-${id}`), pid: undefined };
  };
  if (layout === 'combined') return [node(1, 'broker,controller', 0)];
  const controllers = [0, 1, 2].map((index) => node(index + 1, 'controller', index));
  return [...controllers, ...[0, 1, 2].map((index) => node(index + 4, 'broker', index))];
}

async function formatNode(
  node: PeerNode,
  clusterId: string,
  classPath: string,
  content: string,
): Promise<void> {
  mkdirSync(node.folder, { recursive: true });
  const file = join(node.folder, 'server.properties');
  writeFileSync(file, content);
  await run('java', ['-cp', classPath, 'kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', file]);
}

function properties(
  node: PeerNode,
  nodes: readonly PeerNode[],
  layout: PeerLayout,
  more: Readonly<Record<string, string>>,
): string {
  const voters = nodes.filter(({ roles }) => roles.includes('controller'));
  const listeners = [
    ...(node.roles.includes('broker') ? [`PLAINTEXT://127.0.0.1:${node.port}`] : []),
    ...(node.roles.includes('controller') ? [`CONTROLLER://127.0.0.1:${node.controllerPort}`] : []),
  ].join(',');
  const [replicas, minIsr] = layout === 'combined' ? [1, 1] : [3, 2];
  const settings: Record<string, string | number> = {
    'node.id': node.id,
    'process.roles': node.roles,
    'controller.quorum.voters': voters.map((v) => `${v.id}@127.0.0.1:${v.controllerPort}`).join(','),
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    listeners,
    'advertised.listeners': listeners,
    'log.dirs': join(node.folder, 'data'),
    'offsets.topic.replication.factor': replicas,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': minIsr,
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': minIsr,
    ...more,
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

function launchNode(node: PeerNode, classPath: string, options: PeerOptions): void {
  const log = openSync(join(node.folder, 'out.log'), 'a');
  const isBroker = node.roles.includes('broker');
  const heap = (isBroker ? options.heapMegabytes : undefined) ?? heapMegabytes[node.roles];
  const flags = [
    `-Xms${heap}m`,
    `-Xmx${heap}m`,
    ...JVM_FLAGS,
    '-Djava.awt.headless=true',
    ...(options.jvmFlags ?? []),
  ];
  const args = [...flags, '-cp', classPath, 'kafka.Kafka', join(node.folder, 'server.properties')];
  const child = spawn('java', args, { cwd: node.folder, stdio: ['ignore', log, log] });
  closeSync(log);
  child.on('error', () => {});
  child.unref();
  node.pid = child.pid;
}

/** Waits until the Metadata answer of every broker lists all brokers. */
async function untilReady(brokers: readonly PeerNode[], nodes: readonly PeerNode[]): Promise<void> {
  const deadline = performance.now() + READY_LIMIT_MS;
  for (const { port } of brokers) {
    while ((await aliveBrokers(`127.0.0.1:${port}`).catch(() => new Map())).size < brokers.length) {
      const dead = nodes.find((node) => !isAlive(node));
      if (dead !== undefined) throw new Error(`node ${dead.id} of the peer ended at its start`);
      if (performance.now() > deadline) throw new Error(`the peer was not ready within ${READY_LIMIT_MS} ms`);
      await sleep(20);
    }
  }
}

async function end(node: PeerNode): Promise<void> {
  if (node.pid === undefined || !isAlive(node)) return;
  signal(node.pid, 'SIGTERM');
  for (let waited = 0; isAlive(node) && waited < STOP_LIMIT_MS; waited += 20) await sleep(20);
  if (isAlive(node)) signal(node.pid, 'SIGKILL');
  node.pid = undefined;
}

function isAlive({ pid }: PeerNode): boolean {
  return pid !== undefined && signal(pid, 0);
}

function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}
