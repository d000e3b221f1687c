/** `millrace cluster …`: a local cluster of processes that can be started, looked at, hurt and stopped. */
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  bootstrapServers,
  type Layout,
  type LayoutOptions,
  type LocalNode,
  nodesOf,
  readLayout,
  readOrMakeLayout,
  writeLayout,
} from '../cluster/layout.ts';
import { killNode, lastWords, pidOf, signal, spawnNode, stateOf, stopNode } from '../cluster/process.ts';
import { clusterStatusOf, everyBrokerServes } from '../cluster/status.ts';
import { UserError } from '../user-error.ts';

const SERVE_TIMEOUT_MS = 60_000;

type StartOptions = LayoutOptions & { foreground?: boolean; json?: boolean };

export async function clusterStart(options: StartOptions): Promise<void> {
  const started = performance.now();
  const layout = readOrMakeLayout(options);
  const say = (line: string) => (options.json ? process.stderr : process.stdout).write(`${line}\n`);
  const nodes = nodesOf(layout);
  const stopped = nodes.filter((node) => stateOf(node) === 'stopped');
  if (options.foreground && stopped.length < nodes.length) {
    throw new UserError(
      `nodes of ${layout.directory} run already; \`millrace cluster stop --dir ${options.dir}\` stops them`,
    );
  }
  await refuseTakenPorts(stopped);
  writeLayout(layout);
  const interrupted = options.foreground ? nextInterrupt() : undefined;
  try {
    await Promise.all(stopped.map((node) => startOne(node, started, say)));
    await untilServing(layout);
    refuseFallenNodes(stopped);
  } catch (error) {
    await stopAll(stopped);
    throw error;
  }
  const readyMs = Math.round(performance.now() - started);
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ readyMs, ...(await clusterStatusOf(layout)) })}\n`);
  } else {
    say(howToUse(layout, readyMs));
  }
  if (interrupted === undefined) return;
  await interrupted;
  say('stopping …');
  await stopAll(nodes);
  say('every node has stopped; its data stays');
}

export async function clusterStop(options: { dir: string }): Promise<void> {
  await stopAll(nodesOf(readLayout(options.dir)));
  process.stdout.write('stopped\n');
}

export async function clusterStatus(options: { dir: string; json?: boolean }): Promise<void> {
  const status = await clusterStatusOf(readLayout(options.dir));
  if (options.json) {
    process.stdout.write(`${JSON.stringify(status)}\n`);
    return;
  }
  process.stdout.write(
    `cluster ${status.clusterId ?? '(unknown)'}, active controller ${status.activeController ?? '(unknown)'}\n`,
  );
  for (const node of status.nodes) {
    const fenced = node.unfenced === false && node.state !== 'stopped' ? ', fenced' : '';
    const leads = node.leads === null ? '' : `, leads ${node.leads} partitions`;
    const pid = node.pid === null ? '' : `, pid ${node.pid}`;
    process.stdout.write(`  ${node.id} ${node.role} on ${node.port}: ${node.state}${fenced}${leads}${pid}\n`);
  }
}

export async function clusterNode(
  verb: 'kill' | 'pause' | 'resume' | 'restart',
  id: number,
  options: { dir: string },
): Promise<void> {
  const layout = readLayout(options.dir);
  const node = nodesOf(layout).find((candidate) => candidate.id === id);
  if (node === undefined) {
    const ids = nodesOf(layout).map((candidate) => candidate.id);
    throw new UserError(`there is no node ${id} in ${layout.directory}; its nodes are ${ids.join(', ')}`);
  }
  if (verb === 'restart') {
    await stopNode(node);
    await refuseTakenPorts([node]);
    await startOne(node, performance.now(), (line) => process.stdout.write(`${line}\n`));
    return;
  }
  const pid = pidOf(node);
  if (pid === undefined)
    throw new UserError(
      `node ${id} does not run; \`millrace cluster restart ${id} --dir ${options.dir}\` starts it`,
    );
  if (verb === 'kill') await killNode(node, pid);
  else signal(pid, verb === 'pause' ? 'SIGSTOP' : 'SIGCONT');
}

async function startOne(node: LocalNode, started: number, say: (line: string) => void): Promise<void> {
  const failure = await spawnNode(node).outcome;
  if (failure !== undefined) throw new UserError(failure);
  const seconds = ((performance.now() - started) / 1000).toFixed(2);
  say(`  ${node.role} ${node.id} is ready on port ${node.port} (${seconds} s)`);
}

/** Brokers first, all at once: while they move their leaders away the controllers must be there. */
async function stopAll(nodes: readonly LocalNode[]): Promise<void> {
  for (const role of ['broker', 'controller'] as const) {
    await Promise.all(nodes.filter((node) => node.role === role).map((node) => stopNode(node)));
  }
}

async function untilServing(layout: Layout): Promise<void> {
  const deadline = performance.now() + SERVE_TIMEOUT_MS;
  while (!(await everyBrokerServes(layout))) {
    if (performance.now() > deadline) {
      throw new UserError(
        `the brokers did not all serve within ${SERVE_TIMEOUT_MS / 1000} s; each node's log is ${layout.directory}/node-N/node.log`,
      );
    }
    await sleep(10);
  }
}

/** A node may find out only after it was ready that it cannot stay: a controller with another cluster's data, say. */
function refuseFallenNodes(nodes: readonly LocalNode[]): void {
  const fallen = nodes.find((node) => stateOf(node) === 'stopped');
  if (fallen !== undefined)
    throw new UserError(`${fallen.role} ${fallen.id} has ended: ${lastWords(fallen)}`);
}

async function refuseTakenPorts(nodes: readonly LocalNode[]): Promise<void> {
  for (const node of nodes) {
    if (!(await isFree(node.port))) {
      throw new UserError(
        `port ${node.port}, for ${node.role} ${node.id}, is taken by another program; stop that, or choose another --port in a new --dir`,
      );
    }
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1' }, () => server.close(() => resolve(true)));
  });
}

/** A waiting signal handler does not keep a process alive, so a timer does until then. */
function nextInterrupt(): Promise<void> {
  return new Promise((resolve) => {
    const awake = setInterval(() => {}, 60_000);
    const stop = () => {
      clearInterval(awake);
      resolve();
    };
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, stop);
  });
}

function howToUse(layout: Layout, readyMs: number): string {
  const servers = bootstrapServers(layout);
  return `
${layout.controllers} controllers and ${layout.brokers} brokers are ready after ${(readyMs / 1000).toFixed(2)} s. Bootstrap servers:

  ${servers}

Create a topic, produce, consume:

  npx millrace topic create demo --bootstrap-server ${servers} --partitions 3 --replication-factor ${Math.min(3, layout.brokers)}
  echo 'hello' | kcat -P -b ${servers} -t demo
  kcat -C -b ${servers} -t demo -o beginning -e

Data lies in ${layout.directory}.`;
}
