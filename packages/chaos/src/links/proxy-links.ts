/**
 * The links of a cluster of local processes: a TCP proxy in front of each node's own port. The nodes and the
 * clients know only the ports of the proxies. The proxy of a node finds who opened a connection, and then
 * passes bytes on under the rules of this peer and the node. It understands no protocol.
 *
 * A peer of a cut link is accepted and reset at once, because the system accepts before the proxy learns who
 * it is. The same holds for a node that does not listen.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { NodeId } from '@millrace/base';
import type { LinkEnd, LinkRule, Links } from '../target/target.ts';
import { Connection } from './connection.ts';
import { Peers } from './peers.ts';
import { RuleTable } from './rules.ts';

export interface ProxiedNode {
  readonly id: NodeId;
  /** Where the other nodes and the clients find the node. */
  readonly proxyPort: number;
  /** Where the node itself listens. */
  readonly nodePort: number;
  /** The address of both ports. */
  readonly host: string;
}

export interface ProxySettings {
  readonly nodes: readonly ProxiedNode[];
  /** Undefined: the node does not run, or its pid is not known yet. */
  readonly pidOf: (id: NodeId) => number | undefined;
}

/** When to look again for the owner of a connection that may belong to a node whose pid is not known yet. */
const LOOK_AGAIN_MS = [50, 500];
const BACKLOG = 1024;

export class ProxyLinks implements Links {
  readonly #rules: RuleTable;
  readonly #peers: Peers;
  readonly #servers: Server[] = [];
  readonly #connections = new Set<Connection>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #whenEmpty: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  private constructor({ nodes, pidOf }: ProxySettings) {
    const ids = nodes.map(({ id }) => id);
    this.#rules = new RuleTable(ids);
    this.#peers = new Peers(
      nodes.map(({ proxyPort }) => proxyPort),
      ids,
      pidOf,
    );
  }

  /** Rejects with one sentence if a proxy cannot listen on its port; then none of them listens. */
  static async start(settings: ProxySettings): Promise<ProxyLinks> {
    const links = new ProxyLinks(settings);
    try {
      for (const node of settings.nodes) await links.#listen(node);
    } catch (error) {
      await links.close();
      throw error;
    }
    return links;
  }

  /** False: this system cannot tell nodes and clients apart, so every peer counts as a client. */
  get knowsNodes(): boolean {
    return this.#peers.knowsNodes;
  }

  set(from: LinkEnd, to: LinkEnd, rule: LinkRule): void {
    this.#rules.set(from, to, rule, performance.now());
    for (const connection of this.#connections) connection.rulesChanged();
  }

  heal(): void {
    this.#rules.heal(performance.now());
    for (const connection of this.#connections) connection.rulesChanged();
  }

  /** Resets every connection and gives the ports back. May be called twice. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    const closing = this.#servers.splice(0).map(closed);
    for (const connection of this.#connections) connection.reset();
    await Promise.all(closing);
    if (this.#connections.size > 0) await new Promise<void>((resolve) => (this.#whenEmpty = resolve));
  }

  #listen(node: ProxiedNode): Promise<void> {
    const server = createServer({ noDelay: true, allowHalfOpen: true, pauseOnConnect: true }, (socket) =>
      this.#accept(node, socket),
    );
    return new Promise((resolve, reject) => {
      // After the start, an error concerns one connection that the system has closed already.
      server.on('error', (error: NodeJS.ErrnoException) => reject(listenError(node, error)));
      server.listen({ port: node.proxyPort, host: node.host, backlog: BACKLOG }, () => {
        this.#servers.push(server);
        resolve();
      });
    });
  }

  #accept(node: ProxiedNode, socket: Socket): void {
    // Undefined: the peer has reset the connection already.
    if (this.#closing !== undefined || socket.remotePort === undefined) return void socket.destroy();
    const peer = this.#peers.find(socket.remotePort, node.proxyPort);
    const toNode = () =>
      connect({ port: node.nodePort, host: node.host, noDelay: true, allowHalfOpen: true });
    const connection: Connection = new Connection(
      node.id,
      endAt(node, peer.end),
      this.#rules,
      socket,
      toNode,
      () => {
        this.#connections.delete(connection);
        if (this.#connections.size === 0) this.#whenEmpty?.();
      },
    );
    this.#connections.add(connection);
    if (!peer.isSure && peer.inode !== undefined) {
      for (const ms of LOOK_AGAIN_MS) this.#lookAgain(connection, node, peer.inode, ms);
    }
  }

  #lookAgain(connection: Connection, node: ProxiedNode, inode: string, ms: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (!this.#connections.has(connection) || connection.peer !== 'clients') return;
      const owner = this.#peers.nodeOf(inode);
      if (owner !== undefined) connection.peer = endAt(node, owner);
    }, ms);
    this.#timers.add(timer);
  }
}

/** No link leads from a node to itself. A connection of a node to its own proxy counts as a client's. */
function endAt(node: ProxiedNode, peer: LinkEnd): LinkEnd {
  return peer === node.id ? 'clients' : peer;
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

function listenError({ id, proxyPort, host }: ProxiedNode, error: NodeJS.ErrnoException): Error {
  const where = `the proxy of node ${id} cannot listen on ${host}:${proxyPort}`;
  if (error.code === 'EADDRINUSE') return new Error(`${where}: another program has taken the port`);
  return new Error(`${where}: ${error.message}`);
}
