/**
 * One direction between two machines: how long its messages take, and whether it is cut. The link has a
 * limited bandwidth, so a message waits until the bytes of earlier messages have left.
 */
import type { Prng } from '@millrace/base';
import type { Micros, World } from '../world/index.ts';

export interface LinkQuality {
  readonly delayUs: Micros;
  readonly jitterUs: Micros;
  readonly bytesPerSecond: number;
}

/** After a cut ends, bytes flow again when the sender retransmits, within this time. */
const RETRANSMISSION_US_MAX = 200_000;

export class Link {
  /** When the current cut began. Undefined: the link is not cut, and messages pass. */
  cutSinceUs: Micros | undefined;
  private readonly world: World;
  private readonly random: Prng;
  private readonly usual: LinkQuality;
  private quality: LinkQuality;
  private freeAtUs: Micros = 0;
  private readonly waiting = new Set<() => void>();

  constructor(world: World, name: string, usual: LinkQuality) {
    this.world = world;
    this.random = world.random.fork(`link ${name}`);
    this.usual = usual;
    this.quality = usual;
  }

  get isCut(): boolean {
    return this.cutSinceUs !== undefined;
  }

  slow(quality: Partial<LinkQuality> | undefined): void {
    this.quality = { ...this.usual, ...quality };
    this.freeAtUs = Math.min(this.freeAtUs, this.world.nowUs);
  }

  /**
   * Sends a message of this size now; later messages wait until it has left. Returns the time at which the
   * message arrives if the link is not cut then.
   */
  arrivalUs(sizeBytes: number): Micros {
    const { delayUs, jitterUs, bytesPerSecond } = this.quality;
    const transmissionUs = Math.ceil((sizeBytes * 1e6) / bytesPerSecond);
    this.freeAtUs = Math.max(this.freeAtUs, this.world.nowUs) + transmissionUs;
    return this.freeAtUs + delayUs + this.random.below(jitterUs + 1);
  }

  cut(): void {
    this.cutSinceUs ??= this.world.nowUs;
  }

  heal(): void {
    if (!this.isCut) return;
    this.cutSinceUs = undefined;
    for (const goOn of this.waiting) this.world.after(this.random.below(RETRANSMISSION_US_MAX), goOn);
    this.waiting.clear();
  }

  /** Calls `goOn` once, a little after the cut ends. */
  afterHeal(goOn: () => void): void {
    this.waiting.add(goOn);
  }
}
