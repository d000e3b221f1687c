/** `millrace cluster …`: starts, shows and stops a local cluster; kills, pauses and restarts its nodes. */
import {
  bootstrapServers,
  type Layout,
  type LayoutOptions,
  type LocalNode,
  nodesOf,
  readLayout,
  readOrMakeLayout,
  type Settings,
  withSettings,
  writeLayout,
  writeNodeSettings,
} from '../cluster/layout.ts';
import { killNode, pauseNode, pidOf, resumeNode, stateOf, stopNode, stopNodes } from '../cluster/process.ts';
import { refuseBadSettings } from '../cluster/settings.ts';
import { refuseTakenPorts, startNodes } from '../cluster/start.ts';
import { brokersNotServing, clusterStatusOf } from '../cluster/status.ts';
import { INTERRUPTED, nextInterrupt } from '../interrupt.ts';
import { UserError } from '../user-error.ts';

const TIMEOUT_SECONDS = 60;

interface CommonOptions {
  dir: string;
  json?: boolean;
}

interface TimedOptions extends CommonOptions {
  /** Seconds until the command gives up the start. */
  timeout?: number;
}

type StartOptions = LayoutOptions & TimedOptions & { set: Settings; foreground?: boolean };

export async function clusterStart(options: StartOptions): Promise<void> {
  const began = performance.now();
  const kept = readOrMakeLayout(options);
  const layout = withSettings(kept, options.set);
  refuseBadSettings(layout, options.set);
  const nodes = nodesOf(layout);
  const stopped = nodes.filter((node) => stateOf(node) === 'stopped');
  if (options.foreground && stopped.length < nodes.length) {
    throw new UserError(
      `nodes of ${layout.directory} already run; \`millrace cluster stop --dir ${options.dir}\` stops them`,
    );
  }
  await refuseTakenPorts(stopped);
  const say = progress(options);
  const interrupt = nextInterrupt();
  void interrupt.came.then(() => say('stopping …'));
  try {
    const serves = await startAll(stopped, { kept, layout, options, interrupted: interrupt.came });
    if (serves) {
      const readyMs = Math.round(performance.now() - began);
      if (options.json) printJson({ readyMs, ...(await clusterStatusOf(layout)) });
      else say(howToUse(layout, readyMs));
      const ran = nodes.filter((node) => !stopped.includes(node)).map(({ id }) => id);
      if (ran.length > 0 && Object.keys(options.set).length > 0)
        say(`\nNodes ${ran.join(', ')} already ran: they use the new settings after a restart.`);
      if (!options.foreground) return;
      await interrupt.came;
      await stopNodes(nodes);
    }
    say('every node has stopped; the data stays');
    if (!options.foreground) process.exitCode = INTERRUPTED;
  } finally {
    interrupt.forget();
  }
}

/**
 * Starts the nodes with the new settings (`layout`). The folder keeps these settings only if the cluster
 * serves; otherwise it keeps the earlier ones (`kept`). The reason: some bad settings fail only when a node
 * starts, for example a port that is taken, or a `min.free.bytes` above the free space of the disk.
 */
async function startAll(
  nodes: readonly LocalNode[],
  how: { kept: Layout; layout: Layout; options: TimedOptions; interrupted: Promise<void> },
): Promise<boolean> {
  const { kept, layout, options, interrupted } = how;
  writeLayout(kept);
  writeNodeSettings(layout);
  let serves = false;
  try {
    const notServing = () => brokersNotServing(layout);
    serves = await startNodes({ nodes, interrupted, notServing, ...limitAndProgress(options) });
    return serves;
  } finally {
    writeLayout(serves ? layout : kept);
  }
}

function limitAndProgress(options: TimedOptions) {
  const began = performance.now();
  const say = progress(options);
  return {
    timeoutMs: (options.timeout ?? TIMEOUT_SECONDS) * 1000,
    ready: ({ role, id, port }: LocalNode) =>
      say(`  ${role} ${id} is ready on port ${port} (${((performance.now() - began) / 1000).toFixed(2)} s)`),
  };
}

export async function clusterStop(options: CommonOptions): Promise<void> {
  const layout = readLayout(options.dir);
  const before = nodesOf(layout).map((node) => ({ node, formerPid: pidOf(node) }));
  await stopNodes(nodesOf(layout));
  if (options.json) {
    const nodes = before.map(({ node, formerPid }) => changeOf(node, formerPid));
    printJson({ action: 'stop', directory: layout.directory, nodes });
  } else process.stdout.write('stopped\n');
}

export async function clusterStatus(options: CommonOptions): Promise<void> {
  const status = await clusterStatusOf(readLayout(options.dir));
  if (options.json) {
    printJson(status);
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

export type NodeVerb = 'kill' | 'pause' | 'resume' | 'restart';

export async function clusterNode(verb: NodeVerb, id: number, options: TimedOptions): Promise<void> {
  const layout = readLayout(options.dir);
  const node = nodesOf(layout).find((candidate) => candidate.id === id);
  if (node === undefined) {
    const ids = nodesOf(layout).map((candidate) => candidate.id);
    throw new UserError(`there is no node ${id} in ${layout.directory}; its nodes are ${ids.join(', ')}`);
  }
  const began = performance.now();
  const formerPid = pidOf(node);
  if (verb === 'restart') {
    if (!(await restart(node, options))) return;
  } else if (formerPid === undefined) {
    throw new UserError(
      `node ${id} is not running; \`millrace cluster restart ${id} --dir ${options.dir}\` starts it`,
    );
  } else {
    const act = { kill: killNode, pause: pauseNode, resume: resumeNode }[verb];
    await act(node, formerPid);
  }
  if (!options.json) return;
  const readyMs = verb === 'restart' ? { readyMs: Math.round(performance.now() - began) } : {};
  printJson({ action: verb, directory: layout.directory, ...changeOf(node, formerPid), ...readyMs });
}

/** Stops the node, and starts it again. Returns false if the user interrupts; then the node does not run. */
async function restart(node: LocalNode, options: TimedOptions): Promise<boolean> {
  await stopNode(node);
  await refuseTakenPorts([node]);
  const interrupt = nextInterrupt();
  void interrupt.came.then(() => progress(options)('stopping …'));
  try {
    // The restart does not wait for other nodes: this node may be the only one that runs.
    const notServing = async () => [];
    const limits = limitAndProgress(options);
    const serves = await startNodes({ nodes: [node], interrupted: interrupt.came, notServing, ...limits });
    if (!serves) process.exitCode = INTERRUPTED;
    return serves;
  } finally {
    interrupt.forget();
  }
}

/** The result for one node, as `--json` prints it. */
function changeOf(node: LocalNode, formerPid: number | undefined) {
  const { id, role } = node;
  return { id, role, state: stateOf(node), pid: pidOf(node) ?? null, formerPid: formerPid ?? null };
}

/** With --json, progress goes to stderr, because stdout has only the object. */
function progress(options: CommonOptions): (line: string) => void {
  const stream = options.json ? process.stderr : process.stdout;
  return (line) => void stream.write(`${line}\n`);
}

function printJson(object: unknown): void {
  process.stdout.write(`${JSON.stringify(object)}\n`);
}

function howToUse(layout: Layout, readyMs: number): string {
  const servers = bootstrapServers(layout);
  return `
${layout.controllers} controllers and ${layout.brokers} brokers are ready after ${(readyMs / 1000).toFixed(2)} s. Bootstrap servers:

  ${servers}

Create a topic, produce, consume:

  npx millrace topic create demo --bootstrap-server ${servers} --partitions 3 --replication-factor ${Math.min(3, layout.brokers)}
  echo 'hello' | npx millrace produce demo -b ${servers}
  npx millrace consume demo -b ${servers} -e

The data is in ${layout.directory}.`;
}
