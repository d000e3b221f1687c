/**
 * The node processes of a local cluster. Each has a pid file. Each also has a process group of its own, so
 * that a Ctrl-C at the terminal reaches only the command, which then stops the nodes in order. Where the
 * system has /proc, the command signals a process only if the process has the node's command line.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LocalNode } from './layout.ts';
import { heapArguments, mallocVariables } from './memory-limits.ts';

export type ProcessState = 'running' | 'paused' | 'stopped';

/** The `millrace` command that is running now. A node runs the same command with other arguments. */
const entry = process.argv[1] ?? '';

/**
 * Starts the node. `outcome` resolves with undefined when the node serves. If the node fails, `outcome`
 * resolves with a sentence that says why.
 */
export function spawnNode(node: LocalNode): { pid: number; outcome: Promise<string | undefined> } {
  const log = openSync(logFile(node), 'a');
  const environment = environmentOfNodes(process.env);
  const args = [
    ...heapArguments(environment),
    entry,
    'start',
    '--config',
    join(node.directory, 'node.properties'),
  ];
  const child = spawn(process.execPath, args, {
    detached: true,
    stdio: ['ignore', log, log, 'pipe'],
    env: { ...environment, ...mallocVariables(environment), MILLRACE_READY_FD: '3' },
  });
  closeSync(log);
  const outcome = firstLine(child).then((line) => {
    child.unref();
    if (line === 'ready') return undefined;
    if (line !== undefined) return line.replace(/^failed: /, '');
    return `node ${node.id} ended before it was ready; its log is ${logFile(node)}`;
  });
  if (child.pid === undefined) return { pid: 0, outcome };
  writeFileSync(pidFile(node), `${child.pid}\n`);
  return { pid: child.pid, outcome };
}

/**
 * The environment for a node's process: the given one without its KAFKA_… variables. A node reads such a
 * variable as a setting that overrides its file. So a KAFKA_NODE_ID in the user's shell would be the id of
 * every node.
 */
export function environmentOfNodes(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('KAFKA_')));
}

/**
 * The pid of the running node. Undefined: the node has stopped. Where the system has /proc, this is certain
 * even if another program has the node's old pid now.
 */
export function pidOf(node: LocalNode): number | undefined {
  let pid: number;
  try {
    pid = Number(readFileSync(pidFile(node), 'utf8'));
  } catch {
    return undefined;
  }
  if (!Number.isInteger(pid) || pid < 2) return undefined;
  return isThisNode(pid, node) ? pid : undefined;
}

export function stateOf(node: LocalNode): ProcessState {
  const pid = pidOf(node);
  if (pid === undefined) return 'stopped';
  const stat = readProcFile(pid, 'stat');
  const state = stat?.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
  return state === 'T' ? 'paused' : 'running';
}

/** Sends SIGCONT (the node may be paused) and SIGTERM. Sends SIGKILL if it still runs after `timeoutMs`. */
export async function stopNode(node: LocalNode, timeoutMs = 30_000): Promise<void> {
  const pid = pidOf(node);
  if (pid === undefined) return forgetPid(node);
  signal(pid, 'SIGCONT');
  signal(pid, 'SIGTERM');
  if (!(await reached(node, 'stopped', timeoutMs))) {
    signal(pid, 'SIGKILL');
    await reached(node, 'stopped');
  }
  forgetPid(node);
}

/**
 * Stops all brokers together, then the controllers. The controllers move the leaderships away while the
 * brokers stop.
 */
export async function stopNodes(nodes: readonly LocalNode[]): Promise<void> {
  for (const role of ['broker', 'controller'] as const) {
    await Promise.all(nodes.filter((node) => node.role === role).map((node) => stopNode(node)));
  }
}

export async function killNode(node: LocalNode, pid: number): Promise<void> {
  signal(pid, 'SIGKILL');
  await reached(node, 'stopped');
  forgetPid(node);
}

export async function pauseNode(node: LocalNode, pid: number): Promise<void> {
  signal(pid, 'SIGSTOP');
  await reached(node, 'paused');
}

export async function resumeNode(node: LocalNode, pid: number): Promise<void> {
  signal(pid, 'SIGCONT');
  await reached(node, 'running');
}

/**
 * Says why a node ended: the sentence in the last line of its log. If that line has no sentence: the path of
 * the log.
 */
export function lastWords(node: LocalNode): string {
  const lines = readFileSync(logFile(node), 'utf8').trimEnd().split('\n');
  const sentence = /^millrace: (.*)/.exec(lines.at(-1) ?? '')?.[1];
  return sentence ?? `its log is ${logFile(node)}`;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // The process ended after the check.
  }
}

/**
 * Waits until the node is in this state, because `kill` returns before the signal takes effect. Returns false
 * if the node is not in this state after `timeoutMs`.
 */
async function reached(node: LocalNode, state: ProcessState, timeoutMs = 5000): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (stateOf(node) !== state) {
    if (performance.now() > deadline) return false;
    await sleep(10);
  }
  return true;
}

function forgetPid(node: LocalNode): void {
  rmSync(pidFile(node), { force: true });
}

export function logFile(node: LocalNode): string {
  return join(node.directory, 'node.log');
}

function pidFile(node: LocalNode): string {
  return join(node.directory, 'pid');
}

function isThisNode(pid: number, node: LocalNode): boolean {
  const commandLine = readProcFile(pid, 'cmdline');
  if (commandLine !== undefined) return commandLine.includes(join(node.directory, 'node.properties'));
  if (process.platform === 'linux') return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function readProcFile(pid: number, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return undefined;
  }
}

function firstLine(child: ChildProcess): Promise<string | undefined> {
  const pipe = child.stdio[3] as NodeJS.ReadableStream & { destroy(): void };
  return new Promise((resolve) => {
    let text = '';
    const finish = (line: string | undefined) => {
      pipe.destroy();
      resolve(line);
    };
    pipe.on('data', (chunk) => {
      text += String(chunk);
      if (text.includes('\n')) finish(text.slice(0, text.indexOf('\n')));
    });
    pipe.on('end', () => finish(undefined));
    pipe.on('error', () => finish(undefined));
    child.on('error', (error) => finish(`failed: ${error.message}`));
  });
}
