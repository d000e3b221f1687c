/**
 * The simulated network: the machines, the links between them, the listeners and the open connections. Faults
 * cut and slow the links here. Processes use the network through the Net and Rpc seams that it creates.
 */
import { assert, type Net, type Prng, type Rpc } from '@millrace/base';
import { type Host, type Life, type Micros, Pieces, type World } from '../world/index.ts';
import { AwaitedCalls } from './awaited-calls.ts';
import { CancelledCalls } from './cancelled-calls.ts';
import { CaughtCalls } from './caught-calls.ts';
import type { Connection, End } from './connection.ts';
import { Link, type LinkQuality } from './link.ts';
import { SimNet } from './net.ts';
import { SimRpc } from './rpc.ts';

export interface NetworkOptions {
  /** The usual delay of a message in one direction. */
  readonly delayUs: Micros;
  /** Largest additional delay, drawn for each message. */
  readonly jitterUs: Micros;
  readonly bytesPerSecond: number;
  /** Probability that a chunk arrives in two pieces. */
  readonly splitPerMille: number;
  readonly connectTimeoutMs: number;
  /**
   * A connection of the Rpc seam (rpc.ts) sends pings. It breaks when a cut or a stall has lasted this long.
   */
  readonly keepAliveMs: number;
  /** Probability that bytes in flight still arrive when their sender destroys the connection. */
  readonly lingerPerMille: number;
}

/** Accepts connections of one kind at a port. */
export interface Acceptor {
  readonly kind: 'net' | 'rpc';
  accept(end: End): void;
}

export class Network {
  readonly world: World;
  readonly options: NetworkOptions;
  readonly pieces = new Pieces();
  readonly caughtCalls: CaughtCalls;
  readonly cancelledCalls: CancelledCalls;
  readonly awaitedCalls: AwaitedCalls;
  private readonly lingering: Prng;
  private readonly hosts = new Map<string, Host>();
  private readonly links = new Map<string, Link>();
  private readonly acceptors = new Map<string, { readonly life: Life; readonly acceptor: Acceptor }>();
  private readonly connections = new Map<Life, Set<Connection>>();

  constructor(world: World, options: NetworkOptions) {
    this.world = world;
    this.options = options;
    this.caughtCalls = new CaughtCalls(world);
    this.cancelledCalls = new CancelledCalls(world);
    this.awaitedCalls = new AwaitedCalls(world);
    this.lingering = world.random.fork('lingering');
  }

  add(host: Host): void {
    assert(!this.hosts.has(host.name), 'hosts have different names');
    this.hosts.set(host.name, host);
  }

  host(name: string): Host | undefined {
    return this.hosts.get(name);
  }

  netOf(life: Life): Net {
    return new SimNet(this, life);
  }

  rpcOf(life: Life): Rpc {
    return new SimRpc(this, life);
  }

  // ------------------------------------------------------------------ faults

  /** Cuts this direction from now on. */
  cut(from: string, to: string): void {
    const link = this.link(from, to);
    if (link.isCut) return;
    link.cut();
    const sinceUs = this.world.nowUs;
    this.world.after(this.options.keepAliveMs * 1000, () => {
      if (link.cutSinceUs !== sinceUs) return;
      for (const connection of this.between(from, to))
        if (connection.keepAlive) connection.breakDown('keepalive time-out');
    });
  }

  heal(from: string, to: string): void {
    this.link(from, to).heal();
  }

  healAll(): void {
    for (const link of this.links.values()) {
      link.heal();
      link.slow(undefined);
    }
    for (const connections of this.connections.values())
      for (const connection of connections) connection.heal();
    this.cancelledCalls.clear();
  }

  slow(from: string, to: string, quality: Partial<LinkQuality> | undefined): void {
    this.link(from, to).slow(quality);
  }

  /** The open connections that the process on this machine has opened itself, oldest first. */
  openedBy(name: string): Connection[] {
    const life = this.hosts.get(name)?.life;
    const known = life === undefined ? undefined : this.connections.get(life);
    return [...(known ?? [])].filter(({ ends }) => ends[0].life === life);
  }

  /**
   * Breaks every connection between the two machines with a reset at both ends. Returns how many connections
   * it broke.
   */
  reset(a: string, b: string): number {
    const broken = this.between(a, b);
    for (const connection of broken) connection.breakDown('connection reset by the peer');
    return broken.length;
  }

  // ------------------------------------------------------------------ for connections and seams

  link(from: string, to: string): Link {
    const name = `${from}>${to}`;
    let link = this.links.get(name);
    if (link === undefined) {
      link = new Link(this.world, name, this.options);
      this.links.set(name, link);
    }
    return link;
  }

  /** Returns false if the port is taken. */
  listen(life: Life, port: number, acceptor: Acceptor): boolean {
    const name = `${life.host.name}:${port}`;
    if (this.acceptors.get(name)?.life.isAlive === true) return false;
    this.acceptors.set(name, { life, acceptor });
    return true;
  }

  unlisten(life: Life, port: number): void {
    const name = `${life.host.name}:${port}`;
    if (this.acceptors.get(name)?.life === life) this.acceptors.delete(name);
  }

  /**
   * The listener at this address. A string: there is no listener, for this reason. Undefined: nothing
   * answers, because the machine is off.
   */
  acceptorAt(name: string, port: number): { life: Life; acceptor: Acceptor } | string | undefined {
    const host = this.hosts.get(name);
    if (host === undefined) return `${name} is not known`;
    if (host.life?.death === 'power') return undefined;
    const found = this.acceptors.get(`${name}:${port}`);
    return found?.life.isAlive === true ? found : 'connection refused';
  }

  /** Draws whether the bytes in flight of a destroyed connection still arrive. */
  drawsLingering(): boolean {
    const { lingerPerMille } = this.options;
    return lingerPerMille > 0 && this.lingering.below(1000) < lingerPerMille;
  }

  remember(connection: Connection): void {
    for (const { life } of connection.ends) this.connectionsOf(life).add(connection);
  }

  forget(connection: Connection, life: Life): void {
    this.connections.get(life)?.delete(connection);
  }

  private connectionsOf(life: Life): Set<Connection> {
    let known = this.connections.get(life);
    if (known === undefined) {
      known = new Set();
      this.connections.set(life, known);
      life.onDeath((death) => {
        const left = [...this.connections.get(life)!];
        this.connections.delete(life);
        for (const connection of left) connection.died(life, death);
      });
    }
    return known;
  }

  private between(a: string, b: string): Connection[] {
    const life = this.hosts.get(a)?.life;
    const known = life === undefined ? undefined : this.connections.get(life);
    return [...(known ?? [])].filter((connection) => connection.connects(a, b));
  }
}
