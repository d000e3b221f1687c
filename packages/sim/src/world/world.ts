/**
 * Virtual time. The world has one queue of events. The earliest event runs next. If several events have the
 * same time, the one that was added first runs next. Nothing else decides the order. All simulated code gets
 * time and randomness only from here.
 */
import { assert, type Deadline, DeadlineQueue, Prng } from '@millrace/base';
import { Violation } from '@millrace/checkers';
import { EventHash } from './event-hash.ts';
import type { Life } from './life.ts';
import { Story } from './story.ts';

/** Whole microseconds of virtual time since the run began. */
export type Micros = number;

export const MILLISECOND: Micros = 1_000;
export const SECOND: Micros = 1_000_000;

/** More events than any run needs. Above this number the run counts as endless. */
const EVENTS_MAX = 20_000_000;

/** Above this number of events at one time, the run counts as standing still. */
const EVENTS_AT_ONE_MOMENT_MAX = 200_000;

export class World {
  readonly seed: number;
  /**
   * Do not draw from it directly. Draw from a fork with a name of your own, so that your draws do not change
   * the draws of others.
   */
  readonly random: Prng;
  readonly hash = new EventHash();
  readonly story = new Story();
  /** Counts of events by name: `fault crash`, `log isr-changed`, `error NOT_LEADER_OR_FOLLOWER`. */
  readonly counts = new Map<string, number>();
  /** Called after every event of a process, at the end of its turn. Checkers look at the state then. */
  readonly watchers: ((life: Life) => void)[] = [];
  /** Called for every event that a process logs. */
  readonly logWatchers: ((life: Life, event: string, facts: Readonly<Record<string, unknown>>) => void)[] =
    [];
  nowUs: Micros = 0;
  events = 0;
  private eventsAtThisMoment = 0;
  private readonly queue = new DeadlineQueue<() => void>();

  constructor(seed: number) {
    this.seed = seed;
    this.random = new Prng(seed);
  }

  /** Calls `run` once, `delayUs` (>= 0) from now, unless the event is cancelled. */
  after(delayUs: Micros, run: () => void): Deadline<() => void> {
    assert(
      delayUs >= 0 && Number.isSafeInteger(delayUs),
      'an event lies in the future, at a whole microsecond',
    );
    return this.queue.add(this.nowUs + delayUs, run);
  }

  cancel(event: Deadline<() => void>): void {
    this.queue.cancel(event);
  }

  /** Runs until `endUs`, or until the condition holds after an event. Returns whether it holds. */
  runUntil(endUs: Micros, condition?: () => boolean): boolean {
    for (;;) {
      const event = this.queue.takeDue(endUs);
      if (event === undefined) break;
      this.advanceTo(event.at);
      event.value();
      if (condition?.() === true) return true;
    }
    this.nowUs = Math.max(this.nowUs, endUs);
    return false;
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  tell(who: string, event: string, facts?: Readonly<Record<string, unknown>>): void {
    this.hash.name(event);
    this.story.tell(this.nowUs, who, event, facts);
  }

  fail(checker: string, sentence: string): never {
    throw new Violation(checker, sentence);
  }

  private advanceTo(at: Micros): void {
    this.events++;
    if (at > this.nowUs) {
      this.nowUs = at;
      this.eventsAtThisMoment = 0;
    } else if (++this.eventsAtThisMoment > EVENTS_AT_ONE_MOMENT_MAX)
      this.fail('no-livelock', 'time stands still: the same events repeat without end');
    if (this.events > EVENTS_MAX) this.fail('no-livelock', `the run has more than ${EVENTS_MAX} events`);
  }
}
