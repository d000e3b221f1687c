/**
 * Calls that are caught on their way, for faults: the caller is told that the connection broke, and the
 * message arrives all the same, as late as the fault likes. That is what TCP and HTTP/2 allow: bytes that
 * were sent on a connection may be read after its caller has given it up and has asked again on another.
 */
import type { Micros, World } from '../world/index.ts';

/** What to look for. */
export interface Snare {
  /** The caller's machine. */
  readonly from: string;
  readonly method: string;
  readonly untilUs: Micros;
  matches(body: Uint8Array): boolean;
  /** Once: this call is in the fault's hands now. */
  caught(call: CaughtCall): void;
}

export interface CaughtCall {
  /** The caller hears that the connection broke. */
  fail(): void;
  /** It reaches whom it was sent to, if that process still lives. Nobody waits for the answer. */
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

  /** Whether this call is not to be sent, because somebody has it. */
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
