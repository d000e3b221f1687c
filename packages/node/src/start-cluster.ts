/**
 * A whole cluster inside this process, on free ports of loopback, for tests. Owns the temporary folder.
 * `stop` leaves no handle and no timer behind. It also removes all files, except in a folder that the caller
 * named.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MetadataImage } from '@millrace/metadata';
import { loadConfig } from './config/index.ts';
import { StartError } from './start-error.ts';
import { type NodeSeams, type RunningNode, startNode } from './start-node.ts';

export interface ClusterOptions {
  /** Default 1. */
  readonly controllers?: number;
  /** Default 1. */
  readonly brokers?: number;
  /** True: the first nodes are both controller and broker, and `brokers` includes them. Default false. */
  readonly combined?: boolean;
  /** The data folder, which `stop` does not remove. Default: a new temporary folder, which `stop` removes. */
  readonly directory?: string;
  /**
   * Settings of every node, by Kafka's property names. Three defaults differ from those of
   * docs/configuration.md: `offsets.topic.replication.factor` is at most the number of brokers,
   * `group.initial.rebalance.delay.ms` is 0, and `logger.level` is `silent`.
   */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
  /** Returns the settings of one node, which override `settings`. */
  readonly nodeSettings?: (node: { id: number; role: NodeRoleName }) => Readonly<Record<string, string>>;
  /** Replaces these seams of every node. The other seams are the real ones. */
  readonly seams?: NodeSeams;
}

export type NodeRoleName = 'controller' | 'broker' | 'combined';

export interface ClusterNode {
  readonly id: number;
  readonly role: NodeRoleName;
  /** Undefined while the node is stopped. */
  readonly running: RunningNode | undefined;
  /** The port of the node's Kafka listener. A restart does not change the port. */
  readonly port: number | undefined;
}

export interface RunningCluster {
  /** `host:port,…` of every broker, running or not. */
  readonly bootstrapServers: string;
  readonly nodes: readonly ClusterNode[];
  readonly directory: string;
  node(id: number): ClusterNode;
  /** Ends one node as a crash would. */
  kill(id: number): Promise<void>;
  stopNode(id: number): Promise<void>;
  /** Starts a stopped or killed node; resolves when it serves. */
  startNode(id: number): Promise<void>;
  /** Resolves once each running broker sees all running brokers as unfenced, and no others. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

const LISTENER = 'PLAINTEXT';
/** The lowest port of a controller. The ports lie below Linux's default range for outgoing connections. */
const PORT_MIN = 20_000;
const PORT_COUNT = 12_000;
const PORT_TRIES = 5;
/**
 * How long a start waits for a taken port. While another thread of this process starts a child process, the
 * child has a copy of each listening socket for some milliseconds. So the port of a node that has just
 * stopped may still be taken.
 */
const PORT_WAIT_MS = 1000;
const PORT_RETRY_MS = 20;

/** Resolves once every broker is registered, unfenced, and answers Metadata with all of them. */
export async function startCluster(options: ClusterOptions = {}): Promise<RunningCluster> {
  refuseUnknown(options);
  const controllers = counted('controllers', options.controllers ?? 1, 1);
  const brokers = counted('brokers', options.brokers ?? 1, options.combined === true ? controllers : 0);
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'millrace-')));
  const removeFolder = async () => {
    if (options.directory === undefined) await rm(directory, { recursive: true, force: true });
  };
  try {
    for (let attempt = 1; ; attempt++) {
      const cluster = new HostedCluster(directory, options, { controllers, brokers }, removeFolder);
      try {
        await cluster.start();
        return cluster;
      } catch (error) {
        await cluster.stopNodes();
        // Another program may take a port between its reservation and its use.
        if (!isPortTaken(error) || attempt === PORT_TRIES || options.directory !== undefined) throw error;
      }
    }
  } catch (error) {
    await removeFolder();
    throw error;
  }
}

interface Slot {
  readonly id: number;
  readonly role: NodeRoleName;
  running: RunningNode | undefined;
  port: number | undefined;
}

class HostedCluster implements RunningCluster {
  readonly nodes: readonly Slot[];
  readonly directory: string;
  private readonly options: ClusterOptions;
  private readonly removeFolder: () => Promise<void>;
  private voters = '';
  private readonly controllerPorts = new Map<number, number>();
  private stopping: Promise<void> | undefined;

  constructor(
    directory: string,
    options: ClusterOptions,
    counts: { controllers: number; brokers: number },
    removeFolder: () => Promise<void>,
  ) {
    this.directory = directory;
    this.options = options;
    this.removeFolder = removeFolder;
    const combined = options.combined === true ? counts.controllers : 0;
    const total = options.combined === true ? counts.brokers : counts.controllers + counts.brokers;
    this.nodes = Array.from({ length: total }, (_unused, index): Slot => {
      const role = index < combined ? 'combined' : index < counts.controllers ? 'controller' : 'broker';
      return { id: index + 1, role, running: undefined, port: undefined };
    });
  }

  get bootstrapServers(): string {
    return this.brokers()
      .map((slot) => `127.0.0.1:${slot.port}`)
      .join(',');
  }

  node(id: number): Slot {
    const slot = this.nodes.find((other) => other.id === id);
    if (slot === undefined) throw new RangeError(`there is no node ${id}`);
    return slot;
  }

  async start(): Promise<void> {
    const voters = this.nodes.filter((slot) => slot.role !== 'broker');
    const ports = await reservePorts(voters.length);
    voters.forEach((slot, index) => {
      this.controllerPorts.set(slot.id, ports[index]!);
    });
    this.voters = voters.map(({ id }) => `${id}@127.0.0.1:${this.controllerPorts.get(id)}`).join(',');
    await all(this.nodes.map((slot) => this.run(slot)));
    await all(this.nodes.map((slot) => slot.running!.ready));
    await this.settled();
  }

  async settled(): Promise<void> {
    const running = this.brokers().filter((slot) => slot.running !== undefined);
    const ids = running.map((slot) => slot.id).join();
    const aliveIn = (image: MetadataImage) =>
      image
        .sortedBrokers()
        .filter((broker) => !broker.fenced)
        .map((broker) => broker.id)
        .join();
    await all(running.map((slot) => slot.running!.whenMetadata((image) => aliveIn(image) === ids)));
  }

  async kill(id: number): Promise<void> {
    const slot = this.node(id);
    await slot.running?.kill();
    slot.running = undefined;
  }

  async stopNode(id: number): Promise<void> {
    const slot = this.node(id);
    await slot.running?.stop();
    slot.running = undefined;
  }

  async startNode(id: number): Promise<void> {
    const slot = this.node(id);
    if (slot.running !== undefined) return;
    await this.run(slot);
    await slot.running!.ready;
  }

  stop(): Promise<void> {
    this.stopping ??= this.stopNodes().then(this.removeFolder);
    return this.stopping;
  }

  /** Stops the brokers first: they hand over their leaderships while a controller still runs. */
  async stopNodes(): Promise<void> {
    for (const roles of [['broker'], ['combined', 'controller']]) {
      const slots = this.nodes.filter((slot) => roles.includes(slot.role));
      await all(slots.map((slot) => this.stopNode(slot.id)));
    }
  }

  private brokers(): Slot[] {
    return this.nodes.filter((slot) => slot.role !== 'controller');
  }

  private async run(slot: Slot): Promise<void> {
    const { id, role } = slot;
    const listeners: string[] = [];
    if (role !== 'broker') listeners.push(`CONTROLLER://127.0.0.1:${this.controllerPorts.get(id)}`);
    if (role !== 'controller') listeners.push(`${LISTENER}://127.0.0.1:${slot.port ?? 0}`);
    const settings = Object.entries(this.options.settings ?? {}).map(([key, value]) => [key, String(value)]);
    const config = loadConfig({
      overrides: {
        'process.roles': role === 'combined' ? 'broker,controller' : role,
        'node.id': String(id),
        'controller.quorum.voters': this.voters,
        listeners: listeners.join(','),
        'log.dirs': join(this.directory, `node-${id}`),
        'logger.level': 'silent',
        'offsets.topic.replication.factor': String(Math.max(1, Math.min(3, this.brokers().length))),
        // A test does not wait three seconds for its first record.
        'group.initial.rebalance.delay.ms': '0',
        ...Object.fromEntries(settings),
        ...this.options.nodeSettings?.({ id, role }),
      },
    });
    slot.running = await whenPortsAreFree(() => startNode(config, this.options.seams));
    slot.port = slot.running.ports.get(LISTENER);
  }
}

/** Calls `start` again while it fails because a port is taken, for at most `PORT_WAIT_MS`. */
async function whenPortsAreFree<T>(start: () => Promise<T>): Promise<T> {
  const until = performance.now() + PORT_WAIT_MS;
  for (;;) {
    try {
      return await start();
    } catch (error) {
      if (!isPortTaken(error) || performance.now() > until) throw error;
      await sleep(PORT_RETRY_MS);
    }
  }
}

function isPortTaken(error: unknown): boolean {
  return error instanceof StartError && error.message.includes('is taken by');
}

/** Waits for all promises even if one fails, so that no work still runs when the caller continues. */
async function all(promises: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(promises)).find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

const OPTION_NAMES: Readonly<Record<keyof ClusterOptions, true>> = {
  controllers: true,
  brokers: true,
  combined: true,
  directory: true,
  settings: true,
  nodeSettings: true,
  seams: true,
};

/** Refuses unknown options, for callers that do not use TypeScript's types. */
function refuseUnknown(options: ClusterOptions): void {
  const unknown = Object.keys(options).filter((name) => !Object.hasOwn(OPTION_NAMES, name));
  if (unknown.length === 0) return;
  const allowed = Object.keys(OPTION_NAMES).join(', ');
  throw new RangeError(`startCluster has no option ${unknown.join(', ')}; its options are ${allowed}`);
}

function counted(name: string, value: number, min: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= 100) return value;
  const given = typeof value === 'string' ? `the string '${value as string}'` : String(value);
  throw new RangeError(`${name} must be a whole number from ${min} to 100, not ${given}`);
}

/** Finds free ports. Opens all of them at the same time, so that they differ. */
async function reservePorts(count: number): Promise<number[]> {
  const servers: Server[] = [];
  try {
    while (servers.length < count) {
      const server = await listenOn(PORT_MIN + Math.floor(Math.random() * PORT_COUNT));
      if (server !== undefined) servers.push(server);
    }
    return servers.map((server) => (server.address() as { port: number }).port);
  } finally {
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}

function listenOn(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
