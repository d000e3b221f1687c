/**
 * Catches calls on their way, for faults. The caller gets the error of a broken connection, but the call
 * still arrives at its receiver, at a time that the fault chooses. TCP and HTTP/2 allow this: a server may
 * read the bytes of a connection after the caller has closed it and retried on another.
 */
import type { Micros, World } from '../world/index.ts';

/** Says which call to catch. */
export interface Snare {
  /** The caller's machine. */
  readonly from: string;
  readonly method: string;
  readonly untilUs: Micros;
  matches(body: Uint8Array): boolean;
  /** Called with the caught call. A snare catches one call at most. */
  caught(call: CaughtCall): void;
}

export interface CaughtCall {
  /** The caller gets the error of a broken connection for this call. Its other calls continue. */
  fail(): void;
  /**
   * Delivers the call to its receiver, if the receiver's process still lives. After `fail` the caller ignores
   * the answer.
   */
  arrive(): void;
}

export class CaughtCalls {
  private readonly world: World;
  private snares: Snare[] = [];

  constructor(world: World) {
    this.world = world;
  }

  lay(snare: Snare): void {
    this.snares.push(snare);
  }

  /** Whether a snare caught this call, so that it must not be sent. */
  takes(from: string, method: string, body: Uint8Array, call: CaughtCall): boolean {
    if (this.snares.length === 0) return false;
    this.snares = this.snares.filter(({ untilUs }) => this.world.nowUs < untilUs);
    const found = this.snares.find(
      (snare) => snare.from === from && snare.method === method && snare.matches(body),
    );
    if (found === undefined) return false;
    this.snares = this.snares.filter((snare) => snare !== found);
    found.caught(call);
    return true;
  }
}
