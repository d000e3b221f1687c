/** Waits for the next call of a method, and passes the connection of this call to a fault. */
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

  /**
   * Calls `leaves` once, just before the next call of this method leaves its machine. Each call ends one
   * wait, the oldest first. Gives up at `untilUs`.
   */
  next(wait: Wait): void {
    this.waits.push(wait);
  }

  /** Called just before a call leaves its machine on this connection. */
  leaves(method: string, connection: Connection): void {
    if (this.waits.length === 0) return;
    this.waits = this.waits.filter(({ untilUs }) => this.world.nowUs < untilUs);
    const found = this.waits.find((wait) => wait.method === method);
    if (found === undefined) return;
    this.waits = this.waits.filter((wait) => wait !== found);
    found.leaves(connection);
  }
}
