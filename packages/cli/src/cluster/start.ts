/** Starts nodes of a local cluster together: either all of them serve in time, or all of them are stopped. */
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../user-error.ts';
import type { LocalNode } from './layout.ts';
import { lastWords, logFile, spawnNode, stateOf, stopNodes } from './process.ts';

const POLL_MS = 10;

export interface NodesToStart {
  readonly nodes: readonly LocalNode[];
  readonly timeoutMs: number;
  /** Resolves when the user interrupts the start. */
  readonly interrupted: Promise<void>;
  /** Called for each node when it becomes ready. */
  readonly ready: (node: LocalNode) => void;
  /**
   * Called when all nodes are ready, again and again until the list is empty. Returns the nodes of the
   * cluster that do not serve yet.
   */
  readonly notServing: () => Promise<readonly LocalNode[]>;
}

/**
 * Returns true when all nodes serve, and false when the user interrupts. Throws a UserError if a node fails,
 * or if the time is up.
 */
export async function startNodes(options: NodesToStart): Promise<boolean> {
  const { nodes, timeoutMs } = options;
  const start = new Start(options);
  const over = new AbortController();
  let serves = false;
  try {
    const result = await Promise.race([
      start.untilServing(over.signal).then(() => 'serving' as const),
      options.interrupted.then(() => 'interrupted' as const),
      sleep(timeoutMs, 'late' as const, { signal: over.signal }),
    ]);
    if (result === 'late') throw new UserError(lateness(start.awaited, timeoutMs));
    serves = result === 'serving';
    return serves;
  } finally {
    over.abort();
    if (!serves) await stopNodes(nodes);
  }
}

class Start {
  /** The nodes that the start waits for now. */
  awaited: readonly LocalNode[];
  private readonly options: NodesToStart;

  constructor(options: NodesToStart) {
    this.options = options;
    this.awaited = options.nodes;
  }

  async untilServing(over: AbortSignal): Promise<void> {
    await Promise.all([
      ...this.options.nodes.map((node) => this.untilReady(node, over)),
      this.untilNobodyIsAwaited(over),
    ]);
  }

  private async untilReady(node: LocalNode, over: AbortSignal): Promise<void> {
    const failure = await spawnNode(node).outcome;
    if (over.aborted) return;
    if (failure !== undefined) throw new UserError(failure);
    this.awaited = this.awaited.filter((other) => other !== node);
    this.options.ready(node);
  }

  private async untilNobodyIsAwaited(over: AbortSignal): Promise<void> {
    const { nodes, notServing } = this.options;
    while (this.awaited.length > 0) {
      await sleep(POLL_MS, undefined, { signal: over });
      refuseFallenNodes(nodes.filter((node) => !this.awaited.includes(node)));
    }
    this.awaited = nodes; // until `notServing` answers
    for (;;) {
      const others = await notServing();
      refuseFallenNodes(nodes);
      if (others.length === 0) return;
      this.awaited = others;
      await sleep(POLL_MS, undefined, { signal: over });
    }
  }
}

/** A node may fail after it was ready, for example a controller with another cluster's data. */
function refuseFallenNodes(nodes: readonly LocalNode[]): void {
  const fallen = nodes.find((node) => stateOf(node) === 'stopped');
  if (fallen !== undefined)
    throw new UserError(`${fallen.role} ${fallen.id} has ended: ${lastWords(fallen)}`);
}

function lateness(nodes: readonly LocalNode[], timeoutMs: number): string {
  const names = nodes.map((node) => `${node.role} ${node.id}`).join(', ');
  const logs = nodes.map(logFile).join(', ');
  return `not ready after ${timeoutMs / 1000} s: ${names}; see ${logs}, or give more time with --timeout`;
}

export async function refuseTakenPorts(nodes: readonly LocalNode[]): Promise<void> {
  for (const node of nodes) {
    if (!(await isFree(node.port))) {
      throw new UserError(
        `port ${node.port}, for ${node.role} ${node.id}, is taken by another program; stop that program, or give another --port with a new --dir`,
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
