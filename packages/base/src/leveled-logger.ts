/**
 * A logger that passes an event to an inner logger only if the level of the event's logger allows it
 * (log-levels.ts).
 */
import type { EventName, Level } from './log-events/table.ts';
import type { LogLevels } from './log-levels.ts';
import type { Logger } from './seams.ts';

type Facts = Readonly<Record<string, unknown>>;
/** A Logger that takes any event, because the caller of LeveledLogger has checked the event's type. */
type AnyLogger = Readonly<Record<Level, (event: EventName, facts: Facts) => void>>;

export class LeveledLogger implements Logger {
  private readonly inner: Logger;
  private readonly levels: LogLevels;

  constructor(inner: Logger, levels: LogLevels) {
    this.inner = inner;
    this.levels = levels;
  }

  debug(event: EventName, facts: Facts): void {
    this.pass('debug', event, facts);
  }

  info(event: EventName, facts: Facts): void {
    this.pass('info', event, facts);
  }

  warn(event: EventName, facts: Facts): void {
    this.pass('warn', event, facts);
  }

  error(event: EventName, facts: Facts): void {
    this.pass('error', event, facts);
  }

  child(facts: Parameters<Logger['child']>[0]): LeveledLogger {
    return new LeveledLogger(this.inner.child(facts), this.levels);
  }

  private pass(level: Level, event: EventName, facts: Facts): void {
    if (this.levels.allows(level, event, facts)) (this.inner as AnyLogger)[level](event, facts);
  }
}
