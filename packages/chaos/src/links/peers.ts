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
    if (!isFresh || !this.#found.has(key)) this.#look(key);
    // The kernel gives the table out in pieces, so one that changes meanwhile may lack a line.
    if (!this.#found.has(key)) this.#look(key);
    const peer = this.#found.get(key);
    this.#found.delete(key);
    return peer ?? { end: 'clients', isSure: true, inode: undefined };
  }

  /** The node whose process has the socket now. */
  nodeOf(inode: string): NodeId | undefined {
    return this.#owners().get(inode);
  }

  /** Finds the owner of the connection `key`, and those of others that the same look finds. */
  #look(key: string): void {
    const sockets = this.#system.clientSockets(this.#proxyPorts);
    this.#lookedAtMs = this.#now();
    this.#found = new Map();
    // This process has most of the clients. To look through all nodes for each of them would take too long.
    const ours = new Set(this.#system.socketsOfProcess(process.pid));
    const others: ClientSocket[] = [];
    for (const socket of sockets) {
      if (ours.has(socket.inode)) this.#keep(socket, 'clients', true);
      else others.push(socket);
    }
    if (this.#found.has(key)) return;
    const isEveryPidKnown = this.#nodes.every((id) => this.#pidOf(id) !== undefined);
    const owners = this.#owners();
    for (const socket of others) {
      const node = owners.get(socket.inode);
      this.#keep(socket, node ?? 'clients', node !== undefined || isEveryPidKnown);
    }
  }

  #keep({ localPort, remotePort, inode }: ClientSocket, end: LinkEnd, isSure: boolean): void {
    this.#found.set(`${localPort}:${remotePort}`, { end, isSure, inode });
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
