/**
 * A logger that many bad clients cannot flood: it passes on at most `perSecond` lines of each event a second.
 * The next line that passes says how many were suppressed.
 */
import type { Clock, Logger, Millis } from '@millrace/base';

const WINDOW_MS = 1000;

interface Window {
  startMs: Millis;
  passed: number;
  suppressed: number;
}

export class QuietLogger implements Pick<Logger, 'debug' | 'info' | 'warn'> {
  private readonly windows = new Map<string, Window>();
  private readonly logger: Logger;
  private readonly clock: Clock;
  private readonly perSecond: number;

  constructor(logger: Logger, clock: Clock, perSecond: number) {
    this.logger = logger;
    this.clock = clock;
    this.perSecond = perSecond;
  }

  debug(event: string, facts: Record<string, unknown> = {}): void {
    this.pass('debug', event, facts);
  }

  info(event: string, facts: Record<string, unknown> = {}): void {
    this.pass('info', event, facts);
  }

  warn(event: string, facts: Record<string, unknown> = {}): void {
    this.pass('warn', event, facts);
  }

  private pass(level: 'debug' | 'info' | 'warn', event: string, facts: Record<string, unknown>): void {
    const now = this.clock.monotonicMs();
    let window = this.windows.get(event);
    if (window === undefined) {
      window = { startMs: now, passed: 0, suppressed: 0 };
      this.windows.set(event, window);
    }
    if (now - window.startMs >= WINDOW_MS) {
      window.startMs = now;
      window.passed = 0;
    }
    if (window.passed >= this.perSecond) {
      window.suppressed++;
      return;
    }
    window.passed++;
    const { suppressed } = window;
    window.suppressed = 0;
    this.logger[level](event, suppressed === 0 ? facts : { ...facts, suppressed });
  }
}
