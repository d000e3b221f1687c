/**
 * The log of a process. The story gets the events of level `info` and above. Coverage counts the events of
 * all levels.
 */
import type { Logger } from '@millrace/base';
import type { Life } from './life.ts';

type Facts = Readonly<Record<string, unknown>>;

export class SimLogger implements Logger {
  private readonly life: Life;
  private readonly facts: Facts | undefined;

  constructor(life: Life, facts?: Facts) {
    this.life = life;
    this.facts = facts;
  }

  debug(event: string, facts?: Facts): void {
    this.watched(event, this.withOwn(facts));
  }

  info(event: string, facts?: Facts): void {
    this.said(event, facts);
  }

  warn(event: string, facts?: Facts): void {
    this.said(event, facts);
  }

  error(event: string, facts?: Facts): void {
    this.said(event, facts);
  }

  child(facts: Facts): SimLogger {
    return new SimLogger(this.life, { ...this.facts, ...facts });
  }

  private said(event: string, facts: Facts | undefined): void {
    const all = this.withOwn(facts);
    this.life.world.tell(this.life.host.name, event, all);
    this.watched(event, all);
  }

  private withOwn(facts: Facts | undefined): Facts | undefined {
    return this.facts === undefined ? facts : { ...this.facts, ...facts };
  }

  private watched(event: string, facts: Facts | undefined): void {
    const { world } = this.life;
    world.count(`log ${event}`);
    for (const name of COUNTED_FACTS.get(event) ?? []) {
      const value = facts?.[name];
      if (value !== undefined) world.count(`log ${event} ${name}=${String(value)}`);
    }
    for (const watch of world.logWatchers) watch(this.life, event, facts ?? NO_FACTS);
  }
}

/** For some events: the facts whose values coverage counts, too, each as `log EVENT FACT=VALUE`. */
const COUNTED_FACTS: ReadonlyMap<string, readonly string[]> = new Map([
  ['leader-elected', ['kind', 'reason']],
  ['leader-lost', ['reason']],
  ['isr-change-proposed', ['kind']],
  ['replica-truncated', ['reason']],
  ['replica-restarted', ['reason']],
  ['replica-fetch-refused', ['error']],
  ['fetch-session-refused', ['error']],
  ['group-rebalanced', ['cause']],
  ['group-member-removed', ['cause']],
]);

const NO_FACTS: Facts = {};
