/** Waits for the next call of a method, for faults that treat its connection badly from that call on. */
import type { Micros, World } from '../world/index.ts';
import type { Connection } from './connection.ts';

interface Wait {
  readonly method: string;
  readonly untilUs: Micros;
  readonly leaves: (connection: Connection) => void;
}

export class AwaitedCalls {
  private readonly world: World;
  private waits: Wait[] = [];

  constructor(world: World) {
    this.world = world;
  }

  /** `leaves` is called once, just before the next call of this method leaves its machine. */
  next(wait: Wait): void {
    this.waits.push(wait);
  }

  /** A call leaves on this connection. */
  leaves(method: string, connection: Connection): void {
    if (this.waits.length === 0) return;
    this.waits = this.waits.filter(({ untilUs }) => this.world.nowUs < untilUs);
    const found = this.waits.find((wait) => wait.method === method);
    if (found === undefined) return;
    this.waits = this.waits.filter((wait) => wait !== found);
    found.leaves(connection);
  }
}
