/**
 * A connection between two processes: two pipes, and the ways in which the connection closes. Each side
 * learns once that the connection is closed, in a turn of its own, after it has got all bytes that arrived
 * before.
 */
import type { Death, Life, Micros } from '../world/index.ts';
import type { Network } from './network.ts';
import { Pipe } from './pipe.ts';

const RESET = 'connection reset by the peer';
/**
 * If the other machine loses power, a side with unacknowledged bytes closes after this time, or earlier: soon
 * after that machine is back.
 */
const RETRANSMISSION_TIMEOUT_US: Micros = 15_000_000;
const RETRANSMISSION_CHECK_US: Micros = 700_000;

export class End {
  readonly life: Life;
  readonly connection: Connection;
  /** The pipe to the other end. */
  readonly out: Pipe;
  /** Called when this side closes. The user of the connection sets it. */
  closed: (reason: string) => void = () => {};
  /** Bytes of a stream arrived here. */
  received: (bytes: Uint8Array) => void = () => {};
  /** A control message arrived here. */
  message: (message: unknown) => void = () => {};
  isOpen = true;
  /**
   * Whether this side has sent bytes that the other machine did not get because that machine had lost power.
   * A side without such bytes notices only with pings that the other machine is gone.
   */
  sentIntoTheVoid = false;
  /** This side has closed, but the other side does not know it yet. */
  isAbandoned = false;
  other!: End;

  constructor(life: Life, connection: Connection, out: Pipe) {
    this.life = life;
    this.connection = connection;
    this.out = out;
  }

  /** Sends bytes. When they arrive, a turn of the other side's process runs `deliver`. */
  send(sizeBytes: number, deliver: () => void): void {
    if (!this.isOpen) return;
    const { other } = this;
    if (other.life.death === 'power') this.sentIntoTheVoid = true;
    if (other.isAbandoned) this.connection.refuse(this);
    this.out.send(sizeBytes, () => other.life.turn('io', () => other.isOpen && deliver()));
  }

  /** Closes this side. The other side gets the bytes under way, and then closes. */
  finish(reason: string): void {
    if (!this.isOpen) return;
    const { other } = this;
    this.send(0, () => other.close('closed by the peer'));
    this.close(reason, { peer: undefined });
  }

  /**
   * Closes this side at once. Most often the bytes under way are lost, and the other side gets a reset. In a
   * stall, and in a share of the other cases (`lingerPerMille`), the bytes still arrive, and the reset
   * arrives after them. The reason: when a process has closed a connection, the operating system still sends
   * the bytes that the process had handed to it.
   */
  destroy(reason: string): void {
    if (!this.isOpen) return;
    if (this.out.isStalled || this.connection.network.drawsLingering()) {
      this.abandon(reason);
      return;
    }
    this.out.close();
    this.close(reason, { peer: RESET });
  }

  /**
   * Closes this side. The bytes that it has sent still arrive at the other side, and a reset arrives after
   * them.
   */
  abandon(reason: string): void {
    if (!this.isOpen) return;
    this.isAbandoned = true;
    const { other } = this;
    const lateBytes = this.out.bytesInFlight;
    const { world } = this.connection.network;
    this.out.send(0, () => {
      if (lateBytes > 0 && other.isOpen) world.count('late bytes of a broken connection arrived');
      other.life.turn('io', () => other.close(RESET));
    });
    this.close(reason);
  }

  /**
   * Closes this side. `peer`: the reason with which the other side closes, too. If it is undefined, this call
   * does not close the other side.
   */
  close(reason: string, { peer }: { peer: string | undefined } = { peer: undefined }): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    const { connection, other } = this;
    other.out.close();
    connection.network.forget(connection, this.life);
    this.life.arrives(0, () => this.closed(reason));
    if (peer !== undefined && other.isOpen) connection.tellPeer(this, peer);
  }
}

export class Connection {
  readonly network: Network;
  readonly ends: readonly [End, End];
  /**
   * If true, the connection sends pings, like gRPC, and breaks in a long cut or stall. If false, no cut or
   * stall breaks it, and a side notices that the other machine lost power only if it sent bytes to that
   * machine.
   */
  readonly keepAlive: boolean;
  /**
   * Counts the calls of `stall` and `flow`. If this number has changed when the timer of a stall fires, that
   * stall is over.
   */
  private stalls = 0;

  constructor(network: Network, from: Life, to: Life, keepAlive: boolean) {
    this.network = network;
    this.keepAlive = keepAlive;
    const { world } = network;
    const a = new End(from, this, new Pipe(world, network.link(from.host.name, to.host.name)));
    const b = new End(to, this, new Pipe(world, network.link(to.host.name, from.host.name)));
    a.other = b;
    b.other = a;
    this.ends = [a, b];
    network.remember(this);
  }

  /** The direction from the process that connected to the process that accepted. It carries the requests. */
  get requests(): Pipe {
    return this.ends[0].out;
  }

  /** The direction from the process that accepted to the process that connected. It carries the answers. */
  get answers(): Pipe {
    return this.ends[1].out;
  }

  /**
   * Nothing arrives in these directions until `flow` is called. If the stall lasts for `keepAliveMs`, a
   * connection with pings breaks.
   */
  stall(...pipes: readonly Pipe[]): void {
    const { world, options } = this.network;
    for (const pipe of pipes) pipe.stall();
    const stall = ++this.stalls;
    if (!this.keepAlive) return;
    world.after(options.keepAliveMs * 1000, () => {
      if (this.stalls === stall && pipes.some(({ isStalled }) => isStalled))
        this.breakDown('keepalive time-out');
    });
  }

  /** Ends every stall of this connection. */
  flow(): void {
    this.stalls++;
    for (const { out } of this.ends) out.flow();
  }

  /** From now on, the messages of each direction take this much longer. */
  delay(requestsUs: Micros, answersUs: Micros): void {
    this.requests.delayUs = requestsUs;
    this.answers.delayUs = answersUs;
  }

  /** Ends stalls and delays. */
  heal(): void {
    this.delay(0, 0);
    this.flow();
  }

  /**
   * Closes the side that connected. Its requests still arrive at the other side, and a reset arrives after
   * them. The answers are lost. So a request may arrive after its retry on another connection. Networks,
   * proxies and the operating system of a busy server delay requests in this way.
   */
  breakLate(): void {
    this.ends[0].abandon(RESET);
  }

  endOf(life: Life): End {
    return this.ends[0].life === life ? this.ends[0] : this.ends[1];
  }

  connects(a: string, b: string): boolean {
    const [x, y] = this.ends;
    const from = x.life.host.name;
    const to = y.life.host.name;
    return (from === a && to === b) || (from === b && to === a);
  }

  /** Breaks both sides; bytes in flight are lost. */
  breakDown(reason: string): void {
    for (const end of this.ends) end.out.close();
    for (const end of this.ends) end.close(reason);
  }

  /**
   * Closes the other side with this reason, as soon as the delay of the link has passed and the link is not
   * cut.
   */
  tellPeer(from: End, reason: string): void {
    const { other } = from;
    const { world } = this.network;
    const link = this.network.link(from.life.host.name, other.life.host.name);
    const arrive = () => {
      if (link.isCut) link.afterHeal(arrive);
      else other.life.turn('io', () => other.close(reason));
    };
    world.after(link.arrivalUs(0) - world.nowUs, arrive);
  }

  /**
   * The other side has closed the connection, so its operating system answers each byte that arrives with a
   * reset.
   */
  refuse(end: End): void {
    if (!end.out.isStalled) this.tellPeer(end.other, RESET);
  }

  /** The process at one end died. */
  died(life: Life, death: Death | 'ended'): void {
    const end = this.endOf(life);
    const { other } = end;
    end.isOpen = false;
    if (death === 'power') {
      // Bytes that have left the machine arrive. Bytes that wait for the end of a cut are still in the memory
      // of the machine, so they are lost.
      other.sentIntoTheVoid ||= other.out.bytesInFlight > 0;
      if (this.network.link(life.host.name, other.life.host.name).isCut) end.out.close();
      this.watchVanished(other, life);
      return;
    }
    end.out.send(0, () => other.life.turn('io', () => other.close(RESET)));
  }

  private watchVanished(end: End, vanished: Life): void {
    const { world, options } = this.network;
    const sinceUs = world.nowUs;
    const look = () => {
      if (!end.isOpen) return;
      const goneUs = world.nowUs - sinceUs;
      if (this.keepAlive && goneUs >= options.keepAliveMs * 1000) {
        end.life.turn('io', () => end.close('keepalive time-out'));
      } else if (end.sentIntoTheVoid && vanished.host.isUp) {
        end.life.turn('io', () => end.close(RESET));
      } else if (end.sentIntoTheVoid && goneUs >= RETRANSMISSION_TIMEOUT_US) {
        end.life.turn('io', () => end.close('connection timed out'));
      } else world.after(RETRANSMISSION_CHECK_US, look);
    };
    world.after(RETRANSMISSION_CHECK_US, look);
  }
}
