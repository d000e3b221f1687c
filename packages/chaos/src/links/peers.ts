/**
 * Finds who opened a connection to a proxy: a node, if the node's process has the connecting socket, else a
 * client. One look into /proc finds the owners of all connections that are under way, because many arrive
 * together after a fault.
 */
import type { NodeId } from '@millrace/base';
import type { LinkEnd } from '../target/target.ts';
import { type ClientSocket, clientSockets, hasProc, socketsOfProcess } from './proc.ts';

/** How long the result of one look is used. Later, another process may have the same port. */
const LOOK_MS = 20;

export interface Peer {
  readonly end: LinkEnd;
  /**
   * False: the socket may belong to a node whose pid is not known yet. Ask `nodeOf` again some moments later.
   */
  readonly isSure: boolean;
  /** Undefined: the socket has closed already. */
  readonly inode: string | undefined;
}

/** What `Peers` asks the system. Null stands for a system without /proc. */
export interface SocketOwners {
  clientSockets(remotePorts: ReadonlySet<number>): readonly ClientSocket[];
  socketsOfProcess(pid: number): readonly string[];
}

export class Peers {
  /** False: the system has no /proc, so every peer counts as a client. */
  readonly knowsNodes: boolean;
  readonly #proxyPorts: ReadonlySet<number>;
  readonly #nodes: readonly NodeId[];
  readonly #pidOf: (id: NodeId) => number | undefined;
  readonly #system: SocketOwners;
  readonly #now: () => number;
  #found = new Map<string, Peer>();
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    proxyPorts: Iterable<number>,
    nodes: Iterable<NodeId>,
    pidOf: (id: NodeId) => number | undefined,
    system: SocketOwners | null = hasProc() ? { clientSockets, socketsOfProcess } : null,
    now: () => number = () => performance.now(),
  ) {
    this.knowsNodes = system !== null;
    this.#proxyPorts = new Set(proxyPorts);
    this.#nodes = [...nodes];
    this.#pidOf = pidOf;
    this.#system = system ?? { clientSockets: () => [], socketsOfProcess: () => [] };
    this.#now = now;
  }

  /** `clientPort`: the port of the socket that connected to the proxy. Call it once for each connection. */
  find(clientPort: number, proxyPort: number): Peer {
    if (!this.knowsNodes) return { end: 'clients', isSure: true, inode: undefined };
    const key = `${clientPort}:${proxyPort}`;
    const isFresh = this.#now() - this.#lookedAtMs < LOOK_MS;
    if (!isFresh || !this.#found.has(key)) this.#look();
    // The kernel gives the table out in pieces, so one that changes meanwhile may lack a line.
    if (!this.#found.has(key)) this.#look();
    const peer = this.#found.get(key);
    this.#found.delete(key);
    return peer ?? { end: 'clients', isSure: true, inode: undefined };
  }

  /** The node whose process has the socket now. */
  nodeOf(inode: string): NodeId | undefined {
    return this.#owners().get(inode);
  }

  #look(): void {
    const owners = this.#owners();
    // Only this process surely is none of the nodes while a node's pid is unknown.
    const isEveryPidKnown = this.#nodes.every((id) => this.#pidOf(id) !== undefined);
    const own = isEveryPidKnown ? [] : this.#system.socketsOfProcess(process.pid);
    const ours = new Set(own);
    this.#found = new Map();
    for (const { localPort, remotePort, inode } of this.#system.clientSockets(this.#proxyPorts)) {
      const node = owners.get(inode);
      const isSure = node !== undefined || isEveryPidKnown || ours.has(inode);
      this.#found.set(`${localPort}:${remotePort}`, { end: node ?? 'clients', isSure, inode });
    }
    this.#lookedAtMs = this.#now();
  }

  #owners(): Map<string, NodeId> {
    const owners = new Map<string, NodeId>();
    for (const id of this.#nodes) {
      const pid = this.#pidOf(id);
      if (pid === undefined) continue;
      for (const inode of this.#system.socketsOfProcess(pid)) owners.set(inode, id);
    }
    return owners;
  }
}
