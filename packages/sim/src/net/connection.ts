/**
 * A connection between two processes: two pipes and the many ways in which it ends. Each side hears of the
 * end once, in a turn of its own, after everything that reached it before.
 */
import type { Death, Life, Micros } from '../world/index.ts';
import type { Network } from './network.ts';
import { Pipe } from './pipe.ts';

const RESET = 'connection reset by the peer';
/**
 * A machine that vanished: whoever has sent something gives up after so long, or soon after the machine is
 * back.
 */
const RETRANSMISSION_TIMEOUT_US: Micros = 15_000_000;
const RETRANSMISSION_CHECK_US: Micros = 700_000;

export class End {
  readonly life: Life;
  readonly connection: Connection;
  /** Towards the other end. */
  readonly out: Pipe;
  /** Set by whoever uses the connection. */
  closed: (reason: string) => void = () => {};
  /** Bytes of a stream arrived here. */
  received: (bytes: Uint8Array) => void = () => {};
  /** A control message arrived here. */
  message: (message: unknown) => void = () => {};
  isOpen = true;
  /** It has sent something that was never taken: only then does it notice that the other machine is gone. */
  sentIntoTheVoid = false;
  other!: End;

  constructor(life: Life, connection: Connection, out: Pipe) {
    this.life = life;
    this.connection = connection;
    this.out = out;
  }

  /** Has the other side run `deliver` in a turn of its own. */
  send(sizeBytes: number, deliver: () => void): void {
    if (!this.isOpen) return;
    const { other } = this;
    if (other.life.death === 'power') this.sentIntoTheVoid = true;
    this.out.send(sizeBytes, () => other.life.turn('io', () => other.isOpen && deliver()));
  }

  /** Sends what is pending, then closes both sides. */
  finish(reason: string): void {
    if (!this.isOpen) return;
    const { other } = this;
    this.send(0, () => other.close('closed by the peer'));
    this.close(reason, { peer: undefined });
  }

  /** At once; what is under way to the other side is lost, and it hears a reset. */
  destroy(reason: string): void {
    if (!this.isOpen) return;
    this.out.close();
    this.close(reason, { peer: RESET });
  }

  /** This side is over. `peer`: what the other one hears; undefined: nothing now. */
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
  /** Pings tell when a cut lasts (gRPC); otherwise only sending does. */
  readonly keepAlive: boolean;

  constructor(network: Network, from: Life, to: Life, keepAlive: boolean) {
    this.network = network;
    this.keepAlive = keepAlive;
    const { world } = network;
    const a = new End(from, this, new Pipe(world, network.link(from.host.name, to.host.name), to));
    const b = new End(to, this, new Pipe(world, network.link(to.host.name, from.host.name), from));
    a.other = b;
    b.other = a;
    this.ends = [a, b];
    network.remember(this);
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

  /** Both sides hear of it, in-flight bytes are lost. */
  breakDown(reason: string): void {
    for (const end of this.ends) end.out.close();
    for (const end of this.ends) end.close(reason);
  }

  /** A reset travels behind whatever was sent before, unless that was thrown away. */
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

  /** The process at one end died. */
  died(life: Life, death: Death | 'ended'): void {
    const end = this.endOf(life);
    const { other } = end;
    end.isOpen = false;
    if (death === 'power') {
      // What had left the machine arrives; what waits for a cut to heal was in its memory.
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
