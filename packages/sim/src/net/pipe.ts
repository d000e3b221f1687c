/**
 * One direction of a connection. As with TCP, each message arrives whole, in order and once, or not at all.
 * Messages wait while the link is cut, while the receiver does not read, or while this pipe stalls. A stall
 * affects only this pipe, as if the network lost the packets of one connection; other connections of the same
 * machines work.
 */
import type { Micros, World } from '../world/index.ts';
import type { Link } from './link.ts';

interface Item {
  readonly sizeBytes: number;
  readonly deliver: () => void;
}

export class Pipe {
  /** Bytes sent and not delivered yet. */
  bytesInFlight = 0;
  /** Additional delay of everything sent from now on. */
  delayUs: Micros = 0;
  private readonly world: World;
  private readonly link: Link;
  private readonly inFlight: Item[] = [];
  private lastArrivalUs = 0;
  /** The number of messages that still wait although their time of arrival has passed. */
  private heldUp = 0;
  private waitsForHeal = false;
  private receiverPaused = false;
  private stalled = false;
  private closed = false;

  constructor(world: World, link: Link) {
    this.world = world;
    this.link = link;
  }

  send(sizeBytes: number, deliver: () => void): void {
    if (this.closed) return;
    const at = Math.max(this.link.arrivalUs(sizeBytes) + this.delayUs, this.lastArrivalUs);
    this.lastArrivalUs = at;
    this.bytesInFlight += sizeBytes;
    this.inFlight.push({ sizeBytes, deliver });
    this.world.after(at - this.world.nowUs, () => this.arrive());
  }

  /** The receiver stops reading until `resume` is called. */
  pause(): void {
    this.receiverPaused = true;
  }

  resume(): void {
    if (!this.receiverPaused) return;
    this.receiverPaused = false;
    this.goOn();
  }

  get isStalled(): boolean {
    return this.stalled;
  }

  /** From now on nothing arrives, until `flow` is called. */
  stall(): void {
    this.stalled = true;
  }

  flow(): void {
    if (!this.stalled) return;
    this.stalled = false;
    this.goOn();
  }

  /** Drops the messages in flight. From now on the pipe delivers nothing. */
  close(): void {
    this.closed = true;
    this.inFlight.length = 0;
    this.bytesInFlight = 0;
  }

  private arrive(): void {
    if (this.closed) return;
    if (this.link.isCut || this.receiverPaused || this.stalled || this.heldUp > 0) {
      this.heldUp++;
      this.awaitHeal();
      return;
    }
    this.deliverNext();
  }

  private deliverNext(): void {
    const item = this.inFlight.shift()!;
    this.bytesInFlight -= item.sizeBytes;
    const { hash } = this.world;
    hash.note(item.sizeBytes);
    item.deliver();
  }

  private awaitHeal(): void {
    if (this.waitsForHeal || !this.link.isCut) return;
    this.waitsForHeal = true;
    this.link.afterHeal(() => {
      this.waitsForHeal = false;
      this.goOn();
    });
  }

  /** Delivers the messages that waited, each in an event of its own. */
  private goOn(): void {
    if (this.closed || this.heldUp === 0) return;
    if (this.link.isCut) {
      this.awaitHeal();
      return;
    }
    if (this.receiverPaused || this.stalled) return;
    this.heldUp--;
    this.deliverNext();
    if (this.heldUp > 0) this.world.after(0, () => this.goOn());
  }
}
