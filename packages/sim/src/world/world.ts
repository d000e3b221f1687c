/**
 * Virtual time. One queue of events, ordered by time and by when they were asked for; nothing else decides
 * what happens next. Whoever lives in this world gets time and randomness from here and nowhere else.
 */
import { assert, type Deadline, DeadlineQueue, Prng } from '@millrace/base';
import { EventHash } from './event-hash.ts';
import type { Life } from './life.ts';
import { Story } from './story.ts';
import { Violation } from './violation.ts';

/** Whole microseconds of virtual time since the run began. */
export type Micros = number;

export const MILLISECOND: Micros = 1_000;
export const SECOND: Micros = 1_000_000;

/** More than a run ever needs: something calls itself without end. */
const EVENTS_MAX = 20_000_000;

/** The moment at which a run that stands still is ended. */
const EVENTS_AT_ONE_MOMENT_MAX = 200_000;

export class World {
  readonly seed: number;
  /** Never drawn from directly: everybody forks it by a name of their own. */
  readonly random: Prng;
  readonly hash = new EventHash();
  readonly story = new Story();
  /** What has happened how often, by name: `fault crash`, `election isr`, `error NOT_LEADER_OR_FOLLOWER`. */
  readonly counts = new Map<string, number>();
  /** Called after every event of a process, when its turn is over. Checkers look at the state here. */
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

  /** Runs once, `delayUs` (>= 0) from now, unless cancelled. */
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

  /** Lets time pass until `endUs`, or until the condition holds after an event. True: it holds. */
  runUntil(endUs: Micros, condition?: () => boolean): boolean {
    for (;;) {
      const at = this.queue.next();
      if (at === undefined || at > endUs) break;
      this.advanceTo(at);
      this.queue.popDue(at)!();
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
      this.fail('no-livelock', 'time stands still: somebody does the same thing again and again');
    if (this.events > EVENTS_MAX) this.fail('no-livelock', `the run has more than ${EVENTS_MAX} events`);
  }
}
