/** Keeps every event for a test to look at. */
import type { Logger } from '../seams.ts';

export interface LoggedEvent {
  level: 'debug' | 'info' | 'warn' | 'error';
  event: string;
  facts: Record<string, unknown>;
}

export class MemoryLogger implements Logger {
  readonly events: LoggedEvent[];
  private readonly facts: Record<string, unknown>;

  constructor(events: LoggedEvent[] = [], facts: Record<string, unknown> = {}) {
    this.events = events;
    this.facts = facts;
  }

  debug(event: string, facts: Record<string, unknown> = {}): void {
    this.add('debug', event, facts);
  }

  info(event: string, facts: Record<string, unknown> = {}): void {
    this.add('info', event, facts);
  }

  warn(event: string, facts: Record<string, unknown> = {}): void {
    this.add('warn', event, facts);
  }

  error(event: string, facts: Record<string, unknown> = {}): void {
    this.add('error', event, facts);
  }

  child(facts: Record<string, unknown>): MemoryLogger {
    return new MemoryLogger(this.events, { ...this.facts, ...facts });
  }

  private add(level: LoggedEvent['level'], event: string, facts: Record<string, unknown>): void {
    this.events.push({ level, event, facts: { ...this.facts, ...facts } });
  }
}
