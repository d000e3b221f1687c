/**
 * One life of a process, from its start to its crash or end. The life has the process's clock, and runs the
 * process's code in turns. In a turn the process handles one event, and then all callbacks that were
 * scheduled with `soon`. A dead process handles no events. A paused process handles its events when it
 * resumes.
 */
import { assert, type Clock, InvariantError, type Millis, type Random, type Timer } from '@millrace/base';
import { Violation } from '@millrace/checkers';
import { CrashSignal } from './crash-signal.ts';
import type { Host } from './host.ts';
import { MILLISECOND, type Micros, type World } from './world.ts';

/**
 * `process`: kill -9, the machine stays on. `power`: the machine goes off without closing its connections.
 */
export type Death = 'process' | 'power';

const SOON_MAX = 100_000;

export class Life {
  readonly world: World;
  readonly host: Host;
  /** 1 for the first life on this host. */
  readonly number: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly bornUs: Micros;
  /** How the process ended; undefined while it lives. `ended`: by itself. */
  death: Death | 'ended' | undefined;
  private paused = false;
  /**
   * Events that arrived while the process was paused or blocked, or while earlier events still waited here.
   * Events of one kind keep their order. At the end of a pause or block, a draw decides whether timers or
   * events from outside run first.
   */
  private backlog: { readonly kind: EventKind; readonly run: () => void }[] = [];
  private readonly pendingSoon: (() => void)[] = [];
  private readonly mourners: ((death: Death | 'ended') => void)[] = [];
  private inTurn = false;
  /** The end of a turn that blocked; events wait until then. */
  private blockedUntilUs: Micros = 0;

  constructor(host: Host, number: number) {
    this.host = host;
    this.world = host.world;
    this.number = number;
    this.random = this.world.random.fork(`${host.name}/${number}`);
    this.bornUs = this.world.nowUs;
    this.clock = this.makeClock();
  }

  get isAlive(): boolean {
    return this.death === undefined;
  }

  get isInTurn(): boolean {
    return this.inTurn;
  }

  get isPaused(): boolean {
    return this.paused;
  }

  /**
   * Delivers an event from outside (a message, a completion) to this process in `delayUs`, unless the process
   * is dead then.
   */
  arrives(delayUs: Micros, run: () => void): void {
    this.world.after(delayUs, () => this.turn('io', run));
  }

  /** Delivers an event now, for a caller that has scheduled it itself. */
  turn(kind: EventKind, run: () => void): void {
    if (!this.isAlive) return;
    if (this.isHeld || this.backlog.length > 0) {
      this.backlog.push({ kind, run });
      if (!this.isHeld) this.world.after(0, () => this.catchUp());
      return;
    }
    this.runTurn(run);
  }

  private runTurn(run: () => void): void {
    assert(!this.inTurn, 'a process does one thing at a time');
    const { world } = this;
    const beganUs = world.nowUs;
    world.hash.note(world.nowUs);
    world.hash.note(this.host.nameHash);
    this.inTurn = true;
    try {
      run();
      this.runSoon();
    } catch (error) {
      this.thrown(error);
    } finally {
      this.inTurn = false;
      if (this.pendingSoon.length > 0) this.pendingSoon.length = 0;
      this.endBlock(beganUs);
    }
    for (const watch of world.watchers) watch(this);
  }

  /**
   * Ends this process now. If its code must not continue in the middle of a turn, the caller throws a
   * CrashSignal afterwards.
   */
  die(death: Death | 'ended'): void {
    if (!this.isAlive) return;
    this.death = death;
    this.backlog = [];
    for (const mourn of this.mourners.splice(0)) mourn(death);
  }

  onDeath(mourn: (death: Death | 'ended') => void): void {
    this.mourners.push(mourn);
  }

  pause(): void {
    this.paused = true;
  }

  /**
   * Resumes the process, like SIGCONT, and runs the waiting events (`backlog`) now, each in a turn of its
   * own. A draw decides whether timers or events from outside come first: an event loop may take either
   * first.
   */
  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.workOff();
  }

  /**
   * Blocks this process in the middle of its turn, as a synchronous system call does. The process does the
   * rest of its turn `durationUs` later in virtual time. Its other events wait until then. The simulator
   * still runs the whole turn before any other event. So if a fault kills the process during the block, the
   * process has already done its turn.
   */
  block(durationUs: Micros): void {
    assert(this.inTurn && durationUs >= 0, 'a process blocks in its turn');
    this.world.nowUs += durationUs;
  }

  private endBlock(beganUs: Micros): void {
    const { world } = this;
    if (world.nowUs === beganUs) return;
    this.blockedUntilUs = world.nowUs;
    this.host.blockedUntilUs = world.nowUs;
    world.nowUs = beganUs;
    world.after(this.blockedUntilUs - beganUs, () => this.workOff());
  }

  /** True while events must wait. */
  private get isHeld(): boolean {
    return this.paused || this.world.nowUs < this.blockedUntilUs;
  }

  private workOff(): void {
    if (this.isHeld) return;
    const { backlog } = this;
    const first: EventKind = this.random.below(2) === 0 ? 'timer' : 'io';
    this.backlog = [
      ...backlog.filter(({ kind }) => kind === first),
      ...backlog.filter(({ kind }) => kind !== first),
    ];
    for (const _ of backlog) this.world.after(0, () => this.catchUp());
  }

  private catchUp(): void {
    if (this.isHeld) return;
    const next = this.backlog.shift();
    if (next !== undefined) this.runTurn(next.run);
  }

  private thrown(error: unknown): void {
    if (error instanceof CrashSignal && !this.isAlive) return;
    if (error instanceof Violation) throw error;
    const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    const checker = error instanceof InvariantError ? 'broken-invariant' : 'no-exception';
    throw new Violation(checker, `${this.host.name} threw ${what}`, { cause: error });
  }

  private runSoon(): void {
    const queue = this.pendingSoon;
    // Most turns have no callbacks, and setting the length of an array costs more than reading it.
    if (queue.length === 0) return;
    for (let next = 0; next < queue.length && this.isAlive; next++) {
      assert(next < SOON_MAX, 'the turn never ends');
      queue[next]!();
    }
    queue.length = 0;
  }

  private makeClock(): Clock {
    const { world, host } = this;
    const { driftPpm } = host;
    // Times are whole numbers, so a run has the same times on every computer.
    const own = (us: Micros): Micros => us + Math.floor((us * driftPpm) / 1_000_000);
    const monotonicMs = (): Millis => Math.floor(own(world.nowUs - this.bornUs) / MILLISECOND);
    return {
      monotonicMs,
      wallMs: () => Math.floor(world.nowUs / MILLISECOND) + host.wallOffsetMs,
      setTimer: (delayMs: Millis, callback: () => void): Timer => {
        // On a loaded machine timers fire a little late.
        const wantedUs = Math.round(Math.max(0, delayMs) * MILLISECOND);
        const delayUs =
          wantedUs -
          Math.floor((wantedUs * driftPpm) / 1_000_000) +
          this.random.below(MILLISECOND) +
          host.timersLateUs;
        let pending = true;
        const event = world.after(delayUs, () =>
          // The owner may cancel the timer while it waits in the backlog.
          this.turn('timer', () => {
            if (pending) callback();
          }),
        );
        return {
          cancel: () => {
            pending = false;
            world.cancel(event);
          },
        };
      },
      soon: (callback: () => void) => {
        if (!this.isAlive) return;
        this.pendingSoon.push(callback);
        // The code that starts the process calls `soon` outside of a turn. The callback needs a turn.
        if (!this.inTurn) this.arrives(0, () => {});
      },
    };
  }
}

export type EventKind = 'timer' | 'io';
