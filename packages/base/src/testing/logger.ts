/** A logger that keeps every event, so that a test can read it. */
import type { EventName, Level } from '../log-events/table.ts';
import type { Logger } from '../seams.ts';

export interface LoggedEvent {
  level: Level;
  event: EventName;
  facts: Record<string, unknown>;
}

export class MemoryLogger implements Logger {
  readonly events: LoggedEvent[];
  private readonly facts: Record<string, unknown>;

  constructor(events: LoggedEvent[] = [], facts: Record<string, unknown> = {}) {
    this.events = events;
    this.facts = facts;
  }

  debug(event: EventName, facts: Record<string, unknown>): void {
    this.add('debug', event, facts);
  }

  info(event: EventName, facts: Record<string, unknown>): void {
    this.add('info', event, facts);
  }

  warn(event: EventName, facts: Record<string, unknown>): void {
    this.add('warn', event, facts);
  }

  error(event: EventName, facts: Record<string, unknown>): void {
    this.add('error', event, facts);
  }

  child(facts: Record<string, unknown>): MemoryLogger {
    return new MemoryLogger(this.events, { ...this.facts, ...facts });
  }

  private add(level: Level, event: EventName, facts: Record<string, unknown>): void {
    this.events.push({ level, event, facts: { ...this.facts, ...facts } });
  }
}
