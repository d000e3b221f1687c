/**
 * A cluster whose nodes a test may kill: Millrace, started with its command line, or Apache Kafka
 * (bench/peer-kafka.ts). The cluster has the pid of every process, and `stop` ends all of them.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Launched, launch, run } from './exec.ts';
import { cacheFolder, repositoryRoot } from './paths.ts';

export interface ClusterNode {
  readonly id: number;
  readonly role: 'broker' | 'controller';
  /** Undefined while the node does not run. */
  readonly pid: number | undefined;
  /**
   * A port on loopback. If the node is a broker: the port for clients. If it is a controller: the port for
   * other nodes.
   */
  readonly port: number;
}

export interface Cluster {
  readonly name: string;
  readonly bootstrapServers: string;
  /** The folder with the data folders of all nodes. Undefined: this process did not start the cluster. */
  readonly folder?: string;
  /** Time from the call of the last start until every broker served. */
  readonly readyMs: number;
  nodes(): Promise<ClusterNode[]>;
  /** Kills these nodes with kill -9, all at once. */
  kill(...ids: readonly number[]): Promise<void>;
  /** Starts every stopped node and waits until all brokers serve. */
  startAll(): Promise<void>;
  /**
   * Starts the process of one more broker, with an empty data folder, and returns its address. Does not wait
   * until the broker serves. Call it once.
   */
  addBroker(): Promise<string>;
  /** Stops every node, and removes its data unless `keep`. */
  stop(keep?: boolean): Promise<void>;
}

const START_LIMIT_MS = 120_000;

/** Runs `millrace …` from this repository. */
export async function millrace(...args: string[]): Promise<string> {
  return await millraceOf(repositoryRoot, ...args);
}

async function millraceOf(checkout: string, ...args: string[]): Promise<string> {
  const cliEntry = join(checkout, 'packages', 'cli', 'src', 'main.ts');
  const { stdout } = await run(process.execPath, [cliEntry, ...args], { timeoutMs: START_LIMIT_MS });
  return stdout.toString('utf8');
}

interface Status {
  readyMs?: number;
  bootstrapServers: string;
  nodes: { id: number; role: 'broker' | 'controller'; pid: number | null; port: number }[];
}

export interface MillraceOptions {
  readonly controllers?: number;
  readonly brokers?: number;
  readonly settings?: Record<string, string>;
  /**
   * Folder of the checkout whose code runs; by default this one. Another checkout needs `npm run setup`
   * first.
   */
  readonly checkout?: string;
}

export async function startMillrace(options: MillraceOptions = {}): Promise<Cluster> {
  const { controllers = 3, brokers = 3, settings = {}, checkout = repositoryRoot } = options;
  const cli = async (...args: string[]) => await millraceOf(checkout, ...args);
  const folder = mkdtempSync(join(cacheFolder('clusters'), 'millrace-'));
  const dir = join(folder, 'data');
  const port = await freePorts(brokers, controllers);
  const counts = ['--controllers', String(controllers), '--brokers', String(brokers), '--port', String(port)];
  const sets = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
  const start = async (...more: string[]) =>
    JSON.parse(await cli('cluster', 'start', '--dir', dir, '--json', ...more)) as Status;
  const status = async () => JSON.parse(await cli('cluster', 'status', '--dir', dir, '--json')) as Status;
  let known: Status;
  let added: Launched | undefined;
  try {
    known = await start(...counts, ...sets);
  } catch (error) {
    await cli('cluster', 'stop', '--dir', dir).catch(() => {});
    throw new Error(`${(error as Error).message}\nnodes' logs: ${folder}`);
  }
  watchForOrphans(dir);
  return {
    name: 'Millrace',
    folder,
    bootstrapServers: known.bootstrapServers,
    get readyMs() {
      return known.readyMs ?? 0;
    },
    nodes: async () => (await status()).nodes.map(({ pid, ...node }) => ({ ...node, pid: pid ?? undefined })),
    kill: async (...ids) => {
      const victims = ids.map((id) => pidFrom(join(dir, `node-${id}`, 'pid')));
      for (const pid of victims) process.kill(pid, 'SIGKILL');
      await Promise.all(victims.map(untilGone));
    },
    startAll: async () => {
      known = await start();
    },
    addBroker: async () => {
      const free = await freePorts(1, 0);
      added = launchLike(join(dir, `node-${controllers + 1}`), join(dir, 'added'), port, free, checkout);
      return `127.0.0.1:${free}`;
    },
    stop: async (keep = false) => {
      added?.kill('SIGTERM');
      await added?.ended;
      await cli('cluster', 'stop', '--dir', dir);
      if (!keep) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The id of the broker that `addBroker` starts. */
export const ADDED_ID = 99;

/**
 * Starts a broker in `folder` with the settings of another node. `model`: the folder of that node. `port`:
 * the port of its listener, which `free` replaces.
 */
function launchLike(model: string, folder: string, port: number, free: number, checkout: string): Launched {
  mkdirSync(folder);
  const properties = readFileSync(join(model, 'node.properties'), 'utf8')
    .replace(/^node\.id=.*$/m, `node.id=${ADDED_ID}`)
    .replaceAll(model, folder)
    .replaceAll(`:${port}`, `:${free}`);
  const file = join(folder, 'node.properties');
  writeFileSync(file, properties);
  const cliEntry = join(checkout, 'packages', 'cli', 'src', 'main.ts');
  return launch(process.execPath, [cliEntry, 'start', '--config', file], () => {});
}

/**
 * The nodes are not children of this process. When this process exits, the handler kills every node that
 * still has a pid file.
 */
function watchForOrphans(dir: string): void {
  process.on('exit', () => {
    for (let id = 1; id <= 12; id++) {
      try {
        process.kill(pidFrom(join(dir, `node-${id}`, 'pid')), 'SIGKILL');
      } catch {
        // The node is stopped, as expected.
      }
    }
  });
}

export function pidFrom(file: string): number {
  const pid = Number(readFileSync(file, 'utf8'));
  if (!Number.isInteger(pid) || pid < 2) throw new Error(`no pid in ${file}`);
  return pid;
}

/** Waits until the process has ended. A zombie that init has not reaped yet counts as ended. */
export async function untilGone(pid: number): Promise<void> {
  for (let tries = 0; tries < 3000; tries++) {
    if (hasEnded(pid)) return;
    await sleep(5);
  }
  throw new Error(`process ${pid} does not end`);
}

function hasEnded(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return true;
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.startsWith('Z', stat.lastIndexOf(')') + 2);
  } catch {
    return false;
  }
}

/**
 * Finds a port P on loopback such that P, P + 1, … are free for the brokers, and P + 1000, P + 1001, … for
 * the controllers.
 */
export async function freePorts(brokers: number, controllers: number): Promise<number> {
  for (let tries = 0; tries < 200; tries++) {
    const port = 20_000 + Math.floor(Math.random() * 500) * 20;
    const wanted = [
      ...Array.from({ length: brokers }, (_, i) => port + i),
      ...Array.from({ length: controllers }, (_, i) => port + 1000 + i),
    ];
    const free = await Promise.all(wanted.map(isFree));
    if (free.every(Boolean)) return port;
  }
  throw new Error('no free ports found');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1' }, () => server.close(() => resolve(true)));
  });
}
