/**
 * A cluster of local processes, started for one run of `millrace chaos`. If the scenario changes the network,
 * a proxy stands in front of each node, and clients and other nodes reach the node only through this proxy.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { NodeId } from '@millrace/base';
import { type Ability, type ChaosTarget, type NodeState, ProxyLinks, type TargetNode } from '@millrace/chaos';
import {
  bootstrapServers,
  type Layout,
  type LocalNode,
  nodesOf,
  type Settings,
  writeLayout,
} from '../cluster/layout.ts';
import { killNode, pauseNode, pidOf, resumeNode, stateOf, stopNode, stopNodes } from '../cluster/process.ts';
import { refuseBadSettings } from '../cluster/settings.ts';
import { startNodes } from '../cluster/start.ts';
import { brokersNotServing } from '../cluster/status.ts';
import { freeBasePort } from './free-ports.ts';

export interface LocalTargetOptions {
  /** A new folder for the cluster. */
  readonly directory: string;
  readonly controllers: number;
  readonly brokers: number;
  readonly settings: Settings;
  /** Whether a proxy stands in front of each node. */
  readonly hasLinks: boolean;
  /** Resolves when the user interrupts the command. */
  readonly interrupted: Promise<void>;
}

/** Thrown when the user interrupts the first start of the cluster. Then no node runs. */
export class InterruptedStart extends Error {
  override readonly name = 'InterruptedStart';
}

const NEVER = new Promise<void>(() => {});
const START_LIMIT_MS = 60_000;
const PROXY_DISTANCE = 100;
/** The port of the first controller is this much higher than that of the first broker; see layout.ts. */
const CONTROLLER_DISTANCE = 1000;

export class LocalTarget implements ChaosTarget {
  readonly name = 'Millrace';
  readonly bootstrapServers: string;
  readonly nodes: readonly TargetNode[];
  readonly abilities: ReadonlySet<Ability>;
  readonly links: ProxyLinks | undefined;
  private readonly layout: Layout;
  private readonly byId: ReadonlyMap<NodeId, LocalNode>;

  private constructor(layout: Layout, links: ProxyLinks | undefined) {
    this.layout = layout;
    this.links = links;
    this.bootstrapServers = bootstrapServers(layout);
    const nodes = nodesOf(layout);
    this.byId = new Map(nodes.map((node) => [node.id, node]));
    this.nodes = nodes.map(({ id, role, port }) => ({ id, role, port }));
    this.abilities = new Set<Ability>(
      links === undefined ? ['processes', 'files'] : ['processes', 'files', 'links'],
    );
  }

  /** Starts the cluster. Resolves when every broker serves. May reject with InterruptedStart or UserError. */
  static async start(o: LocalTargetOptions): Promise<LocalTarget> {
    const { directory, controllers, brokers, settings, hasLinks, interrupted } = o;
    const layout: Layout = {
      directory,
      controllers,
      brokers,
      port: await freeBasePort(portsOf(controllers, brokers, hasLinks)),
      settings,
      ...(hasLinks ? { proxyDistance: PROXY_DISTANCE } : {}),
    };
    refuseBadSettings(layout, settings);
    writeLayout(layout);
    const nodes = nodesOf(layout);
    const links = hasLinks
      ? await ProxyLinks.start({
          nodes: nodes.map(({ id, port, reachedAt }) => ({
            id,
            proxyPort: reachedAt,
            nodePort: port,
            host: '127.0.0.1',
          })),
          pidOf: (id) => pidOf(nodes.find((node) => node.id === id)!),
        })
      : undefined;
    const target = new LocalTarget(layout, links);
    try {
      await target.startLocal(nodes, () => brokersNotServing(layout), interrupted);
      return target;
    } catch (error) {
      await target.close(true);
      throw error;
    }
  }

  stateOf(id: NodeId): NodeState {
    return stateOf(this.node(id));
  }

  async kill(ids: readonly NodeId[]): Promise<void> {
    await this.withPids(ids, killNode);
  }

  async pause(ids: readonly NodeId[]): Promise<void> {
    await this.withPids(ids, pauseNode);
  }

  async resume(ids: readonly NodeId[]): Promise<void> {
    await this.withPids(ids, resumeNode);
  }

  async stop(ids: readonly NodeId[]): Promise<void> {
    await Promise.all(ids.map((id) => stopNode(this.node(id))));
  }

  async start(ids: readonly NodeId[]): Promise<void> {
    const stopped = ids.map((id) => this.node(id)).filter((node) => stateOf(node) === 'stopped');
    // The start does not wait for the other nodes: they may be paused or cut off. An interrupt does not end
    // it, because the run then heals the cluster.
    if (stopped.length > 0) await this.startLocal(stopped, async () => [], NEVER);
  }

  dataFolder(id: NodeId): string {
    return join(this.node(id).directory, 'data');
  }

  async close(keep: boolean): Promise<void> {
    this.links?.heal();
    await stopNodes(nodesOf(this.layout));
    await this.links?.close();
    if (!keep) rmSync(this.layout.directory, { recursive: true, force: true });
  }

  private node(id: NodeId): LocalNode {
    const node = this.byId.get(id);
    if (node === undefined) throw new Error(`there is no node ${id}`);
    return node;
  }

  /** Nodes that do not run are left out. */
  private async withPids(
    ids: readonly NodeId[],
    act: (node: LocalNode, pid: number) => Promise<void>,
  ): Promise<void> {
    const running = ids.flatMap((id) => {
      const pid = pidOf(this.node(id));
      return pid === undefined ? [] : [{ node: this.node(id), pid }];
    });
    await Promise.all(running.map(({ node, pid }) => act(node, pid)));
  }

  private async startLocal(
    nodes: readonly LocalNode[],
    notServing: () => Promise<readonly LocalNode[]>,
    interrupted: Promise<void>,
  ): Promise<void> {
    const serves = await startNodes({
      nodes,
      timeoutMs: START_LIMIT_MS,
      interrupted,
      ready: () => {},
      notServing,
    });
    if (!serves) throw new InterruptedStart();
  }
}

/** The ports of all nodes and proxies, relative to the port of the first broker. */
function portsOf(controllers: number, brokers: number, hasLinks: boolean): number[] {
  const own = [
    ...Array.from({ length: brokers }, (_, i) => i),
    ...Array.from({ length: controllers }, (_, i) => CONTROLLER_DISTANCE + i),
  ];
  return hasLinks ? [...own, ...own.map((distance) => distance + PROXY_DISTANCE)] : own;
}
