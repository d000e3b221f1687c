/** A machine: has a name, a wall clock that may be wrong, and at most one process at a time. */
import { assert, type Millis, type WallMillis } from '@millrace/base';
import { hashOf } from './event-hash.ts';
import { Life } from './life.ts';
import type { Micros, World } from './world.ts';

const EPOCH_MS: WallMillis = 1_700_000_000_000;

export class Host {
  readonly world: World;
  /** The name of the machine, which is also its address: `c1`, `b4`, `p7`. */
  readonly name: string;
  readonly nameHash: number;
  /** Offset of its wall clock from virtual time. Changes when the clock jumps. */
  wallOffsetMs: WallMillis = EPOCH_MS;
  /**
   * Drift of its monotonic clock against virtual time, in millionths. The run sets it before the first
   * process starts.
   */
  driftPpm = 0;
  /** How late the timers of its process fire. Above 0 while the machine is overloaded. */
  timersLateUs: Micros = 0;
  /** Whether jobs may take seconds, as on an overloaded machine. */
  hasSlowJobs = true;
  /** The process that runs here, or the last one. */
  life: Life | undefined;
  /**
   * When the last turn that blocked here ended, on virtual time. A process may have read this time on its
   * clock, although the world has not reached it yet.
   */
  blockedUntilUs: Micros = 0;
  private lives = 0;

  constructor(world: World, name: string) {
    this.world = world;
    this.name = name;
    this.nameHash = hashOf(name);
  }

  /** Error of the machine's wall clock. Positive: the clock is ahead of virtual time. */
  get clockErrorMs(): Millis {
    return this.wallOffsetMs - EPOCH_MS;
  }

  /** Sets the wall clock right, like a time server. */
  setClockRight(): void {
    this.wallOffsetMs = EPOCH_MS;
  }

  get isUp(): boolean {
    return this.life?.isAlive === true;
  }

  boot(): Life {
    assert(!this.isUp, 'a host runs one process');
    this.life = new Life(this, ++this.lives);
    return this.life;
  }
}
